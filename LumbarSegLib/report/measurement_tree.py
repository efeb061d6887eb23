"""Measurements as a tree (JSON), with the same figures as the tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from LumbarSegLib.io.study import Block
from LumbarSegLib.measurement import UNNAMED, LevelName, LevelSummary, Measure, Midline, SliceMeasurement
from LumbarSegLib.report.figures import UNITS, rounded, rounded_value
from LumbarSegLib.report.level_cells import blocks_with_levels, level_cells, smallest_sac_slice
from LumbarSegLib.report.provenance import RESEARCH_USE_NOTICE, Provenance
from LumbarSegLib.report.slice_cells import (
    absent_identity_and_geometry,
    image_file,
    slice_lengths,
    slice_position,
    tilt_from_axial,
)
from LumbarSegLib.report.text_files import write_json_file
from LumbarSegLib.report.uncertainty_cells import band_tree, interval_tree, quality_tree

#: Raised when a reader of the JSON file would have to change.
SCHEMA_VERSION = 1


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
        As for `LumbarSegLib.report.tables.table_rows`.
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
            | slice_lengths(block)
            | {"absent": absent_identity_and_geometry(block, provenance)}
            | {"levels": [_level_tree(level) for level in levels]}
            | {"slices": [_slice_tree(block, measurement) for measurement in slices]}
            for number, block, slices, levels in blocks_with_levels(blocks, measurements, lowest_level)
        ],
    }
    write_json_file(path, content if audit is None else content | {"audit": audit})


def _slice_tree(block: Block, measurement: SliceMeasurement) -> dict[str, object]:
    midline = measurement.midline if block.orientation_known else None
    return {
        "slice": measurement.slice_index + 1,
        **image_file(block, measurement),
        **slice_position(block, measurement),
        **tilt_from_axial(block, measurement),
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
        **level_cells(level),
        "slice": level.center.slice_index + 1,
        smallest.key: _measure_tree(smallest),
        "smallest_dural_sac_slice": smallest_sac_slice(level),
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
        "point_ras_mm": rounded(midline.point_ras_mm, "mm"),
        "anterior_ras": rounded(midline.anterior_ras),
        "right_ras": rounded(midline.right_ras),
        "point_source": midline.point_source,
        "direction_sources": list(midline.direction_sources),
    }
