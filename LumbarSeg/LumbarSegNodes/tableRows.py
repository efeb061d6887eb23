"""Table nodes back to the rows of a report, to copy and export what a scene holds."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import vtk

if TYPE_CHECKING:
    import slicer

    from LumbarSegLib.report.tables import Cell


def rowsFromTable(tableNode: slicer.vtkMRMLTableNode | None) -> list[dict[str, Cell]]:
    """Return the rows that `LumbarSegNodes.tables.updateTable` has written.

    Parameters
    ----------
    tableNode : vtkMRMLTableNode or None
        None has no rows.

    Returns
    -------
    list of dict
        Column name to cell; None where there is no value.
    """
    if tableNode is None:
        return []
    columns = [tableNode.GetTable().GetColumn(index) for index in range(tableNode.GetNumberOfColumns())]
    return [{column.GetName(): _cell(column, row) for column in columns} for row in range(tableNode.GetNumberOfRows())]


def _cell(column: vtk.vtkAbstractArray, row: int) -> Cell:
    value: Cell = column.GetValue(row)
    isMissing = value == "" or (isinstance(value, float) and math.isnan(value))
    return None if isMissing else value
