"""Volume nodes to blocks of slices: which are refused, what a reader has to know, and the way to a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import slicer

from LumbarSegLib import geometry
from LumbarSegLib.errors import InputError
from LumbarSegLib.io.itk_grid import is_rectangular
from LumbarSegLib.io.study import Block
from LumbarSegLib.study_reading.checks import check_pixels, label_map_warnings, resolve_spacing
from LumbarSegNodes.acquisition import describeUnevenness, isAcquisitionTransform, sliceNormals, transformedCorners
from LumbarSegNodes.grids import affineFromMatrix, affineFromVolume, arrayFromImage, matrixFromVolume
from LumbarSegNodes.hierarchy import seriesUid

if TYPE_CHECKING:
    from pathlib import Path

#: A transform that moves no point of a patient (300 mm) by more than 0.001 mm is none.
_IDENTITY_TOLERANCE = 3e-6

_REMOVE_TRANSFORM = "Move the volume out of the transform in the Transforms or Data module."


def refusal(volumeNode: slicer.vtkMRMLVolumeNode | None) -> InputError | None:
    """Return why a volume cannot be segmented or measured, with the way out; None if it can.

    Parameters
    ----------
    volumeNode : vtkMRMLVolumeNode or None
        What the user has selected.
    """
    try:
        _check(volumeNode)
    except InputError as error:
        return error
    return None


def warnings(volumeNode: slicer.vtkMRMLScalarVolumeNode) -> list[str]:
    """Return what a reader of the result has to know about a volume that is not refused.

    Parameters
    ----------
    volumeNode : vtkMRMLScalarVolumeNode
        See `refusal`.

    Returns
    -------
    list of str
        A sentence or two each: slices acquired unevenly, an assumed pixel
        size, values like those of a label map.
    """
    name = volumeNode.GetName()
    found = label_map_warnings(arrayFromImage(volumeNode.GetImageData()), name)
    unevenness = describeUnevenness(volumeNode)
    if unevenness:
        found.append(
            f"The slices of {name} were acquired {unevenness}, as when several blocks are loaded as one volume: "
            "areas are right, distances, positions and volumes are not."
        )
    if volumeNode.GetSpacing() == (1.0, 1.0, 1.0):
        found.append(
            f"The voxels of {name} are 1 x 1 x 1 mm, which is what Slicer assumes for a file that does not state "
            "them: check pixel size and patient sides in the Volumes module, areas depend on them."
        )
    return found


def readBlock(volumeNode: slicer.vtkMRMLScalarVolumeNode) -> Block:
    """Return a volume's slices as the library's block, on the volume's own grid.

    Parameters
    ----------
    volumeNode : vtkMRMLScalarVolumeNode
        Axial, see `refusal`.

    Returns
    -------
    Block
        `series_description` is the node's name, `series_uid` the one that
        Slicer's DICOM import has noted. Where the slices were acquired
        unevenly, their distance counts as not known.

    Raises
    ------
    InputError
        If the volume is refused.
    """
    _check(volumeNode)
    return Block(
        image=arrayFromImage(volumeNode.GetImageData()).astype(np.float32),
        affine_ijk_to_ras=affineFromVolume(volumeNode),
        slice_distance_known=not describeUnevenness(volumeNode),
        series_uid=seriesUid(volumeNode),
        series_description=volumeNode.GetName(),
    )


def writeVolume(volumeNode: slicer.vtkMRMLScalarVolumeNode, path: Path) -> None:
    """Write a volume's voxels and grid, nothing else, as an uncompressed NRRD file.

    Attributes of the node (DICOM identifiers) and its parent transform stay out.

    Parameters
    ----------
    volumeNode : vtkMRMLScalarVolumeNode
        Axial, see `refusal`.
    path : Path
        Must end in .nrrd.

    Raises
    ------
    InputError
        If the volume is refused.
    ValueError
        If the name does not end in .nrrd.
    OSError
        If the file cannot be written.
    """
    if path.suffix != ".nrrd":
        raise ValueError(f"path must end in .nrrd, got {path.name}.")
    _check(volumeNode)
    bare = slicer.vtkMRMLScalarVolumeNode()
    bare.SetAndObserveImageData(volumeNode.GetImageData())
    bare.SetIJKToRASMatrix(matrixFromVolume(volumeNode))
    storage = slicer.vtkMRMLNRRDStorageNode()
    storage.SetFileName(str(path))
    storage.SetUseCompression(False)
    if not storage.WriteData(bare):
        raise OSError(f"{path} cannot be written. Check the free space and the rights of its folder.")


def _check(volumeNode: slicer.vtkMRMLVolumeNode | None) -> None:
    """Raise `InputError` for a volume that cannot be used."""
    if volumeNode is None:
        raise InputError("No volume is selected.", "Select the axial T2-weighted volume.")
    name = volumeNode.GetName()
    _checkKind(volumeNode, name)
    _checkGrid(volumeNode, name)
    _checkTransform(volumeNode, name)
    check_pixels(arrayFromImage(volumeNode.GetImageData()), name)


def _checkKind(volumeNode: slicer.vtkMRMLVolumeNode, name: str) -> None:
    if volumeNode.IsA("vtkMRMLLabelMapVolumeNode"):
        raise InputError(f"{name} is a label map.", "Select the image that it was drawn on.")
    if not volumeNode.IsA("vtkMRMLScalarVolumeNode"):
        raise InputError(f"{name} is not a volume of gray values.", "Select the axial T2-weighted volume.")
    image = volumeNode.GetImageData()
    if image is None or image.GetPointData().GetScalars() is None or image.GetNumberOfPoints() == 0:
        raise InputError(f"{name} has no image data.", "Load it again, or select another volume.")
    if image.GetNumberOfScalarComponents() != 1:
        raise InputError(
            f"{name} has {image.GetNumberOfScalarComponents()} values per voxel (color, vectors).",
            "Select a volume of gray values.",
        )


def _checkGrid(volumeNode: slicer.vtkMRMLScalarVolumeNode, name: str) -> None:
    spacing = volumeNode.GetSpacing()
    affine = affineFromVolume(volumeNode)
    if not (np.isfinite(affine).all() and np.isfinite(spacing).all() and min(spacing) > 0):
        sizes = " x ".join(f"{size:g}" for size in spacing)
        raise InputError(
            f"The voxel size of {name} is {sizes} mm; it must be above zero.",
            "Correct the image spacing in the Volumes module, or load the images again.",
        )
    if not is_rectangular(affine):
        raise InputError(
            f"The axes of {name} are not perpendicular (sheared).",
            "Resample it to a rectangular grid, for example with the Resample Scalar/Vector/DWI Volume module.",
        )
    tilt = geometry.axial_tilt_deg(affine)
    _checkTilt(tilt, f"The slices of {name} are", f" ({geometry.plane_name(affine)} slices)")
    _, row_mm, column_mm = geometry.spacing_kji_mm(affine)
    resolve_spacing((row_mm, column_mm), None, name)


def _checkTransform(volumeNode: slicer.vtkMRMLScalarVolumeNode, name: str) -> None:
    transformNode = volumeNode.GetParentTransformNode()
    if transformNode is None:
        return
    if isAcquisitionTransform(transformNode, volumeNode):
        normals = sliceNormals(transformedCorners(volumeNode, transformNode))
        tilts = np.degrees(np.arccos(np.clip(np.abs(normals[:, 2]), 0.0, 1.0)))
        worst = int(tilts.argmax())
        _checkTilt(float(tilts[worst]), f"Slice {worst + 1} of {name} was acquired", "")
        return
    above = f"{name} is under the transform {transformNode.GetName()}"
    if not transformNode.IsTransformToWorldLinear():
        raise InputError(f"{above}, which is not linear and would change areas.", _REMOVE_TRANSFORM)
    matrix = matrixFromVolume(volumeNode)
    transformNode.GetMatrixTransformToWorld(matrix)
    affine = affineFromMatrix(matrix)
    if np.abs(affine[:3, :3] @ affine[:3, :3].T - np.eye(3)).max() > _IDENTITY_TOLERANCE:
        raise InputError(f"{above}, which is not rigid and would change areas.", _REMOVE_TRANSFORM)
    if np.abs(affine[:3, :3] - np.eye(3)).max() > _IDENTITY_TOLERANCE or np.abs(affine[:3, 3]).max() > 1e-3:
        raise InputError(
            f"{above}, which is not hardened.",
            "Harden the transform on the volume (Data module, context menu of the transform), or move it out.",
        )


def _checkTilt(tilt: float, subject: str, plane: str) -> None:
    if tilt > geometry.AXIAL_MAX_TILT_DEG:
        raise InputError(
            f"{subject} {tilt:.0f} degrees off axial{plane}; at most {geometry.AXIAL_MAX_TILT_DEG:.0f} will do.",
            "Select the axial series.",
        )
