"""Volume nodes: the way to blocks and files, refusals and warnings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import slicer
import vtk
from lumbar_ellipses import LUMBAR, axial_affine, draw, turn_about
from lumbar_grids import GRIDS

from LumbarSegLib.errors import InputError
from LumbarSegLib.io.volume_files import read_volume
from LumbarSegNodes import volumes

pytestmark = pytest.mark.usefixtures("no_vtk_messages")

SHAPE = (4, 30, 40)


def noise(dtype: str = "float32", shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 200, shape).astype(dtype)


def put_under(volume, transform) -> None:
    volume.GetScene().AddNode(transform)
    volume.SetAndObserveTransformNodeID(transform.GetID())


def linear_transform(matrix: np.ndarray):
    elements = vtk.vtkMatrix4x4()
    elements.DeepCopy(matrix.ravel())
    node = slicer.vtkMRMLLinearTransformNode()
    node.SetName("moved")
    node.SetMatrixTransformToParent(elements)
    return node


@pytest.mark.parametrize("grid", GRIDS)
def test_block_has_the_nodes_voxels_and_grid(add_volume, grid: str) -> None:
    image = noise("int16")
    volume = add_volume(image, GRIDS[grid])
    assert volumes.refusal(volume) is None
    assert volumes.warnings(volume) == []
    block = volumes.readBlock(volume)
    assert block.image.dtype == np.float32
    np.testing.assert_array_equal(block.image, image)
    np.testing.assert_allclose(block.affine_ijk_to_ras, GRIDS[grid], rtol=0, atol=1e-12)
    assert block.series_description == "T2 ax"
    assert block.slice_distance_mm == pytest.approx(4.4)
    assert block.slice_sources == ()


@pytest.mark.parametrize("grid", GRIDS)
def test_the_file_is_read_as_the_same_block(add_volume, tmp_path: Path, grid: str) -> None:
    volume = add_volume(noise(), GRIDS[grid])
    volume.SetAttribute("DICOM.instanceUIDs", "1.2.3 1.2.4 1.2.5 1.2.6")
    volumes.writeVolume(volume, tmp_path / "v.nrrd")
    read = read_volume(tmp_path / "v.nrrd")
    block = volumes.readBlock(volume)
    np.testing.assert_array_equal(read.image, block.image)
    np.testing.assert_allclose(read.affine_ijk_to_ras, block.affine_ijk_to_ras, rtol=0, atol=1e-12)
    assert read.stated.has_spacing
    assert read.stated.has_orientation
    assert b"1.2.3" not in (tmp_path / "v.nrrd").read_bytes()
    assert volume.GetAttribute("DICOM.instanceUIDs") is not None


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32", "float64"])
def test_the_file_has_the_nodes_values(add_volume, tmp_path: Path, dtype: str) -> None:
    image = noise(dtype)
    image[0, 0, :2] = 0, 255
    volumes.writeVolume(add_volume(image, GRIDS["oblique"]), tmp_path / "v.nrrd")
    np.testing.assert_array_equal(read_volume(tmp_path / "v.nrrd").image, image)


def test_a_file_in_no_folder_is_an_error(add_volume, tmp_path: Path, capfd) -> None:
    with pytest.raises(OSError, match="cannot be written"):
        volumes.writeVolume(add_volume(noise(), GRIDS["oblique"]), tmp_path / "nowhere" / "v.nrrd")
    capfd.readouterr()  # Slicer's writer has complained, rightly


def test_other_formats_are_no_choice(add_volume, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"\.nrrd"):
        volumes.writeVolume(add_volume(noise(), GRIDS["oblique"]), tmp_path / "v.nii.gz")


def test_a_single_slice_will_do(add_volume) -> None:
    volume = add_volume(noise(shape=(1, 30, 40)), GRIDS["oblique"])
    assert volumes.refusal(volume) is None
    assert volumes.warnings(volume) == []
    assert volumes.readBlock(volume).slice_distance_mm is None


def test_series_uid_comes_from_the_subject_hierarchy(add_volume) -> None:
    volume = add_volume(noise(), GRIDS["oblique"])
    assert volumes.readBlock(volume).series_uid == ""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(volume.GetScene())
    hierarchy.SetItemUID(hierarchy.CreateItem(hierarchy.GetSceneItemID(), volume), "DICOM", "1.2.826.1")
    assert volumes.readBlock(volume).series_uid == "1.2.826.1"


def refused(volume) -> str:
    error = volumes.refusal(volume)
    assert isinstance(error, InputError)
    assert error.repair
    with pytest.raises(InputError):
        volumes.readBlock(volume)
    return error.problem


def test_no_volume_is_refused() -> None:
    assert "No volume" in refused(None)


def test_a_label_map_is_refused(add_volume) -> None:
    volume = add_volume(noise("uint8"), GRIDS["upright"], node_class="vtkMRMLLabelMapVolumeNode")
    assert "label map" in refused(volume)


@pytest.mark.parametrize("node_class", ["vtkMRMLVectorVolumeNode", "vtkMRMLScalarVolumeNode"])
def test_several_values_per_voxel_are_refused(add_volume, node_class: str) -> None:
    volume = add_volume(noise("uint8", (*SHAPE, 3)), GRIDS["upright"], node_class=node_class)
    assert "3 values" in refused(volume)


def test_a_node_without_image_is_refused(mrml_scene) -> None:
    volume = mrml_scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "empty")
    assert "no image" in refused(volume)
    volume.SetAndObserveImageData(vtk.vtkImageData())
    assert "no image" in refused(volume)


def test_another_node_is_refused(mrml_scene) -> None:
    assert "not a volume" in refused(mrml_scene.AddNewNodeByClass("vtkMRMLModelNode", "vertebra"))


@pytest.mark.parametrize("spacing", [(0, 0.6, 4), (0.6, -0.6, 4), (0.6, 0.6, np.nan), (np.inf, 0.6, 4)])
def test_impossible_voxel_sizes_are_refused(add_volume, spacing: tuple[float, ...]) -> None:
    volume = add_volume(noise(), GRIDS["oblique"])
    volume.SetSpacing(*spacing)
    assert "voxel size" in refused(volume)


def test_an_unlikely_pixel_size_is_refused(add_volume) -> None:
    assert "pixel spacing" in refused(add_volume(noise(), axial_affine(spacing_kji_mm=(4, 6, 6))))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_no_numbers_are_refused(add_volume, value: float) -> None:
    image = noise()
    image[1, 2, 3] = value
    assert "NaN or infinite" in refused(add_volume(image, GRIDS["oblique"]))


def test_a_blank_image_is_refused(add_volume) -> None:
    assert "blank" in refused(add_volume(np.full(SHAPE, 7, dtype=np.int16), GRIDS["oblique"]))


@pytest.mark.parametrize(("tilt", "is_refused"), [(44, False), (46, True), (90, True)])
def test_slices_off_axial_are_refused_with_their_angle(add_volume, tilt: float, is_refused: bool) -> None:
    volume = add_volume(noise(), axial_affine(turn=turn_about(0, tilt)))
    if is_refused:
        assert f"{tilt} degrees off axial" in refused(volume)
    else:
        assert volumes.refusal(volume) is None


def test_a_sheared_grid_is_refused(add_volume) -> None:
    affine = GRIDS["upright"].copy()
    affine[:3, 2] += 0.2 * affine[:3, 1]
    assert "sheared" in refused(add_volume(noise(), affine))


def test_an_identity_above_the_volume_changes_nothing(add_volume) -> None:
    volume = add_volume(noise(), GRIDS["oblique"])
    put_under(volume, linear_transform(np.eye(4)))
    assert volumes.refusal(volume) is None


def test_a_transform_counts_until_it_is_hardened(add_volume) -> None:
    volume = add_volume(noise(), GRIDS["oblique"])
    move = np.eye(4)
    move[:3, :3] = turn_about(2, 10)
    move[:3, 3] = 5
    put_under(volume, linear_transform(move))
    assert "moved, which is not hardened" in refused(volume)
    assert volume.HardenTransform()
    assert volumes.refusal(volume) is None
    np.testing.assert_allclose(volumes.readBlock(volume).affine_ijk_to_ras, move @ GRIDS["oblique"], atol=1e-9)


def test_a_transform_counts_through_another(add_volume) -> None:
    volume = add_volume(noise(), GRIDS["oblique"])
    shift, back = np.eye(4), np.eye(4)
    shift[:3, 3], back[:3, 3] = 5, -5
    put_under(volume, linear_transform(shift))
    put_under(volume.GetParentTransformNode(), linear_transform(back))
    assert volumes.refusal(volume) is None
    volume.GetParentTransformNode().SetAndObserveTransformNodeID(None)
    assert "not hardened" in refused(volume)


@pytest.mark.parametrize("scale", [(1.1, 1, 1), (2, 2, 2)])
def test_a_transform_that_is_not_rigid_is_refused(add_volume, scale: tuple[float, ...]) -> None:
    volume = add_volume(noise(), GRIDS["oblique"])
    put_under(volume, linear_transform(np.diag([*scale, 1])))
    assert "not rigid" in refused(volume)


def test_a_nonlinear_transform_is_refused(add_volume) -> None:
    volume = add_volume(noise(), GRIDS["oblique"])
    put_under(volume, slicer.vtkMRMLBSplineTransformNode())
    assert "not linear" in refused(volume)


def test_a_label_map_in_disguise_is_warned_of(add_volume) -> None:
    affine = GRIDS["upright"]
    volume = add_volume(draw(affine, LUMBAR.values(), slices=2), affine)
    assert volumes.refusal(volume) is None
    (warning,) = volumes.warnings(volume)
    assert "label map" in warning


def test_voxels_of_one_millimeter_are_warned_of(add_volume) -> None:
    (warning,) = volumes.warnings(add_volume(noise(), axial_affine(spacing_kji_mm=(1, 1, 1))))
    assert "1 x 1 x 1 mm" in warning
