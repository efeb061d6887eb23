"""The MSFF network: torchvision's keys, other readings of the paper; test_networks.py has the rest."""

import pytest
import torch

from LumbarSegLib.models import MSFF, MSFFConfig, build_model
from LumbarSegLib.models.fusion import fuse_norms
from LumbarSegLib.models.resnet import ResNetEncoder


@pytest.fixture(scope="module")
def network() -> MSFF:
    torch.manual_seed(0)
    return MSFF().eval()


def test_bottleneck_concatenates_640_channels(network):
    fused = network.bottleneck(torch.randn(2, 512, 3, 5))
    assert fused.shape == (2, 640, 3, 5)


@pytest.mark.parametrize(
    "config",
    [
        MSFFConfig(reduce=1),
        MSFFConfig(identity=True),
        MSFFConfig(bottleneck=False),
        MSFFConfig(pool_stride=1),
        MSFFConfig(rates=(6, 12, 18), pool_kernels=(2, 3)),
        MSFFConfig(num_classes=3, in_channels=3),
    ],
    ids=str,
)
def test_other_readings_of_the_paper(config):
    network = MSFF(config)
    logits = network(torch.randn(2, config.in_channels, 64, 96))
    assert logits.shape == (2, config.num_classes, 64, 96)
    logits.square().mean().backward()
    without = [name for name, each in network.named_parameters() if each.grad is None]
    assert without == []


def _torchvision_state(in_channels: int) -> dict[str, torch.Tensor]:
    # torchvision's own names, written out: the order and the shapes are its contract.
    state: dict[str, torch.Tensor] = {"conv1.weight": torch.randn(64, in_channels, 7, 7)}

    def norm(prefix: str, channels: int) -> None:
        for name in ("weight", "bias", "running_mean", "running_var"):
            state[f"{prefix}.{name}"] = torch.rand(channels)
        state[f"{prefix}.num_batches_tracked"] = torch.tensor(7)

    norm("bn1", 64)
    previous = 64
    for layer, channels in enumerate((64, 128, 256, 512), start=1):
        for block in range(2):
            prefix = f"layer{layer}.{block}"
            state[f"{prefix}.conv1.weight"] = torch.randn(channels, previous, 3, 3)
            norm(f"{prefix}.bn1", channels)
            state[f"{prefix}.conv2.weight"] = torch.randn(channels, channels, 3, 3)
            norm(f"{prefix}.bn2", channels)
            if previous != channels:
                state[f"{prefix}.downsample.0.weight"] = torch.randn(channels, previous, 1, 1)
                norm(f"{prefix}.downsample.1", channels)
            previous = channels
    state["fc.weight"] = torch.randn(1000, 512)
    state["fc.bias"] = torch.randn(1000)
    return state


def test_torchvision_state_loads_strictly_and_grey_equals_three_copies():
    state = _torchvision_state(3)
    gray, color = ResNetEncoder(1).eval(), ResNetEncoder(3).eval()
    gray.load_torchvision(state)
    color.load_torchvision(state)
    image = torch.rand(1, 1, 64, 64)
    with torch.inference_mode():
        for one, three in zip(gray(image), color(image.expand(-1, 3, -1, -1)), strict=True):
            # Random weights give values of some thousands that cancel: judge by their size.
            assert float((one - three).abs().max() / three.abs().max()) < 1e-4


@pytest.mark.parametrize("change", ["missing", "extra"])
def test_torchvision_state_that_does_not_fit_is_refused(change):
    state = _torchvision_state(3)
    if change == "missing":
        del state["layer3.0.downsample.0.weight"]
    else:
        state["layer5.0.conv1.weight"] = torch.zeros(1)
    with pytest.raises(RuntimeError, match="layer"):
        ResNetEncoder(1).load_torchvision(state)


def test_build_model_refuses_unknown_names():
    assert build_model("msff", {"rates": [1, 2, 3]}).config.rates == (1, 2, 3)
    with pytest.raises(ValueError, match="model must be one of"):
        build_model("resnet", {})
    with pytest.raises(ValueError, match="depth"):
        build_model("msff", {"depth": 3})


def test_fused_network_gives_the_same_logits_without_norms():
    torch.manual_seed(0)
    network = MSFF()
    for _ in range(3):  # norms with statistics of their own
        network(torch.randn(4, 1, 64, 64) * 2 + 1)
    network.eval()
    fused = fuse_norms(network)
    assert not any(isinstance(each, torch.nn.BatchNorm2d) for each in fused.modules())
    assert any(isinstance(each, torch.nn.BatchNorm2d) for each in network.modules())
    image = torch.randn(1, 1, 70, 64)
    with torch.inference_mode():
        expected, actual = network(image), fused(image)
    # Single precision, rounded in another order over twenty layers.
    assert float((actual - expected).abs().max() / expected.abs().max()) < 1e-4
    with pytest.raises(ValueError, match="evaluation mode"):
        fuse_norms(network.train())
