"""`lumbarseg evaluate --output` with the default weights on phantom slices."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from LumbarSegLib.anatomy import ANATOMIES
from LumbarSegLib.cli import main
from LumbarSegLib.phantom.slices import make_phantom_slice

SPACING_MM = 1.25
NAMES = ("one", "two", "three")

FILES = {
    "evaluation.json",
    "evaluation.md",
    "dice_per_slice.csv",
    "surface_per_slice.csv",
    "areas_per_slice.csv",
    "side_areas_per_slice.csv",
    "area_agreement.csv",
    "calibration.csv",
    "agreement.png",
    "reliability.png",
}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Three phantom slices in the layout of labeled data."""
    folder = tmp_path / "data"
    for part in ("images", "labels"):
        (folder / part).mkdir(parents=True)
    for seed, name in enumerate(NAMES):
        phantom = make_phantom_slice(np.random.default_rng(seed), shape_ji=(160, 160), spacing_mm=SPACING_MM)
        gray = (phantom.image / phantom.image.max() * 255).astype(np.uint8)
        Image.fromarray(gray).save(folder / "images" / f"{name}.png")
        Image.fromarray(phantom.label_map).save(folder / "labels" / f"{name}.png")
    (folder / "index.csv").write_text("id,spacing_mm\n" + "".join(f"{name},{SPACING_MM}\n" for name in NAMES))
    (folder / "splits.json").write_text(json.dumps({"folds": [{"train": [], "val": list(NAMES)}]}))
    return folder


def evaluate(data: Path, *options: str) -> Path:
    folder = data.parent / "figures"
    assert main(["evaluate", "--data", str(data), "--device", "cpu", "--output", str(folder), *options]) == 0
    return folder


def rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


def test_all_is_written_and_agrees(data, capsys):
    assert main(["evaluate", "--data", str(data), "--device", "cpu"]) == 0
    alone = capsys.readouterr().out
    folder = evaluate(data)
    printed = capsys.readouterr().out
    assert printed == alone
    assert {path.name for path in folder.iterdir() if path.is_file()} - {".lumbarseg"} == FILES
    assert len(list((folder / "failures").glob("*.png"))) == len(NAMES)
    tree = json.loads((folder / "evaluation.json").read_text())
    assert tree["spacing_source"] == "index.csv"
    assert tree["units"]["area"] == "mm2"
    assert f"mean of the classes    {tree['mean_dice']:.4f}" in printed
    interval = tree["mean_dice_interval"]
    assert interval["value"] == pytest.approx(tree["mean_dice"])
    assert interval["low"] <= interval["value"] <= interval["high"]
    areas = {(row["slice"], row["class"]): row for row in rows(folder / "areas_per_slice.csv")}
    for name in NAMES:
        label_map = np.asarray(Image.open(data / "labels" / f"{name}.png"))
        for anatomy in ANATOMIES:
            expected = np.count_nonzero(label_map == anatomy.index) * SPACING_MM**2
            row = areas[name, anatomy.key]
            assert float(row["reference_mm2"]) == pytest.approx(expected)
            # The outline taken at one half lies between those at 0.95 and 0.05.
            assert float(row["interval_low_mm2"]) <= float(row["predicted_mm2"]) <= float(row["interval_high_mm2"])
    psoas = tree["areas"]["psoas"]
    assert psoas["num_pairs"] == 3
    assert abs(psoas["bias"]["value"]) <= psoas["mean_absolute_error"]["value"] < 0.25 * psoas["mean_reference"]
    assert tree["surface"]["psoas"]["surface_dice"]["value"] > 0.3
    assert 0 <= tree["calibration"]["psoas"]["expected_calibration_error"] < 0.3


@pytest.mark.parametrize(
    ("options", "source", "unit"), [((), "assumed", "px"), (("--spacing-mm", "1.25"), "--spacing-mm", "mm")]
)
def test_who_states_the_pixel_size(data, options, source, unit):
    (data / "index.csv").unlink()
    folder = evaluate(data, *options)
    tree = json.loads((folder / "evaluation.json").read_text())
    assert tree["spacing_source"] == source
    assert tree["units"]["length"] == unit
    assert f"psoas_hausdorff_95_{unit}" in rows(folder / "surface_per_slice.csv")[0]
    assert ("state no pixel size" in (folder / "evaluation.md").read_text()) == (unit == "px")
