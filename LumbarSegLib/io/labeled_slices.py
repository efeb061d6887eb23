"""Labeled 2-D slices in a folder, for training and evaluation.

Layout of DIR::

    images/ID.png   8- or 16-bit gray, radiological reading order
    labels/ID.png   0-7 as in `LumbarSegLib.anatomy`, 8 = vertebral body, 255 = not labeled
    splits.json     {"folds": [{"train": [ID, ...], "val": [ID, ...]}, ...]}
    index.csv       optional; column `id`, and as far as known `spacing_mm` (the pixel
                    size of every slice) and `plane` (what a slice cuts, such as disc)
"""

from __future__ import annotations

import csv
import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from LumbarSegLib.anatomy import IGNORE_INDEX, VERTEBRAL_BODY_INDEX
from LumbarSegLib.errors import InputError

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class LabeledSlice:
    """One slice with its outlines.

    Parameters
    ----------
    name : str
        The id: the file's stem.
    image : (J, I) ndarray of float32
        Signal.
    label_map : (J, I) ndarray of uint8
        Class indices, `VERTEBRAL_BODY_INDEX` or `IGNORE_INDEX`.
    spacing_mm : float
        Pixel size in mm, the same for rows and columns.
    plane : str
        What the slice cuts, such as "disc", "endplate" or "body"; empty if not known.
    """

    name: str
    image: NDArray[np.float32]
    label_map: NDArray[np.uint8]
    spacing_mm: float
    plane: str = ""


@dataclass(frozen=True)
class Fold:
    """Ids of one fold of `splits.json`, as the file states them.

    Parameters
    ----------
    train, validation : tuple of str
        Ids to train on, and ids held back.
    """

    train: tuple[str, ...]
    validation: tuple[str, ...]


@dataclass(frozen=True)
class IndexEntry:
    """What `index.csv` says of one slice.

    Parameters
    ----------
    spacing_mm : float or None
        Pixel size in mm; None if not stated.
    plane : str
        See `LabeledSlice`; empty if not stated.
    """

    spacing_mm: float | None
    plane: str


def list_files(directory: Path) -> dict[str, frozenset[str]]:
    """Return the stems of the PNG files in images/ and in labels/, by the name of the folder.

    Raises
    ------
    InputError
        If a folder is missing.
    """
    stems = {}
    for part in ("images", "labels"):
        if not (directory / part).is_dir():
            raise InputError(f"{directory} has no folder {part}/.", "Lay the data out as images/ID.png, labels/ID.png.")
        stems[part] = frozenset(file.stem for file in (directory / part).glob("*.png"))
    return stems


def list_slices(directory: Path) -> tuple[str, ...]:
    """Return the ids of all labeled slices of `directory`, sorted.

    Raises
    ------
    InputError
        If a folder is missing or empty, or images and labels do not match.
    """
    names = list_files(directory)
    unpaired = sorted(names["images"] ^ names["labels"])
    if unpaired:
        raise InputError(
            f"{directory}: {len(unpaired)} slices lack an image or a label map, such as {unpaired[0]}.",
            "Give every images/ID.png a labels/ID.png.",
        )
    if not names["images"]:
        raise InputError(f"{directory}/images holds no PNG files.", "Put the slices there as ID.png.")
    return tuple(sorted(names["images"]))


def read_folds(directory: Path) -> tuple[Fold, ...]:
    """Return all folds of `splits.json` as they stand there.

    Raises
    ------
    InputError
        If the file is missing or malformed.
    """
    path = directory / "splits.json"
    try:
        folds = json.loads(path.read_text(encoding="utf-8"))["folds"]
        return tuple(Fold(tuple(map(str, each["train"])), tuple(map(str, each["val"]))) for each in folds)
    except FileNotFoundError as error:
        raise InputError(f"{directory} has no splits.json.", "Write one, or use --fold all.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path} is malformed ({error}).", 'Write {"folds": [{"train": [...], "val": [...]}, ...]}.'
        ) from error


def read_fold(directory: Path, fold: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the training and validation ids of one fold of `splits.json`.

    Raises
    ------
    InputError
        If the file is missing or malformed, the fold does not exist, an id has
        no image, or an id is in both parts.
    """
    path = directory / "splits.json"
    folds = read_folds(directory)
    if not 0 <= fold < len(folds):
        raise InputError(f"Fold must be in [0, {len(folds) - 1}], got {fold}.", f"See the folds of {path}.")
    train, validation = folds[fold].train, folds[fold].validation
    unknown = sorted((set(train) | set(validation)) - set(list_slices(directory)))
    if unknown:
        raise InputError(f"{path} names {unknown[0]}, which has no image.", "Repair splits.json.")
    shared = sorted(set(train) & set(validation))
    if shared:
        raise InputError(f"{path} has {shared[0]} in both parts of fold {fold}.", "Repair splits.json.")
    return train, validation


def read_slices(directory: Path, names: Iterable[str], nominal_spacing_mm: float) -> list[LabeledSlice]:
    """Read labeled slices.

    Parameters
    ----------
    directory : Path
        See the module's layout.
    names : iterable of str
        Ids.
    nominal_spacing_mm : float
        Pixel size in mm where there is no `index.csv` or it has no `spacing_mm`.

    Returns
    -------
    list of LabeledSlice

    Raises
    ------
    InputError
        If a file cannot be read, sizes differ, a label value is unknown, or
        only some slices have a pixel size.
    """
    names = list(names)
    index = read_index(directory)
    spacings = {name: entry.spacing_mm for name, entry in index.items() if entry.spacing_mm is not None}
    without = [name for name in names if name not in spacings]
    if spacings and without:
        raise InputError(
            f"{directory / 'index.csv'} has no spacing_mm for {len(without)} slices, such as {without[0]}.",
            "Give the pixel size of every slice, with ids spelled as in the file names.",
        )
    if without:
        logger.warning("%s states no pixel size: %g mm is taken.", directory, nominal_spacing_mm)
    return [
        read_slice(directory, name, spacings.get(name, nominal_spacing_mm), index[name].plane if name in index else "")
        for name in names
    ]


def read_index(directory: Path) -> dict[str, IndexEntry]:
    """Return what `index.csv` says, by id; nothing if there is no such file.

    Raises
    ------
    InputError
        If the file is malformed or a pixel size is not positive.
    """
    path = directory / "index.csv"
    if not path.is_file():
        return {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:  # Excel begins with a byte order mark
            rows = list(csv.DictReader(file, restval=""))
        index = {
            row["id"]: IndexEntry(float(row["spacing_mm"]) if row.get("spacing_mm") else None, row.get("plane") or "")
            for row in rows
        }
    except KeyError as error:
        raise InputError(f"{path} has no column id.", "Give it columns id and spacing_mm (mm).") from error
    except (ValueError, csv.Error) as error:
        raise InputError(f"{path} is malformed ({error}).", "Give it columns id and spacing_mm (mm).") from error
    if any(entry.spacing_mm is not None and not entry.spacing_mm > 0 for entry in index.values()):
        raise InputError(f"{path} has a spacing_mm that is not positive.", "Write the pixel size in mm.")
    return index


def read_slice(directory: Path, name: str, spacing_mm: float, plane: str = "") -> LabeledSlice:
    """Read one labeled slice whose pixel size (mm) and plane are known.

    Raises
    ------
    InputError
        If a file cannot be read, sizes differ or a label value is unknown.
    """
    image = _read_png(directory / "images" / f"{name}.png").astype(np.float32)
    path = directory / "labels" / f"{name}.png"
    label_map = _read_png(path).astype(np.int64)
    if image.shape != label_map.shape:
        raise InputError(f"{path} is {label_map.shape}, its image {image.shape}.", "Draw labels on the image's grid.")
    strange = set(np.unique(label_map).tolist()) - {*range(VERTEBRAL_BODY_INDEX + 1), IGNORE_INDEX}
    if strange:
        raise InputError(
            f"{path} holds label values {sorted(strange)}.",
            f"Use 0-{VERTEBRAL_BODY_INDEX}, or {IGNORE_INDEX} for unlabeled.",
        )
    return LabeledSlice(name, image, label_map.astype(np.uint8), spacing_mm, plane)


def _read_png(path: Path) -> NDArray[np.generic]:
    try:
        with Image.open(path) as picture:
            pixels = np.asarray(picture)
    except (OSError, SyntaxError, ValueError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise InputError(f"{path} cannot be read ({error}).", "Save it again as a gray PNG.") from error
    if pixels.ndim != 2:
        raise InputError(f"{path} is not a gray picture (shape {pixels.shape}).", "Save it again as a gray PNG.")
    return pixels
