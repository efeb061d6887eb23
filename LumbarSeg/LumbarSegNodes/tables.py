"""Rows of a report to table nodes: typed columns with units and descriptions."""

from __future__ import annotations

import math
from collections.abc import Sequence

import slicer
import vtk

from LumbarSegLib.anatomy import ANATOMIES
from LumbarSegLib.report.tables import Cell

#: Units (UCUM) by the end of a column's name.
_UNITS = {"_mm2": "mm2", "_mm": "mm", "_deg": "deg", "_percent": "%", "_fraction": "1", "_ratio": "1"}

_DESCRIPTIONS = {
    "volume": "Volume node that was measured",
    "segmentation": "Segmentation node whose outlines were measured",
    "outlines": "Whether the outlines are as the network drew them, or edited since",
    "series_uid": "DICOM series instance UID",
    "series_description": "Name of the volume",
    "image_file": "File of the slice",
    "block": "Block of parallel slices, from 1",
    "slice": "Slice of the volume, from 1",
    "level": "Number of the disc, from 1, from the patient's foot upward",
    "level_name": "Name of the disc, after the vertebrae above and below it",
    "level_source": "Who named the lowest level: user, sagittal series, or unknown",
    "level_confidence": "How sure the name is: high, medium, low, or none",
    "level_reason": "Why the name is not sure, or unknown",
    "first_slice": "First slice with that disc, from 1",
    "last_slice": "Last slice with that disc, from 1",
    "smallest_dural_sac_area_mm2": "Dural sac: smallest area among the slices of the level",
    "smallest_dural_sac_slice": "Slice of the smallest dural sac, from 1",
    "position_r_mm": "Center of the slice: to the patient's right",
    "position_a_mm": "Center of the slice: to the patient's front",
    "position_s_mm": "Center of the slice: to the patient's head",
    "spacing_j_mm": "Pixel size along columns",
    "spacing_i_mm": "Pixel size along rows",
    "slice_thickness_mm": "Thickness of the slice",
    "slice_distance_mm": "Distance of the centers of neighboring slices",
    "slice_gap_mm": "Empty space between neighboring slices",
    "tilt_from_axial_deg": "Angle between the slice and the axial plane",
    "source": "model, or edited by a person",
    "weights_name": "Network",
    "weights_sha256": "Hash of the network's file",
    "software_version": "Version of LumbarSeg",
    "fat_method": "How fat was told from muscle",
    "dural_sac_corrected_area_mm2": "Dural sac: area times the cosine of the tilt to the sac's axis",
    "dural_sac_tilt_deg": "Angle between the slice and the cross-section of the dural sac",
    "dural_sac_ap_diameter_mm": "Dural sac: extent along the midline",
    "dural_sac_transverse_diameter_mm": "Dural sac: extent across the midline",
    "quality": "What makes the figures doubtful; ok if nothing does",
    "quality_notes": "The same in sentences",
    "absent": "What has no value, and why",
    "notes": "What a reader has to know about the slice",
}

#: What is measured of several anatomies, by the rest of a column's name.
_MEASURED = {
    "lean_area_mm2": "area without fat",
    "relative_area_ratio": "area over the area of the disc in the slice",
    "area_mm2": "area in the plane of the slice",
    "fat_fraction": "share of fat, 0-1",
    "fat_index_ratio": "mean signal over that of the psoas",
    "asymmetry_percent": "100 times the difference of the sides over the larger",
    "thickness_mm": "diameter of the largest circle that fits in",
}

_UNRELIABLE_OF_PSOAS = ("lean_area_mm2", "fat_fraction")

_ENDS_OF_INTERVALS = {"low": "lower end", "high": "upper end"}

_SIDES = {"left": ", patient's left", "right": ", patient's right", "total": ", both sides"}


def updateTable(tableNode: slicer.vtkMRMLTableNode, rows: Sequence[dict[str, Cell]], title: str) -> None:
    """Replace the content of a table node.

    A column in a unit (see `_UNITS`) is double, one of whole numbers int, any
    other string. A missing value is never 0: it is NaN in a double column and
    an empty text otherwise; whole numbers with one missing become texts.

    Parameters
    ----------
    tableNode : vtkMRMLTableNode
        Becomes read-only for the user.
    rows : sequence of dict
        As `LumbarSegLib.report.tables` gives them, all with the same columns.
    title : str
        Name of the node.
    """
    wasModifying = tableNode.StartModify()
    try:
        table = vtk.vtkTable()
        names = list(rows[0]) if rows else []
        for name in names:
            table.AddColumn(_column(name, [row[name] for row in rows]))
        tableNode.SetAndObserveTable(table)
        tableNode.SetAndObserveSchema(None)
        for name in names:
            tableNode.SetColumnUnitLabel(name, _unit(name))
            tableNode.SetColumnDescription(name, describeColumn(name))
        tableNode.SetName(title)
        # Without this the columns are headed A, B, C, and their names stand in the first row.
        if hasattr(tableNode, "SetUseColumnTitleAsColumnHeader"):
            tableNode.SetUseColumnTitleAsColumnHeader(True)
        else:  # Slicer 5.10
            tableNode.SetUseColumnNameAsColumnHeader(True)
        tableNode.SetLocked(True)
    finally:
        tableNode.EndModify(wasModifying)


def describeColumn(name: str) -> str:
    """Return what a column of a report holds, for a reader; "" for a column that is not known."""
    if name in _DESCRIPTIONS:
        return _DESCRIPTIONS[name]
    for end, words in _ENDS_OF_INTERVALS.items():
        if name.endswith(f"_area_{end}_mm2") and (area := describeColumn(name.replace(f"_{end}_mm2", "_mm2"))):
            return f"{area}; {words} of its 90 % interval"
    for anatomy in ANATOMIES:
        if not name.startswith(f"{anatomy.key}_"):
            continue
        side, _, measured = name.removeprefix(f"{anatomy.key}_").partition("_")
        if side not in _SIDES:
            side, measured = "", name.removeprefix(f"{anatomy.key}_")
        if measured in _MEASURED:
            warning = " (unreliable)" if anatomy.key == "psoas" and measured in _UNRELIABLE_OF_PSOAS else ""
            return f"{anatomy.name}{_SIDES.get(side, '')}: {_MEASURED[measured]}{warning}"
    return ""


def _unit(name: str) -> str:
    return next((unit for ending, unit in _UNITS.items() if name.endswith(ending)), "")


def _column(name: str, cells: Sequence[Cell]) -> vtk.vtkAbstractArray:
    column: vtk.vtkAbstractArray
    values: Sequence[float | str]
    if _unit(name):
        column, values = vtk.vtkDoubleArray(), [math.nan if cell is None else float(cell) for cell in cells]
    elif all(isinstance(cell, int) for cell in cells):
        column, values = vtk.vtkIntArray(), [cell for cell in cells if isinstance(cell, int)]
    else:
        column, values = vtk.vtkStringArray(), ["" if cell is None else _oneLine(str(cell)) for cell in cells]
    column.SetName(name)
    for value in values:
        column.InsertNextValue(value)
    return column


def _oneLine(text: str) -> str:
    """Return a text without tabs, line breaks and double quotes, which Slicer's table files lose a part at."""
    return " ".join(text.replace('"', "'").split())
