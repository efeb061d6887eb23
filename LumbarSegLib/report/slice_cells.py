"""Where a slice comes from and lies, as cells of a table and as parts of a tree (JSON)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from LumbarSegLib.io.study import Block
from LumbarSegLib.measurement import SliceMeasurement
from LumbarSegLib.report.figures import rounded, rounded_figure
from LumbarSegLib.report.provenance import Provenance

if TYPE_CHECKING:
    from LumbarSegLib.report.tables import Cell

_NO_FILE = "the slice was not read from a file"
_NO_ORIENTATION = "the file does not state the patient's orientation"
_NO_THICKNESS = "the file does not state the slice thickness"
_NO_DISTANCE = "the file does not state the distance of its slices"
_NO_NEIGHBOR = "a single slice has no neighbor"


def image_file(block: Block, measurement: SliceMeasurement) -> dict[str, Cell]:
    """Return the file that the slice was read from."""
    return {"image_file": block.slice_sources[measurement.slice_index] if block.slice_sources else None}


def slice_position(block: Block, measurement: SliceMeasurement) -> dict[str, Cell]:
    """Return the center of the slice (RAS) and the size of its pixels, in mm."""
    position: Sequence[float | None] = rounded(measurement.center_ras_mm, "mm")
    if not block.orientation_known:
        position = (None, None, None)
    spacing = rounded(measurement.spacing_ji_mm, "mm")
    return {
        "position_r_mm": position[0],
        "position_a_mm": position[1],
        "position_s_mm": position[2],
        "spacing_j_mm": spacing[0],
        "spacing_i_mm": spacing[1],
    }


def tilt_from_axial(block: Block, measurement: SliceMeasurement) -> dict[str, Cell]:
    """Return the angle between the slice and the axial plane in degrees."""
    tilt = rounded_figure(measurement.axial_tilt_deg, "deg") if block.orientation_known else None
    return {"tilt_from_axial_deg": tilt}


def slice_lengths(block: Block) -> dict[str, Cell]:
    """Return thickness, distance and gap of the slices in mm."""
    lengths = {
        "slice_thickness_mm": block.slice_thickness_mm,
        "slice_distance_mm": block.slice_distance_mm,
        "slice_gap_mm": block.slice_gap_mm,
    }
    return {name: rounded_figure(length, "mm") for name, length in lengths.items()}


def absent_identity_and_geometry(block: Block, provenance: Provenance) -> dict[str, str]:
    """Return why cells of this module, or what names the weights, are empty."""
    absent = dict(provenance.absent_weights)
    if not block.slice_sources:
        absent["image_file"] = _NO_FILE
    if not block.orientation_known:
        absent |= {"position": _NO_ORIENTATION, "tilt_from_axial": _NO_ORIENTATION}
    if block.slice_thickness_mm is None:
        absent |= {"slice_thickness": _NO_THICKNESS, "slice_gap": _NO_THICKNESS}
    if block.slice_distance_mm is None:
        reason = _NO_DISTANCE if len(block.image) > 1 else _NO_NEIGHBOR
        absent |= {"slice_distance": reason, "slice_gap": reason}
    return absent
