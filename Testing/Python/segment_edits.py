"""What a user does to segments, through the functions that Slicer's Segment Editor ends in."""

from __future__ import annotations

import numpy as np
import slicer

from LumbarSegNodes.grids import orientedImage


def paint(segmentation_node, segment: str, mask: np.ndarray, volume_node) -> None:
    """Replace what a segment holds by a mask (K, J, I); overlaps with other segments are allowed."""
    logic = slicer.vtkSlicerSegmentationsModuleLogic
    image = orientedImage(mask.astype(np.uint8), volume_node)
    assert logic.SetBinaryLabelmapToSegment(image, segmentation_node, segment, logic.MODE_REPLACE)


def add_segment(segmentation_node, name: str, mask: np.ndarray, volume_node) -> str:
    """Add a segment with a name as a user does, paint it, and return its identifier."""
    segment = segmentation_node.GetSegmentation().AddEmptySegment("", name)
    paint(segmentation_node, segment, mask, volume_node)
    return segment


def half_of(mask: np.ndarray) -> np.ndarray:
    """Return a mask without the second half of its pixels."""
    half = np.zeros_like(mask)
    chosen = np.flatnonzero(mask)
    half.flat[chosen[: len(chosen) // 2]] = True
    return half
