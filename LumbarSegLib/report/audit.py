"""What has become of outlines since a network made them: both values of every figure, and the pixels changed.

Blocks and slices count from 1. Numbers are rounded as in the other tables.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from LumbarSegLib import geometry
from LumbarSegLib.anatomy import ANATOMIES
from LumbarSegLib.evaluation.overlap import compute_overlap
from LumbarSegLib.io.study import Block
from LumbarSegLib.measurement import Measure, SliceMeasurement
from LumbarSegLib.report.figures import rounded_value
from LumbarSegLib.report.tables import Cell, write_csv

AUDIT_FILE = "audit.csv"
CHANGED_PIXELS_FILE = "changed_pixels.csv"

#: Of differences and of the Dice coefficient: those of the most exact figures beside them.
_DECIMALS = 4
_AREA_DECIMALS = 2

_IN_NEITHER = "the anatomy is in neither"


@dataclass(frozen=True)
class OutlineFile:
    """A file of outlines, so that it can be found again.

    Parameters
    ----------
    name : str
        Its path, as far as it is known.
    sha256 : str
        Of its content.
    """

    name: str
    sha256: str


@dataclass(frozen=True)
class AuditedBlock:
    """A block with its outlines as they are now and as they were.

    Parameters
    ----------
    block : Block
        Image and geometry.
    label_map, original : (K, J, I) ndarray of uint8
        The outlines now, and those of the network.
    measurements, original_measurements : sequence of SliceMeasurement
        Of either, measured the same way.
    file, original_file : OutlineFile
        Where either came from.
    """

    block: Block
    label_map: NDArray[np.uint8]
    original: NDArray[np.uint8]
    measurements: Sequence[SliceMeasurement]
    original_measurements: Sequence[SliceMeasurement]
    file: OutlineFile
    original_file: OutlineFile


@dataclass(frozen=True)
class Audit:
    """The outlines of a study beside those that a network made.

    Parameters
    ----------
    blocks : sequence of AuditedBlock
        All that were measured.
    weights_name, weights_sha256 : str
        The network; empty where it is not known.
    made_at : datetime
        With its time zone.
    """

    blocks: Sequence[AuditedBlock]
    weights_name: str
    weights_sha256: str
    made_at: datetime

    @property
    def num_changed_slices(self) -> int:
        """Slices with a changed pixel."""
        return sum(int((each.label_map != each.original).any(axis=(1, 2)).sum()) for each in self.blocks)

    @property
    def num_changed_pixels(self) -> int:
        """Pixels whose label is another one now."""
        return sum(int(np.count_nonzero(each.label_map != each.original)) for each in self.blocks)

    def rows(self) -> list[dict[str, Cell]]:
        """Return a row per slice and measure: both values and their difference; None where there is none."""
        return [
            {"block": number, "slice": slice_number, "measure": measure.key, **_both_values(measure, original)}
            for number, each in enumerate(self.blocks, start=1)
            for slice_number, measure, original in _pairs(each)
        ]

    def changed_pixel_rows(self) -> list[dict[str, Cell]]:
        """Return a row per slice and anatomy: pixels added and removed, and the Dice coefficient."""
        return [
            {"block": number, "slice": k + 1, "anatomy": key, **cells}
            for number, each in enumerate(self.blocks, start=1)
            for k in range(len(each.label_map))
            for key, cells in _changed_pixels(each, k).items()
        ]

    def tree(self) -> dict[str, object]:
        """Return the same for JSON, with what identifies the image, both outlines and the network."""
        return {
            "made_at": self.made_at.astimezone(timezone.utc).isoformat(timespec="seconds"),
            "original_weights": {"name": self.weights_name or None, "sha256": self.weights_sha256 or None},
            "changed_slices": self.num_changed_slices,
            "changed_pixels": self.num_changed_pixels,
            "blocks": [_block_tree(number, each) for number, each in enumerate(self.blocks, start=1)],
        }

    def write(self, folder: Path) -> None:
        """Write both tables."""
        write_csv(folder / AUDIT_FILE, self.rows())
        write_csv(folder / CHANGED_PIXELS_FILE, self.changed_pixel_rows())


def image_sha256(block: Block) -> str:
    """Return the SHA-256 of a block's signal: 32-bit floats, little-endian, slice by slice.

    Of the signal and not of files: a block may come from many, and the same
    image may be stored in several formats.
    """
    return hashlib.sha256(np.ascontiguousarray(block.image, dtype="<f4").tobytes()).hexdigest()


def _pairs(each: AuditedBlock) -> Iterator[tuple[int, Measure, Measure]]:
    """Yield the number of each slice with each measure of it, now and as it was."""
    for now, before in zip(each.measurements, each.original_measurements, strict=True):
        for measure in now.measures:
            yield now.slice_index + 1, measure, before[measure.key]


def _both_values(measure: Measure, original: Measure) -> dict[str, Cell]:
    value, model_value = rounded_value(measure), rounded_value(original)
    reasons = [
        f"{name}: {each.reason}" for name, each in (("value", measure), ("model_value", original)) if each.reason
    ]
    return {
        "unit": measure.unit,
        "value": value,
        "model_value": model_value,
        "difference": None if value is None or model_value is None else round(value - model_value, _DECIMALS),
        "absent": "; ".join(reasons),
    }


def _changed_pixels(each: AuditedBlock, k: int) -> dict[str, dict[str, Cell]]:
    """Return what was added to and removed from each anatomy in slice `k`, by its key."""
    now, before = each.label_map[k], each.original[k]
    pixel_area_mm2 = geometry.pixel_area_mm2(each.block.affine_ijk_to_ras)
    overlap = compute_overlap("", now, before)
    changed: dict[str, dict[str, Cell]] = {}
    for anatomy in ANATOMIES:
        added = int(np.count_nonzero((now == anatomy.index) & (before != anatomy.index)))
        removed = int(np.count_nonzero((now != anatomy.index) & (before == anatomy.index)))
        dice = overlap.dice[anatomy.key]
        changed[anatomy.key] = {
            "pixels_added": added,
            "pixels_removed": removed,
            "added_mm2": round(added * pixel_area_mm2, _AREA_DECIMALS),
            "removed_mm2": round(removed * pixel_area_mm2, _AREA_DECIMALS),
            "dice": None if dice is None else round(dice, _DECIMALS),
            "absent": f"dice: {_IN_NEITHER}" if dice is None else "",
        }
    return changed


def _block_tree(number: int, each: AuditedBlock) -> dict[str, object]:
    measures: dict[int, dict[str, object]] = {}
    for slice_number, measure, original in _pairs(each):
        measures.setdefault(slice_number, {})[measure.key] = _both_values(measure, original)
    return {
        "block": number,
        "image_sha256": image_sha256(each.block),
        "outlines": {"file": each.file.name, "sha256": each.file.sha256},
        "original": {"file": each.original_file.name, "sha256": each.original_file.sha256},
        "slices": [
            {"slice": k + 1, "measures": measures[k + 1], "anatomies": _changed_pixels(each, k)}
            for k in range(len(each.label_map))
        ],
    }
