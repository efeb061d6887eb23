"""`lumbarseg train` and `lumbarseg evaluate` on a small labeled folder."""

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from LumbarSegLib.anatomy import ANATOMIES
from LumbarSegLib.cli import main
from LumbarSegLib.inference.checkpoint import load_checkpoint
from LumbarSegLib.io.labeled_slices import read_slices
from LumbarSegLib.models import model_names
from LumbarSegLib.phantom.slices import make_phantom_slice


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Eight small phantom slices in the layout of labeled data."""
    folder = tmp_path / "data"
    for part in ("images", "labels"):
        (folder / part).mkdir(parents=True)
    names = [f"{n:03d}" for n in range(8)]
    for n, name in enumerate(names):
        phantom = make_phantom_slice(np.random.default_rng(n), shape_ji=(96, 96), spacing_mm=2.0)
        gray = (phantom.image / phantom.image.max() * 255).astype(np.uint8)
        Image.fromarray(gray).save(folder / "images" / f"{name}.png")
        Image.fromarray(phantom.label_map).save(folder / "labels" / f"{name}.png")
    (folder / "splits.json").write_text(json.dumps({"folds": [{"train": names[:6], "val": names[6:]}]}))
    (folder / "index.csv").write_text("id,spacing_mm\n" + "".join(f"{name},2.0\n" for name in names))
    return folder


def test_train_then_evaluate(data, tmp_path, capsys):
    run = tmp_path / "run"
    arguments = ["train", "--data", str(data), "--output", str(run), "--recipe", "best", "--fold", "0"]
    assert main([*arguments, "--epochs", "1", "--device", "cpu"]) == 0
    assert "mean_dice" in capsys.readouterr().out
    checkpoint = load_checkpoint(run / "msff.safetensors")
    assert checkpoint.training["fold"] == "0"
    assert checkpoint.training["num_train"] == 6
    assert main([*arguments, "--epochs", "1"]) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert main([*arguments, "--epochs", "1", "--resume"]) == 2
    assert "no unfinished run" in capsys.readouterr().err

    figures = tmp_path / "figures"
    weights = ["--weights", str(run / "msff.safetensors")]
    assert main(["evaluate", "--data", str(data), "--fold", "0", *weights, "--output", str(figures)]) == 0
    printed = capsys.readouterr().out
    summary = json.loads((figures / "evaluation.json").read_text())
    assert summary["num_slices"] == 2
    assert set(summary["dice"]) == {anatomy.key for anatomy in ANATOMIES}
    assert f"{summary['mean_dice']:.4f}" in printed
    assert "slices were seen" not in printed
    for row in ("006", "007"):
        assert row in printed
    rows = list(csv.DictReader((figures / "dice_per_slice.csv").read_text().splitlines()))
    assert [row["slice"] for row in rows] == ["006", "007"]
    # What the log says of the last epoch is what evaluate finds, but for half precision.
    (logged,) = csv.DictReader((run / "log.csv").read_text().splitlines())
    assert float(logged["mean_dice"]) == pytest.approx(summary["mean_dice"], abs=0.01)


def test_two_devices_share_the_batches(data, tmp_path, capfd):
    """Two processes on the CPU; the first one speaks and writes, an error is one line."""
    run = tmp_path / "run"
    arguments = ["train", "--data", str(data), "--output", str(run), "--recipe", "paper", "--device", "cpu"]
    assert main([*arguments, "--epochs", "1", "--devices", "3"]) == 2
    assert "3 devices cannot share a batch of 4 slices equally" in capfd.readouterr().err
    assert not run.exists()
    assert main([*arguments, "--epochs", "1", "--devices", "2"]) == 0
    printed = capfd.readouterr()
    assert [line.split()[0] for line in printed.out.splitlines()] == ["epoch", "Wrote"]
    assert "Traceback" not in printed.err
    assert {path.name for path in run.iterdir()} == {"msff.safetensors", "msff.json", "log.csv"}
    assert load_checkpoint(run / "msff.safetensors").training["devices"] == 2


def test_another_network_has_files_of_its_own_name(data, tmp_path, capsys):
    run, other = tmp_path / "run", tmp_path / "other"
    arguments = ["train", "--data", str(data), "--epochs", "1", "--device", "cpu", "--output"]
    assert main([*arguments, str(run), "--model", "msff_no_bottleneck"]) == 0
    weights = run / "msff_no_bottleneck.safetensors"
    assert isinstance(load_checkpoint(weights).model.bottleneck, torch.nn.Identity)
    capsys.readouterr()
    assert main([*arguments, str(other), "--init", str(weights)]) == 2
    assert "those of msff_no_bottleneck, not of msff" in capsys.readouterr().err
    assert not other.exists()
    # Weights of one network beside the log of another would mislead.
    assert main([*arguments, str(run)]) == 2
    assert "msff_no_bottleneck.safetensors" in capsys.readouterr().err


def test_a_recipe_is_written_edited_and_trained(data, tmp_path, capsys):
    file, run = tmp_path / "ours.yaml", tmp_path / "run"
    write = ["train", "--recipe", "paper", "--write-recipe", str(file)]
    assert main(write) == 0
    text = file.read_text()
    edited = text.replace("epochs: 100", "epochs: 1").replace("crop_pixels: 320", "crop_pixels: 64")
    file.write_text(edited)
    assert main(write) == 2
    assert "Add --overwrite" in capsys.readouterr().err
    assert file.read_text() == edited
    train = ["train", "--data", str(data), "--output", str(run), "--device", "cpu"]
    assert main([*train, "--recipe", str(file), "--quiet"]) == 0
    stored = load_checkpoint(run / "msff.safetensors").training["recipe"]
    assert (stored["name"], stored["epochs"], stored["augmentation"]["crop_pixels"]) == ("ours", 1, 64)
    assert stored["optimizer"] == "sgd"
    assert main([*write, "--overwrite"]) == 0
    assert file.read_text() == text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--recipe", "bets", "--output", "run"], "best, coarse, refine, fine, paper"),
        (["--recipe", "absent.yaml", "--output", "run"], "absent.yaml cannot be read"),
        (["--recipe", "ours.yaml", "--write-recipe", "copy.yaml"], "no recipe of the package"),
        (["--write-recipe", "copy.txt"], "FILE.yaml"),
        (["--write-recipe", "copy.yaml", "--epochs", "3"], "edit the file"),
        (["--output", "run"], "--data"),
    ],
    ids=str,
)
def test_recipes_that_cannot_be_taken(data, tmp_path, capsys, monkeypatch, options, message):
    monkeypatch.chdir(tmp_path)
    where = [] if "--data" in message else ["--data", str(data)]
    assert main(["train", *where, *options]) == 2
    assert message in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_tensorboard_gets_the_rows_of_the_log(data, tmp_path):
    loading = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    run = tmp_path / "run"
    arguments = ["train", "--data", str(data), "--output", str(run), "--recipe", "paper", "--device", "cpu", "--quiet"]
    for epochs in ("1", "2"):  # the second run leaves nothing of the first
        assert main([*arguments, "--epochs", epochs, "--tensorboard", "--overwrite"]) == 0
    events = loading.EventAccumulator(str(run))
    events.Reload()
    rows = list(csv.DictReader((run / "log.csv").read_text().splitlines()))
    assert len(rows) == 2
    for tag, column in (("loss", "loss"), ("mean_dice", "mean_dice"), ("dice/psoas", "psoas"), ("seconds", "seconds")):
        logged = [(each.step, each.value) for each in events.Scalars(tag)]
        expected = [(int(row["epoch"]), float(row[column])) for row in rows]
        assert [step for step, _ in logged] == [1, 2]
        assert logged == [(step, pytest.approx(value)) for step, value in expected]


def test_networks_on_offer_are_those_of_the_registry(capsys):
    with pytest.raises(SystemExit):
        main(["train", "--data", "DIR", "--output", "RUN", "--model", "another"])
    offered = capsys.readouterr().err.partition("choose from")[2]
    assert re.findall(r"\w+", offered) == list(model_names())


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: (data / "labels" / "003.png").unlink(), "003"),
        (lambda data: Image.new("L", (5, 5)).save(data / "labels" / "003.png"), "its image"),
        (lambda data: Image.new("L", (96, 96), 77).save(data / "labels" / "003.png"), "label values [77]"),
        (lambda data: (data / "labels" / "003.png").write_bytes(b"PNG"), "cannot be read"),
        (lambda data: Image.new("RGB", (96, 96)).save(data / "images" / "003.png"), "not a gray picture"),
        (lambda data: (data / "splits.json").unlink(), "no splits.json"),
        (lambda data: (data / "splits.json").write_text("{}"), "malformed"),
        (lambda data: (data / "index.csv").write_text("id,spacing_mm\n003,-1\n"), "not positive"),
        (lambda data: (data / "index.csv").write_text("id,spacing_mm\n0,2.0\n"), "spelled as in the file names"),
    ],
    ids=["unpaired", "size", "value", "broken", "color", "no splits", "splits", "spacing", "ids"],
)
def test_bad_data_is_one_line_and_leaves_nothing(data, tmp_path, capsys, damage, message):
    damage(data)
    run = tmp_path / "run"
    assert main(["train", "--data", str(data), "--output", str(run), "--epochs", "1", "--device", "cpu"]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("lumbarseg: error:") == 1
    assert not run.exists()


def test_a_byte_order_mark_in_the_index_is_no_error(data, tmp_path):
    (data / "index.csv").write_text((data / "index.csv").read_text(), encoding="utf-8-sig")
    slices = read_slices(data, ["000"], 0.4)
    assert slices[0].spacing_mm == 2.0


def test_the_assumed_pixel_size_is_said(data, caplog):
    (data / "index.csv").unlink()
    assert read_slices(data, ["000"], 0.4)[0].spacing_mm == 0.4
    assert "0.4 mm is taken" in caplog.text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--seed", "-5"], "--seed"),
        (["--epochs", "0"], "--epochs"),
        (["--resume"], "no unfinished run"),
        (["--resume", "--overwrite"], "contradict"),
        (["--output", "index.csv"], "cannot be made"),
    ],
    ids=str,
)
def test_options_that_cannot_be_followed(data, tmp_path, capsys, monkeypatch, options, message):
    monkeypatch.chdir(data)
    arguments = ["train", "--data", str(data), "--output", str(tmp_path / "run"), "--device", "cpu"]
    assert main([*arguments, *options]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_fold_that_holds_nothing_back_cannot_be_evaluated(data, capsys):
    (data / "splits.json").write_text(json.dumps({"folds": [{"train": ["000"], "val": []}]}))
    assert main(["evaluate", "--data", str(data), "--device", "cpu"]) == 2
    assert "holds back no slices" in capsys.readouterr().err


@pytest.mark.parametrize("fold", ["7", "-1", "first"])
def test_fold_that_does_not_exist(data, tmp_path, capsys, fold):
    arguments = ["--data", str(data), f"--fold={fold}", "--device", "cpu"]
    assert main(["train", *arguments, "--output", str(tmp_path / "run")]) == 2
    assert "old must be" in capsys.readouterr().err
    assert main(["evaluate", *arguments]) == 2


def test_default_weights_on_real_slices(shared_data_dir, capsys):
    """The default network has seen these slices; this holds the path, not the quality."""
    assert main(["evaluate", "--data", str(shared_data_dir / "axial_t2"), "--fold", "0", "--device", "cpu"]) == 0
    printed = capsys.readouterr().out
    mean = float(printed.split("mean of the classes")[1].split()[0])
    assert mean > 0.88
    assert "slices were seen" in printed
