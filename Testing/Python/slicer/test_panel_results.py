"""The panel after a run: outlines, tables, edits, copies and files."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import slicer_host
from panel_driving import PATIENCE_S, add_volume, oblique_flipped_phantom
from slicer_host import DIALOGS, Panel

slicer_host.install()

import qt  # noqa: E402
import slicer  # noqa: E402
import vtk  # noqa: E402
from segment_edits import paint  # noqa: E402

from LumbarSegLib.anatomy import ANATOMIES, BY_KEY  # noqa: E402
from LumbarSegNodes import segmentations  # noqa: E402

OK, CANCEL, YES, NO = qt.QMessageBox.Ok, qt.QMessageBox.Cancel, qt.QMessageBox.Yes, qt.QMessageBox.No
PSOAS = BY_KEY["psoas"]


class Result:
    """A panel with a finished run on a volume of two slices."""

    def __init__(self, panel: Panel, volume) -> None:
        self.panel, self.ui, self.volume = panel, panel.ui, volume
        self.segmentation = panel.ui.outputSegmentationSelector.currentNode()
        self.label_map = self.outlines()

    def outlines(self) -> np.ndarray:
        return segmentations.labelMapFromSegmentation(self.segmentation, self.volume)[0]

    def halve_psoas(self) -> None:
        """Edit a segment as a user does."""
        mask = self.label_map == PSOAS.index
        mask[..., ::2] = False
        paint(
            self.segmentation, self.segmentation.GetSegmentation().GetSegmentIDs()[PSOAS.index - 1], mask, self.volume
        )

    def restore(self) -> None:
        """Take back what a test has done."""
        if not np.array_equal(self.outlines(), self.label_map):
            segmentations.updateSegmentation(self.segmentation, self.label_map, self.volume)
        self.ui.lowestLevelComboBox.currentText = "Not named"
        self.ui.measureButton.click()
        self.ui.tablesTabWidget.currentIndex = 0
        self.ui.allColumnsCheckBox.checked = False
        DIALOGS.clear()

    def psoas_areas(self) -> list[float]:
        table = self.ui.sliceTableView.mrmlTableNode()
        return list(slicer.util.arrayFromTableColumn(table, "psoas_total_area_mm2"))


@pytest.fixture(scope="module")
def finished() -> Iterator[Result]:
    slicer_host.install()
    slicer.mrmlScene.Clear(0)
    DIALOGS.clear()
    panel = slicer_host.openPanel()
    phantom = oblique_flipped_phantom(2)
    volume = add_volume("T2 ax", phantom.image, phantom.affine_ijk_to_ras)
    panel.ui.inputVolumeSelector.setCurrentNode(volume)
    panel.ui.applyButton.click()
    panel.wait_until(lambda: not panel.ui.cancelButton.enabled, PATIENCE_S)
    assert "Finished" in panel.ui.statusLabel.text
    yield Result(panel, volume)
    panel.close()


@pytest.fixture
def result(finished: Result) -> Iterator[Result]:
    yield finished
    finished.restore()


def headings(view) -> list[str]:
    model = view.tableModel()
    return [
        model.headerData(column, qt.Qt.Horizontal).replace("\n", " ")
        for column in range(model.columnCount())
        if not view.isColumnHidden(column)
    ]


def click_row(view, row: int) -> None:
    view.clicked.emit(view.sortFilterProxyModel().index(row, 0))


def shown_slice(volume) -> float:
    """Return which slice of the volume, from 0, the red view shows."""
    view = slicer.mrmlScene.GetNodeByID("vtkMRMLSliceNodeRed").GetSliceToRAS()
    ras_to_ijk = vtk.vtkMatrix4x4()
    volume.GetRASToIJKMatrix(ras_to_ijk)
    return float(ras_to_ijk.MultiplyPoint([view.GetElement(axis, 3) for axis in range(4)])[2])


# What a run leaves


def test_a_run_outlines_the_volume_and_shows_its_tables(result: Result) -> None:
    phantom = oblique_flipped_phantom(2)
    assert np.mean(result.label_map == phantom.label_map) > 0.95
    names = [segment.GetName() for segment in map(result.segmentation.GetSegmentation().GetNthSegment, range(7))]
    assert names == [anatomy.name for anatomy in ANATOMIES]
    assert result.ui.sliceTableView.mrmlTableNode().GetNumberOfRows() == 2
    assert result.ui.levelTableView.mrmlTableNode().GetNumberOfRows() == 1
    assert not result.ui.resultsCollapsibleButton.collapsed
    assert "as segmented" in result.ui.resultsLabel.text
    assert "cpu (no GPU can be used" in result.ui.deviceReasonLabel.text or "cuda" in result.ui.deviceReasonLabel.text
    assert "slice 2 of 2" in result.ui.progressBar.format


def test_the_volume_and_the_table_are_shown_in_the_layout(result: Result) -> None:
    layout = slicer.app.layoutManager()
    table_layout = slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpTableView
    assert layout.layout == table_layout
    assert layout.sliceWidget("Red").mrmlSliceCompositeNode().GetBackgroundVolumeID() == result.volume.GetID()
    selection = slicer.app.applicationLogic().GetSelectionNode()
    assert selection.GetActiveTableID() == result.ui.sliceTableView.mrmlTableNode().GetID()
    result.ui.tablesTabWidget.currentIndex = 1
    assert selection.GetActiveTableID() == result.ui.levelTableView.mrmlTableNode().GetID()
    result.ui.tableInLayoutCheckBox.checked = False
    assert layout.layout == slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView
    result.ui.tableInLayoutCheckBox.checked = True
    assert layout.layout == table_layout


def test_loading_other_data_leaves_the_tables_shown(result: Result) -> None:
    """Slicer's table view shows a view node's table again after every batch, where it knows the scene."""
    slicer.mrmlScene.StartState(slicer.mrmlScene.BatchProcessState)
    slicer.mrmlScene.EndState(slicer.mrmlScene.BatchProcessState)
    result.panel.process_events()
    for view in (result.ui.sliceTableView, result.ui.levelTableView):
        assert view.mrmlTableNode() is not None


def test_surfaces_come_and_go(result: Result) -> None:
    display = result.segmentation.GetDisplayNode()
    name = slicer.vtkSegmentationConverter.GetSegmentationClosedSurfaceRepresentationName()
    result.ui.surfacesCheckBox.checked = True
    assert result.segmentation.GetSegmentation().ContainsRepresentation(name)
    assert display.GetVisibility3D()
    result.ui.surfacesCheckBox.checked = False
    assert not display.GetVisibility3D()


def test_columns_are_named_in_words_and_the_rest_is_shown_on_demand(result: Result) -> None:
    main = ["Slice", "Level", "Dural sac", "Psoas major left", "Psoas major right", "Psoas major both sides"]
    assert headings(result.ui.sliceTableView)[:6] == main
    assert headings(result.ui.levelTableView)[:2] == ["Level", "Slice"]
    result.ui.allColumnsCheckBox.checked = True
    assert {"volume", "outlines", "weights_sha256", "tilt_from_axial_deg"} < set(headings(result.ui.sliceTableView))
    result.ui.allColumnsCheckBox.checked = False
    assert headings(result.ui.sliceTableView)[:6] == main


def test_a_clicked_row_shows_its_slice(result: Result) -> None:
    for row in (0, 1):
        click_row(result.ui.sliceTableView, row)
        assert shown_slice(result.volume) == pytest.approx(row, abs=1e-6)
    click_row(result.ui.levelTableView, 0)
    level = slicer.util.arrayFromTableColumn(result.ui.levelTableView.mrmlTableNode(), "slice")
    assert shown_slice(result.volume) == pytest.approx(level[0] - 1, abs=1e-6)


# Editing and measuring again


def test_a_lowest_level_that_is_chosen_names_the_levels_after_measuring_again(result: Result) -> None:
    def names() -> list[str]:
        column = result.ui.levelTableView.mrmlTableNode().GetTable().GetColumnByName("level_name")
        return [column.GetValue(row) for row in range(column.GetNumberOfTuples())]

    assert names() == ["unknown"]
    result.ui.lowestLevelComboBox.currentText = "L4-L5"
    assert "press Measure again" in result.ui.resultsLabel.text
    assert names() == ["unknown"]
    result.ui.measureButton.click()
    assert "press Measure again" not in result.ui.resultsLabel.text
    assert names() == ["L4-L5"]
    assert headings(result.ui.levelTableView)[:3] == ["Level", "Name", "Slice"]


def test_an_edit_counts_after_measuring_again_in_the_same_tables(result: Result) -> None:
    tables = result.ui.sliceTableView.mrmlTableNode(), result.ui.levelTableView.mrmlTableNode()
    before = result.psoas_areas()
    result.halve_psoas()
    assert "Measure again" in result.ui.resultsLabel.text
    assert result.psoas_areas() == before
    result.ui.measureButton.click()
    pixels = np.count_nonzero(result.outlines() == PSOAS.index, axis=(1, 2))
    assert result.psoas_areas() == pytest.approx(pixels * 0.625**2, abs=0.006)
    assert sum(result.psoas_areas()) == pytest.approx(sum(before) / 2, rel=0.05)
    assert "outlines edited" in result.ui.resultsLabel.text
    assert (result.ui.sliceTableView.mrmlTableNode(), result.ui.levelTableView.mrmlTableNode()) == tables
    assert headings(result.ui.sliceTableView)[0] == "Slice"


def test_edited_outlines_are_replaced_only_if_the_user_agrees(result: Result) -> None:
    result.halve_psoas()
    edited = result.outlines()
    DIALOGS.answers.append(CANCEL)
    result.ui.applyButton.click()
    assert "edited by hand" in DIALOGS.messages[0].text
    assert not result.ui.cancelButton.enabled
    np.testing.assert_array_equal(result.outlines(), edited)


def test_a_second_run_updates_the_same_nodes(result: Result) -> None:
    count = slicer.mrmlScene.GetNumberOfNodes()
    result.halve_psoas()
    DIALOGS.answers.append(OK)
    result.ui.applyButton.click()
    result.panel.wait_until(lambda: not result.ui.cancelButton.enabled, PATIENCE_S)
    assert slicer.mrmlScene.GetNumberOfNodes() == count
    assert result.ui.outputSegmentationSelector.currentNode() is result.segmentation
    np.testing.assert_array_equal(result.outlines(), result.label_map)
    assert "as segmented" in result.ui.resultsLabel.text


def test_another_volume_gets_a_segmentation_of_its_own(result: Result) -> None:
    phantom = oblique_flipped_phantom(1)
    other = add_volume("other", phantom.image, phantom.affine_ijk_to_ras)
    result.ui.inputVolumeSelector.setCurrentNode(other)
    assert result.ui.outputSegmentationSelector.currentNode() is None
    assert result.ui.sliceTableView.mrmlTableNode() is None
    result.ui.inputVolumeSelector.setCurrentNode(result.volume)
    result.ui.outputSegmentationSelector.setCurrentNode(result.segmentation)
    assert result.ui.sliceTableView.mrmlTableNode().GetNumberOfRows() == 2
    slicer.mrmlScene.RemoveNode(other)


# Copies and files


def test_the_copy_holds_the_whole_table_with_headings(result: Result) -> None:
    result.ui.copyButton.click()
    rows = list(csv.DictReader(slicer.app.clipboard().text().splitlines(), delimiter="\t"))
    assert [float(row["psoas_total_area_mm2"]) for row in rows] == result.psoas_areas()
    assert [row["slice"] for row in rows] == ["1", "2"]


def test_the_exported_file_holds_the_table_shown(result: Result, tmp_path: Path) -> None:
    DIALOGS.file_answers += [str(tmp_path / "slices.csv"), str(tmp_path / "levels")]
    result.ui.exportButton.click()
    result.ui.tablesTabWidget.currentIndex = 1
    result.ui.exportButton.click()
    slices, levels = (
        list(csv.DictReader((tmp_path / name).read_text(encoding="utf-8").splitlines()))
        for name in ("slices.csv", "levels.csv")
    )
    assert [float(row["psoas_total_area_mm2"]) for row in slices] == result.psoas_areas()
    assert [row["level"] for row in levels] == ["1"]
    assert "levels.csv" in result.ui.statusLabel.text


def test_a_file_is_replaced_only_if_the_user_agrees(result: Result, tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("mine", encoding="utf-8")
    # The file dialog has asked about "mine", which does not exist.
    DIALOGS.file_answers += [str(tmp_path / "mine")] * 2
    DIALOGS.answers += [NO, YES]
    result.ui.exportButton.click()
    assert path.read_text(encoding="utf-8") == "mine"
    result.ui.exportButton.click()
    assert path.read_text(encoding="utf-8").startswith("volume,")
    assert [message.text for message in DIALOGS.messages] == [f"{path} exists already. Replace it?"] * 2


def test_cancelling_the_file_dialog_writes_nothing(result: Result, tmp_path: Path) -> None:
    DIALOGS.file_answers.append("")
    result.ui.exportButton.click()
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written_is_told(result: Result, tmp_path: Path) -> None:
    DIALOGS.file_answers.append(str(tmp_path / "no such folder" / "table.csv"))
    result.ui.exportButton.click()
    assert "could not be saved" in result.ui.statusLabel.text
