"""Slices that were not acquired on an even grid, as Slicer's DICOM import presents them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
import slicer
import vtk
from lumbar_ellipses import axial_affine, turn_about
from vtk.util.numpy_support import vtk_to_numpy

from LumbarSegLib.phantom.study import PhantomStudy, write_phantom_study
from LumbarSegNodes import segmentations, volumes

pytestmark = pytest.mark.usefixtures("no_vtk_messages")

SHAPE = (6, 30, 40)
AFFINE = axial_affine(spacing_kji_mm=(6.0, 0.7, 0.6), turn=turn_about(0, 10))


def volume_on(add_volume, affine: np.ndarray = AFFINE):
    return add_volume(np.random.default_rng(0).random(SHAPE, dtype=np.float32), affine)


def grid_corners(affine: np.ndarray, shape: tuple[int, int, int] = SHAPE) -> np.ndarray:
    """RAS positions (K, 2, 2, 3) of index 0 and of the number of rows and columns, slice by slice."""
    slices, rows, columns = shape
    corners = [[[affine @ (i, j, k, 1) for i in (0, columns)] for j in (0, rows)] for k in range(slices)]
    return np.array(corners)[..., :3]


def put_under_acquisition_transform(volume, corners: np.ndarray):
    """Place the corners of a volume's slices as Slicer's DICOMScalarVolumePlugin does where tags want it."""
    columns, rows, slices = volume.GetImageData().GetDimensions()
    affine = volumes.affineFromVolume(volume)
    grid = vtk.vtkImageData()
    grid.SetOrigin(*volume.GetOrigin())
    grid.SetDimensions(2, 2, slices)
    spacing = volume.GetSpacing()
    grid.SetSpacing(spacing[0] * columns, spacing[1] * rows, spacing[2])
    grid.AllocateScalars(vtk.VTK_DOUBLE, 3)
    displacements = corners - grid_corners(affine, (slices, rows, columns))
    vtk_to_numpy(grid.GetPointData().GetScalars())[:] = displacements.reshape(-1, 3)
    directions = vtk.vtkMatrix4x4()
    volume.GetIJKToRASDirectionMatrix(directions)
    transform = slicer.vtkOrientedGridTransform()
    transform.SetGridDirectionMatrix(directions)
    transform.SetDisplacementGridData(grid)
    node = volume.GetScene().AddNewNodeByClass("vtkMRMLGridTransformNode", f"{volume.GetName()} acquisition transform")
    node.SetAndObserveTransformToParent(transform)
    volume.SetAndObserveTransformNodeID(node.GetID())
    return node


def two_blocks(gap_mm: float = 20.0, turn_deg: float = 0.0) -> np.ndarray:
    """Corners of the slices, the upper three of them farther up and turned."""
    corners = grid_corners(AFFINE)
    center = corners[3:].mean(axis=(0, 1, 2))
    corners[3:] = (corners[3:] - center) @ turn_about(0, turn_deg).T + center + [0, 0, gap_mm]
    return corners


def test_blocks_apart_are_warned_of(add_volume) -> None:
    volume = volume_on(add_volume)
    put_under_acquisition_transform(volume, two_blocks())
    assert volumes.refusal(volume) is None
    (warning,) = volumes.warnings(volume)
    assert "6.0 to 25.7 mm apart" in warning  # 20 mm up, across slices tilted by 10 degrees
    assert "areas are right, distances, positions and volumes are not" in warning
    assert "turned" not in warning
    assert volumes.readBlock(volume).slice_distance_mm is None


def test_blocks_turned_are_warned_of(add_volume) -> None:
    volume = volume_on(add_volume)
    put_under_acquisition_transform(volume, two_blocks(turn_deg=-15))
    assert volumes.refusal(volume) is None
    (warning,) = volumes.warnings(volume)
    assert "turned by up to 15.0 degrees" in warning


def test_shifted_slices_are_warned_of(add_volume) -> None:
    corners = grid_corners(AFFINE)
    corners[2] += 3 * AFFINE[:3, 0]
    volume = volume_on(add_volume)
    put_under_acquisition_transform(volume, corners)
    (warning,) = volumes.warnings(volume)
    assert "shifted" in warning


def test_an_even_acquisition_is_not_warned_of(add_volume) -> None:
    volume = volume_on(add_volume)
    put_under_acquisition_transform(volume, grid_corners(AFFINE) + 0.01)
    assert volumes.refusal(volume) is None
    assert volumes.warnings(volume) == []
    assert volumes.readBlock(volume).slice_distance_mm == pytest.approx(6)


def test_a_slice_acquired_too_steeply_is_refused(add_volume) -> None:
    volume = volume_on(add_volume)
    put_under_acquisition_transform(volume, two_blocks(turn_deg=40))
    assert "Slice 4 of T2 ax was acquired 50 degrees off axial" in volumes.refusal(volume).problem


def test_a_grid_that_stretches_slices_is_refused(add_volume) -> None:
    corners = grid_corners(AFFINE)
    corners[:, :, 1] += 2 * AFFINE[:3, 0]
    volume = volume_on(add_volume)
    put_under_acquisition_transform(volume, corners)
    assert "not linear" in volumes.refusal(volume).problem


def test_a_grid_of_another_size_is_refused(add_volume) -> None:
    volume = volume_on(add_volume)
    node = put_under_acquisition_transform(volume, grid_corners(AFFINE))
    shorter = add_volume(np.random.default_rng(0).random((5, 30, 40)), AFFINE)
    shorter.SetAndObserveTransformNodeID(node.GetID())
    assert volumes.refusal(volume) is None
    assert "not linear" in volumes.refusal(shorter).problem


def test_the_transform_is_known_after_a_visit_to_a_file(add_volume, tmp_path: Path) -> None:
    volume = volume_on(add_volume)
    node = put_under_acquisition_transform(volume, two_blocks(turn_deg=-15))
    (warning,) = volumes.warnings(volume)
    storage = slicer.vtkMRMLTransformStorageNode()
    storage.SetFileName(str(tmp_path / "transform.h5"))
    assert storage.WriteData(node)
    read = volume.GetScene().AddNewNodeByClass("vtkMRMLGridTransformNode", "renamed")
    assert storage.ReadData(read)
    volume.SetAndObserveTransformNodeID(read.GetID())
    assert volumes.refusal(volume) is None
    assert volumes.warnings(volume) == [warning]


def test_outlines_go_under_the_same_transform(add_volume) -> None:
    volume = volume_on(add_volume)
    node = put_under_acquisition_transform(volume, two_blocks(turn_deg=-15))
    segmentation = segmentations.createSegmentation(volume)
    assert segmentation.GetTransformNodeID() == node.GetID()
    label_map = np.random.default_rng(1).integers(0, 8, SHAPE).astype(np.uint8)
    segmentations.updateSegmentation(segmentation, label_map, volume)
    read, notes = segmentations.labelMapFromSegmentation(segmentation, volume)
    np.testing.assert_array_equal(read, label_map)
    assert notes == []


class DicomFolder:
    """Answers like Slicer's DICOM database, from the files of a folder."""

    def __init__(self, folder: Path) -> None:
        datasets = [pydicom.dcmread(path, stop_before_pixels=True) for path in sorted(folder.glob("*.dcm"))]
        self.datasets = {dataset.SOPInstanceUID: dataset for dataset in datasets}

    def instanceValue(self, uid: str, tag: str) -> str:  # noqa: N802 - the name is Slicer's
        if uid not in self.datasets:
            return ""
        value = self.datasets[uid][tag.replace(",", "")].value
        return "\\".join(map(str, value))


@pytest.fixture
def study(tmp_path: Path) -> PhantomStudy:
    return write_phantom_study(tmp_path / "study")


def load_as_one_volume(add_volume, study: PhantomStudy, uids: list[str]):
    """Take all slices for one even grid, as Slicer does while its regularization is off."""
    affine = study.blocks[0].affine_ijk_to_ras
    volume = add_volume(np.random.default_rng(0).random((len(uids), 320, 320), dtype=np.float32), affine)
    volume.SetAttribute("DICOM.instanceUIDs", " ".join(uids))
    return volume


def test_the_dicom_database_shows_blocks(add_volume, study: PhantomStudy, monkeypatch) -> None:
    uids = [each.sop_instance_uid for block in study.blocks for each in block.slices]
    volume = load_as_one_volume(add_volume, study, uids)
    assert volumes.warnings(volume) == []
    monkeypatch.setattr(slicer, "dicomDatabase", DicomFolder(study.folder / "series-2"), raising=False)
    (warning,) = volumes.warnings(volume)
    assert "4.4 to" in warning
    assert "turned by up to" in warning
    assert volumes.readBlock(volume).slice_distance_mm is None


def test_the_dicom_database_shows_an_even_block(add_volume, study: PhantomStudy, monkeypatch) -> None:
    monkeypatch.setattr(slicer, "dicomDatabase", DicomFolder(study.folder / "series-2"), raising=False)
    uids = [each.sop_instance_uid for each in study.blocks[0].slices]
    assert volumes.warnings(load_as_one_volume(add_volume, study, uids)) == []


@pytest.mark.parametrize("uids", [["1.2.3"], ["1.2.3", "1.2.4"]])
def test_slices_that_the_database_does_not_know_are_no_problem(
    add_volume, study: PhantomStudy, monkeypatch, uids: list[str]
) -> None:
    monkeypatch.setattr(slicer, "dicomDatabase", DicomFolder(study.folder / "series-2"), raising=False)
    volume = add_volume(np.random.default_rng(0).random((2, 30, 40), dtype=np.float32), AFFINE)
    volume.SetAttribute("DICOM.instanceUIDs", " ".join(uids))
    assert volumes.warnings(volume) == []
