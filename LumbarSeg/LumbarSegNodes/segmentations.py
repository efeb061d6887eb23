"""Label maps to segmentation nodes and back, whatever a user has done to the segments in between."""

from __future__ import annotations

import contextlib
import hashlib
from typing import TYPE_CHECKING

import numpy as np
import slicer
import vtk

from LumbarSegLib.anatomy import ANATOMIES, Anatomy
from LumbarSegLib.errors import InputError
from LumbarSegNodes.grids import affineFromMatrix, affineFromVolume, arrayFromImage, orientedImage, shapeFromVolume
from LumbarSegNodes.hierarchy import placeBeside
from LumbarSegNodes.segments import anatomyOfSegment, nameSegment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

#: Attributes of a segmentation node: what made its outlines, and their hash as they were made.
WEIGHTS_NAME_ATTRIBUTE = "LumbarSeg.WeightsName"
WEIGHTS_SHA256_ATTRIBUTE = "LumbarSeg.WeightsSha256"
DEVICE_ATTRIBUTE = "LumbarSeg.Device"
LABEL_MAP_SHA256_ATTRIBUTE = "LumbarSeg.LabelMapSha256"

#: Offsets between two grids below this part of a voxel come from rounding in files.
_GRID_TOLERANCE_VOXELS = 1e-3

_FILL_OPACITY = 0.2


def createSegmentation(
    volumeNode: slicer.vtkMRMLScalarVolumeNode, name: str | None = None
) -> slicer.vtkMRMLSegmentationNode:
    """Add a segmentation node with seven empty segments beside a volume.

    Parameters
    ----------
    volumeNode : vtkMRMLScalarVolumeNode
        Gives the reference geometry.
    name : str, optional
        By default the volume's name and "LumbarSeg".

    Returns
    -------
    vtkMRMLSegmentationNode
    """
    scene = volumeNode.GetScene()
    name = scene.GenerateUniqueName(f"{volumeNode.GetName()} LumbarSeg") if name is None else name
    segmentationNode = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
    segmentationNode.CreateDefaultDisplayNodes()
    # The image has to stay readable below the fill: the outlines carry the result.
    segmentationNode.GetDisplayNode().SetOpacity2DFill(_FILL_OPACITY)
    updateSegmentation(segmentationNode, np.zeros(shapeFromVolume(volumeNode), dtype=np.uint8), volumeNode)
    return segmentationNode


def updateSegmentation(
    segmentationNode: slicer.vtkMRMLSegmentationNode,
    labelMap: NDArray[np.uint8],
    volumeNode: slicer.vtkMRMLScalarVolumeNode,
) -> None:
    """Replace the outlines of the seven anatomies in a segmentation node.

    Segments that are there keep their identifier, color and visibility; missing
    ones are added. Segments of other structures are left alone, behind the
    seven. The node comes to lie beside the volume, under the same transform.

    Parameters
    ----------
    segmentationNode : vtkMRMLSegmentationNode
        From `createSegmentation`, or any other.
    labelMap : (K, J, I) ndarray of uint8
        On the volume's grid: 0 background, 1-7 as in `LumbarSegLib.anatomy`.
    volumeNode : vtkMRMLScalarVolumeNode
        Of the same scene.

    Raises
    ------
    ValueError
        If the label map does not fit the volume or holds other values.
    """
    if labelMap.dtype != np.uint8 or labelMap.shape != shapeFromVolume(volumeNode):
        raise ValueError(
            f"labelMap must be {shapeFromVolume(volumeNode)} of uint8, got {labelMap.shape} of {labelMap.dtype}."
        )
    if labelMap.max() > len(ANATOMIES):
        raise ValueError(f"labelMap must hold the labels 0-{len(ANATOMIES)}, got {labelMap.max()}.")
    wasModifying = segmentationNode.StartModify()
    try:
        segmentation = segmentationNode.GetSegmentation()
        segmentation.SetSourceRepresentationName(_binaryLabelMapName())
        segmentationNode.SetReferenceImageGeometryParameterFromVolumeNode(volumeNode)
        segmentationNode.SetAndObserveTransformNodeID(volumeNode.GetTransformNodeID())
        hasSurfaces = segmentation.ContainsRepresentation(_surfaceName())
        segmentationNode.RemoveClosedSurfaceRepresentation()
        _writeSegments(segmentation, orientedImage(labelMap, volumeNode))
        if hasSurfaces:
            segmentationNode.CreateClosedSurfaceRepresentation()
        segmentationNode.SetAttribute(LABEL_MAP_SHA256_ATTRIBUTE, _hash(labelMap, volumeNode))
        placeBeside(segmentationNode, volumeNode)
    finally:
        segmentationNode.EndModify(wasModifying)


def setOrigin(
    segmentationNode: slicer.vtkMRMLSegmentationNode, weightsName: str, weightsSha256: str, device: str
) -> None:
    """Note on a segmentation node which network outlined it, and where that ran."""
    segmentationNode.SetAttribute(WEIGHTS_NAME_ATTRIBUTE, weightsName)
    segmentationNode.SetAttribute(WEIGHTS_SHA256_ATTRIBUTE, weightsSha256)
    segmentationNode.SetAttribute(DEVICE_ATTRIBUTE, device)


def isAsSegmented(
    segmentationNode: slicer.vtkMRMLSegmentationNode,
    labelMap: NDArray[np.uint8],
    volumeNode: slicer.vtkMRMLScalarVolumeNode,
) -> bool:
    """Whether a label map read from a segmentation is still the one last written into it.

    Parameters
    ----------
    segmentationNode : vtkMRMLSegmentationNode
        Its attribute has the hash.
    labelMap : (K, J, I) ndarray of uint8
        From `labelMapFromSegmentation`.
    volumeNode : vtkMRMLScalarVolumeNode
        On whose grid it was read.
    """
    return bool(segmentationNode.GetAttribute(LABEL_MAP_SHA256_ATTRIBUTE) == _hash(labelMap, volumeNode))


def labelMapFromSegmentation(
    segmentationNode: slicer.vtkMRMLSegmentationNode, volumeNode: slicer.vtkMRMLScalarVolumeNode
) -> tuple[NDArray[np.uint8], list[str]]:
    """Read what the segments hold now, on the volume's grid.

    A segment counts as the anatomy that its tag names, else its terminology,
    else its name. Where segments overlap, the later one in the list wins.
    Slicer resamples segments that lie on another grid.

    Parameters
    ----------
    segmentationNode : vtkMRMLSegmentationNode
        Edited or not, of any source.
    volumeNode : vtkMRMLScalarVolumeNode
        Of the same scene.

    Returns
    -------
    labelMap : (K, J, I) ndarray of uint8
        0 background, 1-7 as in `LumbarSegLib.anatomy`.
    notes : list of str
        What a reader has to know: segments renamed, doubled, missing, left
        out, overlapping or resampled.

    Raises
    ------
    InputError
        If Slicer cannot turn the node's surfaces into label maps.
    """
    with _asLabelMaps(segmentationNode):
        return _readSegments(segmentationNode, volumeNode)


@contextlib.contextmanager
def _asLabelMaps(segmentationNode: slicer.vtkMRMLSegmentationNode) -> Iterator[None]:
    """Let a segmentation that has surfaces only be read as label maps, and leave it as it was."""
    if segmentationNode.GetSegmentation().ContainsRepresentation(_binaryLabelMapName()):
        yield
        return
    if segmentationNode.GetSegmentation().GetNumberOfSegments() and not (
        segmentationNode.CreateBinaryLabelmapRepresentation()
    ):
        raise InputError(
            f"The segments of {segmentationNode.GetName()} cannot be turned into label maps.",
            "Create the binary label map representation in the Segmentations module.",
        )
    try:
        yield
    finally:
        segmentationNode.RemoveBinaryLabelmapRepresentation()


def _readSegments(
    segmentationNode: slicer.vtkMRMLSegmentationNode, volumeNode: slicer.vtkMRMLScalarVolumeNode
) -> tuple[NDArray[np.uint8], list[str]]:
    segmentation = segmentationNode.GetSegmentation()
    labelMap = np.zeros(shapeFromVolume(volumeNode), dtype=np.uint8)
    overlapping = np.zeros(labelMap.shape, dtype=bool)
    parts: dict[Anatomy, list[str]] = {}
    strangers, resampled = [], []
    for segmentId in segmentation.GetSegmentIDs():
        segment = segmentation.GetSegment(segmentId)
        anatomy = anatomyOfSegment(segment)
        if anatomy is None:
            strangers.append(segment.GetName())
            continue
        parts.setdefault(anatomy, []).append(segment.GetName())
        mask = _segmentMask(segmentationNode, segmentId, volumeNode)
        overlapping |= mask & (labelMap != 0) & (labelMap != anatomy.index)
        labelMap[mask] = anatomy.index
        if not _isOnGrid(segmentationNode, segment, volumeNode):
            resampled.append(segment.GetName())
    notes = _notesOnNames(parts, strangers)
    if resampled:
        notes.append(f"Resampled from another grid to the volume's: {', '.join(resampled)}.")
    if overlapping.any():
        count = np.count_nonzero(overlapping)
        notes.append(f"{count} pixels lie in several segments and count for the later one in the list.")
    return labelMap, notes


def _notesOnNames(parts: dict[Anatomy, list[str]], strangers: list[str]) -> list[str]:
    """Say which segments are renamed, doubled, missing or none of the seven anatomies."""
    notes = []
    for anatomy, names in parts.items():
        if len(names) > 1:
            notes.append(f"{anatomy.name} is made of {len(names)} segments: {', '.join(names)}.")
        elif names[0] != anatomy.name:
            notes.append(f"The segment {names[0]} counts as {anatomy.name}.")
    missing = [anatomy.name for anatomy in ANATOMIES if anatomy not in parts]
    if missing:
        notes.append(f"There is no segment for {', '.join(missing)}.")
    if strangers:
        notes.append(f"Left out, as they are none of the seven anatomies: {', '.join(strangers)}.")
    return notes


def _writeSegments(segmentation: slicer.vtkSegmentation, shared: slicer.vtkOrientedImageData) -> None:
    """Let the first seven segments hold one label map together."""
    own = _ownSegmentIds(segmentation)
    for position, anatomy in enumerate(ANATOMIES):
        segmentId = own.get(anatomy) or segmentation.GenerateUniqueSegmentID(f"LumbarSeg_{anatomy.key}")
        segment = segmentation.GetSegment(segmentId) if anatomy in own else slicer.vtkSegment()
        nameSegment(segment, anatomy)
        segment.SetLabelValue(anatomy.index)
        segment.AddRepresentation(_binaryLabelMapName(), shared)
        if anatomy not in own:
            segment.SetColor(*(channel / 255.0 for channel in anatomy.color))
            segmentation.AddSegment(segment, segmentId)
        segmentation.SetSegmentIndex(segmentId, position)


def _ownSegmentIds(segmentation: slicer.vtkSegmentation) -> dict[Anatomy, str]:
    """Return the first segment of each anatomy that is there, and remove any further one.

    A copy of a segment holds outlines of the run before; both together would count.
    """
    own: dict[Anatomy, str] = {}
    for segmentId in segmentation.GetSegmentIDs():
        anatomy = anatomyOfSegment(segmentation.GetSegment(segmentId))
        if anatomy in own:
            segmentation.RemoveSegment(segmentId)
        elif anatomy is not None:
            own[anatomy] = segmentId
    return own


def _segmentMask(
    segmentationNode: slicer.vtkMRMLSegmentationNode, segmentId: str, volumeNode: slicer.vtkMRMLScalarVolumeNode
) -> NDArray[np.bool_]:
    """Return the voxels (K, J, I) of the volume that a segment covers, resampled by Slicer where necessary."""
    segmentIds = vtk.vtkStringArray()
    segmentIds.InsertNextValue(segmentId)
    merged = slicer.vtkOrientedImageData()
    slicer.vtkSlicerSegmentationsModuleLogic.GenerateMergedLabelmapInReferenceGeometry(
        segmentationNode, volumeNode, segmentIds, slicer.vtkSegmentation.EXTENT_REFERENCE_GEOMETRY, merged
    )
    mask: NDArray[np.bool_] = arrayFromImage(merged) != 0
    return mask


def _isOnGrid(
    segmentationNode: slicer.vtkMRMLSegmentationNode,
    segment: slicer.vtkSegment,
    volumeNode: slicer.vtkMRMLScalarVolumeNode,
) -> bool:
    """Whether the voxels of a segment coincide with those of the volume; its extent may be smaller."""
    image = segment.GetRepresentation(_binaryLabelMapName())
    if image is None or image.IsEmpty():
        return True
    if segmentationNode.GetTransformNodeID() != volumeNode.GetTransformNodeID():
        return False
    matrix = vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(matrix)
    between = np.linalg.solve(affineFromVolume(volumeNode), affineFromMatrix(matrix))
    # Reversed axes will do: Slicer's reader turns left-handed grids over.
    nearest = np.round(between)
    return bool(np.abs(between - nearest).max() < _GRID_TOLERANCE_VOXELS and abs(np.linalg.det(nearest)) == 1)


def _hash(labelMap: NDArray[np.uint8], volumeNode: slicer.vtkMRMLScalarVolumeNode) -> str:
    """Return a hash that does not change when Slicer's reader reverses axes of the volume."""
    steps = affineFromVolume(volumeNode)[:3, :3]
    mainSteps = steps[np.abs(steps).argmax(axis=0), [0, 1, 2]]
    reversedAxes = tuple(2 - axis for axis in range(3) if mainSteps[axis] < 0)
    ordered = np.ascontiguousarray(np.flip(labelMap, reversedAxes))
    return hashlib.sha256(str(ordered.shape).encode() + ordered.tobytes()).hexdigest()


def _binaryLabelMapName() -> str:
    name: str = slicer.vtkSegmentationConverter.GetSegmentationBinaryLabelmapRepresentationName()
    return name


def _surfaceName() -> str:
    name: str = slicer.vtkSegmentationConverter.GetSegmentationClosedSurfaceRepresentationName()
    return name
