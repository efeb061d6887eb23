"""`lumbarseg stress` with the default weights on phantom slices, and what `evaluate` says of small sacs."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from labeled_folder import read_pixels, write_index, write_labeled_folder, write_splits
from PIL import Image

from LumbarSegLib.anatomy import ANATOMIES
from LumbarSegLib.cli import main

NAMES = ("a", "b", "c", "d", "e", "f")
SPACING_MM = 1.25


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Six phantom slices; fold 0 holds back one, fold 1 all."""
    folder = write_labeled_folder(tmp_path / "data", NAMES, 160, SPACING_MM)
    write_splits(folder, {"train": [], "val": ["b"]}, {"train": [], "val": list(NAMES)})
    return folder


def test_curves_are_written_and_begin_with_plain_evaluation(data, tmp_path, capsys):
    folder = tmp_path / "curves"
    arguments = ["--data", str(data), "--fold", "0", "--device", "cpu", "--quiet"]
    assert main(["evaluate", *arguments, "--output", str(tmp_path / "plain")]) == 0
    plain = json.loads((tmp_path / "plain" / "evaluation.json").read_text())
    capsys.readouterr()
    assert main(["stress", *arguments, "--kinds", "narrowing, larger", "--output", str(folder)]) == 0
    printed = capsys.readouterr().out
    assert {path.name for path in folder.iterdir()} == {".lumbarseg", "stress.csv", "stress.md", "stress.png"}
    rows = list(csv.DictReader((folder / "stress.csv").read_text().splitlines()))
    assert len(rows) == (6 + 5) * (len(ANATOMIES) + 1)
    undisturbed = {row["class"]: row for row in rows if row["kind"] == "narrowing" and row["level"] == "0"}
    assert float(undisturbed.pop("mean")["dice"]) == pytest.approx(plain["mean_dice"], abs=1e-4)
    for key, row in undisturbed.items():
        assert float(row["dice"]) == pytest.approx(plain["dice"][key], abs=1e-4)
    sac_mm2 = np.count_nonzero(read_pixels(data, "labels", "b") == 1) * SPACING_MM**2
    areas = [float(row["median_sac_area_mm2"]) for row in rows if row["class"] == "mean"]
    assert areas[0] == areas[6] == pytest.approx(sac_mm2, abs=0.06)
    assert areas[:6] == sorted(areas[:6], reverse=True)
    assert areas[10] == pytest.approx(1.5**2 * sac_mm2, abs=0.06)
    page = (folder / "stress.md").read_text(encoding="utf-8")
    assert "](stress.png)" in page
    assert f"mean DSC of the classes {plain['mean_dice']:.4f}" in page
    assert "narrowing of the canal" in page
    assert "narrowing of the canal" in printed
    pixels = np.asarray(Image.open(folder / "stress.png").convert("RGB")).astype(int)
    assert (pixels[..., 2] - pixels[..., 0] > 80).mean() > 0.0005  # the blue curve of the sac


def test_an_assumed_pixel_size_is_told(data, tmp_path):
    write_index(data, dict.fromkeys(NAMES, ""))
    options = [
        "--data",
        str(data),
        "--device",
        "cpu",
        "--quiet",
        "--kinds",
        "darker",
        "--output",
        str(tmp_path / "out"),
    ]
    assert main(["stress", *options]) == 0
    assert "median_sac_area_px" in (tmp_path / "out" / "stress.csv").read_text()
    assert "state no pixel size" in (tmp_path / "out" / "stress.md").read_text()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--kinds", "narrowing,earthquake"], "earthquake"),
        (["--kinds", ""], "rotation, larger"),
        (["--fold", "7"], "Fold must be in [0, 1]"),
        (["--spacing-mm", "99"], "--spacing-mm"),
        (["--weights", "nowhere.safetensors"], "nowhere.safetensors"),
    ],
)
def test_what_cannot_be_used_is_refused(data, tmp_path, capsys, options, words):
    assert main(["stress", "--data", str(data), "--device", "cpu", "--output", str(tmp_path / "out"), *options]) == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "error:" in line]
    assert words in line
    assert not (tmp_path / "out").exists()


def test_an_earlier_result_stays(data, tmp_path, capsys):
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "mine.txt").write_text("mine")
    assert main(["stress", "--data", str(data), "--output", str(folder), "--overwrite"]) == 2
    assert "did not write" in capsys.readouterr().err
    assert [path.name for path in folder.iterdir()] == ["mine.txt"]


def test_evaluate_tells_the_small_sacs_apart(data, tmp_path, capsys):
    folder = tmp_path / "figures"
    options = ["--data", str(data), "--fold", "1", "--device", "cpu", "--quiet", "--output", str(folder)]
    assert main(["evaluate", *options]) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "smallest fifth of the sacs" in line]
    areas = [np.count_nonzero(read_pixels(data, "labels", name) == 1) * SPACING_MM**2 for name in NAMES]
    tree = json.loads((folder / "evaluation.json").read_text())
    small, rest = tree["small_sacs"]["small"], tree["small_sacs"]["rest"]
    assert (small["dice"]["num_slices"], rest["dice"]["num_slices"]) == (1, 5)
    assert small["largest_area"] == min(areas)
    assert rest["largest_area"] == max(areas)
    dice = {row["slice"]: row for row in csv.DictReader((folder / "dice_per_slice.csv").read_text().splitlines())}
    smallest = float(dice[NAMES[int(np.argmin(areas))]]["dural_sac"])
    assert small["dice"]["value"] == pytest.approx(smallest, abs=1e-4)
    mean = tree["dice"]["dural_sac"]
    assert (small["dice"]["value"] + 5 * rest["dice"]["value"]) / 6 == pytest.approx(mean)
    assert f"DSC {smallest:.4f}" in line
    page = (folder / "evaluation.md").read_text(encoding="utf-8")
    assert "## Small sacs" in page
    assert f"| Smallest fifth | 1 | {min(areas):.0f} to {min(areas):.0f} | {smallest:.4f} |" in page
