"""The panel from opening to the end of a run: what it asks for, refuses, starts and stops."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import slicer_host
from panel_driving import PATIENCE_S, add_volume, scene_content
from slicer_host import DIALOGS, INSTALLER, Panel

slicer_host.install()

import qt  # noqa: E402
import slicer  # noqa: E402
import vtk  # noqa: E402

from LumbarSegLib.phantom.volume import draw_phantom_volume  # noqa: E402

OK, CANCEL = qt.QMessageBox.Ok, qt.QMessageBox.Cancel


@pytest.fixture(scope="module")
def phantom():
    return draw_phantom_volume(1)


@pytest.fixture
def panel() -> Iterator[Panel]:
    slicer_host.install()
    slicer.mrmlScene.Clear(0)
    DIALOGS.clear()
    panel = slicer_host.openPanel()
    yield panel
    panel.close()
    INSTALLER.reset()
    assert DIALOGS.answers == [], "the panel did not ask what the test has answered"


@pytest.fixture
def volume(panel: Panel, phantom):
    node = add_volume("T2 ax", phantom.image, phantom.affine_ijk_to_ras)
    panel.ui.inputVolumeSelector.setCurrentNode(node)
    return node


def is_running(panel: Panel) -> bool:
    return panel.ui.cancelButton.enabled


def run(panel: Panel) -> None:
    panel.ui.applyButton.click()
    panel.wait_until(lambda: not is_running(panel), PATIENCE_S)


def start(panel: Panel) -> None:
    panel.ui.applyButton.click()
    panel.wait_until(lambda: "Outlining" in panel.ui.logTextEdit.plainText, PATIENCE_S)
    assert is_running(panel)


def sagittal(volume) -> None:
    volume.SetIJKToRASDirections(0, 0, 1, 1, 0, 0, 0, 1, 0)


def not_finite(volume) -> None:
    slicer.util.arrayFromVolume(volume)[0, 5, 5] = np.nan
    slicer.util.arrayFromVolumeModified(volume)


def moved(volume) -> None:
    matrix = vtk.vtkMatrix4x4()
    matrix.SetElement(0, 3, 10.0)
    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    transform.SetMatrixTransformToParent(matrix)
    volume.SetAndObserveTransformNodeID(transform.GetID())


def flat(volume) -> None:
    volume.SetSpacing(0.6, 0.0, 4.0)


# What it asks for


def test_an_empty_scene_asks_for_a_volume(panel: Panel) -> None:
    assert not panel.ui.applyButton.enabled
    assert not panel.ui.cancelButton.enabled
    assert "Select an axial T2 volume" in panel.ui.statusLabel.text
    assert "No volume is selected" in panel.ui.applyButton.toolTip
    assert panel.ui.noticeLabel.text == "Research use only; not a medical device."
    assert panel.ui.resultsCollapsibleButton.collapsed
    assert panel.ui.advancedCollapsibleButton.collapsed


def test_every_widget_to_act_on_explains_itself(panel: Panel) -> None:
    kinds = (qt.QAbstractButton, qt.QComboBox, qt.QTableView, slicer.qMRMLNodeComboBox, qt.QProgressBar)
    silent = [
        name
        for name, widget in vars(panel.ui).items()
        # Names that Qt gives to parts of its own widgets begin with a capital letter or "qt_".
        if isinstance(widget, kinds) and not widget.toolTip
        if name[0].islower() and not name.startswith("qt_")
    ]
    assert silent == []


def test_the_sample_is_ready_to_be_segmented(panel: Panel) -> None:
    panel.ui.loadSampleButton.click()
    assert panel.ui.inputVolumeSelector.currentNode().GetName() == "Lumbar phantom"
    assert panel.ui.statusLabel.text == "Ready: 5 slices."
    assert panel.ui.applyButton.enabled
    shown = slicer.app.layoutManager().sliceWidget("Red").mrmlSliceCompositeNode().GetBackgroundVolumeID()
    assert shown == panel.ui.inputVolumeSelector.currentNodeID


def test_a_usable_volume_is_chosen_when_the_module_is_opened(panel: Panel, phantom) -> None:
    panel.exit()
    sagittal(add_volume("T2 sag", phantom.image, phantom.affine_ijk_to_ras))
    axial = add_volume("T2 ax", phantom.image, phantom.affine_ijk_to_ras)
    panel.enter()
    assert panel.ui.inputVolumeSelector.currentNode() is axial


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [(sagittal, "90 degrees"), (not_finite, "NaN"), (moved, "transform"), (flat, "spacing")],
)
def test_a_volume_that_cannot_be_used_is_refused_with_the_reason(panel: Panel, volume, spoil, reason: str) -> None:
    assert panel.ui.applyButton.enabled
    spoil(volume)
    assert not panel.ui.applyButton.enabled
    assert reason.lower() in panel.ui.statusLabel.text.lower()
    assert panel.ui.applyButton.toolTip == panel.ui.statusLabel.text


def test_a_refused_volume_that_was_repaired_is_accepted(panel: Panel, volume) -> None:
    moved(volume)
    assert not panel.ui.applyButton.enabled
    volume.SetAndObserveTransformNodeID(None)
    assert panel.ui.applyButton.enabled
    assert panel.ui.statusLabel.text == "Ready: 1 slice."


def test_what_a_reader_has_to_know_is_said_before_the_run(panel: Panel, volume) -> None:
    volume.SetSpacing(1.0, 1.0, 1.0)
    assert panel.ui.applyButton.enabled
    assert "1 x 1 x 1 mm" in panel.ui.statusLabel.text


def test_label_and_color_volumes_are_refused(panel: Panel, phantom) -> None:
    for kind, reason in (("vtkMRMLLabelMapVolumeNode", "label"), ("vtkMRMLVectorVolumeNode", "values")):
        node = slicer.util.addVolumeFromArray(
            np.zeros((2, 8, 8, 3)[: 4 if "Vector" in kind else 3]), nodeClassName=kind
        )
        panel.ui.inputVolumeSelector.setCurrentNode(node)
        assert panel.ui.inputVolumeSelector.currentNode() is node
        assert not panel.ui.applyButton.enabled
        assert reason in panel.ui.statusLabel.text


def test_the_sample_is_offered_without_a_download(panel: Panel) -> None:
    import LumbarSeg

    slicer_host.SAMPLE_SOURCES.clear()
    LumbarSeg.registerSampleData()
    (source,) = slicer_host.SAMPLE_SOURCES
    assert Path(source["thumbnailFileName"]).is_file()
    (node,) = source["customDownloader"](source)
    assert node.IsA("vtkMRMLScalarVolumeNode")


# What it installs


def test_declining_the_installation_leaves_everything_as_it_was(panel: Panel, volume) -> None:
    INSTALLER.hide("torch", "safetensors")
    before = scene_content()
    DIALOGS.answers.append(CANCEL)
    panel.ui.applyButton.click()
    (question,) = DIALOGS.messages
    assert "200 MB" in question.text
    assert "2 to 3 GB" in question.text
    assert INSTALLER.calls == []
    assert not is_running(panel)
    assert panel.ui.applyButton.enabled
    assert "Nothing was installed" in panel.ui.statusLabel.text
    assert scene_content() == before


def test_without_the_pytorch_extension_the_panel_says_where_to_get_it(panel: Panel, volume, monkeypatch) -> None:
    INSTALLER.hide("torch")
    monkeypatch.setitem(sys.modules, "PyTorchUtils", None)
    panel.ui.applyButton.click()
    assert "Extensions Manager" in panel.ui.statusLabel.text
    assert DIALOGS.messages == []
    assert not is_running(panel)


def test_what_is_missing_is_installed_once_the_user_agrees(panel: Panel, volume) -> None:
    INSTALLER.hide("torch", "safetensors")
    DIALOGS.answers.append(OK)
    panel.ui.applyButton.click()
    assert [name for name, _ in INSTALLER.calls] == ["installTorch", "pip_ensure"]
    assert not any(
        arguments.get("askConfirmation") or arguments.get("prompt_install") for _, arguments in INSTALLER.calls
    )
    assert is_running(panel)
    assert len(DIALOGS.messages) == 1
    panel.ui.cancelButton.click()


def test_a_failed_installation_is_told(panel: Panel, volume) -> None:
    INSTALLER.hide("torch", "safetensors")
    INSTALLER.works = False
    DIALOGS.answers.append(OK)
    panel.ui.applyButton.click()
    assert "installation failed" in panel.ui.statusLabel.text
    assert not is_running(panel)


# What it starts and stops


def test_cancel_ends_the_run_within_a_second_and_leaves_the_scene(panel: Panel, volume) -> None:
    before = scene_content()
    start(panel)
    assert not panel.ui.applyButton.enabled
    assert not panel.ui.inputsCollapsibleButton.enabled
    assert panel.ui.progressBar.visible
    started = time.monotonic()
    panel.ui.cancelButton.click()
    assert time.monotonic() - started < 1.0
    assert not is_running(panel)
    assert panel.ui.applyButton.enabled
    assert not panel.ui.progressBar.visible
    assert "Cancelled" in panel.ui.statusLabel.text
    assert scene_content() == before


def test_closing_the_scene_ends_the_run_and_no_node_appears(panel: Panel, volume) -> None:
    start(panel)
    slicer.mrmlScene.Clear(0)
    assert not is_running(panel)
    end = time.monotonic() + 1.0
    panel.wait_until(lambda: time.monotonic() > end)
    assert scene_content() == {}
    assert "Select an axial T2 volume" in panel.ui.statusLabel.text
    panel.ui.loadSampleButton.click()
    assert panel.ui.applyButton.enabled


def test_removing_the_volume_ends_the_run(panel: Panel, volume) -> None:
    start(panel)
    slicer.mrmlScene.RemoveNode(volume)
    assert not is_running(panel)
    assert not panel.ui.applyButton.enabled


def test_a_failed_run_tells_why_and_leaves_the_scene(panel: Panel, volume, tmp_path: Path) -> None:
    weights = tmp_path / "bad.safetensors"
    weights.write_bytes(b"no weights")
    panel.ui.weightsPathLineEdit.currentPath = str(weights)
    before = scene_content()
    run(panel)
    assert "bad.json does not exist" in panel.ui.statusLabel.text
    assert "bad.json does not exist" in panel.ui.logTextEdit.plainText
    assert scene_content() == before
    assert panel.ui.applyButton.enabled
    panel.ui.defaultWeightsButton.click()
    assert panel.ui.weightsPathLineEdit.currentPath == ""


def spacing_changed(volume) -> None:
    volume.SetSpacing(0.7, 0.7, 4.0)


def put_under_a_transform(volume) -> None:
    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "shift")
    shift = vtk.vtkMatrix4x4()
    shift.SetElement(0, 3, 10.0)
    transform.SetMatrixTransformToParent(shift)
    volume.SetAndObserveTransformNodeID(transform.GetID())


@pytest.mark.parametrize(
    ("change", "reason"), [(spacing_changed, "grid was changed meanwhile"), (put_under_a_transform, "not hardened")]
)
def test_outlines_do_not_go_onto_a_volume_that_changed_during_the_run(panel: Panel, volume, change, reason) -> None:
    """Neither into a new segmentation nor over the outlines of an earlier run."""
    run(panel)
    segmentation = panel.ui.outputSegmentationSelector.currentNode()
    panel.ui.applyButton.click()
    change(volume)
    before = scene_content()
    panel.wait_until(lambda: not is_running(panel), PATIENCE_S)
    assert reason in panel.ui.statusLabel.text
    assert scene_content() == before
    assert segmentation.GetSegmentation().GetNumberOfSegments() == 7


def test_a_run_ends_well_while_another_module_is_open(panel: Panel, volume) -> None:
    layout = slicer.app.layoutManager().layout
    panel.ui.applyButton.click()
    panel.exit()
    panel.wait_until(lambda: not is_running(panel), PATIENCE_S)
    assert slicer.app.layoutManager().layout == layout, "views of another module are left alone"
    panel.enter()
    assert panel.ui.outputSegmentationSelector.currentNode().GetName() == "T2 ax LumbarSeg"
    assert panel.ui.sliceTableView.mrmlTableNode().GetNumberOfRows() == 1
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 1


def test_closing_the_panel_ends_the_run(phantom) -> None:
    slicer_host.install()
    slicer.mrmlScene.Clear(0)
    panel = slicer_host.openPanel()
    add_volume("T2 ax", phantom.image, phantom.affine_ijk_to_ras)
    panel.enter()
    start(panel)
    panel.close()
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 0
