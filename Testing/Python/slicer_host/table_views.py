"""What Slicer's table widgets do: they show the columns of a vtkMRMLTableNode."""

from __future__ import annotations

from typing import Any

import slicer
import vtk
from PySide6 import QtCore, QtGui, QtWidgets

from .proxies import Part, part_of, plays, proxy_class
from .scene_parts import SceneHolder, while_alive


def _column_letters(index: int) -> str:
    """Return A to Z, AA and so on, as a spreadsheet counts."""
    letters = ""
    while index >= 0:
        letters = chr(ord("A") + index % 26) + letters
        index = index // 26 - 1
    return letters


@plays("qMRMLTableModel")
class TableModel(Part):
    """The items of a table node, brought up to date in place whenever the node changes."""

    def __init__(self, owner: Any) -> None:
        super().__init__(owner)
        self.node: Any = None
        self.tag: int | None = None
        self.is_filling = False
        owner.itemChanged.connect(self._take_over)
        owner.destroyed.connect(self._forget_node)

    def show_node(self, node: Any) -> None:
        """Show a table node, or nothing for None; in Slicer only C++ can say so."""
        self._forget_node()
        self.node = node
        if node is not None:
            self.tag = node.AddObserver(vtk.vtkCommand.ModifiedEvent, while_alive(self.owner, self._fill))
        self._fill()

    def _forget_node(self, *_arguments: Any) -> None:
        if self.node is not None and self.tag is not None:
            self.node.RemoveObserver(self.tag)
        self.node = self.tag = None

    def write_transposed(self, transposed: bool) -> None:
        self.values["transposed"] = transposed
        self._fill()

    def _cells(self) -> tuple[list[str], list[str], list[list[str]]]:
        """Return the titles of the columns and of the rows, and the texts of the cells row by row."""
        table = self.node.GetTable()
        columns = [table.GetColumn(index) for index in range(table.GetNumberOfColumns())]
        texts = [[str(column.GetVariantValue(row)) for column in columns] for row in range(table.GetNumberOfRows())]
        names = [column.GetName() for column in columns]
        titles = [self.node.GetColumnTitle(name) or name for name in names]
        if not self.node.GetUseColumnTitleAsColumnHeader():
            texts.insert(0, titles)
            titles = [_column_letters(index) for index in range(len(columns))]
        row_titles = [str(index + 1) for index in range(len(texts))]
        if self.node.GetUseFirstColumnAsRowHeader():
            row_titles = [row[0] for row in texts]
            titles, texts = titles[1:], [row[1:] for row in texts]
        return titles, row_titles, texts

    def _fill(self, *_arguments: Any) -> None:
        if self.node is None or self.node.GetNumberOfColumns() == 0:
            self.owner.setRowCount(0)
            self.owner.setColumnCount(0)
            return
        titles, row_titles, texts = self._cells()
        if self.values.get("transposed"):
            titles, row_titles, texts = row_titles, titles, [list(column) for column in zip(*texts, strict=True)]
        self.is_filling = True
        self.owner.setRowCount(len(row_titles))
        self.owner.setColumnCount(len(titles))
        for index, title in enumerate(titles):
            self.owner.setHeaderData(index, QtCore.Qt.Orientation.Horizontal, title)
        for index, title in enumerate(row_titles):
            self.owner.setHeaderData(index, QtCore.Qt.Orientation.Vertical, title)
        for row, cells in enumerate(texts):
            for column, text in enumerate(cells):
                item = self.owner.item(row, column) or QtGui.QStandardItem()
                item.setText(text)
                item.setEditable(not self.node.GetLocked())
                item.setToolTip(self._tool_tip(row if self.values.get("transposed") else column))
                if item.model() is None:
                    self.owner.setItem(row, column, item)
        self.is_filling = False

    def _tool_tip(self, column: int) -> str:
        name = self.node.GetColumnName(column + int(self.node.GetUseFirstColumnAsRowHeader()))
        unit = self.node.GetColumnUnitLabel(name)
        title = self.node.GetColumnTitle(name)
        lines = [f"<b>{title}</b>" if title else "", f"Unit: {unit}" if unit else ""]
        return "<p>".join(filter(None, (*lines, self.node.GetColumnDescription(name))))

    def _take_over(self, item: QtGui.QStandardItem) -> None:
        """Put what the user has typed into the table node."""
        if self.is_filling or self.node is None:
            return
        row, column = item.row(), item.column()
        if self.values.get("transposed"):
            row, column = column, row
        row -= 0 if self.node.GetUseColumnTitleAsColumnHeader() else 1
        column += int(self.node.GetUseFirstColumnAsRowHeader())
        if row >= 0:
            self.node.GetTable().GetColumn(column).SetVariantValue(row, vtk.vtkVariant(item.text()))
            self.node.GetTable().Modified()


@plays("qMRMLTableView")
class TableView(SceneHolder):
    """A view of one table node through a model that sorts."""

    def __init__(self, owner: Any) -> None:
        super().__init__(owner)
        self.view_node: Any = None
        self.view_tag: int | None = None
        self.scene_tag: int | None = None
        self.table_model = proxy_class("qMRMLTableModel")(owner)
        self.sorted_model = QtCore.QSortFilterProxyModel(owner)
        self.sorted_model.setSourceModel(self.table_model)
        owner.setModel(self.sorted_model)
        owner.selectionModel().selectionChanged.connect(lambda *_change: self.emit("selectionChanged"))
        owner.destroyed.connect(self._forget)

    def _forget(self, *_arguments: Any) -> None:
        if self.scene_tag is not None:
            self.scene.RemoveObserver(self.scene_tag)
        if self.view_tag is not None:
            self.view_node.RemoveObserver(self.view_tag)
        self.scene_tag = self.view_tag = None

    def setMRMLScene(self, scene: Any) -> None:
        if scene is self.scene:
            return
        if self.scene_tag is not None:
            self.scene.RemoveObserver(self.scene_tag)
        event, show = slicer.vtkMRMLScene.EndBatchProcessEvent, while_alive(self.owner, self._show_view_node)
        self.scene_tag = scene.AddObserver(event, show) if scene is not None else None
        super().setMRMLScene(scene)

    def _show_view_node(self, *_arguments: Any) -> None:
        # As in Slicer: without a view node the end of any batch, such as the loading of files, empties the view.
        is_complete = self.scene is not None and self.view_node is not None
        self.setMRMLTableNode(self.view_node.GetTableNode() if is_complete else None)

    def setMRMLTableNode(self, node: Any) -> None:
        part_of(self.table_model).show_node(node)
        self.owner.horizontalHeader().setMinimumSectionSize(60)
        self.owner.resizeColumnsToContents()

    def mrmlTableNode(self) -> Any:
        return part_of(self.table_model).node

    def read_transposed(self) -> bool:
        return bool(self.table_model.transposed)

    def write_transposed(self, transposed: bool) -> None:
        self.table_model.transposed = transposed

    def setMRMLTableViewNode(self, node: Any) -> None:
        if node is self.view_node:
            return
        if self.view_tag is not None:
            self.view_node.RemoveObserver(self.view_tag)
        event, show = vtk.vtkCommand.ModifiedEvent, while_alive(self.owner, self._show_view_node)
        self.view_tag = node.AddObserver(event, show) if node is not None else None
        self.view_node = node
        self._show_view_node()

    def mrmlTableViewNode(self) -> Any:
        return self.view_node

    def tableModel(self) -> Any:
        return self.table_model

    def sortFilterProxyModel(self) -> Any:
        return self.sorted_model

    def copySelection(self) -> None:
        """Put the selected cells on the clipboard, as rows of cells with tabs between them."""
        rows: dict[int, list[str]] = {}
        for index in sorted(self.owner.selectionModel().selectedIndexes):
            rows.setdefault(index.row(), []).append(str(index.data()))
        QtWidgets.QApplication.clipboard().setText("\n".join("\t".join(cells) for cells in rows.values()))


@plays("qMRMLTableWidget")
class TableWidget(SceneHolder):
    """A table view with its controller, as in the layout."""

    def __init__(self, owner: Any) -> None:
        super().__init__(owner)
        self.view = proxy_class("qMRMLTableView")(owner)
        self.controller = proxy_class("qMRMLTableViewControllerWidget")(owner)
        layout = QtWidgets.QVBoxLayout(owner)
        layout.addWidget(self.controller)
        layout.addWidget(self.view)

    def tableView(self) -> Any:
        return self.view

    viewWidget = tableView

    def tableController(self) -> Any:
        return self.controller

    controllerWidget = tableController

    def setMRMLScene(self, scene: Any) -> None:
        self.view.setMRMLScene(scene)
        super().setMRMLScene(scene)

    def setMRMLTableViewNode(self, node: Any) -> None:
        self.view.setMRMLTableViewNode(node)

    setMRMLAbstractViewNode = setMRMLTableViewNode

    def mrmlTableViewNode(self) -> Any:
        return self.view.mrmlTableViewNode()

    mrmlAbstractViewNode = mrmlTableViewNode
