"""Every network of the registry: one inherited test class, and what sets each apart."""

from __future__ import annotations

import subprocess
import sys
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from LumbarSegLib.inference.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from LumbarSegLib.inference.predictor import Predictor
from LumbarSegLib.models import SegmentationNetwork, build_model, model_names
from LumbarSegLib.models.fusion import fuse_norms
from LumbarSegLib.models.resnet import RESNET34_DEPTHS, ResNetEncoder
from LumbarSegLib.preprocessing import PreprocessingConfig
from LumbarSegLib.training.initial_network import make_network

#: Narrow stand-ins of the widths in the papers, for time.
NARROW = [8, 8, 16, 16, 16]


@pytest.fixture(scope="class")
def network(request: pytest.FixtureRequest) -> SegmentationNetwork:
    """The small network of a test class in evaluation mode, its norms with statistics of their own."""
    torch.manual_seed(0)
    network = build_model(request.cls.name, request.cls.options)
    with torch.no_grad():
        for _ in range(2):
            network(torch.randn(2, 1, 64, 64) * 2 + 1)
    return network.eval()


class NetworkTests:
    """What holds for every network; a subclass names it and says how many parameters it has."""

    name: ClassVar[str]
    #: Options that make it small without leaving out a part.
    options: ClassVar[dict[str, Any]] = {"widths": NARROW}
    #: With default options, in millions, from the papers or, where they are silent, from their parts.
    million_parameters: ClassVar[float]

    def test_parameter_count(self):
        with torch.device("meta"):  # shapes without memory
            network = build_model(self.name, {})
        count = sum(each.numel() for each in network.parameters())
        assert count / 1e6 == pytest.approx(self.million_parameters, rel=0.02)

    @pytest.mark.parametrize("size", [(1, 1), (33, 47), (64, 96), (320, 320)], ids=str)
    def test_any_size_gives_logits_of_that_size(self, network, size):
        with torch.inference_mode():
            logits = network(torch.randn(2, 1, *size))
        assert logits.shape == (2, 8, *size)
        assert torch.isfinite(logits).all()

    def test_the_border_is_padded_by_replication_and_cropped(self, network):
        image = torch.randn(1, 1, 40, 50)
        multiple = network.grid_multiple
        padded = F.pad(image, (0, -50 % multiple, 0, -40 % multiple), mode="replicate")
        with torch.inference_mode():
            torch.testing.assert_close(network(image), network(padded)[..., :40, :50])

    def test_classes_and_channels_are_options(self):
        network = build_model(self.name, {**self.options, "num_classes": 3, "in_channels": 2})
        assert network(torch.randn(2, 2, 40, 64)).shape == (2, 3, 40, 64)

    def test_gradients_reach_every_parameter(self):
        torch.manual_seed(0)
        network = build_model(self.name, self.options)
        network(torch.randn(2, 1, 64, 64)).square().mean().backward()
        assert [name for name, each in network.named_parameters() if each.grad is None] == []
        # A bias in front of a norm (MONAI has some) has no effect; any other parameter has.
        weights = [(name, each.grad) for name, each in network.named_parameters() if each.ndim > 1]
        assert [name for name, grad in weights if not grad.abs().sum() > 0] == []

    def test_evaluation_mode_is_deterministic_and_slices_do_not_mix(self, network):
        images = torch.randn(2, 1, 64, 64)
        with torch.inference_mode():
            first, again = network(images), network(images)
            alone = network(images[1:])
        assert torch.equal(first, again)
        torch.testing.assert_close(alone, first[1:], rtol=1e-3, atol=1e-3 * float(first.abs().max()))

    def test_fused_norms_give_the_same_logits(self, network):
        image = torch.randn(1, 1, 64, 64)
        with torch.inference_mode():
            expected, actual = network(image), fuse_norms(network)(image)
        # Single precision, rounded in another order.
        assert float((actual - expected).abs().max() / expected.abs().max()) < 1e-4

    def test_a_checkpoint_gives_the_network_back_and_a_predictor_runs_it(self, network, tmp_path):
        save_checkpoint(
            tmp_path / "weights.safetensors",
            network,
            name="test",
            model_name=self.name,
            model_config=network.config,
            preprocessing=PreprocessingConfig(),
            training={},
        )
        loaded = load_checkpoint(tmp_path / "weights.safetensors")
        assert loaded.model_name == self.name
        assert loaded.model.config == network.config
        for key, expected in network.state_dict().items():
            # Half precision keeps three digits.
            torch.testing.assert_close(loaded.model.state_dict()[key], expected, rtol=1e-3, atol=1e-4)
        image = np.random.default_rng(0).normal(100, 20, (2, 40, 50))
        predictor = Predictor(loaded, torch.device("cpu"), precision="full")
        labels, confidence = predictor.predict_block(image, np.diag([-1.0, -1.0, 4.0, 1.0]), keep_probabilities=True)
        assert labels.shape == (2, 40, 50)
        np.testing.assert_allclose(confidence.probabilities.astype(np.float32).sum(axis=1), 1.0, atol=5e-3)

    def test_weights_are_handed_on_to_a_network_with_the_vertebral_body_and_back(self, network):
        image = torch.randn(1, 1, 64, 64)
        logits = [network.eval()(image)]
        previous = network
        for num_classes in (9, 8):
            initial = Checkpoint("test", "0" * 64, previous, PreprocessingConfig(), {}, self.name)
            previous = make_network(self.name, num_classes, initial).eval()
            logits.append(previous(image))
        assert logits[1].shape[1] == 9
        torch.testing.assert_close(logits[1][:, :8], logits[0])
        torch.testing.assert_close(logits[2], logits[0])


class TestFCN(NetworkTests):
    name = "fcn"
    options: ClassVar = {"widths": NARROW, "fc_width": 16}
    million_parameters = 27.9

    def test_full_width_has_the_parameters_of_the_paper(self):
        with torch.device("meta"):
            network = build_model("fcn", {"fc_width": 4096})
        assert sum(each.numel() for each in network.parameters()) == pytest.approx(134e6, rel=0.01)

    def test_logits_are_the_sum_of_three_scales(self, network):
        image = torch.randn(1, 1, 64, 64)
        scores = {name: getattr(network, name) for name in ("score_fc7", "score_pool4", "score_pool3")}
        with torch.inference_mode():
            total = network(image)
            parts = []
            for kept in scores:
                for name in scores.keys() - {kept}:
                    setattr(network, name, _Silent(scores[name]))
                parts.append(network(image))
                for name, layer in scores.items():
                    setattr(network, name, layer)
        assert all(float(part.abs().max()) > 1e-3 for part in parts)
        torch.testing.assert_close(sum(parts), total, rtol=1e-4, atol=1e-4)

    def test_scores_start_as_bilinear_interpolation(self):
        """Away from the border, a ramp of scores stays a ramp of half the slope."""
        network = build_model("fcn", self.options)
        ramp = torch.arange(8.0).expand(1, 8, 8, 8)
        doubled = network.double_fc7(ramp)[..., 2:-2, 2:-2]
        expected = (torch.arange(16.0) / 2 - 0.25)[2:-2].expand_as(doubled)
        torch.testing.assert_close(doubled, expected)


class _Silent(nn.Module):
    """Scores of zero on the grid of another layer's scores."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        return torch.zeros_like(self.layer(x))


class TestUNet(NetworkTests):
    name = "unet"
    million_parameters = 31.0

    def test_widths_are_those_of_the_five_resolutions(self, network):
        with torch.inference_mode():
            parts = [network.network.conv_0, network.network.down_4, network.network.upcat_1]
            maps = _outputs(network, parts, torch.randn(1, 1, 64, 64))
        assert [each.shape[1:] for each in maps] == [(8, 64, 64), (16, 4, 4), (8, 64, 64)]


class TestSegNet(NetworkTests):
    name = "segnet"
    million_parameters = 29.4

    def test_decoder_takes_values_back_to_where_the_maxima_were(self, network):
        """In what enters a decoder stage, only the maxima of the mirrored encoder stage are filled."""
        image = torch.randn(1, 1, 64, 64)
        for encoder, decoder in zip(network.encoder, reversed(network.decoder), strict=True):
            entered: list[Tensor] = []
            hook = decoder.register_forward_pre_hook(lambda module, inputs, kept=entered: kept.append(inputs[0]))
            with torch.inference_mode():
                (before_pooling,) = _outputs(network, [encoder], image)
            hook.remove()
            (unpooled,) = entered
            maxima = F.interpolate(F.max_pool2d(before_pooling, 2), scale_factor=2, mode="nearest")
            filled = unpooled != 0
            assert filled.any()
            assert (before_pooling[filled] == maxima[filled]).all()
            assert F.avg_pool2d(filled.float(), 2).max() <= 0.25


class TestAttentionUNet(NetworkTests):
    name = "attention_unet"
    million_parameters = 31.7

    def test_four_gates_weigh_the_encoder_by_figures_between_0_and_1(self, network):
        gates = [each.psi for each in network.modules() if type(each).__name__ == "AttentionBlock"]
        with torch.inference_mode():
            weights = _outputs(network, gates, torch.randn(1, 1, 64, 64))
        assert sorted(each.shape[1:] for each in weights) == [(1, size, size) for size in (8, 16, 32, 64)]
        assert all(0 <= each.min() < each.max() <= 1 for each in weights)


class TestCENet(NetworkTests):
    name = "ce_net"
    options: ClassVar = {}
    million_parameters = 29.0

    def test_encoder_is_resnet34(self):
        with torch.device("meta"):
            encoder = ResNetEncoder(3, RESNET34_DEPTHS)
        # torchvision's resnet34 has 21 797 672 parameters, 513 000 of them in `fc`.
        assert sum(each.numel() for each in encoder.parameters()) == 21_797_672 - 513_000

    def test_branches_see_3_7_9_and_19_pixels(self, network):
        x = torch.randn(1, 512, 23, 23, requires_grad=True)
        fields = []
        for branch in network.dac.branches(x):
            (gradient,) = torch.autograd.grad(branch[0, :, 11, 11].sum(), x, retain_graph=True)
            touched = torch.nonzero(gradient.abs().sum(dim=(0, 1)))
            fields.append((touched.amax(dim=0) - touched.amin(dim=0) + 1).tolist())
        assert fields == [[3, 3], [7, 7], [9, 9], [19, 19]]

    def test_branches_are_added_to_what_goes_in(self, network):
        x = torch.randn(1, 512, 5, 4)
        with torch.inference_mode():
            torch.testing.assert_close(network.dac(x), x + sum(network.dac.branches(x)))

    def test_pooling_adds_one_channel_per_kernel_on_maps_of_any_size(self, network):
        for size in ((1, 1), (5, 7), (10, 10)):
            x = torch.randn(1, 512, *size)
            with torch.inference_mode():
                pooled = network.rmp(x)
            assert pooled.shape == (1, 516, *size)
            assert torch.equal(pooled[:, :512], x)

    def test_pooling_leaves_no_border_out(self, network):
        """Ten rows are no multiple of the kernels 3 and 6."""
        x = torch.zeros(1, 512, 10, 10)
        with torch.inference_mode():
            empty = network.rmp(x)
            x[..., -1, -1] = 100.0
            changed = (network.rmp(x) - empty)[0, 512:, -1, -1]
        assert (changed.abs() > 1e-3).all()

    def test_skips_are_added(self, network):
        """What enters the second decoder stage is the first one's map plus the encoder's x3."""
        entered: list[Tensor] = []
        hook = network.decoder[1].register_forward_pre_hook(lambda module, inputs: entered.append(inputs[0]))
        with torch.inference_mode():
            stage, skip = _outputs(network, [network.decoder[0], network.encoder.layer3], torch.randn(1, 1, 64, 64))
        hook.remove()
        torch.testing.assert_close(entered[0], stage + skip)


class TestLumNet(NetworkTests):
    name = "lumnet"
    options: ClassVar = {
        "widths": NARROW,
        "decoder_middle": [16, 16, 16, 16, 8],
        "decoder_channels": [16, 16, 8, 8, 8],
        "squeeze": 2,
    }
    million_parameters = 23.1

    def test_attention_scales_whole_channels_by_figures_between_0_and_1(self, network):
        x = torch.rand(2, 16, 6, 5) + 1
        with torch.inference_mode():
            gates = network.decoder[0][0](x) / x
        torch.testing.assert_close(gates, gates[..., :1, :1].expand_as(gates))
        assert 0 < gates.min() < gates.max() < 1


class TestMSFF(NetworkTests):
    name = "msff"
    options: ClassVar = {"reduce": 8, "branch_channels": 8}
    million_parameters = 12.3


class TestMSFFNoBottleneck(NetworkTests):
    name = "msff_no_bottleneck"
    options: ClassVar = {}
    #: 12.3 less the fusion, and a decoder that starts from 512 channels instead of 640.
    million_parameters = 11.8

    def test_it_is_msff_with_the_identity_in_place_of_the_fusion(self, network):
        same = build_model("msff", {"bottleneck": False}).eval()
        same.load_state_dict(network.state_dict())
        image = torch.randn(1, 1, 64, 64)
        with torch.inference_mode():
            assert torch.equal(same(image), network(image))
        assert isinstance(network.bottleneck, nn.Identity)


def _outputs(network: nn.Module, parts: list[nn.Module], image: Tensor) -> list[Tensor]:
    """Run the network and return what each of its `parts` gave."""
    outputs: dict[int, Tensor] = {}

    def keep(module: nn.Module, inputs: Any, output: Tensor) -> None:
        outputs[id(module)] = output.clone()

    hooks = [part.register_forward_hook(keep) for part in parts]
    network(image)
    for hook in hooks:
        hook.remove()
    return [outputs[id(part)] for part in parts]


def test_every_network_of_the_registry_is_tested():
    assert [each.name for each in NetworkTests.__subclasses__()] == list(model_names())


WITHOUT_MONAI = """
import sys
sys.modules["monai"] = None  # any import of it fails, that of our package too
import torch
from LumbarSegLib.errors import InputError
from LumbarSegLib.models import build_model, model_names

for name in model_names():
    try:
        with torch.device("meta"):
            build_model(name, {})
    except InputError as error:
        print(f"{name}: {error}")
"""


def test_two_networks_need_monai_and_say_what_to_install():
    result = subprocess.run([sys.executable, "-c", WITHOUT_MONAI], capture_output=True, text=True, check=True)
    lines = result.stdout.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["unet", "attention_unet"]
    assert all("MONAI" in line and "'.[train]'" in line for line in lines)
