"""Add labeled slices to a folder of the layout of `labeled_slices`."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from LumbarSegLib.errors import InputError
from LumbarSegLib.io.file_errors import writing
from LumbarSegLib.io.labeled_slices import LabeledSlice, read_index

_MAX_SIGNAL = np.iinfo(np.uint16).max


def add_slices(directory: Path, slices: Sequence[LabeledSlice]) -> None:
    """Write slices as 16-bit PNG files and their pixel sizes into `index.csv`.

    All are written or none.

    Parameters
    ----------
    directory : Path
        Made if missing; slices that it holds stay.
    slices : sequence of LabeledSlice
        Signal in whole numbers from 0 to 65535 (see `to_16_bit`), in
        radiological reading order.

    Raises
    ------
    InputError
        If the folder cannot be made, its index is malformed, or it holds a
        slice of the same name.
    """
    folders = {part: directory / part for part in ("images", "labels")}
    try:
        for folder in folders.values():
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{directory} cannot be made ({error.strerror}).", "Name another folder.") from error
    known = set(read_index(directory))
    for each in slices:
        files = [folder / f"{each.name}.png" for folder in folders.values()]
        if each.name in known or any(file.exists() for file in files):
            raise InputError(f"{directory} holds a slice {each.name}.", "Choose another --name.")
    with ExitStack() as undo:
        for each in slices:
            pixels: dict[str, NDArray[np.uint16 | np.uint8]] = {
                "images": each.image.astype(np.uint16),
                "labels": each.label_map,
            }
            for part, folder in folders.items():
                path = folder / f"{each.name}.png"
                undo.callback(path.unlink, missing_ok=True)
                with writing(path):
                    Image.fromarray(pixels[part]).save(path)
        _add_to_index(directory / "index.csv", slices)
        undo.pop_all()  # all went well: nothing to undo


def to_16_bit(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Bring the signal of a volume (any shape) to whole numbers from 0 to 65535.

    Whole numbers in that range stay what they are; others are stretched
    linearly, which the normalization of training undoes.
    """
    if image.min() >= 0 and image.max() <= _MAX_SIGNAL and (image == np.round(image)).all():
        return image
    low, high = float(image.min()), float(image.max())
    stretched = (image.astype(np.float64) - low) * (_MAX_SIGNAL / (high - low))
    result: NDArray[np.float32] = np.round(stretched).astype(np.float32)
    return result


def _add_to_index(path: Path, slices: Sequence[LabeledSlice]) -> None:
    """Append rows, leaving those that are there as they are; the columns are those of the file."""
    before = path.read_text(encoding="utf-8-sig") if path.is_file() else ""
    columns = next(csv.reader(io.StringIO(before)), None) or ["id", "spacing_mm"]
    if "spacing_mm" not in columns:
        raise InputError(f"{path} has no column spacing_mm.", "Add it, in mm, for every slice.")
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    if not before.strip():
        writer.writeheader()
    elif not before.endswith("\n"):
        text.write("\n")
    writer.writerows({"id": each.name, "spacing_mm": f"{each.spacing_mm:.6g}"} for each in slices)
    temporary = path.with_name(f".{path.name}.partial")
    try:
        with writing(path):
            temporary.write_text(before + text.getvalue(), encoding="utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
