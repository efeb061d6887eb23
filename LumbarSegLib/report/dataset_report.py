"""The check of a folder of labeled slices as files: tables, JSON and a sheet of the worst slices."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from LumbarSegLib.dataset_checks import CLASS_KEYS, FolderCheck, SliceFacts
from LumbarSegLib.dataset_checks.outlines import area_unit
from LumbarSegLib.io.labeled_slices import read_slice
from LumbarSegLib.report.contact_sheet import Tile, stretch_to_8bit, write_contact_sheet
from LumbarSegLib.report.text_files import open_text, write_json_file
from LumbarSegLib.report.views import WINDOW_PERCENTILES

FINDINGS_FILE = "check.csv"
SLICES_FILE = "slices.csv"
JSON_FILE = "check.json"
SHEET_FILE = "worst.png"

#: Raised when a reader of the JSON file would have to change.
SCHEMA_VERSION = 1

#: Slices on the sheet, and findings below each.
_MAX_TILES = 24
_MAX_REASONS = 3

#: What Pillow's modes of a gray PNG mean.
_DEPTHS = {"1": "1-bit", "L": "8-bit", "P": "palette", "I;16": "16-bit", "I": "16-bit"}


def write_dataset_report(folder: Path, check: FolderCheck, directory: Path) -> None:
    """Write everything that was found.

    `check.csv` has a row per finding, `slices.csv` one per readable slice,
    `check.json` holds both and a summary, `worst.png` shows the slices with
    errors or warnings, the worst first; it is left out if there are none.

    Parameters
    ----------
    folder : Path
        Exists; the caller decides about overwriting.
    check : FolderCheck
        From `check_folder`.
    directory : Path
        The folder that was checked: its worst slices are read again.
    """
    findings = [
        {**asdict(each), "slices": " ".join(each.slices), "weight": round(each.weight, 2)} for each in check.findings
    ]
    _write_table(folder / FINDINGS_FILE, ["severity", "check", "slices", "structure", "weight", "reason"], findings)
    unit = area_unit(check.slices)
    areas = [f"{key}_area_{unit}" for key in CLASS_KEYS.values()]
    columns = ["slice", "rows", "columns", "image_depth", "label_depth", "spacing_mm", "plane", *areas]
    rows = [_slice_row(each, unit) for each in check.slices]
    _write_table(folder / SLICES_FILE, columns, rows)
    content = {
        "schema_version": SCHEMA_VERSION,
        "data": directory.resolve().name,
        **summarize_folder(check),
        "findings": [{**row, "slices": list(each.slices)} for row, each in zip(findings, check.findings, strict=True)],
        "slices": rows,
    }
    write_json_file(folder / JSON_FILE, content)
    tiles = [_tile(check, directory, name) for name in check.worst_slices()[:_MAX_TILES]]
    if tiles:
        count = len(check.worst_slices())
        heading = (
            f"{directory.resolve().name}: {len(tiles)} of {count} slices with errors or warnings, the worst first",
            f"All findings are in {FINDINGS_FILE}",
        )
        write_contact_sheet(folder / SHEET_FILE, tiles, heading)


def summarize_folder(check: FolderCheck) -> dict[str, Any]:
    """Return counts, sizes, kinds of pixels and figures per class, ready for JSON.

    Areas are in the unit stated, "mm2" or "pixels"; a class in no slice has None.
    """
    slices = check.slices
    classes = {}
    for key in CLASS_KEYS.values():
        areas = [each.areas[key] for each in slices if key in each.areas]
        low, median, high = np.percentile(areas, [5, 50, 95]).round(1).tolist() if areas else (None, None, None)
        pieces = max((len(each.pieces[key]) for each in slices if key in each.pieces), default=0)
        classes[key] = {
            "num_slices": len(areas),
            "median_area": median,
            "percentile_5_area": low,
            "percentile_95_area": high,
            "most_pieces": pieces,
        }
    spacings = sorted({each.spacing_mm for each in slices if each.spacing_mm is not None})
    return {
        "num_slices": len(slices),
        "num_errors": check.count("error"),
        "num_warnings": check.count("warning"),
        "num_notes": check.count("note"),
        "shapes": [list(shape) for shape in sorted({each.shape for each in slices})],
        "image_depths": sorted({_depth(each.modes[0]) for each in slices}),
        "label_depths": sorted({_depth(each.modes[1]) for each in slices}),
        "label_values": sorted({value for each in slices for value in each.label_values}),
        "spacings_mm": [spacings[0], spacings[-1]] if spacings else None,
        "area_unit": area_unit(slices),
        "classes": classes,
    }


def _depth(mode: str) -> str:
    return _DEPTHS.get(mode, mode)


def _slice_row(facts: SliceFacts, unit: str) -> dict[str, object]:
    return {
        "slice": facts.name,
        "rows": facts.shape[0],
        "columns": facts.shape[1],
        "image_depth": _depth(facts.modes[0]),
        "label_depth": _depth(facts.modes[1]),
        "spacing_mm": facts.spacing_mm,
        "plane": facts.plane,
        **{
            f"{key}_area_{unit}": round(facts.areas[key], 2) if key in facts.areas else None
            for key in CLASS_KEYS.values()
        },
    }


def _write_table(path: Path, columns: Sequence[str], rows: Sequence[dict[str, object]]) -> None:
    with open_text(path) as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _tile(check: FolderCheck, directory: Path, name: str) -> Tile:
    labeled = read_slice(directory, name, 1.0)  # a picture needs no pixel size
    low, high = np.percentile(labeled.image, WINDOW_PERCENTILES)
    reasons = [each.reason for each in check.findings if name in each.slices and each.severity != "note"]
    more = [f"... and {len(reasons) - _MAX_REASONS} more"] if len(reasons) > _MAX_REASONS else []
    caption = (name, *reasons[:_MAX_REASONS], *more)
    return Tile(stretch_to_8bit(labeled.image, (low, high)), labeled.label_map, caption)
