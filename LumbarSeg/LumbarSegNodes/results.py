"""The tables of a segmentation: one node each, found again by the segmentation's references."""

from __future__ import annotations

from typing import TYPE_CHECKING

from LumbarSegNodes.hierarchy import placeBeside
from LumbarSegNodes.measuring import measureSegmentation
from LumbarSegNodes.tables import updateTable

if TYPE_CHECKING:
    import slicer

    from LumbarSegLib.report.tables import Cell

#: Roles of the segmentation node's references to its tables.
SLICE_TABLE_ROLE = "LumbarSeg.sliceTable"
LEVEL_TABLE_ROLE = "LumbarSeg.levelTable"

#: Attribute of the segmentation node: what the lowest level was called when it was measured.
LOWEST_LEVEL_ATTRIBUTE = "LumbarSeg.lowestLevel"


def findTables(
    segmentationNode: slicer.vtkMRMLSegmentationNode,
) -> tuple[slicer.vtkMRMLTableNode | None, slicer.vtkMRMLTableNode | None]:
    """Return the tables per slice and per level of a segmentation; None where there is none (any more)."""
    return segmentationNode.GetNodeReference(SLICE_TABLE_ROLE), segmentationNode.GetNodeReference(LEVEL_TABLE_ROLE)


def updateTables(
    segmentationNode: slicer.vtkMRMLSegmentationNode,
    volumeNode: slicer.vtkMRMLScalarVolumeNode,
    lowestLevel: str = "",
) -> tuple[slicer.vtkMRMLTableNode, slicer.vtkMRMLTableNode]:
    """Measure a segmentation as it is now and write the result into its tables, new ones where there are none.

    Parameters
    ----------
    segmentationNode : vtkMRMLSegmentationNode
        Outlines of any source.
    volumeNode : vtkMRMLScalarVolumeNode
        The tables come to lie beside it.
    lowestLevel : str
        See `LumbarSegNodes.measuring.measureSegmentation`.

    Returns
    -------
    sliceTable, levelTable : vtkMRMLTableNode
        Their descriptions hold what a reader has to know about the segments.

    Raises
    ------
    InputError
        If the volume or the name of the level is refused; the scene is then as before.
    """
    measured = measureSegmentation(segmentationNode, volumeNode, lowestLevel)
    segmentationNode.SetAttribute(LOWEST_LEVEL_ATTRIBUTE, lowestLevel)
    return (
        _write(segmentationNode, volumeNode, SLICE_TABLE_ROLE, measured.sliceRows, measured.notes),
        _write(segmentationNode, volumeNode, LEVEL_TABLE_ROLE, measured.levelRows, measured.notes),
    )


def _write(
    segmentationNode: slicer.vtkMRMLSegmentationNode,
    volumeNode: slicer.vtkMRMLScalarVolumeNode,
    role: str,
    rows: list[dict[str, Cell]],
    notes: tuple[str, ...],
) -> slicer.vtkMRMLTableNode:
    tableNode = segmentationNode.GetNodeReference(role)
    if tableNode is None:
        kind = "slices" if role == SLICE_TABLE_ROLE else "levels"
        scene = segmentationNode.GetScene()
        title = scene.GenerateUniqueName(f"{segmentationNode.GetName()} {kind}")
        tableNode = scene.AddNewNodeByClass("vtkMRMLTableNode", title)
        segmentationNode.SetNodeReferenceID(role, tableNode.GetID())
    # A user may have renamed the table: the name is his.
    updateTable(tableNode, rows, tableNode.GetName())
    tableNode.SetDescription(" ".join(notes))
    placeBeside(tableNode, volumeNode)
    return tableNode
