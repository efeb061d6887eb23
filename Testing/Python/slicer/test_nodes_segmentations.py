"""Label maps in segmentation nodes, before and after what users do to segments."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
import vtk
from lumbar_ellipses import LUMBAR, axial_affine, draw, turn_about
from lumbar_grids import GRIDS
from segment_edits import add_segment, half_of, paint

from LumbarSegLib.anatomy import ANATOMIES, BY_KEY
from LumbarSegNodes.segmentations import (
    createSegmentation,
    isAsSegmented,
    labelMapFromSegmentation,
    setOrigin,
    updateSegmentation,
)
from LumbarSegNodes.segments import terminologyEntry

pytestmark = pytest.mark.usefixtures("no_vtk_messages")

NAMES = [anatomy.name for anatomy in ANATOMIES]
IDS = [f"LumbarSeg_{anatomy.key}" for anatomy in ANATOMIES]
PSOAS = BY_KEY["psoas"]


def segments_of(node) -> list:
    segmentation = node.GetSegmentation()
    return [segmentation.GetNthSegment(index) for index in range(segmentation.GetNumberOfSegments())]


def tag_of(segment, name: str) -> str:
    value = vtk.reference("")
    assert segment.GetTag(name, value)
    return str(value)


@pytest.fixture
def lumbar(add_volume):
    """Return a volume with its label map and a segmentation that holds it."""
    affine = GRIDS["oblique"]
    label_map = draw(affine, LUMBAR.values(), slices=3)
    volume = add_volume(label_map * 10.0, affine)
    node = createSegmentation(volume)
    updateSegmentation(node, label_map, volume)
    return volume, label_map, node


@pytest.mark.parametrize("grid", GRIDS)
def test_label_maps_come_back_voxel_by_voxel(add_volume, grid: str) -> None:
    label_map = np.random.default_rng(0).integers(0, 8, (3, 20, 30)).astype(np.uint8)
    volume = add_volume(label_map, GRIDS[grid])
    node = createSegmentation(volume)
    updateSegmentation(node, label_map, volume)
    read, notes = labelMapFromSegmentation(node, volume)
    np.testing.assert_array_equal(read, label_map)
    assert read.dtype == np.uint8
    assert notes == []
    assert isAsSegmented(node, read, volume)


def test_segments_are_those_of_the_table_of_anatomies(lumbar) -> None:
    volume, _, node = lumbar
    segments = segments_of(node)
    assert [segment.GetName() for segment in segments] == NAMES
    assert list(node.GetSegmentation().GetSegmentIDs()) == IDS
    assert [tag_of(segment, "LumbarSeg.Anatomy") for segment in segments] == [each.key for each in ANATOMIES]
    for segment, anatomy in zip(segments, ANATOMIES, strict=True):
        np.testing.assert_allclose(segment.GetColor(), np.array(anatomy.color) / 255)
    assert node.GetNodeReference("referenceImageGeometryRef") is volume
    assert node.GetSegmentation().GetNumberOfLayers() == 1
    assert node.GetDisplayNode() is not None


def test_slicer_understands_the_terminology(lumbar) -> None:
    logic = slicer.vtkSlicerTerminologiesModuleLogic()
    for segment, anatomy in zip(segments_of(lumbar[2]), ANATOMIES, strict=True):
        entry = slicer.vtkSlicerTerminologyEntry()
        text = tag_of(segment, slicer.vtkSegment.GetTerminologyEntryTagName())
        assert text == terminologyEntry(anatomy)
        assert logic.DeserializeTerminologyEntry(text, entry)
        kind = entry.GetTypeObject()
        code = (kind.GetCodingSchemeDesignator(), kind.GetCodeValue(), kind.GetCodeMeaning())
        assert code == anatomy.code
        assert entry.GetCategoryObject().GetCodeValue() == "123037004"
        assert logic.SerializeTerminologyEntry(entry) == text


def test_a_new_segmentation_is_empty(add_volume) -> None:
    volume = add_volume(np.zeros((2, 20, 30)), GRIDS["upright"], name="Study 7")
    node = createSegmentation(volume)
    assert node.GetName() == "Study 7 LumbarSeg"
    assert createSegmentation(volume).GetName() != node.GetName()
    assert createSegmentation(volume, "mine").GetName() == "mine"
    label_map, notes = labelMapFromSegmentation(node, volume)
    assert not label_map.any()
    assert notes == []


def test_label_maps_that_do_not_fit_are_errors(lumbar) -> None:
    volume, label_map, node = lumbar
    for wrong in (label_map[:2], label_map.astype(np.int16), label_map + np.uint8(1)):
        with pytest.raises(ValueError, match="labelMap must"):
            updateSegmentation(node, wrong, volume)
    np.testing.assert_array_equal(labelMapFromSegmentation(node, volume)[0], label_map)


def test_origin_is_noted(lumbar) -> None:
    setOrigin(lumbar[2], "msff", "ab" * 32, "cpu")
    assert lumbar[2].GetAttribute("LumbarSeg.WeightsName") == "msff"
    assert lumbar[2].GetAttribute("LumbarSeg.WeightsSha256") == "ab" * 32
    assert lumbar[2].GetAttribute("LumbarSeg.Device") == "cpu"


def test_erased_pixels_count(lumbar) -> None:
    volume, label_map, node = lumbar
    half = half_of(label_map == PSOAS.index)
    paint(node, "LumbarSeg_psoas", half, volume)
    read, notes = labelMapFromSegmentation(node, volume)
    expected = np.where((label_map == PSOAS.index) & ~half, 0, label_map)
    np.testing.assert_array_equal(read, expected)
    assert notes == []
    assert not isAsSegmented(node, read, volume)
    paint(node, "LumbarSeg_psoas", label_map == PSOAS.index, volume)
    assert isAsSegmented(node, labelMapFromSegmentation(node, volume)[0], volume)


def test_a_renamed_segment_keeps_its_anatomy(lumbar) -> None:
    volume, label_map, node = lumbar
    node.GetSegmentation().GetSegment("LumbarSeg_psoas").SetName("Psoas dexter et sinister")
    read, notes = labelMapFromSegmentation(node, volume)
    np.testing.assert_array_equal(read, label_map)
    assert notes == ["The segment Psoas dexter et sinister counts as Psoas major."]


def test_a_removed_segment_is_named(lumbar) -> None:
    volume, label_map, node = lumbar
    node.RemoveSegment("LumbarSeg_psoas")
    read, notes = labelMapFromSegmentation(node, volume)
    np.testing.assert_array_equal(read, np.where(label_map == PSOAS.index, 0, label_map))
    assert notes == ["There is no segment for Psoas major."]


def test_other_structures_are_left_out_and_named(lumbar) -> None:
    volume, label_map, node = lumbar
    add_segment(node, "Kidney", label_map == 0, volume)
    read, notes = labelMapFromSegmentation(node, volume)
    np.testing.assert_array_equal(read, label_map)
    assert notes == ["Left out, as they are none of the seven anatomies: Kidney."]


@pytest.mark.parametrize("by", ["name", "key", "terminology"])
def test_segments_without_tag_are_recognized(add_volume, by: str) -> None:
    label_map = draw(GRIDS["oblique"], LUMBAR.values())
    volume = add_volume(label_map, GRIDS["oblique"])
    node = volume.GetScene().AddNewNodeByClass("vtkMRMLSegmentationNode", "drawn by hand")
    node.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    for anatomy in ANATOMIES:
        name = {"name": anatomy.name.upper(), "key": anatomy.key, "terminology": f"segment {anatomy.index}"}[by]
        added = add_segment(node, name, label_map == anatomy.index, volume)
        if by == "terminology":
            segment = node.GetSegmentation().GetSegment(added)
            translated = terminologyEntry(anatomy).replace(anatomy.code[2], "Muskel")
            segment.SetTag(slicer.vtkSegment.GetTerminologyEntryTagName(), translated)
    read, _ = labelMapFromSegmentation(node, volume)
    np.testing.assert_array_equal(read, label_map)
    assert not isAsSegmented(node, read, volume)


def test_the_later_of_overlapping_segments_wins(lumbar) -> None:
    volume, label_map, node = lumbar
    disc = label_map == BY_KEY["intervertebral_disc"].index
    paint(node, "LumbarSeg_psoas", (label_map == PSOAS.index) | disc, volume)
    read, notes = labelMapFromSegmentation(node, volume)
    np.testing.assert_array_equal(read, label_map)  # the disc stands behind the psoas
    assert notes == [f"{disc.sum()} pixels lie in several segments and count for the later one in the list."]
    node.GetSegmentation().SetSegmentIndex("LumbarSeg_psoas", 6)
    read, _ = labelMapFromSegmentation(node, volume)
    np.testing.assert_array_equal(read, np.where(disc, PSOAS.index, label_map))


def test_two_segments_of_one_anatomy_count_together(lumbar) -> None:
    volume, label_map, node = lumbar
    psoas = label_map == PSOAS.index
    half = half_of(psoas)
    paint(node, "LumbarSeg_psoas", half, volume)
    add_segment(node, "Psoas major", psoas & ~half, volume)
    read, notes = labelMapFromSegmentation(node, volume)
    np.testing.assert_array_equal(read, label_map)
    assert notes == ["Psoas major is made of 2 segments: Psoas major, Psoas major."]


def test_segments_on_a_finer_grid_are_resampled(lumbar, add_volume) -> None:
    volume, label_map, node = lumbar
    fine_affine = GRIDS["oblique"] @ np.diag([0.5, 0.5, 1, 1])
    fine_affine[:3, 3] -= 0.25 * (GRIDS["oblique"][:3, 0] + GRIDS["oblique"][:3, 1])  # voxels within voxels
    fine_map = label_map.repeat(2, axis=1).repeat(2, axis=2)
    fine = add_volume(fine_map, fine_affine, name="fine")
    paint(node, "LumbarSeg_psoas", fine_map == PSOAS.index, fine)
    read, notes = labelMapFromSegmentation(node, volume)
    # Slicer has brought the neighbors in the same layer to the finer grid as well.
    assert notes == [f"Resampled from another grid to the volume's: {', '.join(NAMES)}."]
    # Nearest neighbors: at an edge, one of the four small pixels decides.
    assert np.count_nonzero(read != label_map) < 0.02 * np.count_nonzero(label_map)


def test_segments_elsewhere_in_space_are_no_part_of_the_volume(lumbar) -> None:
    volume, _, node = lumbar
    far = slicer.vtkMRMLLinearTransformNode()
    matrix = vtk.vtkMatrix4x4()
    matrix.SetElement(2, 3, 500)
    far.SetMatrixTransformToParent(matrix)
    volume.GetScene().AddNode(far)
    node.SetAndObserveTransformNodeID(far.GetID())
    read, notes = labelMapFromSegmentation(node, volume)
    assert not read.any()
    assert notes == [f"Resampled from another grid to the volume's: {', '.join(NAMES)}."]


def test_surfaces_alone_are_read(add_volume) -> None:
    affine = axial_affine(spacing_kji_mm=(3, 0.6, 0.6), turn=turn_about(0, 10))
    disc = draw(affine, [LUMBAR["intervertebral_disc"]], slices=6)
    volume = add_volume(disc, affine)
    node = createSegmentation(volume)
    updateSegmentation(node, disc, volume)
    node.GetSegmentation().SetConversionParameter("Smoothing factor", "0.0")
    assert node.CreateClosedSurfaceRepresentation()
    node.SetSourceRepresentationToClosedSurface()
    node.RemoveBinaryLabelmapRepresentation()
    read, _ = labelMapFromSegmentation(node, volume)
    assert not node.GetSegmentation().ContainsRepresentation("Binary labelmap")
    assert np.count_nonzero(read[1:-1] != disc[1:-1]) < 0.05 * np.count_nonzero(disc)


def test_a_second_run_updates_the_same_segments(lumbar) -> None:
    volume, label_map, node = lumbar
    segmentation = node.GetSegmentation()
    segmentation.GetSegment("LumbarSeg_psoas").SetColor(0, 0, 1)
    segmentation.GetSegment("LumbarSeg_psoas").SetName("renamed")
    node.GetDisplayNode().SetSegmentVisibility("LumbarSeg_lamina", False)
    node.RemoveSegment("LumbarSeg_dural_sac")
    kidney = add_segment(node, "Kidney", label_map == 0, volume)
    add_segment(node, "Multifidus", label_map == 4, volume)
    number_of_nodes = volume.GetScene().GetNumberOfNodes()
    second = np.roll(label_map, 2, axis=2)
    updateSegmentation(node, second, volume)
    read, notes = labelMapFromSegmentation(node, volume)
    np.testing.assert_array_equal(read, second)
    assert notes == ["Left out, as they are none of the seven anatomies: Kidney."]
    assert isAsSegmented(node, read, volume)
    assert list(segmentation.GetSegmentIDs()) == [*IDS, kidney]
    assert [segment.GetName() for segment in segments_of(node)] == [*NAMES, "Kidney"]
    assert segmentation.GetSegment("LumbarSeg_psoas").GetColor() == (0, 0, 1)
    assert not node.GetDisplayNode().GetSegmentVisibility("LumbarSeg_lamina")
    assert volume.GetScene().GetNumberOfNodes() == number_of_nodes


def test_a_second_run_on_another_volume_takes_its_grid(lumbar, add_volume) -> None:
    _, label_map, node = lumbar
    other = add_volume(label_map[:2, :100], GRIDS["left_handed"], name="other")
    updateSegmentation(node, label_map[:2, :100], other)
    assert node.GetNodeReference("referenceImageGeometryRef") is other
    read, notes = labelMapFromSegmentation(node, other)
    np.testing.assert_array_equal(read, label_map[:2, :100])
    assert notes == []


def test_a_second_run_makes_the_surfaces_anew(lumbar) -> None:
    volume, label_map, node = lumbar
    assert node.CreateClosedSurfaceRepresentation()
    only_disc = np.where(label_map == 7, label_map, 0).astype(np.uint8)
    updateSegmentation(node, only_disc, volume)
    points = [segment.GetRepresentation("Closed surface").GetNumberOfPoints() for segment in segments_of(node)]
    assert points[:6] == [0] * 6
    assert points[6] > 0
