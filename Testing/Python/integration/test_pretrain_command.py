"""`lumbarseg pretrain`, and `lumbarseg train` from what it and torchvision leave."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from labeled_folder import write_labeled_folder
from PIL import Image

from LumbarSegLib.cli import main
from LumbarSegLib.inference.checkpoint import load_checkpoint
from LumbarSegLib.models.resnet import ResNetEncoder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Ten small phantom slices, five of them to train on."""
    return write_labeled_folder(tmp_path / "data", [f"{n:03d}" for n in range(10)], 64, 3.0)


def test_pretrain_then_train(data, tmp_path, capsys):
    run, images = tmp_path / "pretrained", f"{data}=3.0"
    arguments = ["pretrain", "--images", images, "--output", str(run), "--device", "cpu", "--epochs", "1"]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert "epoch 1  loss " in printed
    assert "validation_loss" in printed
    assert {each.name for each in run.iterdir()} == {"msff.safetensors", "msff.json", "log.csv", "restored.png"}
    with Image.open(run / "restored.png") as picture:
        assert np.asarray(picture).std() > 20
    assert main(arguments) == 2
    assert "--overwrite" in capsys.readouterr().err

    weights = str(run / "msff.safetensors")
    slice_ = [str(data / "images" / "000.png"), "--spacing-mm", "3"]
    for command in (
        ["segment", *slice_, "--output", str(tmp_path / "out"), "--weights", weights],
        ["evaluate", "--data", str(data), "--weights", weights],
    ):
        assert main(command) == 2
        assert "outlines nothing. Train from it: lumbarseg train --init" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()

    trained = tmp_path / "trained"
    train = ["train", "--data", str(data), "--recipe", "coarse", "--device", "cpu", "--epochs", "1", "--quiet"]
    assert main([*train, "--init", weights, "--output", str(trained)]) == 0
    checkpoint = load_checkpoint(trained / "msff.safetensors")
    pretrained = load_checkpoint(run / "msff.safetensors", to_train=True)
    assert checkpoint.training["initial_weights"] == {"name": "msff-pretrained-data", "sha256": pretrained.sha256}
    assert main([*train, "--init", weights, "--output", str(tmp_path / "unet"), "--model", "unet"]) == 2
    assert "those of msff, not of unet" in capsys.readouterr().err


def test_train_from_encoder_weights(data, tmp_path, capsys):
    path = tmp_path / "resnet18.pth"
    torch.save(ResNetEncoder(3).state_dict(), path)
    train = ["train", "--data", str(data), "--recipe", "coarse", "--device", "cpu", "--epochs", "1", "--quiet"]
    run = tmp_path / "run"
    assert main([*train, "--encoder-weights", str(path), "--output", str(run)]) == 0
    stored = load_checkpoint(run / "msff.safetensors").training["initial_weights"]
    assert stored["name"] == "resnet18.pth"
    assert len(stored["sha256"]) == 64
    assert main([*train, "--encoder-weights", str(path), "--output", str(run), "--overwrite", "--model", "fcn"]) == 2
    assert "fcn has no ResNet encoder" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([*train, "--encoder-weights", str(path), "--init", str(path), "--output", str(run)])
    assert "not allowed with" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--images", "missing"], "missing is not a folder"),
        (["--images", "data=wide"], "'wide' is no number"),
        (["--images", "data=0"], "0.05 to 10 mm"),
        (["--images", "data", "--epochs", "0"], "--epochs must be in"),
        (["--images", "data", "--seed", "-1"], "--seed must be >= 0"),
        (["--images", "data", "--recipe", "best"], "There is no recipe 'best'. Name one of restore"),
        (["--images", "data", "--resume"], "holds no unfinished run"),
    ],
)
def test_options_that_cannot_be_followed(data, tmp_path, capsys, monkeypatch, options, message):
    monkeypatch.chdir(tmp_path)
    assert main(["pretrain", "--output", "run", "--device", "cpu", *options]) == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "error:" in line]
    assert message in line
    assert not (tmp_path / "run").exists()
