"""Small folders of labeled phantom slices, damage to their files, and whether `check-data` finds it."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

from LumbarSegLib.cli import main
from LumbarSegLib.phantom.slices import make_phantom_slice

Change = Callable[[np.ndarray], np.ndarray]
Damage = Callable[[Path], object]


class Fault(NamedTuple):
    """Damage to a clean folder, and the finding that names it: its first slice (or none) and some of its words."""

    damage: Damage
    severity: str
    check: str
    name: str
    words: str


def write_labeled_folder(folder: Path, names: Sequence[str], size: int, spacing_mm: float) -> Path:
    """Write one square phantom slice per name, two folds that validate half of them each, and the pixel sizes."""
    for part in ("images", "labels"):
        (folder / part).mkdir(parents=True)
    for n, name in enumerate(names):
        phantom = make_phantom_slice(np.random.default_rng(n), shape_ji=(size, size), spacing_mm=spacing_mm)
        write_pixels(folder, "images", name, (phantom.image / phantom.image.max() * 255).astype(np.uint8))
        write_pixels(folder, "labels", name, phantom.label_map)
    write_splits(folder, *two_folds(names))
    write_index(folder, dict.fromkeys(names, spacing_mm))
    return folder


def two_folds(names: Sequence[str]) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    first, second = list(names[: len(names) // 2]), list(names[len(names) // 2 :])
    return {"train": first, "val": second}, {"train": second, "val": first}


def read_pixels(folder: Path, part: str, name: str) -> np.ndarray:
    return np.asarray(Image.open(folder / part / f"{name}.png")).copy()


def write_pixels(folder: Path, part: str, name: str, pixels: np.ndarray) -> None:
    Image.fromarray(pixels).save(folder / part / f"{name}.png")


def write_splits(folder: Path, *folds: Mapping[str, Sequence[str]]) -> None:
    (folder / "splits.json").write_text(json.dumps({"folds": folds}))


def write_index(folder: Path, spacings_mm: Mapping[str, float | str]) -> None:
    rows = "".join(f"{name},{spacing}\n" for name, spacing in spacings_mm.items())
    (folder / "index.csv").write_text("id,spacing_mm\n" + rows)


def rewrite(part: str, name: str, change: Change) -> Damage:
    """Return the damage that puts changed pixels in place of a file's."""
    return lambda folder: write_pixels(folder, part, name, change(read_pixels(folder, part, name)))


def fill(rows: slice, columns: slice, index: int) -> Change:
    """Return the change that gives a rectangle one label."""

    def change(label_map: np.ndarray) -> np.ndarray:
        label_map[rows, columns] = index
        return label_map

    return change


def erase(index: int, columns: slice = slice(None)) -> Change:
    """Return the change that takes a label away."""

    def change(label_map: np.ndarray) -> np.ndarray:
        part = label_map[:, columns]
        part[part == index] = 0
        return label_map

    return change


def check_planted(fault: Fault, folder: Path, output: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Damage a folder and see that the fault is found once, in the table and on the terminal; errors refuse it."""
    fault.damage(folder)
    code = main(["check-data", str(folder), "--output", str(output)])
    printed = capsys.readouterr()
    rows = list(csv.DictReader((output / "check.csv").read_text().splitlines()))
    (found,) = [row for row in rows if fault.words in row["reason"]]
    assert (found["severity"], found["check"]) == (fault.severity, fault.check)
    assert found["slices"].split()[:1] == ([fault.name] if fault.name else [])
    assert found["reason"] in printed.out
    if fault.severity == "error":
        assert code == 2
        (line,) = [line for line in printed.err.splitlines() if "error:" in line]
        assert fault.words in line
    else:
        assert code == 0
        assert not [row for row in rows if row["severity"] == "error"]
