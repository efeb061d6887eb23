"""The host's widgets with nodes: .ui files, selectors, tables and parameter nodes, as they are in Slicer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest
import shiboken6
import slicer_host
from host_toys import UI, fresh_host, load_ui
from PySide6 import QtWidgets
from slicer_host.pythonqt import SignalNotFoundError
from slicer_host.scene_parts import while_alive
from slicer_host.ui_files import UiFileError

slicer_host.install()

import qt  # noqa: E402
import slicer  # noqa: E402
import slicer.util  # noqa: E402
import vtk  # noqa: E402
from slicer.parameterNodeWrapper import Choice, WithinRange, parameterNodeWrapper  # noqa: E402


@pytest.fixture(autouse=True)
def _fresh_host() -> Iterator[None]:
    yield from fresh_host()


# Observers of widgets


def test_an_observer_ends_with_its_widget_even_in_the_middle_of_a_call() -> None:
    window = QtWidgets.QWidget()
    inside = QtWidgets.QComboBox(window)
    calls = []

    def closes_the_window() -> None:
        calls.append("called")
        shiboken6.delete(window)
        inside.clear()

    observer = while_alive(inside, closes_the_window)
    observer()
    observer()
    assert calls == ["called"]


def test_an_observer_hides_no_fault_of_a_living_widget() -> None:
    def fails() -> None:
        raise RuntimeError("a fault")

    with pytest.raises(RuntimeError, match="a fault"):
        while_alive(QtWidgets.QComboBox(), fails)()


# Files of Qt Designer


def test_a_ui_file_gives_widgets_properties_and_connections(tmp_path: Path) -> None:
    widget = load_ui(tmp_path)
    ui = slicer.util.childWidgetVariables(widget)
    assert (type(widget).__name__, ui.selector.nodeTypes) == ("qMRMLWidget", ["vtkMRMLTableNode"])
    assert ui.selector.property("SlicerParameterName") == "table"
    table = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode", "Areas")
    widget.setMRMLScene(slicer.mrmlScene)
    ui.selector.setCurrentNode(table)
    assert ui.selector.currentNode() is table
    ui.check.checked = True
    ui.check.checked = False
    assert not ui.choice.enabled


def test_a_collapsed_button_hides_its_content_until_clicked(tmp_path: Path) -> None:
    widget = load_ui(tmp_path)
    ui = slicer.util.childWidgetVariables(widget)
    widget.show()
    slicer.app.processEvents()
    heard: list[bool] = []
    ui.more.connect("contentsCollapsed(bool)", heard.append)
    assert (ui.more.collapsed, ui.choice.visible) == (True, False)
    ui.more.click()
    assert (ui.more.collapsed, ui.choice.visible, heard) == (False, True, [False])
    ui.more.collapsed = True
    assert (ui.choice.visible, heard) == (False, [False, True])


@pytest.mark.parametrize(
    ("right", "wrong", "named"),
    [
        ("qMRMLNodeComboBox", "qMRMLNodesComboBox", "qMRMLNodesComboBox"),
        ('name="noneEnabled"', 'name="noneEnable"', "noneEnable"),
        ('name="text"', 'name="txt"', "txt"),
        ("setMRMLScene(vtkMRMLScene*)</slot>", "setScene(vtkMRMLScene*)</slot>", "setScene"),
        ("setEnabled(bool)", "setEnable(bool)", "setEnable"),
        ("<receiver>choice", "<receiver>choices", "choices"),
    ],
)
def test_a_ui_file_with_a_wrong_name_is_refused(tmp_path: Path, right: str, wrong: str, named: str) -> None:
    assert right in UI
    with pytest.raises(UiFileError, match=named):
        load_ui(tmp_path, UI.replace(right, wrong))


def test_a_ui_file_with_a_wrong_signal_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SignalNotFoundError, match="toggle"):
        load_ui(tmp_path, UI.replace("toggled(bool)", "toggle(bool)"))


# Nodes


def test_a_selector_follows_the_scene() -> None:
    selector = slicer.qMRMLNodeComboBox()
    selector.nodeTypes = ["vtkMRMLTableNode"]
    heard: list[str] = []
    selector.connect("currentNodeIDChanged(QString)", heard.append)
    selector.setMRMLScene(slicer.mrmlScene)
    assert selector.currentNode() is None
    first = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode", "First")
    slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTextNode", "No table")
    second = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode", "Second")
    assert (selector.currentNode(), selector.nodeCount()) == (first, 2)
    selector.currentNodeID = second.GetID()
    slicer.mrmlScene.RemoveNode(second)
    assert selector.currentNode() is first
    selector.noneEnabled = True
    slicer.mrmlScene.Clear(0)
    assert selector.currentNode() is None
    assert heard == ["vtkMRMLTableNode1", "vtkMRMLTableNode2", "vtkMRMLTableNode1", ""]


def test_a_selector_adds_nodes_and_looks_at_attributes() -> None:
    selector = slicer.qMRMLNodeComboBox()
    selector.nodeTypes = ["vtkMRMLTableNode"]
    selector.noneEnabled = True
    selector.baseName = "Areas"
    selector.setMRMLScene(slicer.mrmlScene)
    selector.addAttribute("vtkMRMLTableNode", "Kind", "slices")
    selector.addNode()
    added = selector.currentNode()
    assert (added.GetName(), added.GetAttribute("Kind")) == ("Areas", "slices")
    other = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode", "Without the attribute")
    assert selector.nodeCount() == 1
    selector.setCurrentNode(other)
    assert selector.currentNode() is None


def test_a_deleted_selector_leaves_the_scene_alone() -> None:
    selector = slicer.qMRMLNodeComboBox()
    selector.nodeTypes = ["vtkMRMLTableNode"]
    selector.setMRMLScene(slicer.mrmlScene)
    selector.deleteLater()
    qt.QCoreApplication.sendPostedEvents(None, qt.QEvent.DeferredDelete)
    slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode").SetName("Later")
    slicer_host.raise_unhandled_errors()


def make_table() -> Any:
    table = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode", "Areas")
    for name, cls, values in (("slice", vtk.vtkIntArray, (2, 10)), ("mm2", vtk.vtkDoubleArray, (1.5, 2.5))):
        column = cls()
        column.SetName(name)
        for value in values:
            column.InsertNextValue(value)
        table.AddColumn(column)
    return table


def test_a_table_view_shows_its_node() -> None:
    view = slicer.qMRMLTableView()
    table = make_table()
    view.setMRMLTableNode(table)
    model = view.sortFilterProxyModel()
    # Slicer's own choice for a new table: names in the first row.
    assert [model.headerData(1, qt.Qt.Horizontal), model.index(0, 1).data()] == ["B", "mm2"]
    table.SetUseColumnTitleAsColumnHeader(True)
    table.SetColumnUnitLabel("mm2", "mm2")
    view.setColumnHidden(0, True)
    table.Modified()
    assert (view.isColumnHidden(0), model.index(0, 1).data(qt.Qt.ToolTipRole)) == (True, "Unit: mm2")
    assert [model.index(1, column).data() for column in (0, 1)] == ["10", "2.5"]
    assert [model.headerData(column, qt.Qt.Horizontal) for column in (0, 1)] == ["slice", "mm2"]
    table.GetTable().GetColumn(1).SetValue(1, 3.25)
    table.Modified()
    assert model.index(1, 1).data() == "3.25"
    view.setColumnHidden(0, False)
    view.tableModel().item(0, 1).setText("7.5")
    assert table.GetTable().GetColumn(1).GetValue(0) == 7.5
    view.selectAll()
    view.copySelection()
    assert slicer.app.clipboard().text() == "2\t7.5\n10\t3.25"
    view.setMRMLScene(slicer.mrmlScene)
    slicer.mrmlScene.StartState(slicer.mrmlScene.BatchProcessState)
    slicer.mrmlScene.EndState(slicer.mrmlScene.BatchProcessState)
    assert (view.mrmlTableNode(), model.rowCount()) == (None, 0)


# Parameter nodes


@parameterNodeWrapper
class ToyParameters:
    table: slicer.vtkMRMLTableNode
    flag: bool = True
    mode: Annotated[str, Choice(["a", "b"])] = "b"
    number: Annotated[float, WithinRange(0, 10)] = 2.5


def test_parameters_stand_in_the_node_as_in_slicer(tmp_path: Path) -> None:
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScriptedModuleNode")
    parameters = ToyParameters(node)
    table = make_table()
    parameters.table = table
    parameters.number = 4
    stored = {name: node.GetParameter(name) for name in node.GetParameterNamesAsCommaSeparatedList().split(",")}
    assert stored == {"table": "", "flag": "True", "mode": "b", "number": "4"}
    assert node.GetNodeReference("table") is table
    again = ToyParameters(node)
    assert (again.table, again.flag, again.mode, again.number) == (table, True, "b", 4.0)
    slicer.mrmlScene.RemoveNode(table)
    assert again.table is None


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [("table", 3, TypeError), ("flag", None, ValueError), ("mode", "c", ValueError), ("number", 11.0, ValueError)],
)
def test_parameters_refuse_other_values(name: str, value: Any, error: type[Exception]) -> None:
    parameters = ToyParameters(slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScriptedModuleNode"))
    with pytest.raises(error):
        setattr(parameters, name, value)


def test_parameters_and_widgets_follow_each_other(tmp_path: Path) -> None:
    widget = load_ui(tmp_path)
    ui = slicer.util.childWidgetVariables(widget)
    widget.setMRMLScene(slicer.mrmlScene)
    table = make_table()
    parameters = ToyParameters(slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScriptedModuleNode"))
    tag = parameters.connectGui(ui)
    assert (ui.check.checked, ui.choice.currentText, ui.selector.currentNode()) == (True, "b", None)
    modified: list[int] = []
    parameters.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_event: modified.append(1))
    ui.choice.currentIndex = 0
    ui.selector.setCurrentNode(table)
    assert (parameters.mode, parameters.table, len(modified)) == ("a", table, 2)
    parameters.flag = False
    assert not ui.check.checked
    parameters.disconnectGui(tag)
    ui.check.checked = True
    assert not parameters.flag


def test_only_pairs_that_slicer_connects_are_connected(tmp_path: Path) -> None:
    widget = load_ui(tmp_path, UI.replace(">mode<", ">number<"))
    parameters = ToyParameters(slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScriptedModuleNode"))
    with pytest.raises(RuntimeError, match="Choice"):
        parameters.connectGui(slicer.util.childWidgetVariables(widget))
    widget = load_ui(tmp_path, UI.replace(">mode<", ">mood<"))
    with pytest.raises(ValueError, match="mood"):
        parameters.connectGui(slicer.util.childWidgetVariables(widget))
