"""Measure what a segmentation node holds, through the library's one path."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from LumbarSegLib.measurement import UNNAMED, level_named_by_user, measure_block
from LumbarSegLib.report.provenance import Provenance
from LumbarSegLib.report.tables import Cell, level_rows, table_rows
from LumbarSegNodes.segmentations import (
    WEIGHTS_NAME_ATTRIBUTE,
    WEIGHTS_SHA256_ATTRIBUTE,
    isAsSegmented,
    labelMapFromSegmentation,
)
from LumbarSegNodes.volumes import readBlock

if TYPE_CHECKING:
    import slicer


@dataclass(frozen=True)
class Measured:
    """Tables of a segmentation.

    Parameters
    ----------
    sliceRows, levelRows : list of dict
        `table_rows` and `level_rows` of the library behind the columns
        ``volume``, ``segmentation`` and ``outlines`` ("as segmented" or "edited").
    notes : tuple of str
        What a reader has to know about the segments.
    """

    sliceRows: list[dict[str, Cell]]
    levelRows: list[dict[str, Cell]]
    notes: tuple[str, ...]


def measureSegmentation(
    segmentationNode: slicer.vtkMRMLSegmentationNode,
    volumeNode: slicer.vtkMRMLScalarVolumeNode,
    lowestLevel: str = "",
) -> Measured:
    """Measure every slice and level of a segmentation as it is now, edited or not.

    Parameters
    ----------
    segmentationNode : vtkMRMLSegmentationNode
        Outlines of any source.
    volumeNode : vtkMRMLScalarVolumeNode
        Gives the grid and what names the slices.
    lowestLevel : str
        Name of the lowest disc that is outlined, such as ``L5-S1``; those above
        are counted. Empty names none.

    Returns
    -------
    Measured

    Raises
    ------
    InputError
        If the volume is refused, see `LumbarSegNodes.volumes.refusal`, or the name is of no level.
    """
    lowest = level_named_by_user(lowestLevel) if lowestLevel else UNNAMED
    block = readBlock(volumeNode)
    labelMap, notes = labelMapFromSegmentation(segmentationNode, volumeNode)
    asSegmented = isAsSegmented(segmentationNode, labelMap, volumeNode)
    provenance = Provenance(
        source="model" if asSegmented else "edited",
        weights_name=segmentationNode.GetAttribute(WEIGHTS_NAME_ATTRIBUTE) or "",
        weights_sha256=segmentationNode.GetAttribute(WEIGHTS_SHA256_ATTRIBUTE) or "",
    )
    sources: dict[str, Cell] = {
        "volume": volumeNode.GetName(),
        "segmentation": segmentationNode.GetName(),
        "outlines": "as segmented" if asSegmented else "edited",
    }
    measurements = [
        measure_block(labelMap, block.affine_ijk_to_ras, image=block.image, orientation_known=block.orientation_known)
    ]
    return Measured(
        sliceRows=[sources | row for row in table_rows([block], measurements, provenance, lowest)],
        levelRows=[sources | row for row in level_rows([block], measurements, provenance, lowest)],
        notes=tuple(notes),
    )
