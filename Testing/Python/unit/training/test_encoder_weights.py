"""Torchvision's files in the encoder; the keys are theirs, the values random."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from LumbarSegLib.errors import InputError
from LumbarSegLib.models.resnet import RESNET18_DEPTHS, RESNET34_DEPTHS, ResNetEncoder
from LumbarSegLib.training.encoder_weights import EncoderWeights, read_encoder_weights
from LumbarSegLib.training.initial_network import make_network


def torchvision_state(depths: Sequence[int]) -> dict[str, Tensor]:
    """Return tensors under the keys of torchvision's file, which counts no batches and has a classifier."""
    state = {
        key: torch.rand_like(value)
        for key, value in ResNetEncoder(3, depths).state_dict().items()
        if not key.endswith("num_batches_tracked")
    }
    return {**state, "fc.weight": torch.rand(1000, 512), "fc.bias": torch.rand(1000)}


@pytest.mark.parametrize(
    ("model_name", "depths", "suffix"),
    [
        ("msff", RESNET18_DEPTHS, ".pth"),
        ("msff_no_bottleneck", RESNET18_DEPTHS, ".safetensors"),
        ("ce_net", RESNET34_DEPTHS, ".pth"),
    ],
)
def test_they_land_in_the_encoder(tmp_path, model_name, depths, suffix):
    state = torchvision_state(depths)
    path = tmp_path / f"resnet{suffix}"
    if suffix == ".pth":
        torch.save(state, path)
    else:
        save_file(state, path)
    weights = read_encoder_weights(path)
    assert weights.name == path.name
    torch.manual_seed(2)
    network = make_network(model_name, 8, weights)
    torch.manual_seed(2)
    fresh = make_network(model_name, 8, None)
    encoder = network.encoder.state_dict()
    assert len(encoder) > 100
    torch.testing.assert_close(encoder.pop("conv1.weight"), state["conv1.weight"].sum(dim=1, keepdim=True))
    for key, tensor in encoder.items():
        if not key.endswith("num_batches_tracked"):
            assert torch.equal(tensor, state[key]), key
    for key, tensor in network.state_dict().items():
        if not key.startswith("encoder."):
            assert torch.equal(tensor, fresh.state_dict()[key]), key


@pytest.mark.parametrize(
    ("model_name", "change", "message"),
    [
        (
            "msff",
            lambda state: state.pop("layer2.0.bn1.weight"),
            r"msff: layer2\.0\.bn1\.weight is missing\. Take torch",
        ),
        ("msff", lambda state: state.update({"layer1.2.conv1.weight": torch.rand(1)}), "layer1.2.conv1.weight is left"),
        (
            "msff",
            lambda state: state.update({"layer1.0.conv1.weight": torch.rand(64, 64, 1, 1)}),  # as in resnet50
            r"layer1\.0\.conv1\.weight has the shape \(64, 64, 1, 1\) instead of \(64, 64, 3, 3\)",
        ),
        ("msff", lambda state: state.update({"conv1.weight": torch.rand(64)}), r"conv1\.weight has the shape \(64,\)"),
        ("ce_net", lambda state: None, r"layer1\.2\.conv1\.weight is missing.* resnet34 for ce_net"),
        ("unet", lambda state: None, "unet has no ResNet encoder"),
    ],
)
def test_those_of_another_network_are_refused(model_name, change, message):
    state = torchvision_state(RESNET18_DEPTHS)
    change(state)
    with pytest.raises(InputError, match=message):
        make_network(model_name, 8, EncoderWeights("resnet18.pth", "", state))


class _Planted:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self.path,)


def test_files_that_hold_anything_else_are_refused(tmp_path):
    planted = tmp_path / "planted"
    torch.save({"conv1.weight": _Planted(planted)}, tmp_path / "pickle.pth")
    torch.save({"epoch": 3}, tmp_path / "numbers.pth")
    torch.save([torch.zeros(1)], tmp_path / "list.pth")
    for suffix in (".pth", ".safetensors"):
        (tmp_path / f"damaged{suffix}").write_bytes(b"not weights at all, but long enough to be read")
    for name, message in (
        ("pickle.pth", "damaged, or holds more than tensors"),
        ("numbers.pth", "no state dict"),
        ("list.pth", "no state dict"),
        ("damaged.pth", "damaged"),
        ("damaged.safetensors", "damaged"),
        ("missing.pth", "cannot be read"),
        ("weights.h5", "must be a .pth or .safetensors file"),
    ):
        with pytest.raises(InputError, match=message):
            read_encoder_weights(tmp_path / name)
    assert not planted.exists()
