"""The module as Slicer and scripts use it without the panel: self-test, refusals, reload, failure half-way."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
import slicer_host
from panel_driving import add_volume, scene_content

slicer_host.install()

import slicer  # noqa: E402
import vtk  # noqa: E402

import LumbarSeg  # noqa: E402
from LumbarSegLib.errors import InputError  # noqa: E402
from LumbarSegLib.phantom.volume import draw_phantom_volume  # noqa: E402
from LumbarSegNodes import childProcess, results, segmentations  # noqa: E402

PACKAGES = ("LumbarSeg", "LumbarSegNodes", "LumbarSegLib")


@pytest.fixture(autouse=True)
def scene() -> Iterator[object]:
    slicer_host.install()
    slicer.mrmlScene.Clear(0)
    slicer_host.DIALOGS.clear()
    yield slicer.mrmlScene
    slicer_host.raise_unhandled_errors()


@pytest.fixture(scope="module")
def phantom():
    return draw_phantom_volume(1)


@pytest.fixture
def volume(scene, phantom):
    return add_volume("T2 ax", phantom.image, phantom.affine_ijk_to_ras)


class FinishedJob:
    """What a job hands over at its end."""

    def __init__(self, volume_node, label_map) -> None:
        self.isVolumeAsStarted = True
        self.volumeNode = volume_node
        self.label_map = label_map

    def result(self) -> childProcess.SegmentationResult:
        parameters = {"weightsName": "w", "weightsSha256": "0" * 64, "deviceUsed": "cpu", "deviceReason": "asked for"}
        return childProcess.SegmentationResult(self.label_map, parameters | {"warnings": "first; second"})


def test_the_self_test_that_runs_inside_slicer_passes_here() -> None:
    LumbarSeg.LumbarSegTest().runTest()


def test_a_refused_volume_starts_nothing(volume) -> None:
    volume.SetSpacing(0.6, 0.0, 4.0)
    before = scene_content()
    with pytest.raises(InputError, match="spacing"):
        LumbarSeg.LumbarSegLogic().process(volume)
    with pytest.raises(InputError, match="No volume"):
        LumbarSeg.LumbarSegLogic().process(None)
    assert scene_content() == before


def test_what_a_reader_has_to_know_comes_with_the_nodes(volume, phantom) -> None:
    nodes = LumbarSeg.LumbarSegLogic().finish(FinishedJob(volume, phantom.label_map))
    assert nodes.warnings == ("first", "second")
    assert nodes.segmentationNode.GetAttribute(segmentations.DEVICE_ATTRIBUTE) == "cpu (asked for)"


def test_surfaces_are_made_on_request(volume, phantom) -> None:
    nodes = LumbarSeg.LumbarSegLogic().finish(FinishedJob(volume, phantom.label_map), surfaces=True)
    name = slicer.vtkSegmentationConverter.GetSegmentationClosedSurfaceRepresentationName()
    assert nodes.segmentationNode.GetSegmentation().ContainsRepresentation(name)


def test_a_failure_half_way_leaves_no_nodes(volume, phantom, monkeypatch) -> None:
    def fail(*_nodes: object) -> None:
        raise MemoryError

    monkeypatch.setattr(results, "updateTables", fail)
    before = scene_content()
    with pytest.raises(MemoryError):
        LumbarSeg.LumbarSegLogic().finish(FinishedJob(volume, phantom.label_map))
    assert scene_content() == before


def test_a_volume_that_has_left_the_scene_gets_no_result(volume, phantom) -> None:
    job = FinishedJob(volume, phantom.label_map)
    slicer.mrmlScene.RemoveNode(volume)
    with pytest.raises(InputError, match="removed"):
        LumbarSeg.LumbarSegLogic().finish(job)
    assert scene_content() == {}


def test_measuring_needs_no_network(volume, phantom) -> None:
    segmentation = segmentations.createSegmentation(volume)
    segmentations.updateSegmentation(segmentation, phantom.label_map, volume)
    slice_table, level_table = LumbarSeg.LumbarSegLogic().measure(segmentation, volume)
    assert (slice_table.GetNumberOfRows(), level_table.GetNumberOfRows()) == (1, 1)
    volume.SetAndObserveTransformNodeID(moved().GetID())
    with pytest.raises(InputError, match="transform"):
        LumbarSeg.LumbarSegLogic().measure(segmentation, volume)


def moved():
    matrix = vtk.vtkMatrix4x4()
    matrix.SetElement(0, 3, 10.0)
    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    transform.SetMatrixTransformToParent(matrix)
    return transform


def test_reloading_takes_the_packages_along(monkeypatch) -> None:
    panel = slicer_host.openPanel()
    # What a reload replaces is put back, the panel's own imports included: other tests hold the classes from before.
    for name in [name for name in sys.modules if name.partition(".")[0] in PACKAGES]:
        monkeypatch.setitem(sys.modules, name, sys.modules[name])
    before = panel.widget, sys.modules["LumbarSegNodes.childProcess"], sys.modules["LumbarSegLib.errors"]
    panel.widget.onReload()
    after = panel.widget, sys.modules["LumbarSegNodes.childProcess"], sys.modules["LumbarSegLib.errors"]
    assert all(new is not old for new, old in zip(after, before, strict=True))
    panel.ui.loadSampleButton.click()
    assert panel.ui.applyButton.enabled
    panel.close()
