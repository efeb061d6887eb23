"""Measurements as tables (a row per slice, a row per level) and as a tree (JSON).

All hold the same numbers, rounded once: areas to 0.01 mm2 (a small fraction of
a pixel), lengths to 0.0001 mm, angles to 0.01 degrees, percentages to 0.01,
fractions and ratios to 0.0001, all else to six decimals.
Blocks, slices and levels count from 1, levels of a study from the patient's foot upward.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from LumbarSegLib.io.study import Block
from LumbarSegLib.measurement import (
    UNNAMED,
    LevelName,
    LevelSummary,
    Measure,
    Midline,
    SliceMeasurement,
    summarize_study,
)
from LumbarSegLib.report.provenance import RESEARCH_USE_NOTICE, Provenance
from LumbarSegLib.report.text_files import open_text, write_json_file
from LumbarSegLib.report.uncertainty_cells import (
    absent_bands,
    absent_intervals,
    band_cells,
    band_tree,
    interval_cells,
    interval_tree,
    quality_cells,
    quality_tree,
)

#: Raised when a reader of the JSON file would have to change.
SCHEMA_VERSION = 1

Cell = str | int | float | None

#: What the units in the columns' names mean.
UNITS = {
    "mm2": "square millimeter",
    "mm": "millimeter",
    "deg": "degree",
    "percent": "per hundred",
    "fraction": "part of the whole, 0-1",
    "ratio": "without unit",
}

_DECIMALS = {"mm2": 2, "mm": 4, "deg": 2, "percent": 2, "fraction": 4, "ratio": 4}
_OTHER_DECIMALS = 6

_NO_FILE = "the slice was not read from a file"
_NO_ORIENTATION = "the file does not state the patient's orientation"
_NO_THICKNESS = "the file does not state the slice thickness"
_NO_DISTANCE = "the file does not state the distance of its slices"
_NO_NEIGHBOR = "a single slice has no neighbor"
_NO_LEVEL = "no disc is outlined in the block"
_OUTSIDE_LEVELS = "no disc is outlined in the slice"


def table_rows(
    blocks: Sequence[Block],
    measurements: Sequence[Sequence[SliceMeasurement]],
    provenance: Provenance,
    lowest_level: LevelName = UNNAMED,
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
    lowest_level : LevelName
        Of the lowest level that is outlined; see `summarize_study`.

    Returns
    -------
    list of dict
        Column name (with the unit) to cell; None where there is no value, with
        the reason in the column ``absent``.
    """
    return [
        _slice_row(number, block, measurement, provenance, levels)
        for number, block, slices, levels in _with_levels(blocks, measurements, lowest_level)
        for measurement in slices
    ]


def level_rows(
    blocks: Sequence[Block],
    measurements: Sequence[Sequence[SliceMeasurement]],
    provenance: Provenance,
    lowest_level: LevelName = UNNAMED,
) -> list[dict[str, Cell]]:
    """Return one row per level: which slices it is, its own slice's row, and the smallest dural sac in it.

    See `summarize_study` for what a level is and which slice stands for it.

    Parameters
    ----------
    blocks, measurements, provenance, lowest_level
        As for `table_rows`; at least one slice in each block.

    Returns
    -------
    list of dict
        As `table_rows`, with the columns of the level around those of its
        slice. A block without a disc has a single row with an empty ``level``
        and the reason in the column ``absent``.
    """
    rows: list[dict[str, Cell]] = []
    for number, block, slices, levels in _with_levels(blocks, measurements, lowest_level):
        rows += [
            _level_cells(level) | _slice_row(number, block, level.center, provenance, levels, level) for level in levels
        ] or [_row_without_level(number, block, slices[0], provenance)]
    return rows


def _with_levels(
    blocks: Sequence[Block], measurements: Sequence[Sequence[SliceMeasurement]], lowest_level: LevelName
) -> Iterator[tuple[int, Block, Sequence[SliceMeasurement], tuple[LevelSummary, ...]]]:
    """Yield the number of each block, from 1, the block, its slices and its levels."""
    orientation_known = all(block.orientation_known for block in blocks)
    levels = summarize_study(measurements, lowest_level, orientation_known=orientation_known)
    for number, (block, slices, of_block) in enumerate(zip(blocks, measurements, levels, strict=True), start=1):
        yield number, block, slices, of_block


def _slice_row(
    number: int,
    block: Block,
    measurement: SliceMeasurement,
    provenance: Provenance,
    levels: Sequence[LevelSummary],
    level: LevelSummary | None = None,
) -> dict[str, Cell]:
    """Return the cells of a slice; with those of the smallest sac, if it stands for a level."""
    measures = measurement.measures if level is None else (*measurement.measures, level.smallest_sac_area)
    absent = _absent_identity_and_geometry(block, provenance) | {
        measure.key: measure.reason for measure in measures if measure.value is None
    }
    own_level = next((each for each in levels if measurement.slice_index in each), None)
    if own_level is None:
        absent["level"] = _OUTSIDE_LEVELS
    absent |= absent_intervals(measures) | absent_bands(measurement)
    return (
        {"series_uid": block.series_uid, "series_description": block.series_description}
        | _image_file(block, measurement)
        | {"block": number, "slice": measurement.slice_index + 1}
        | _level_name_cells(own_level)
        | _position(block, measurement)
        | _slice_lengths(block)
        | _tilt(block, measurement)
        | asdict(provenance)
        | {"fat_method": measurement.fat_method}
        | {measure.column: rounded_value(measure) for measure in measures}
        | ({} if level is None else {"smallest_dural_sac_slice": _smallest_sac_slice(level)})
        | interval_cells(measures)
        | band_cells(measurement)
        | ({} if level is None else band_cells(level.smallest_sac or measurement, "smallest_"))
        | quality_cells(measurement.flags)
        | {"absent": _joined_reasons(absent)}
        | {"notes": "; ".join(measurement.remarks)}
    )


def _row_without_level(
    number: int, block: Block, measurement: SliceMeasurement, provenance: Provenance
) -> dict[str, Cell]:
    """Return the row of a block without a disc: the columns of any level, and why they are empty."""
    any_level = LevelSummary(0, UNNAMED, 0, 0, measurement, measurement.center_ras_mm, 0.0, None)
    columns = _level_cells(any_level) | _slice_row(number, block, measurement, provenance, (), any_level)
    return (
        dict.fromkeys(columns)
        | {"series_uid": block.series_uid, "series_description": block.series_description, "block": number}
        | _slice_lengths(block)
        | asdict(provenance)
        | {
            "absent": _joined_reasons({"level": _NO_LEVEL} | _absent_identity_and_geometry(block, provenance)),
            "notes": "",
        }
    )


def _level_cells(level: LevelSummary) -> dict[str, Cell]:
    return {
        **_level_name_cells(level),
        "level_source": level.name.source,
        "level_confidence": level.name.confidence,
        "level_reason": level.name.reason,
        "first_slice": level.first_index + 1,
        "last_slice": level.last_index + 1,
    }


def _level_name_cells(level: LevelSummary | None) -> dict[str, Cell]:
    if level is None:
        return {"level": None, "level_name": None}
    return {"level": level.number, "level_name": level.name.text}


def _smallest_sac_slice(level: LevelSummary) -> int | None:
    return None if level.smallest_sac is None else level.smallest_sac.slice_index + 1


def _joined_reasons(absent: Mapping[str, str]) -> str:
    """Return each reason once, behind all that it holds for."""
    keys: dict[str, list[str]] = {}
    for key, reason in absent.items():
        keys.setdefault(reason, []).append(key)
    return "; ".join(f"{', '.join(each)}: {reason}" for reason, each in keys.items())


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
    path: Path,
    blocks: Sequence[Block],
    measurements: Sequence[Sequence[SliceMeasurement]],
    provenance: Provenance,
    lowest_level: LevelName = UNNAMED,
    audit: Mapping[str, object] | None = None,
) -> None:
    """Write the measurements as JSON, with the reasons for missing values, the midlines and the levels.

    A level names its slices; their figures stand with the slices.
    Where the patient's orientation is not known, there are no midlines: their
    coordinates would mean nothing.

    Parameters
    ----------
    path : Path
        File to write.
    blocks, measurements, provenance, lowest_level
        As for `table_rows`.
    audit : mapping, optional
        What has become of earlier outlines, see `LumbarSegLib.report.audit`.
    """
    content = {
        "schema_version": SCHEMA_VERSION,
        "notice": RESEARCH_USE_NOTICE,
        "units": UNITS,
        "coordinates": "RAS: right, anterior and superior of the patient are positive",
        "provenance": asdict(provenance),
        "blocks": [
            {"block": number, "series_uid": block.series_uid, "series_description": block.series_description}
            | _slice_lengths(block)
            | {"absent": _absent_identity_and_geometry(block, provenance)}
            | {"levels": [_level_tree(level) for level in levels]}
            | {"slices": [_slice_tree(block, measurement) for measurement in slices]}
            for number, block, slices, levels in _with_levels(blocks, measurements, lowest_level)
        ],
    }
    write_json_file(path, content if audit is None else content | {"audit": audit})


def _slice_tree(block: Block, measurement: SliceMeasurement) -> dict[str, object]:
    midline = measurement.midline if block.orientation_known else None
    return {
        "slice": measurement.slice_index + 1,
        **_image_file(block, measurement),
        **_position(block, measurement),
        **_tilt(block, measurement),
        "midline": None if midline is None else _midline_tree(midline),
        "fat_method": measurement.fat_method,
        "measures": {measure.key: _measure_tree(measure) for measure in measurement.measures},
        **band_tree(measurement),
        **quality_tree(measurement.flags),
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
    return {
        "value": rounded_value(measure),
        "unit": measure.unit,
        "reason": measure.reason or None,
        "caveat": measure.caveat or None,
        **interval_tree(measure),
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


def _absent_identity_and_geometry(block: Block, provenance: Provenance) -> dict[str, str]:
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


def rounded_value(measure: Measure) -> float | None:
    """Return the value of a measure as every table shows it."""
    return rounded_figure(measure.value, measure.unit)


def rounded_figure(value: float | None, unit: str) -> float | None:
    """Return a figure with as many decimals as all tables give its unit."""
    return None if value is None else round(value, _DECIMALS.get(unit, _OTHER_DECIMALS))


def _rounded(values: Iterable[float], unit: str = "") -> list[float]:
    return [round(value, _DECIMALS.get(unit, _OTHER_DECIMALS)) for value in values]
