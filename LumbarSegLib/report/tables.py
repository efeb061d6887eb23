"""Measurements as a table (CSV, a row per slice) and as a tree (JSON).

Both hold the same numbers, rounded once: areas to 0.01 mm2 (a small fraction of
a pixel), lengths to 0.0001 mm, angles to 0.01 degrees, all else to six decimals.
Blocks and slices count from 1.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from LumbarSegLib.io.study import Block
from LumbarSegLib.measurement import Measure, Midline, SliceMeasurement
from LumbarSegLib.report.provenance import RESEARCH_USE_NOTICE, Provenance
from LumbarSegLib.report.text_files import open_text, write_json_file

#: Raised when a reader of the JSON file would have to change.
SCHEMA_VERSION = 1

Cell = str | int | float | None

_DECIMALS = {"mm2": 2, "mm": 4, "deg": 2}
_OTHER_DECIMALS = 6

_NO_FILE = "the slice was not read from a file"
_NO_ORIENTATION = "the file does not state the patient's orientation"
_NO_THICKNESS = "the file does not state the slice thickness"
_NO_DISTANCE = "the file does not state the distance of its slices"
_NO_NEIGHBOR = "a single slice has no neighbor"


def table_rows(
    blocks: Sequence[Block], measurements: Sequence[Sequence[SliceMeasurement]], provenance: Provenance
) -> list[dict[str, Cell]]:
    """Return one row per slice: identity, geometry, provenance, measures, and what is absent.

    Parameters
    ----------
    blocks : sequence of Block
        Of one study.
    measurements : sequence of sequences of SliceMeasurement
        One per block and slice, as `measure_block` gives them.
    provenance : Provenance
        Repeated in every row.

    Returns
    -------
    list of dict
        Column name (with the unit) to cell; None where there is no value, with
        the reason in the column ``absent``.
    """
    rows: list[dict[str, Cell]] = []
    for number, (block, slices) in enumerate(zip(blocks, measurements, strict=True), start=1):
        for measurement in slices:
            absent = _absent_identity_and_geometry(block) | {
                measure.key: measure.reason for measure in measurement.measures if measure.value is None
            }
            rows.append(
                {"series_uid": block.series_uid, "series_description": block.series_description}
                | _image_file(block, measurement)
                | {"block": number, "slice": measurement.slice_index + 1}
                | _position(block, measurement)
                | _slice_lengths(block)
                | _tilt(block, measurement)
                | asdict(provenance)
                | {measure.column: _measure_value(measure) for measure in measurement.measures}
                | {"absent": "; ".join(f"{key}: {reason}" for key, reason in absent.items())}
                | {"notes": "; ".join(measurement.notes)}
            )
    return rows


def write_csv(path: Path, rows: Sequence[dict[str, Cell]]) -> None:
    """Write `table_rows` as CSV (UTF-8, comma, point as decimal sign); an empty cell is a missing value.

    Raises
    ------
    ValueError
        There is no row.
    """
    if not rows:
        raise ValueError("rows must hold at least one slice.")
    with open_text(path) as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def write_json(
    path: Path, blocks: Sequence[Block], measurements: Sequence[Sequence[SliceMeasurement]], provenance: Provenance
) -> None:
    """Write the measurements as JSON, with the reasons for missing values and the midlines.

    Where the patient's orientation is not known, there are no midlines: their
    coordinates would mean nothing.

    Parameters
    ----------
    path : Path
        File to write.
    blocks, measurements, provenance
        As for `table_rows`.
    """
    content = {
        "schema_version": SCHEMA_VERSION,
        "notice": RESEARCH_USE_NOTICE,
        "units": {"mm2": "square millimeter", "mm": "millimeter", "deg": "degree"},
        "coordinates": "RAS: right, anterior and superior of the patient are positive",
        "provenance": asdict(provenance),
        "blocks": [
            {"block": number, "series_uid": block.series_uid, "series_description": block.series_description}
            | _slice_lengths(block)
            | {"absent": _absent_identity_and_geometry(block)}
            | {"slices": [_slice_tree(block, measurement) for measurement in slices]}
            for number, (block, slices) in enumerate(zip(blocks, measurements, strict=True), start=1)
        ],
    }
    write_json_file(path, content)


def _slice_tree(block: Block, measurement: SliceMeasurement) -> dict[str, object]:
    midline = measurement.midline if block.orientation_known else None
    return {
        "slice": measurement.slice_index + 1,
        **_image_file(block, measurement),
        **_position(block, measurement),
        **_tilt(block, measurement),
        "midline": None if midline is None else _midline_tree(midline),
        "measures": {
            measure.key: {
                "value": _measure_value(measure),
                "unit": measure.unit,
                "reason": measure.reason or None,
            }
            for measure in measurement.measures
        },
        "notes": list(measurement.notes),
    }


def _midline_tree(midline: Midline) -> dict[str, object]:
    return {
        "point_ras_mm": _rounded(midline.point_ras_mm, "mm"),
        "anterior_ras": _rounded(midline.anterior_ras),
        "right_ras": _rounded(midline.right_ras),
        "point_source": midline.point_source,
        "direction_sources": list(midline.direction_sources),
    }


def _image_file(block: Block, measurement: SliceMeasurement) -> dict[str, Cell]:
    return {"image_file": block.slice_sources[measurement.slice_index] if block.slice_sources else None}


def _position(block: Block, measurement: SliceMeasurement) -> dict[str, Cell]:
    position: Sequence[float | None] = _rounded(measurement.center_ras_mm, "mm")
    if not block.orientation_known:
        position = (None, None, None)
    spacing = _rounded(measurement.spacing_ji_mm, "mm")
    return {
        "position_r_mm": position[0],
        "position_a_mm": position[1],
        "position_s_mm": position[2],
        "spacing_j_mm": spacing[0],
        "spacing_i_mm": spacing[1],
    }


def _tilt(block: Block, measurement: SliceMeasurement) -> dict[str, Cell]:
    tilt = round(measurement.axial_tilt_deg, _DECIMALS["deg"]) if block.orientation_known else None
    return {"tilt_from_axial_deg": tilt}


def _slice_lengths(block: Block) -> dict[str, Cell]:
    lengths = {
        "slice_thickness_mm": block.slice_thickness_mm,
        "slice_distance_mm": block.slice_distance_mm,
        "slice_gap_mm": block.slice_gap_mm,
    }
    return {name: None if length is None else round(length, _DECIMALS["mm"]) for name, length in lengths.items()}


def _absent_identity_and_geometry(block: Block) -> dict[str, str]:
    absent = {}
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


def _measure_value(measure: Measure) -> float | None:
    return None if measure.value is None else round(measure.value, _DECIMALS.get(measure.unit, _OTHER_DECIMALS))


def _rounded(values: Iterable[float], unit: str = "") -> list[float]:
    return [round(value, _DECIMALS.get(unit, _OTHER_DECIMALS)) for value in values]
