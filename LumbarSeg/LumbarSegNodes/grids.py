"""The grid of a volume node and arrays on it, without the node's parent transform."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from LumbarSegLib.geometry import FloatArray


def matrixFromVolume(volumeNode: slicer.vtkMRMLVolumeNode) -> vtk.vtkMatrix4x4:
    """Return the IJK to RAS matrix of a volume node, in mm."""
    matrix = vtk.vtkMatrix4x4()
    volumeNode.GetIJKToRASMatrix(matrix)
    return matrix


def affineFromVolume(volumeNode: slicer.vtkMRMLVolumeNode) -> FloatArray:
    """Return `affine_ijk_to_ras` (4, 4) of a volume node, in mm."""
    return affineFromMatrix(matrixFromVolume(volumeNode))


def affineFromMatrix(matrix: vtk.vtkMatrix4x4) -> FloatArray:
    """Return a (4, 4) ndarray of float64 with the elements of a VTK matrix."""
    return np.array([[matrix.GetElement(row, column) for column in range(4)] for row in range(4)])


def shapeFromVolume(volumeNode: slicer.vtkMRMLVolumeNode) -> tuple[int, int, int]:
    """Return the number of slices, rows and columns (K, J, I) of a volume node that has an image."""
    columns, rows, slices = volumeNode.GetImageData().GetDimensions()
    return slices, rows, columns


def orientedImage(labelMap: NDArray[np.uint8], volumeNode: slicer.vtkMRMLVolumeNode) -> slicer.vtkOrientedImageData:
    """Return a copy of an array (K, J, I) of uint8 as an image on the volume's grid."""
    slices, rows, columns = labelMap.shape
    image = slicer.vtkOrientedImageData()
    image.SetExtent(0, columns - 1, 0, rows - 1, 0, slices - 1)
    image.GetPointData().SetScalars(numpy_to_vtk(np.ascontiguousarray(labelMap).ravel(), deep=True))
    image.SetGeometryFromImageToWorldMatrix(matrixFromVolume(volumeNode))
    return image


def arrayFromImage(image: vtk.vtkImageData) -> NDArray[Any]:
    """Return the voxels of an image of one component as a view, (K, J, I)."""
    columns, rows, slices = image.GetDimensions()
    voxels: NDArray[Any] = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(slices, rows, columns)
    return voxels
