"""`lumbarseg cross-validate` on a small labeled folder: whose network saw what, resuming, refusals, the page."""

from __future__ import annotations

import csv
import importlib.util
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
from labeled_folder import read_pixels, two_folds, write_labeled_folder, write_splits

from LumbarSegLib.anatomy import ANATOMIES
from LumbarSegLib.cli import main
from LumbarSegLib.geometry import radiological_affine
from LumbarSegLib.inference.checkpoint import load_checkpoint
from LumbarSegLib.inference.predictor import Predictor

NAMES = tuple(f"{n:03d}" for n in range(8))
HELD_BACK = {0: NAMES[4:], 1: NAMES[:4]}
PLANES = ("disc", "endplate")
SIZE, SPACING_MM = 96, 2.0
STAGES = ("1-first", "2-second")

RECIPE = """
optimizer: sgd
learning_rate: {rate}
batch_size: 2
phantom_share: 0
augmentation: {{crop_pixels: 64}}
preprocessing: {{pixel_size_mm: 2.0}}
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_labeled_folder(tmp_path_factory.mktemp("labeled") / "data", NAMES, SIZE, SPACING_MM)
    rows = "".join(f"{name},{SPACING_MM},{PLANES[number % 2]}\n" for number, name in enumerate(NAMES))
    (folder / "index.csv").write_text("id,spacing_mm,plane\n" + rows)
    return folder


@pytest.fixture(scope="module")
def recipes(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("recipes")
    for name, rate in (("first", 0.02), ("second", 0.01)):
        (folder / f"{name}.yaml").write_text(RECIPE.format(rate=rate))
    return folder / "first.yaml", folder / "second.yaml"


@pytest.fixture(scope="module")
def whole(data: Path, recipes: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of an unbroken cross-validation."""
    output = tmp_path_factory.mktemp("whole") / "out"
    assert main([*command(data, recipes, output), "--quiet"]) == 0
    return output


def command(data: Path, recipes: tuple[Path, ...], output: Path, *further: str) -> list[str]:
    """Return the words that train one epoch of the first recipe and two of each other one."""
    chain = [word for recipe in recipes for word in ("--recipe", str(recipe))]
    epochs = ["--epochs", "1", *["2"] * (len(recipes) - 1)]
    return [
        "cross-validate",
        "--data",
        str(data),
        "--output",
        str(output),
        *chain,
        *epochs,
        "--device",
        "cpu",
        *further,
    ]


def network(output: Path, fold: int, stage: str = STAGES[-1]) -> Path:
    return output / f"fold-{fold}" / stage / "msff.safetensors"


def read_rows(output: Path, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader((output / "evaluation" / name).read_text().splitlines()))


def run_times(output: Path) -> dict[str, int]:
    """Return when each file of the folds was written."""
    return {str(path): path.stat().st_mtime_ns for path in output.glob("fold-*/*/*")}


def dice_of(weights: Path, data: Path, name: str) -> dict[str, float | None]:
    """Return the Dice coefficients of one slice, counted here pixel by pixel."""
    predictor = Predictor(load_checkpoint(weights), torch.device("cpu"), precision="full")
    affine = radiological_affine((1.0, SPACING_MM, SPACING_MM))
    (found,), _ = predictor.predict_block(read_pixels(data, "images", name)[None].astype(np.float32), affine)
    drawn = read_pixels(data, "labels", name)
    scores: dict[str, float | None] = {}
    for anatomy in ANATOMIES:
        mine, theirs = found == anatomy.index, drawn == anatomy.index
        both = mine.sum() + theirs.sum()
        scores[anatomy.key] = 2 * (mine & theirs).sum() / both if both else None
    return scores


def test_every_slice_once_by_the_network_that_has_not_seen_it(data, whole):
    rows = read_rows(whole, "slices.csv")
    assert sorted(row["slice"] for row in rows) == list(NAMES)
    checkpoints = {fold: load_checkpoint(network(whole, fold)) for fold in HELD_BACK}
    assert checkpoints[0].sha256 != checkpoints[1].sha256
    fold_of = {name: fold for fold, names in HELD_BACK.items() for name in names}
    for row in rows:
        fold = fold_of[row["slice"]]
        assert (int(row["fold"]), row["weights_sha256"]) == (fold, checkpoints[fold].sha256)
        assert row["plane"] == PLANES[int(row["slice"]) % 2]
    dice = {row["slice"]: row for row in read_rows(whole, "dice_per_slice.csv")}
    assert sorted(dice) == list(NAMES)
    num_different = 0
    for name, fold in fold_of.items():
        own, other = (dice_of(network(whole, each), data, name) for each in (fold, 1 - fold))
        assert any(own.values())  # networks that find nothing would agree whatever the table says
        for key, value in own.items():
            assert dice[name][key] == ("" if value is None else f"{value:.4f}")
        num_different += own != other
    assert num_different > 0
    areas = [(row["slice"], row["class"]) for row in read_rows(whole, "areas_per_slice.csv")]
    assert len(areas) == len(set(areas))
    assert {(name, anatomy.key) for name in NAMES for anatomy in ANATOMIES} <= set(areas)


def test_stages_start_from_the_one_before(whole):
    for fold in HELD_BACK:
        first, second = (load_checkpoint(network(whole, fold, stage)) for stage in STAGES)
        assert first.training["initial_weights"] is None
        assert second.training["initial_weights"]["sha256"] == first.sha256
        assert first.training["slices_sha256"] == second.training["slices_sha256"]
        assert [each.training["recipe"]["name"] for each in (first, second)] == ["first", "second"]


def test_the_folds_make_up_the_whole(data, whole):
    tree = json.loads((whole / "evaluation" / "evaluation.json").read_text())
    rows = read_rows(whole, "folds.csv")
    assert [(row["fold"], row["num_slices"]) for row in rows] == [("0", "4"), ("1", "4")]
    keys = [anatomy.key for anatomy in ANATOMIES]
    for row, fold in zip(rows, HELD_BACK, strict=True):
        scores = [dice_of(network(whole, fold), data, name) for name in HELD_BACK[fold]]
        means = {key: statistics.fmean(each[key] for each in scores if each[key] is not None) for key in keys}
        assert {key: float(row[key]) for key in keys} == pytest.approx(means, abs=2e-5)
        assert float(row["mean_dice"]) == pytest.approx(statistics.fmean(means.values()), abs=2e-5)
        discs = [each["intervertebral_disc"] for each in scores[::2]]  # of every second slice, not on an endplate
        means["intervertebral_disc"] = statistics.fmean(each for each in discs if each is not None)
        expected = statistics.fmean(means.values())
        assert float(row["mean_dice_without_endplate_discs"]) == pytest.approx(expected, abs=2e-5)
    means = [float(row["mean_dice"]) for row in rows]
    assert tree["over_folds"]["mean_dice"]["mean"] == pytest.approx(statistics.fmean(means), abs=2e-5)
    assert tree["over_folds"]["mean_dice"]["sd"] == pytest.approx(statistics.stdev(means), abs=2e-5)
    assert tree["num_slices"] == len(NAMES)
    assert tree["units"]["area"] == "mm2"
    page = (whole / "evaluation" / "evaluation.md").read_text()
    assert "8 slices of `data`, fold 0, 1." in page
    assert f"| Mean ± SD of the folds |  | {tree['over_folds']['mean_dice']['mean']:.4f} ± " in page
    assert f"| All slices | 8 | {tree['mean_dice']:.4f} [" in page
    assert "**Note:**" not in page


def test_finished_stages_are_skipped(data, recipes, whole, capsys):
    before = run_times(whole)
    tree = (whole / "evaluation" / "evaluation.json").read_bytes()
    assert main(command(data, recipes, whole)) == 0
    printed = capsys.readouterr().out
    assert "epoch" not in printed
    assert f"mean of the classes    {json.loads(tree)['mean_dice']:.4f}" in printed
    assert run_times(whole) == before
    assert (whole / "evaluation" / "evaluation.json").read_bytes() == tree


def test_killed_in_the_second_stage_of_a_part(data, recipes, whole, tmp_path, capsys):
    broken = tmp_path / "broken"
    arguments = command(data, recipes, broken, "--folds", "1")
    process = subprocess.Popen([sys.executable, "-m", "LumbarSegLib.cli", *arguments, "--quiet"])
    unfinished = broken / "fold-1" / STAGES[1]
    deadline = time.monotonic() + 240
    while not (unfinished / "resume.pt").exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.kill()
    process.wait()
    assert not (unfinished / "stage.json").exists()
    assert not (broken / "evaluation").exists()
    first_stage = {path: when for path, when in run_times(broken).items() if STAGES[0] in path}

    assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert f"fold 1  {STAGES[1]}  epoch 2  loss" in printed
    assert f"{STAGES[1]}  epoch 1 " not in printed
    assert "left 0 h 00 min" in printed
    assert STAGES[0] not in printed
    assert {path: when for path, when in run_times(broken).items() if STAGES[0] in path} == first_stage
    resumed, unbroken = (load_checkpoint(network(each, 1)).model.state_dict() for each in (broken, whole))
    for key, value in unbroken.items():
        torch.testing.assert_close(resumed[key], value, atol=1e-3, rtol=1e-3)

    assert sorted(row["slice"] for row in read_rows(broken, "slices.csv")) == list(HELD_BACK[1])
    page = (broken / "evaluation" / "evaluation.md").read_text()
    assert "only a part of the cross-validation: folds 0 of 2 are left out." in page
    assert "only a part of the cross-validation" in printed


def test_from_weights_that_have_seen_the_slices(data, recipes, whole, tmp_path):
    output, initial = tmp_path / "out", network(whole, 0, STAGES[0])
    assert main([*command(data, recipes[:1], output, "--init", str(initial), "--folds", "1"), "--quiet"]) == 0
    stored = load_checkpoint(network(output, 1, STAGES[0])).training["initial_weights"]
    assert stored["sha256"] == load_checkpoint(initial).sha256
    assert "may have seen slices that are held back here" in (output / "evaluation" / "evaluation.md").read_text()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--seed", "1"], "seed was 0 and is now 1"),
        (["--epochs", "1", "3"], "recipes.2-second.epochs was 2 and is now 3"),
        (["--recipe", "refine", "--epochs", "1", "2", "2"], "stages was ['1-first', '2-second'] and is now"),
        (["--model", "unet"], "model was msff and is now unet"),
    ],
    ids=["seed", "epochs", "stages", "model"],
)
def test_other_settings_than_those_of_the_folder(data, recipes, whole, capsys, options, message):
    before = run_times(whole)
    assert main(command(data, recipes, whole, *options)) == 2
    assert message in capsys.readouterr().err
    assert run_times(whole) == before


def test_other_folds_are_other_settings(recipes, data, whole, tmp_path, capsys):
    other = shutil.copytree(data, tmp_path / "data")
    write_splits(other, *two_folds(NAMES[::-1]))
    assert main(command(other, recipes, whole)) == 2
    assert "folds_sha256 was" in capsys.readouterr().err


def test_a_network_of_another_fold_is_refused(data, recipes, whole, tmp_path, capsys):
    copy = shutil.copytree(whole, tmp_path / "copy", ignore=shutil.ignore_patterns("fold-1"))
    shutil.copytree(whole / "fold-0", copy / "fold-1")
    assert main(command(data, recipes, copy, "--folds", "1")) == 2
    assert "is the network of fold 0, not of fold 1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("stage", "message"),
    [(STAGES[0], "was trained from other weights than"), (STAGES[1], "is not what the stage has left")],
    ids=["first", "last"],
)
def test_a_stage_that_was_replaced(data, recipes, whole, tmp_path, capsys, stage, message):
    copy = shutil.copytree(whole, tmp_path / "copy")
    folder = copy / "fold-1" / stage
    if stage == STAGES[0]:  # as if it had been trained again
        shutil.rmtree(folder)
        shutil.copytree(whole / "fold-0" / stage, folder)
    else:
        shutil.copy(network(whole, 0), folder)
    assert main(command(data, recipes, copy, "--folds", "1")) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--epochs", "3"], "--epochs has 1 numbers for 2 recipes"),
        (["--epochs", "0", "1"], "--epochs must be in"),
        (["--folds", "first"], "--folds must be numbers"),
        (["--folds", "0,2"], "--folds must be in [0, 1], got 2"),
        (["--seed", "-1"], "--seed must be >= 0"),
        (["--data", "absent"], "absent is not a folder"),
        (["--init", "absent.safetensors"], "absent.safetensors does not exist"),
        (["--device", "gpu"], "Device must be one of"),
    ],
    ids=str,
)
def test_options_that_cannot_be_followed(data, recipes, tmp_path, capsys, options, message):
    output = tmp_path / "out"
    assert main(command(data, recipes, output, *options)) == 2
    assert message in capsys.readouterr().err
    assert not output.exists()


def test_a_slice_that_two_folds_hold_back(data, recipes, tmp_path, capsys):
    copy = shutil.copytree(data, tmp_path / "data")
    fold, _ = two_folds(NAMES)
    write_splits(copy, fold, fold)
    assert main(command(copy, recipes, tmp_path / "out")) == 2
    assert "holds 004 back more than once" in capsys.readouterr().err


def test_slices_that_no_fold_holds_back_are_counted(data, recipes, tmp_path, capsys):
    copy = shutil.copytree(data, tmp_path / "data")
    fold, _ = two_folds(NAMES)
    write_splits(copy, fold)
    output = tmp_path / "out"
    assert main(command(copy, recipes[:1], output)) == 0
    assert "note: no fold holds back 4 of 8 slices" in capsys.readouterr().out


@pytest.mark.parametrize("package", ["monai", "matplotlib"])
def test_missing_packages_are_named_before_training(data, recipes, tmp_path, capsys, monkeypatch, package):
    find_spec = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda *args: None if args[0] == package else find_spec(*args))
    assert main(command(data, recipes, tmp_path / "out")) == 2
    message = capsys.readouterr().err
    assert package in message.lower()
    assert "train" in message
    assert not (tmp_path / "out").exists()
