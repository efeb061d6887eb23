"""Slice views that jump to a slice, and surfaces in 3D."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
from lumbar_ellipses import LUMBAR, draw
from lumbar_grids import GRIDS

from LumbarSegLib.geometry import slice_center_ras_mm
from LumbarSegNodes.segmentations import createSegmentation, updateSegmentation
from LumbarSegNodes.views import jumpToSlice, showSurfaces

pytestmark = pytest.mark.usefixtures("no_vtk_messages")


@pytest.fixture
def slice_nodes(mrml_scene) -> dict[str, object]:
    """Return an axial, a sagittal and a coronal slice node, as in Slicer's usual layout."""
    slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(mrml_scene)
    nodes = {}
    for orientation in ("Axial", "Sagittal", "Coronal"):
        nodes[orientation] = mrml_scene.AddNewNodeByClass("vtkMRMLSliceNode")
        nodes[orientation].SetLayoutName(orientation)
        nodes[orientation].SetOrientation(orientation)
    return nodes


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("index", [0, 2])
def test_the_axial_view_shows_the_slice(add_volume, slice_nodes, grid: str, index: int) -> None:
    affine = GRIDS[grid]
    volume = add_volume(np.random.default_rng(0).random((3, 20, 30)), affine)
    jumpToSlice(volume, index)
    center = slice_center_ras_mm(affine, (3, 20, 30), index)
    normals = []
    for node in slice_nodes.values():
        plane = slicer.util.arrayFromVTKMatrix(node.GetSliceToRAS())
        normals.append(plane[:3, 2])
        assert (center - plane[:3, 3]) @ plane[:3, 2] == pytest.approx(0, abs=1e-6)
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    # Every view lies along the volume's own axes, the axial one in the plane of its slices.
    np.testing.assert_allclose(np.abs(np.array(normals) @ axes).max(axis=1), 1, atol=1e-6)
    assert abs(normals[0] @ axes[:, 2]) == pytest.approx(1, abs=1e-6)


def test_slices_beyond_the_volume_are_errors(add_volume) -> None:
    volume = add_volume(np.zeros((3, 20, 30)), GRIDS["oblique"])
    for index in (-1, 3):
        with pytest.raises(ValueError, match=r"sliceIndex must be in \[0, 2\]"):
            jumpToSlice(volume, index)


def test_surfaces_come_and_go(add_volume) -> None:
    label_map = draw(GRIDS["oblique"], LUMBAR.values(), slices=3)
    volume = add_volume(label_map, GRIDS["oblique"])
    node = createSegmentation(volume)
    updateSegmentation(node, label_map, volume)
    volume.GetScene().RemoveNode(node.GetDisplayNode())
    showSurfaces(node, True)
    surface = node.GetSegmentation().GetSegment("LumbarSeg_intervertebral_disc").GetRepresentation("Closed surface")
    assert surface.GetNumberOfPoints() > 100
    assert node.GetDisplayNode().GetVisibility3D()
    assert node.GetDisplayNode().GetDisplayRepresentationName3D() == "Closed surface"
    showSurfaces(node, False)
    assert not node.GetDisplayNode().GetVisibility3D()
    assert not node.GetSegmentation().ContainsRepresentation("Closed surface")
    assert node.GetSegmentation().ContainsRepresentation("Binary labelmap")
