"""Where the scanner took the slices of a volume: a volume's grid is even, an acquisition need not be.

Slicer loads a DICOM series as one evenly spaced volume. Where the tags say
that the slices lie elsewhere (several blocks in one series, a tilted gantry),
its DICOMScalarVolumePlugin puts a grid transform above the volume, with one
displacement for each corner of each slice, or, with that option off, leaves
the volume as it is. Corners here are the plugin's: at the index 0 and at the
number of columns and rows, in the slice's own plane k.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import slicer

from LumbarSegLib import geometry
from LumbarSegLib.study_reading.slice_stacking import ORIENTATION_TOLERANCE_DEG, SHIFT_TOLERANCE_MM, STEP_TOLERANCE
from LumbarSegNodes.grids import affineFromVolume, shapeFromVolume

if TYPE_CHECKING:
    from LumbarSegLib.geometry import FloatArray

#: A slice that has only been moved keeps the distances of its corners up to the
#: rounding of the tags; at 0.25 mm over 200 mm an area is off by 0.3 % at most.
RIGID_TOLERANCE_MM = 0.25

# DICOM tags that place a slice, as Slicer's database names them,
# and how many numbers each has: image position, image orientation, pixel spacing.
_GEOMETRY_TAGS = (("0020,0032", 3), ("0020,0037", 6), ("0028,0030", 2))
_LPS_TO_RAS = np.array([-1.0, -1.0, 1.0])


def isAcquisitionTransform(transformNode: slicer.vtkMRMLTransformNode, volumeNode: slicer.vtkMRMLVolumeNode) -> bool:
    """Whether a transform is Slicer's DICOM acquisition transform of a volume: it moves whole slices, unchanged.

    Told by its grid (a vector for each corner of each slice) and by what it
    does to the slices, not by its name, which a user may change.
    """
    if not transformNode.IsA("vtkMRMLGridTransformNode") or transformNode.GetParentTransformNode():
        return False
    grid = transformNode.GetTransformToParentAs("vtkOrientedGridTransform")
    slices = shapeFromVolume(volumeNode)[0]
    if grid is None or grid.GetDisplacementGrid().GetDimensions() != (2, 2, slices):
        return False
    before = _cornerDistances(_gridCorners(volumeNode))
    after = _cornerDistances(transformedCorners(volumeNode, transformNode))
    return bool(np.abs(after - before).max() <= RIGID_TOLERANCE_MM)


def acquiredCorners(volumeNode: slicer.vtkMRMLVolumeNode) -> FloatArray | None:
    """Return where the corners of a volume's slices were acquired.

    Parameters
    ----------
    volumeNode : vtkMRMLVolumeNode
        With an image.

    Returns
    -------
    (K, 2, 2, 3) ndarray or None
        Slice, row, column; RAS in mm. From the acquisition transform above the
        volume, else from Slicer's DICOM database; None if neither is there.
    """
    transformNode = volumeNode.GetParentTransformNode()
    if transformNode and isAcquisitionTransform(transformNode, volumeNode):
        return transformedCorners(volumeNode, transformNode)
    return _databaseCorners(volumeNode)


def describeUnevenness(volumeNode: slicer.vtkMRMLVolumeNode) -> str:
    """Say how the slices of a volume were acquired, if not parallel and at one distance; else return "".

    Parameters
    ----------
    volumeNode : vtkMRMLVolumeNode
        With an image.
    """
    corners = acquiredCorners(volumeNode)
    if corners is None or len(corners) < 2:
        return ""
    centers = corners.mean(axis=(1, 2))
    normals = sliceNormals(corners)
    steps = np.abs(np.sum(np.diff(centers, axis=0) * normals[:-1], axis=1))
    found = []
    if steps.max() - steps.min() > STEP_TOLERANCE * steps.min():
        found.append(f"{steps.min():.1f} to {steps.max():.1f} mm apart")
    turn = float(np.degrees(np.arccos(np.clip(np.abs(normals @ normals.T), 0.0, 1.0))).max())
    if turn > ORIENTATION_TOLERANCE_DEG:
        found.append(f"turned by up to {turn:.1f} degrees against each other")
    line = centers[0] + np.linspace(0, 1, len(centers))[:, np.newaxis] * (centers[-1] - centers[0])
    if not found and np.linalg.norm(centers - line, axis=1).max() > SHIFT_TOLERANCE_MM:
        found.append("shifted against each other in their planes")
    return " and ".join(found)


def sliceNormals(corners: FloatArray) -> FloatArray:
    """Return the unit normals (K, 3) of slices given by their corners (K, 2, 2, 3), RAS."""
    first = corners[:, 0, 0]
    normals = np.cross(corners[:, 0, 1] - first, corners[:, 1, 0] - first)
    result: FloatArray = normals / np.linalg.norm(normals, axis=1, keepdims=True)
    return result


def _cornerDistances(corners: FloatArray) -> FloatArray:
    """Return the distances in mm between the four corners of each slice, (K, 4, 4): its shape and size."""
    points = corners.reshape(-1, 4, 3)
    distances: FloatArray = np.linalg.norm(points[:, :, np.newaxis] - points[:, np.newaxis], axis=-1)
    return distances


def _gridCorners(volumeNode: slicer.vtkMRMLVolumeNode) -> FloatArray:
    slices, rows, columns = shapeFromVolume(volumeNode)
    k, j, i = np.meshgrid(np.arange(slices), [0, rows], [0, columns], indexing="ij")
    indices = np.stack([i, j, k], axis=-1).reshape(-1, 3)
    return geometry.positions_ras_mm(affineFromVolume(volumeNode), indices).reshape(slices, 2, 2, 3)


def transformedCorners(volumeNode: slicer.vtkMRMLVolumeNode, transformNode: slicer.vtkMRMLTransformNode) -> FloatArray:
    """Return where a transform takes the corners of each slice of a volume, (K, 2, 2, 3), RAS in mm."""
    transform = transformNode.GetTransformToParent()
    corners = _gridCorners(volumeNode)
    moved = [transform.TransformPoint(corner) for corner in corners.reshape(-1, 3)]
    return np.array(moved).reshape(corners.shape)


def _databaseCorners(volumeNode: slicer.vtkMRMLVolumeNode) -> FloatArray | None:
    """Return the corners that the DICOM tags state, or None if Slicer's database does not know each slice."""
    database = getattr(slicer, "dicomDatabase", None)
    uids = (volumeNode.GetAttribute("DICOM.instanceUIDs") or "").split()
    slices, rows, columns = shapeFromVolume(volumeNode)
    if database is None or len(uids) != slices:
        return None
    corners = np.empty((slices, 2, 2, 3))
    for k, uid in enumerate(uids):
        numbers = [_numbers(database.instanceValue(uid, tag), count) for tag, count in _GEOMETRY_TAGS]
        stated = [each for each in numbers if each is not None]
        if len(stated) < len(numbers):
            return None
        position, orientation, spacing = stated
        along_row, along_column = orientation[:3] * spacing[1] * columns, orientation[3:] * spacing[0] * rows
        for row in (0, 1):
            for column in (0, 1):
                corners[k, row, column] = (position + column * along_row + row * along_column) * _LPS_TO_RAS
    return corners


def _numbers(text: str, count: int) -> FloatArray | None:
    """Return the `count` numbers of a tag's text, or None where it is missing or damaged."""
    try:
        values = np.array(text.split("\\"), dtype=np.float64)
    except ValueError:
        return None
    return values if values.shape == (count,) and np.isfinite(values).all() else None
