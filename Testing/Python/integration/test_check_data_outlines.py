"""`lumbarseg check-data`: suspicious images and outlines, and slices that stand twice."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from labeled_folder import (
    Change,
    Damage,
    Fault,
    check_planted,
    erase,
    fill,
    read_pixels,
    rewrite,
    write_labeled_folder,
    write_pixels,
)
from PIL import Image

from LumbarSegLib.anatomy import BY_KEY, VERTEBRAL_BODY_INDEX
from LumbarSegLib.cli import main

SIZE, SPACING_MM = 128, 1.5
NAMES = [f"{n:03d}" for n in range(12)]
SAC, PSOAS, MULTIFIDUS, DISC = (
    BY_KEY[key].index for key in ("dural_sac", "psoas", "multifidus", "intervertebral_disc")
)


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_labeled_folder(tmp_path_factory.mktemp("clean") / "data", NAMES, SIZE, SPACING_MM)


@pytest.fixture
def data(clean: Path, tmp_path: Path) -> Path:
    return shutil.copytree(clean, tmp_path / "data")


def _shrink(index: int) -> Change:
    """Leave a single row of a structure."""

    def change(label_map: np.ndarray) -> np.ndarray:
        rows = np.flatnonzero((label_map == index).any(axis=1))
        middle = rows[len(rows) // 2]
        outside = np.arange(len(label_map)) != middle
        label_map[(label_map == index) & outside[:, None]] = 0
        return label_map

    return change


def _around_sac(label_map: np.ndarray) -> np.ndarray:
    rows, columns = np.nonzero(label_map == SAC)
    box = label_map[rows.min() - 3 : rows.max() + 4, columns.min() - 3 : columns.max() + 4]
    box[box != SAC] = VERTEBRAL_BODY_INDEX
    return label_map


def _copy(source: str, target: str, change: Change) -> Damage:
    return lambda folder: write_pixels(folder, "images", target, change(read_pixels(folder, "images", source)))


def _dimmed(image: np.ndarray) -> np.ndarray:
    """Other contrast, noise and a shift of one pixel."""
    noise = np.random.default_rng(0).normal(0, 3, image.shape)
    return np.clip(np.roll(0.6 * image, 1, axis=1) + 10 + noise, 0, 255).astype(np.uint8)


def _save_as_palette(folder: Path) -> None:
    picture = Image.open(folder / "images" / "003.png")
    picture.load()
    picture.convert("P").save(folder / "images" / "003.png")


def _turn_upside_down(folder: Path) -> None:
    for part in ("images", "labels"):
        rewrite(part, "003", lambda pixels: pixels[::-1])(folder)


#: What is done to the clean folder; severity, check, first slice (or none) and words of the finding.
FAULTS: dict[str, tuple[Damage, str, str, str, str]] = {
    "blank": (
        rewrite("images", "003", lambda pixels: np.full_like(pixels, 7)),
        *("error", "blank image", "003", "images/003.png is blank"),
    ),
    "label map as image": (
        lambda folder: shutil.copy(folder / "labels" / "003.png", folder / "images" / "003.png"),
        *("warning", "few gray values", "003", "has only 8 gray values"),
    ),
    "palette": (_save_as_palette, "warning", "palette", "003", "images/003.png has a palette"),
    "nothing drawn": (
        rewrite("labels", "003", np.zeros_like),
        *("warning", "no outlines", "003", "holds no class"),
    ),
    "missing class": (
        rewrite("labels", "003", erase(SAC)),
        *("warning", "missing class", "003", "no dural_sac, which 11 of 12 slices have"),
    ),
    "one side": (
        rewrite("labels", "003", erase(MULTIFIDUS, slice(SIZE // 2, None))),
        *("warning", "one side", "003", "no multifidus on the patient's left"),
    ),
    "asymmetry": (
        rewrite("labels", "003", lambda pixels: np.hstack([pixels[:, :64], _shrink(PSOAS)(pixels[:, 64:])])),
        *("warning", "asymmetry", "003", "times as large on the right as on the left"),
    ),
    "small": (
        rewrite("labels", "003", _shrink(DISC)),
        *("warning", "area outlier", "003", "intervertebral_disc is small"),
    ),
    "large": (
        rewrite("labels", "003", fill(slice(2, 40), slice(2, 120), PSOAS)),
        *("warning", "area outlier", "003", "psoas is large"),
    ),
    "pieces": (
        rewrite("labels", "003", fill(slice(5, 15), slice(5, 15), DISC)),
        *("warning", "pieces", "003", "intervertebral_disc is in 2 pieces"),
    ),
    "speck": (
        rewrite("labels", "003", fill(slice(5, 6), slice(5, 7), DISC)),
        *("note", "specks", "003", "intervertebral_disc has 1 speck (2 pixels)"),
    ),
    "border": (
        rewrite("labels", "003", fill(slice(60, 62), slice(0, 2), PSOAS)),
        *("warning", "at the border", "003", "psoas touches the edge"),
    ),
    "around the sac": (
        rewrite("labels", "003", _around_sac),
        *("warning", "around the sac", "003", "around 100% of the sac"),
    ),
    "upside down": (
        lambda folder: [
            write_pixels(folder, part, "003", read_pixels(folder, part, "003")[::-1]) for part in ("images", "labels")
        ],
        *("warning", "upside down", "003", "wrong order"),
    ),
    "duplicate across folds": (
        _copy("002", "008", lambda image: image),
        *("error", "duplicate", "002", "002 and 008 have the same image. One is trained on and one held back"),
    ),
    "duplicate in one part": (_copy("002", "003", lambda image: image), "warning", "duplicate", "002", "002 and 003"),
    "near-duplicate across folds": (
        _copy("002", "008", _dimmed),
        *("warning", "near-duplicate", "002", "nearly the same image"),
    ),
    "mirrored across folds": (
        _copy("002", "008", lambda image: image[:, ::-1]),
        *("warning", "near-duplicate", "002", "one of them mirrored"),
    ),
    "near-duplicate in one part": (_copy("002", "003", _dimmed), "note", "near-duplicate", "002", "002 and 003"),
    "copied outlines": (
        lambda folder: shutil.copy(folder / "labels" / "002.png", folder / "labels" / "008.png"),
        *("warning", "copied outlines", "002", "002 and 008 have the same outlines"),
    ),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_planted_fault_is_found_and_named(data, tmp_path, capsys, fault):
    check_planted(Fault(*fault), data, tmp_path / "out", capsys)


def test_the_sheet_shows_the_worst_first(data, tmp_path):
    for name in ("005", "009"):  # one warning, and a second for 005
        rewrite("labels", name, fill(slice(60, 62), slice(0, 2), PSOAS))(data)
    rewrite("labels", "005", fill(slice(5, 15), slice(5, 15), DISC))(data)
    rewrite("labels", "003", _around_sac)(data)
    rewrite("labels", "003", erase(MULTIFIDUS, slice(SIZE // 2, None)))(data)
    output = tmp_path / "out"
    assert main(["check-data", str(data), "--output", str(output)]) == 0
    sheet = np.asarray(Image.open(output / "worst.png").convert("RGB")).min(axis=-1)
    assert sheet.shape[1] == 3 * (360 + 12) + 12
    for place, name in enumerate(("003", "005", "009")):
        left = 12 + place * (360 + 12)
        tile = Image.fromarray(sheet[-500:, left : left + 360])
        image = Image.fromarray(read_pixels(data, "images", name)).resize((360, 360))
        found = max(
            np.corrcoef(np.asarray(tile)[top : top + 360].ravel(), np.asarray(image).ravel())[0, 1]
            for top in range(0, 141, 2)
        )
        assert found > 0.9, (name, found)
