"""What a user sees of a result: slice views at a slice, surfaces in 3D."""

from __future__ import annotations

import numpy as np
import slicer

from LumbarSegLib import geometry
from LumbarSegNodes.grids import affineFromVolume, shapeFromVolume


def jumpToSlice(volumeNode: slicer.vtkMRMLScalarVolumeNode, sliceIndex: int) -> None:
    """Turn every slice view into the axes of a volume and show one of its slices.

    Parameters
    ----------
    volumeNode : vtkMRMLScalarVolumeNode
        Axial, so that the axial view comes to lie in the slice's own plane.
    sliceIndex : int
        Along the volume's K axis, from 0 (tables count from 1).

    Raises
    ------
    ValueError
        If there is no such slice.
    """
    shape = shapeFromVolume(volumeNode)
    if not 0 <= sliceIndex < shape[0]:
        raise ValueError(f"sliceIndex must be in [0, {shape[0] - 1}], got {sliceIndex}.")
    center = np.empty(3)
    local = geometry.slice_center_ras_mm(affineFromVolume(volumeNode), shape, sliceIndex)
    # An acquisition transform moves the slice to where it was taken.
    volumeNode.TransformPointToWorld(local, center)
    scene = volumeNode.GetScene()
    for number in range(scene.GetNumberOfNodesByClass("vtkMRMLSliceNode")):
        sliceNode = scene.GetNthNodeByClass(number, "vtkMRMLSliceNode")
        sliceNode.RotateToVolumePlane(volumeNode)
        sliceNode.JumpSliceByOffsetting(*center)


def showSurfaces(segmentationNode: slicer.vtkMRMLSegmentationNode, visible: bool) -> None:
    """Show the segments as surfaces in 3D, made from the label map, or hide and forget them.

    Surfaces that exist are computed anew after every edit, which is slow:
    hidden ones are removed, unless they are all that the node has.
    """
    name = slicer.vtkSegmentationConverter.GetSegmentationClosedSurfaceRepresentationName()
    segmentationNode.CreateDefaultDisplayNodes()
    if visible:
        segmentationNode.CreateClosedSurfaceRepresentation()
        segmentationNode.GetDisplayNode().SetPreferredDisplayRepresentationName3D(name)
    elif segmentationNode.GetSegmentation().GetSourceRepresentationName() != name:
        segmentationNode.RemoveClosedSurfaceRepresentation()
    segmentationNode.GetDisplayNode().SetVisibility3D(visible)
