"""Checkpoints survive the way to disk and refuse what does not fit."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from LumbarSegLib.errors import InputError
from LumbarSegLib.inference.checkpoint import load_checkpoint, save_checkpoint
from LumbarSegLib.models import MSFF, MSFFConfig
from LumbarSegLib.preprocessing import PreprocessingConfig

CONFIG = MSFFConfig(reduce=8, branch_channels=8)


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    path = tmp_path / "net.safetensors"
    save_checkpoint(
        path,
        MSFF(CONFIG),
        name="small-net",
        model_name="msff",
        model_config=CONFIG,
        preprocessing=PreprocessingConfig(pixel_size_mm=0.7),
        training={"seed": 3},
    )
    return path


def _edit(path: Path, **changes: object) -> None:
    sidecar = path.with_suffix(".json")
    sidecar.write_text(json.dumps({**json.loads(sidecar.read_text()), **changes}))


def test_round_trip(checkpoint):
    torch.manual_seed(0)
    original = MSFF(CONFIG).eval()
    loaded = load_checkpoint(checkpoint)
    assert loaded.name == "small-net"
    assert loaded.preprocessing.pixel_size_mm == 0.7
    assert loaded.training == {"seed": 3}
    assert loaded.model.config == CONFIG
    image = torch.randn(1, 1, 64, 64)
    with torch.inference_mode():
        expected, actual = original(image), loaded.model(image)
    # Half precision keeps eleven bits; the errors of twenty layers add up.
    assert float((actual - expected).abs().max() / expected.abs().max()) < 0.01
    assert sorted(each.name for each in checkpoint.parent.iterdir()) == ["net.json", "net.safetensors"]


def test_convolutions_take_two_bytes_and_statistics_four(checkpoint):
    tensors = load_file(checkpoint)
    assert tensors["encoder.conv1.weight"].dtype == torch.float16
    assert tensors["encoder.bn1.running_var"].dtype == torch.float32


def test_changed_bytes_are_noticed(checkpoint):
    content = bytearray(checkpoint.read_bytes())
    content[-1] ^= 1
    checkpoint.write_bytes(content)
    with pytest.raises(InputError, match="checksum"):
        load_checkpoint(checkpoint)


@pytest.mark.parametrize("missing", ["net.safetensors", "net.json"])
def test_missing_file(checkpoint, missing):
    (checkpoint.parent / missing).unlink()
    with pytest.raises(InputError, match=f"{missing} does not exist"):
        load_checkpoint(checkpoint)


def test_other_file_types_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"must be a \.safetensors file"):
        load_checkpoint(tmp_path / "net.pt")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": 99}, "format 99"),
        ({"classes": ["background", "heart"]}, "other classes: background, heart"),
        ({"model": {"name": "msff", "options": {"reduce": 16, "branch_channels": 8}}}, "does not fit"),
        ({"model": {"name": "msff", "options": {"depth": 16}}}, "does not fit"),
        ({"model": {"name": "unet", "options": {}}}, "does not fit"),
        ({"preprocessing": {"voxels": 1}}, "does not fit"),
        ({"preprocessing": {"pixel_size_mm": 0.0}}, "pixel_size_mm must be"),
    ],
    ids=["format", "classes", "shape", "option", "model", "preprocessing", "pixel size"],
)
def test_description_that_does_not_fit(checkpoint, changes, message):
    _edit(checkpoint, **changes)
    with pytest.raises(InputError, match=message) as caught:
        load_checkpoint(checkpoint)
    assert "\n" not in str(caught.value)


def test_description_that_is_broken(checkpoint):
    checkpoint.with_suffix(".json").write_text("{")
    with pytest.raises(InputError, match="not a JSON file"):
        load_checkpoint(checkpoint)
    checkpoint.with_suffix(".json").write_text("null")
    with pytest.raises(InputError, match="does not describe"):
        load_checkpoint(checkpoint)
    checkpoint.with_suffix(".json").write_text("{}")
    with pytest.raises(InputError, match="lacks classes"):
        load_checkpoint(checkpoint)


def test_tensors_of_another_network_are_refused(checkpoint):
    import hashlib

    save_file({"weight": torch.zeros(2)}, checkpoint)
    _edit(checkpoint, sha256=hashlib.sha256(checkpoint.read_bytes()).hexdigest())
    with pytest.raises(InputError, match="does not fit"):
        load_checkpoint(checkpoint)
