"""`lumbarseg check-data`: what it writes and refuses; faults of files, folds and index."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from labeled_folder import (
    Damage,
    Fault,
    check_planted,
    fill,
    read_pixels,
    rewrite,
    two_folds,
    write_index,
    write_labeled_folder,
    write_splits,
)

from LumbarSegLib.anatomy import ANATOMIES, BY_KEY
from LumbarSegLib.cli import main

SIZE, SPACING_MM = 128, 1.5
NAMES = [f"{n:03d}" for n in range(12)]
FOLDS = two_folds(NAMES)
SIZES = dict.fromkeys(NAMES, SPACING_MM)
SAC = BY_KEY["dural_sac"].index


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_labeled_folder(tmp_path_factory.mktemp("clean") / "data", NAMES, SIZE, SPACING_MM)


@pytest.fixture
def data(clean: Path, tmp_path: Path) -> Path:
    return shutil.copytree(clean, tmp_path / "data")


#: What is done to the clean folder; severity, check, first slice (or none) and words of the finding.
FAULTS: dict[str, tuple[Damage, str, str, str, str]] = {
    "no label map": (
        lambda folder: (folder / "labels" / "003.png").unlink(),
        *("error", "unpaired file", "003", "images/003.png has no label map"),
    ),
    "no image": (
        lambda folder: (folder / "images" / "003.png").unlink(),
        *("error", "unpaired file", "003", "labels/003.png has no image"),
    ),
    "no picture": (
        lambda folder: (folder / "images" / "003.png").write_bytes(b"PNG"),
        *("error", "unusable file", "003", "images/003.png cannot be read"),
    ),
    "truncated": (
        lambda folder: (folder / "labels" / "003.png").write_bytes((folder / "labels" / "003.png").read_bytes()[:150]),
        *("error", "unusable file", "003", "labels/003.png cannot be read"),
    ),
    "size": (
        rewrite("labels", "003", lambda pixels: pixels[1:]),
        *("error", "unusable file", "003", "labels/003.png is (127, 128)"),
    ),
    "label value": (
        rewrite("labels", "003", fill(slice(3), slice(3), 77)),
        *("error", "unusable file", "003", "label values [77]"),
    ),
    "color": (
        rewrite("images", "003", lambda pixels: np.stack([pixels] * 3, axis=-1)),
        *("error", "unusable file", "003", "images/003.png is not a gray picture"),
    ),
    "other format": (
        lambda folder: (folder / "images" / "012.jpg").write_bytes(b""),
        *("warning", "ignored file", "", "012.jpg is not read"),
    ),
    "no splits": (lambda folder: (folder / "splits.json").unlink(), "note", "splits", "", "no splits.json"),
    "malformed splits": (
        lambda folder: (folder / "splits.json").write_text('{"folds": [{}]}'),
        *("error", "splits", "", "splits.json is malformed"),
    ),
    "no folds": (write_splits, "error", "splits", "", "has no folds"),
    "empty part": (
        lambda folder: write_splits(folder, {"train": NAMES, "val": []}),
        *("error", "splits", "", "validation part of fold 0 in splits.json is empty"),
    ),
    "both parts": (
        lambda folder: write_splits(folder, {"train": NAMES[:7], "val": NAMES[6:]}, FOLDS[1]),
        *("error", "splits", "006", "006 is in both parts of fold 0"),
    ),
    "no such id": (
        lambda folder: write_splits(folder, {"train": [*NAMES[:6], "999"], "val": NAMES[6:]}, FOLDS[1]),
        *("error", "splits", "999", "999 is named in fold 0, but not there"),
    ),
    "named twice": (
        lambda folder: write_splits(folder, {"train": [*NAMES[:6], "003"], "val": NAMES[6:]}, FOLDS[1]),
        *("warning", "splits", "003", "003 is named several times in the training part of fold 0"),
    ),
    "in no fold": (
        lambda folder: write_splits(folder, {"train": NAMES[:6], "val": NAMES[6:11]}),
        *("warning", "splits", "011", "011 is in no fold"),
    ),
    "never validated": (
        lambda folder: write_splits(
            folder, {"train": NAMES[:6], "val": NAMES[6:]}, {"train": NAMES[5:], "val": NAMES[:5]}
        ),
        *("warning", "splits", "005", "005 is in no validation part"),
    ),
    "validated twice": (
        lambda folder: write_splits(folder, FOLDS[0], {"train": NAMES[7:], "val": NAMES[:7]}),
        *("warning", "splits", "006", "006 is in the validation parts of several folds"),
    ),
    "left out of a fold": (
        lambda folder: write_splits(folder, FOLDS[0], {"train": NAMES[7:], "val": NAMES[:6]}),
        *("note", "splits", "006", "006 is in neither part of fold 1"),
    ),
    "no pixel size": (
        lambda folder: (folder / "index.csv").unlink(),
        *("note", "index", "", "areas are given in pixels"),
    ),
    "pixel size of some": (
        lambda folder: write_index(folder, SIZES | {"003": ""}),
        *("error", "index", "003", "no spacing_mm for 003"),
    ),
    "malformed pixel size": (
        lambda folder: write_index(folder, SIZES | {"003": "wide"}),
        *("error", "index", "", "index.csv is malformed"),
    ),
    "index in another encoding": (
        lambda folder: (folder / "index.csv").write_bytes("id,spacing_mm,ä\n".encode("latin-1")),
        *("error", "index", "", "index.csv is malformed"),
    ),
    "index without ids": (
        lambda folder: (folder / "index.csv").write_text("name,spacing_mm\n003,1.5\n"),
        *("error", "index", "", "has no column id"),
    ),
    "pixel size in cm": (
        lambda folder: write_index(folder, SIZES | {"003": 0.04}),
        *("warning", "index", "003", "pixels of 0.04 mm"),
    ),
    "stranger": (
        lambda folder: write_index(folder, SIZES | {"3": SPACING_MM}),
        *("warning", "index", "3", "names 3, which is no slice"),
    ),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_planted_fault_is_found_and_named(data, tmp_path, capsys, fault):
    check_planted(Fault(*fault), data, tmp_path / "out", capsys)


def test_a_clean_folder_gives_nothing(data, tmp_path, capsys):
    output = tmp_path / "out"
    assert main(["check-data", str(data), "--output", str(output)]) == 0
    printed = capsys.readouterr().out
    assert "0 errors, 0 warnings, 0 notes" in printed
    assert "size 128 x 128 pixels; pixel size 1.5 mm" in printed
    assert (output / "check.csv").read_text().splitlines() == ["severity,check,slices,structure,weight,reason"]
    assert sorted(path.name for path in output.iterdir()) == [".lumbarseg", "check.csv", "check.json", "slices.csv"]
    content = json.loads((output / "check.json").read_text())
    assert content["num_slices"] == 12
    assert content["image_depths"] == ["8-bit"]
    assert content["label_values"] == list(range(8))
    assert {key: each["num_slices"] for key, each in content["classes"].items()} == {
        **{anatomy.key: 12 for anatomy in ANATOMIES},
        "vertebral_body": 0,
    }
    rows = list(csv.DictReader((output / "slices.csv").read_text().splitlines()))
    pixels = np.count_nonzero(read_pixels(data, "labels", "003") == SAC)
    assert float(rows[3]["dural_sac_area_mm2"]) == pytest.approx(pixels * SPACING_MM**2)


def test_sixteen_bits_are_reported(data, capsys):
    rewrite("images", "003", lambda pixels: pixels.astype(np.uint16) * 200)(data)
    assert main(["check-data", str(data)]) == 0
    assert "images 16-bit, 8-bit; label maps 8-bit" in capsys.readouterr().out


def test_all_bad_files_are_named_at_once(data, capsys):
    (data / "labels" / "003.png").unlink()
    (data / "images" / "005.png").write_bytes(b"PNG")
    assert main(["check-data", str(data), "--quiet"]) == 2
    printed = capsys.readouterr()
    assert "images/003.png" in printed.out
    assert "images/005.png" in printed.out
    assert "has 2 errors, the first" in printed.err


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: None, "is not a folder"),
        (lambda folder: folder.mkdir(), "no folder images/"),
        (lambda folder: [(folder / part).mkdir(parents=True) for part in ("images", "labels")], "no PNG files"),
    ],
    ids=["missing", "empty", "no pictures"],
)
def test_nothing_to_check_leaves_nothing(tmp_path, capsys, make, message):
    make(tmp_path / "data")
    assert main(["check-data", str(tmp_path / "data"), "--output", str(tmp_path / "out")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert not (tmp_path / "out").exists()


def test_an_earlier_result_is_kept(data, tmp_path, capsys):
    arguments = ["check-data", str(data), "--output", str(tmp_path / "out")]
    assert main(arguments) == 0
    assert main(arguments) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert main([*arguments, "--overwrite"]) == 0


def test_real_slices(shared_data_dir, tmp_path):
    """No slice stands twice and nothing is refused; 087 is known to have the front column drawn around the sac."""
    output = tmp_path / "out"
    assert main(["check-data", str(shared_data_dir / "axial_t2"), "--output", str(output), "--quiet"]) == 0
    content = json.loads((output / "check.json").read_text())
    assert content["num_slices"] == 134
    assert content["label_values"] == list(range(9))
    found = [(each["check"], each["slices"]) for each in content["findings"]]
    assert ("around the sac", ["087"]) in found
    assert sum(check == "around the sac" for check, _ in found) == 1
    assert not {check for check, _ in found} & {"duplicate", "near-duplicate", "copied outlines", "splits"}
    assert content["num_warnings"] < 30  # short enough to be looked at
