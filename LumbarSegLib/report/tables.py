"""Measurements as tables (a row per slice, a row per level) and as a tree (JSON).

All hold the same numbers, rounded once: areas to 0.01 mm2 (a small fraction of
a pixel), lengths to 0.0001 mm, angles to 0.01 degrees, all else to six decimals.
Blocks, slices and levels count from 1, levels of a study from the patient's foot upward.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from LumbarSegLib.io.study import Block
from LumbarSegLib.measurement import LevelSummary, Measure, Midline, SliceMeasurement, summarize_levels
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
_NO_LEVEL = "no disc is outlined in the block"


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
    return [
        _slice_row(number, block, measurement, provenance)
        for number, (block, slices) in enumerate(zip(blocks, measurements, strict=True), start=1)
        for measurement in slices
    ]


def level_rows(
    blocks: Sequence[Block], measurements: Sequence[Sequence[SliceMeasurement]], provenance: Provenance
) -> list[dict[str, Cell]]:
    """Return one row per level: which slices it is, its own slice's row, and the smallest dural sac in it.

    See `summarize_levels` for what a level is and which slice stands for it.

    Parameters
    ----------
    blocks, measurements, provenance
        As for `table_rows`; blocks from caudal to cranial, at least one slice in each.

    Returns
    -------
    list of dict
        As `table_rows`, with the columns of the level around those of its
        slice. A block without a disc has a single row with an empty ``level``
        and the reason in the column ``absent``.
    """
    rows: list[dict[str, Cell]] = []
    blocks_slices_levels = zip(blocks, measurements, _levels(measurements), strict=True)
    for number, (block, slices, levels) in enumerate(blocks_slices_levels, start=1):
        rows += [
            _level_cells(level) | _slice_row(number, block, level.center, provenance, level) for level in levels
        ] or [_row_without_level(number, block, slices[0], provenance)]
    return rows


def _levels(measurements: Sequence[Sequence[SliceMeasurement]]) -> list[tuple[LevelSummary, ...]]:
    """Return the levels of each block, numbered through the study."""
    levels: list[tuple[LevelSummary, ...]] = []
    for slices in measurements:
        below = sum(map(len, levels))
        levels.append(tuple(replace(level, number=below + level.number) for level in summarize_levels(slices)))
    return levels


def _slice_row(
    number: int,
    block: Block,
    measurement: SliceMeasurement,
    provenance: Provenance,
    level: LevelSummary | None = None,
) -> dict[str, Cell]:
    """Return the cells of a slice; with those of the smallest sac, if it stands for a level."""
    measures = measurement.measures if level is None else (*measurement.measures, level.smallest_sac_area)
    absent = _absent_identity_and_geometry(block) | {
        measure.key: measure.reason for measure in measures if measure.value is None
    }
    return (
        {"series_uid": block.series_uid, "series_description": block.series_description}
        | _image_file(block, measurement)
        | {"block": number, "slice": measurement.slice_index + 1}
        | _position(block, measurement)
        | _slice_lengths(block)
        | _tilt(block, measurement)
        | asdict(provenance)
        | {measure.column: _measure_value(measure) for measure in measures}
        | ({} if level is None else {"smallest_dural_sac_slice": _smallest_sac_slice(level)})
        | {"absent": _joined_reasons(absent)}
        | {"notes": "; ".join(measurement.notes)}
    )


def _row_without_level(
    number: int, block: Block, measurement: SliceMeasurement, provenance: Provenance
) -> dict[str, Cell]:
    """Return the row of a block without a disc: the columns of any level, and why they are empty."""
    any_level = LevelSummary(0, "", 0, 0, measurement, None)
    columns = _level_cells(any_level) | _slice_row(number, block, measurement, provenance, any_level)
    return (
        dict.fromkeys(columns)
        | {"series_uid": block.series_uid, "series_description": block.series_description, "block": number}
        | _slice_lengths(block)
        | asdict(provenance)
        | {"absent": _joined_reasons({"level": _NO_LEVEL} | _absent_identity_and_geometry(block)), "notes": ""}
    )


def _level_cells(level: LevelSummary) -> dict[str, Cell]:
    return {
        "level": level.number,
        "level_name": level.name,
        "first_slice": level.first_index + 1,
        "last_slice": level.last_index + 1,
    }


def _smallest_sac_slice(level: LevelSummary) -> int | None:
    return None if level.smallest_sac is None else level.smallest_sac.slice_index + 1


def _joined_reasons(absent: Mapping[str, str]) -> str:
    return "; ".join(f"{key}: {reason}" for key, reason in absent.items())


def write_csv(path: Path, rows: Sequence[dict[str, Cell]]) -> None:
    """Write rows as a text table (UTF-8, point as decimal sign); an empty cell is a missing value.

    Parameters
    ----------
    path : Path
        The columns are parted by tabs if it ends in .tsv, by commas otherwise.
    rows : sequence of dict
        From `table_rows` or `level_rows`.

    Raises
    ------
    ValueError
        There is no row.
    """
    if not rows:
        raise ValueError("rows must hold at least one slice.")
    delimiter = "\t" if path.name.lower().endswith(".tsv") else ","
    with open_text(path) as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), delimiter=delimiter, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def write_json(
    path: Path, blocks: Sequence[Block], measurements: Sequence[Sequence[SliceMeasurement]], provenance: Provenance
) -> None:
    """Write the measurements as JSON, with the reasons for missing values, the midlines and the levels.

    A level names its slices; their figures stand with the slices.
    Where the patient's orientation is not known, there are no midlines: their
    coordinates would mean nothing.

    Parameters
    ----------
    path : Path
        File to write.
    blocks, measurements, provenance
        As for `table_rows`.
    """
    blocks_slices_levels = zip(blocks, measurements, _levels(measurements), strict=True)
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
            | {"levels": [_level_tree(level) for level in levels]}
            | {"slices": [_slice_tree(block, measurement) for measurement in slices]}
            for number, (block, slices, levels) in enumerate(blocks_slices_levels, start=1)
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
        "measures": {measure.key: _measure_tree(measure) for measure in measurement.measures},
        "notes": list(measurement.notes),
    }


def _level_tree(level: LevelSummary) -> dict[str, object]:
    smallest = level.smallest_sac_area
    return {
        **_level_cells(level),
        "slice": level.center.slice_index + 1,
        smallest.key: _measure_tree(smallest),
        "smallest_dural_sac_slice": _smallest_sac_slice(level),
    }


def _measure_tree(measure: Measure) -> dict[str, object]:
    return {"value": _measure_value(measure), "unit": measure.unit, "reason": measure.reason or None}


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
