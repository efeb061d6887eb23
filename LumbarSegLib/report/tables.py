"""Measurements as tables: a row per slice, a row per level.

They hold the same numbers as the tree (`measurement_tree`), rounded once (`figures`).
Blocks, slices and levels count from 1, levels of a study from the patient's foot upward.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from LumbarSegLib.io.study import Block
from LumbarSegLib.measurement import UNNAMED, LevelName, LevelSummary, SliceMeasurement
from LumbarSegLib.report.figures import rounded_value
from LumbarSegLib.report.level_cells import blocks_with_levels, level_cells, level_name_cells, smallest_sac_slice
from LumbarSegLib.report.provenance import Provenance
from LumbarSegLib.report.slice_cells import (
    absent_identity_and_geometry,
    image_file,
    slice_lengths,
    slice_position,
    tilt_from_axial,
)
from LumbarSegLib.report.text_files import open_text
from LumbarSegLib.report.uncertainty_cells import (
    absent_bands,
    absent_intervals,
    band_cells,
    interval_cells,
    quality_cells,
)

Cell = str | int | float | None

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
        for number, block, slices, levels in blocks_with_levels(blocks, measurements, lowest_level)
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
    for number, block, slices, levels in blocks_with_levels(blocks, measurements, lowest_level):
        rows += [
            level_cells(level) | _slice_row(number, block, level.center, provenance, levels, level) for level in levels
        ] or [_row_without_level(number, block, slices[0], provenance)]
    return rows


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
    absent = absent_identity_and_geometry(block, provenance) | {
        measure.key: measure.reason for measure in measures if measure.value is None
    }
    own_level = next((each for each in levels if measurement.slice_index in each), None)
    if own_level is None:
        absent["level"] = _OUTSIDE_LEVELS
    absent |= absent_intervals(measures) | absent_bands(measurement)
    return (
        {"series_uid": block.series_uid, "series_description": block.series_description}
        | image_file(block, measurement)
        | {"block": number, "slice": measurement.slice_index + 1}
        | level_name_cells(own_level)
        | slice_position(block, measurement)
        | slice_lengths(block)
        | tilt_from_axial(block, measurement)
        | asdict(provenance)
        | {"fat_method": measurement.fat_method}
        | {measure.column: rounded_value(measure) for measure in measures}
        | ({} if level is None else {"smallest_dural_sac_slice": smallest_sac_slice(level)})
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
    columns = level_cells(any_level) | _slice_row(number, block, measurement, provenance, (), any_level)
    return (
        dict.fromkeys(columns)
        | {"series_uid": block.series_uid, "series_description": block.series_description, "block": number}
        | slice_lengths(block)
        | asdict(provenance)
        | {
            "absent": _joined_reasons({"level": _NO_LEVEL} | absent_identity_and_geometry(block, provenance)),
            "notes": "",
        }
    )


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
