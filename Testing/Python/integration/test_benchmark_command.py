"""`lumbarseg benchmark` on a small labeled folder: the table, resuming, skipping, refusals."""

from __future__ import annotations

import csv
import json
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from labeled_folder import read_pixels, write_labeled_folder

from LumbarSegLib.anatomy import ANATOMIES
from LumbarSegLib.cli import main
from LumbarSegLib.geometry import radiological_affine
from LumbarSegLib.inference.checkpoint import load_checkpoint
from LumbarSegLib.inference.predictor import Predictor

NAMES = tuple(f"{n:03d}" for n in range(8))
HELD_BACK = NAMES[4:]
SIZE, SPACING_MM = 96, 2.0

EPOCHS = "2"
WHOLE = ("--epochs", EPOCHS, "--seeds", "2")

RECIPE = """
optimizer: sgd
learning_rate: 0.02
batch_size: 2
phantom_share: 0
augmentation: {crop_pixels: 64}
preprocessing: {pixel_size_mm: 2.0}
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_labeled_folder(tmp_path_factory.mktemp("labeled") / "data", NAMES, SIZE, SPACING_MM)


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recipe") / "tiny.yaml"
    path.write_text(RECIPE)
    return path


@pytest.fixture(scope="module")
def whole(data: Path, recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of an unbroken benchmark of two seeds."""
    output = tmp_path_factory.mktemp("whole") / "out"
    assert main(command(data, recipe, output, *WHOLE, "--quiet")) == 0
    return output


def command(data: Path, recipe: Path, output: Path, *further: str) -> list[str]:
    """Return the words that measure table 3, which has two networks."""
    options = ["--data", str(data), "--recipe", str(recipe), "--output", str(output), "--device", "cpu"]
    return ["benchmark", "--table", "3", *options, *further]


def read_rows(output: Path) -> dict[tuple[str, str], dict[str, str]]:
    rows = csv.DictReader((output / "table-3.csv").read_text().splitlines())
    return {(row["model"], row["class"]): row for row in rows}


def run_times(output: Path) -> dict[str, int]:
    """Return when each file of the runs was written."""
    return {str(path): path.stat().st_mtime_ns for path in (output / "runs").rglob("*") if path.is_file()}


def class_means(weights: Path, data: Path) -> dict[str, float]:
    """Return the mean Dice of each class over the held-back slices, counted here pixel by pixel."""
    predictor = Predictor(load_checkpoint(weights), torch.device("cpu"), precision="full")
    affine = radiological_affine((1.0, SPACING_MM, SPACING_MM))
    scores: dict[str, list[float]] = {anatomy.key: [] for anatomy in ANATOMIES}
    for name in HELD_BACK:
        (found,), _ = predictor.predict_block(read_pixels(data, "images", name)[None].astype(np.float32), affine)
        drawn = read_pixels(data, "labels", name)
        for anatomy in ANATOMIES:
            mine, theirs = found == anatomy.index, drawn == anatomy.index
            if theirs.any():
                scores[anatomy.key].append(2 * (mine & theirs).sum() / (mine.sum() + theirs.sum()))
    return {key: float(np.mean(values)) for key, values in scores.items()}


def test_the_table_says_what_the_networks_show(data, whole):
    means = {
        model: [class_means(whole / "runs" / f"{model}-seed-{seed}" / f"{model}.safetensors", data) for seed in (0, 1)]
        for model in ("msff", "msff_no_bottleneck")
    }
    for seeds in means.values():
        for each in seeds:
            each["mean"] = statistics.fmean(each.values())
    assert means["msff"][0]["mean"] > 0.01  # networks that find nothing would agree whatever the table says
    rows = read_rows(whole)
    assert set(rows) == {(model, key) for model in means for key in means["msff"][0]}
    for (model, key), row in rows.items():
        values = [each[key] for each in means[model]]
        assert float(row["dice"]) == pytest.approx(statistics.fmean(values), abs=2e-5)
        assert float(row["dice_sd_over_seeds"]) == pytest.approx(statistics.stdev(values), abs=2e-5)
        assert float(row["dice_low"]) <= float(row["dice"]) <= float(row["dice_high"])
        assert (row["seeds_finished"], row["seeds_missing"]) == ("2", "0")
        assert row["dice_in_paper"] == "not public here"
        if model == "msff":
            assert row["difference"] == ""
        else:
            expected = statistics.fmean(values) - statistics.fmean(each[key] for each in means["msff"])
            assert float(row["difference"]) == pytest.approx(expected, abs=2e-5)
            assert float(row["difference_low"]) <= float(row["difference"]) <= float(row["difference_high"])
    model = load_checkpoint(whole / "runs" / "msff-seed-0" / "msff.safetensors").model
    assert int(rows["msff", "mean"]["parameters"]) == sum(each.numel() for each in model.parameters())
    page = (whole / "table-3.md").read_text()
    assert "Missing" not in page
    assert f"| MSFF | 2 | {float(rows['msff', 'mean']['dice']):.4f} ± " in page


def test_finished_runs_are_skipped(data, recipe, whole, capsys):
    before = run_times(whole)
    table = (whole / "table-3.csv").read_bytes()
    (whole / "table-3.csv").unlink()
    assert main(command(data, recipe, whole, *WHOLE)) == 0
    assert "4 of 4 runs are finished" in capsys.readouterr().out
    assert run_times(whole) == before
    assert (whole / "table-3.csv").read_bytes() == table


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--seeds", "3"], "seeds was 2 and is now 3"),
        (["--epochs", "7"], "recipe.epochs was 2 and is now 7"),
        (["--fold", "1"], "fold was 0 and is now 1"),
    ],
    ids=["seeds", "epochs", "fold"],
)
def test_other_settings_than_those_of_earlier_runs(data, recipe, whole, capsys, options, message):
    before = run_times(whole)
    assert main(command(data, recipe, whole, *WHOLE, *options)) == 2
    assert message in capsys.readouterr().err
    assert run_times(whole) == before


def test_changed_slices_are_other_data(recipe, whole, tmp_path, capsys):
    changed = write_labeled_folder(tmp_path / "data", NAMES, SIZE, SPACING_MM)
    (changed / "images" / "000.png").write_bytes((changed / "images" / "001.png").read_bytes())
    assert main(command(changed, recipe, whole, *WHOLE)) == 2
    assert "slices_sha256 was" in capsys.readouterr().err


def test_a_damaged_result_is_named(data, recipe, whole, tmp_path, capsys):
    copy = shutil.copytree(whole, tmp_path / "copy", ignore=shutil.ignore_patterns("*.safetensors"))
    (copy / "runs" / "msff-seed-1" / "result.json").write_text("{}")
    assert main(command(data, recipe, copy, *WHOLE)) == 2
    assert "result.json is damaged" in capsys.readouterr().err


def test_a_killed_benchmark_goes_on_to_the_same_result(data, recipe, whole, tmp_path):
    broken = tmp_path / "broken"
    arguments = command(data, recipe, broken, "--epochs", EPOCHS, "--seeds", "1", "--quiet")
    process = subprocess.Popen([sys.executable, "-m", "LumbarSegLib.cli", *arguments])
    unfinished = broken / "runs" / "msff-seed-0"
    deadline = time.monotonic() + 120
    while not (unfinished / "resume.pt").exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.kill()
    process.wait()
    assert not (unfinished / "result.json").exists()
    (first,) = [row for row in csv.DictReader((unfinished / "log.csv").read_text().splitlines()) if row["epoch"] == "1"]

    assert "**Missing runs:** msff-seed-0." in (broken / "table-3.md").read_text()
    partial = read_rows(broken)
    assert partial["msff", "mean"]["dice"] == ""
    assert partial["msff", "mean"]["seeds_missing"] == "1"
    assert float(partial["msff_no_bottleneck", "mean"]["dice"]) > 0
    assert partial["msff_no_bottleneck", "mean"]["difference"] == ""
    finished = {path: when for path, when in run_times(broken).items() if "no_bottleneck" in path}

    assert main(arguments) == 0
    logged = list(csv.DictReader((unfinished / "log.csv").read_text().splitlines()))
    assert logged[0] == first
    assert [row["epoch"] for row in logged] == ["1", "2"]
    assert {path: when for path, when in run_times(broken).items() if "no_bottleneck" in path} == finished
    assert "Missing" not in (broken / "table-3.md").read_text()
    for key in ("msff-seed-0", "msff_no_bottleneck-seed-0"):
        resumed, unbroken = (json.loads((each / "runs" / key / "result.json").read_text()) for each in (broken, whole))
        assert list(resumed["dice"]) == list(unbroken["dice"]) == list(HELD_BACK)
        for name, dice in unbroken["dice"].items():
            assert resumed["dice"][name] == pytest.approx(dice, abs=1e-3)


def test_quick_is_one_seed_on_half_the_resolution(data, recipe, tmp_path, capsys):
    output = tmp_path / "out"
    assert main(command(data, recipe, output, "--quick", "--epochs", "1")) == 0
    assert "Estimate for 2 runs" in capsys.readouterr().out
    folders = sorted(path.name for path in (output / "runs").iterdir())
    assert folders == ["msff-seed-0", "msff_no_bottleneck-seed-0"]
    stored = load_checkpoint(output / "runs" / "msff-seed-0" / "msff.safetensors").training["recipe"]
    assert stored["name"] == "tiny-quick"
    assert (stored["augmentation"]["crop_pixels"], stored["preprocessing"]["pixel_size_mm"]) == (32, 4.0)
    assert read_rows(output)["msff", "mean"]["dice_sd_over_seeds"] == ""


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--seeds", "0"], "--seeds must be >= 1"),
        (["--epochs", "0"], "--epochs must be in"),
        (["--fold", "all"], "holds back no slices"),
        (["--fold", "7"], "old must be"),
        (["--recipe", "bets"], "best, coarse, refine, fine, paper"),
        (["--recipe", "best", "--data", "absent"], "absent is not a folder"),
        (["--device", "gpu"], "Device must be one of"),
    ],
    ids=str,
)
def test_options_that_cannot_be_followed(data, recipe, tmp_path, capsys, options, message):
    output = tmp_path / "out"
    assert main(command(data, recipe, output, *options)) == 2
    assert message in capsys.readouterr().err
    assert not output.exists()


def test_a_folder_with_other_files_is_left_alone(data, recipe, tmp_path, capsys):
    (tmp_path / "notes.txt").write_text("mine")
    assert main(command(data, recipe, tmp_path)) == 2
    assert "something else than a benchmark" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
