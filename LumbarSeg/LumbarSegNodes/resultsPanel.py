"""The panel's part that shows the tables: rows to click, columns to hide, copy and export."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import qt
import slicer
from slicer.i18n import tr as _

from LumbarSegLib.anatomy import ANATOMIES
from LumbarSegLib.measurement import UNKNOWN_LEVEL
from LumbarSegLib.report.tables import write_csv
from LumbarSegNodes.tableRows import rowsFromTable

#: Columns beside the measures that a reader needs at a glance; the rest shows on demand.
_MAIN_COLUMNS = ("level", "level_name", "slice", "smallest_dural_sac_slice", "notes")
_AREA_ENDING = "_area_mm2"

_UNSAFE_IN_FILE_NAMES = re.compile(r'[\\/:*?"<>|]')


def columnTitle(name: str) -> str:
    """Return a short heading for a column of the tables; the column's own name where there is none."""
    titles = {
        "level": _("Level"),
        "level_name": _("Name"),
        "slice": _("Slice"),
        "smallest_dural_sac_area_mm2": _("Smallest\ndural sac"),
        "smallest_dural_sac_slice": _("in slice"),
        "notes": _("Notes"),
    }
    sides = {"": "", "left": "\n" + _("left"), "right": "\n" + _("right"), "total": "\n" + _("both sides")}
    for anatomy in ANATOMIES:
        for side, suffix in sides.items():
            titles["_".join(filter(None, [anatomy.key, side])) + _AREA_ENDING] = anatomy.name + suffix
    return titles.get(name, name)


class ResultsPanel:
    """The two tables of a segmentation in the module's panel.

    Parameters
    ----------
    ui : namespace
        Widgets of LumbarSeg.ui.
    onSliceClicked : callable
        Gets the slice's number, from 0, when a row is clicked.
    """

    def __init__(self, ui, onSliceClicked: Callable[[int], None]) -> None:
        self._ui = ui
        self._onSliceClicked = onSliceClicked
        self._layouts: tuple[int, int] | None = None
        self._views = (ui.sliceTableView, ui.levelTableView)
        for view in self._views:
            view.setSelectionBehavior(qt.QAbstractItemView.SelectRows)
            view.setEditTriggers(qt.QAbstractItemView.NoEditTriggers)
            view.setAlternatingRowColors(True)
            view.setMinimumHeight(170)
            view.verticalHeader().visible = False
        ui.sliceTableView.connect("clicked(QModelIndex)", self._onSliceRowClicked)
        ui.levelTableView.connect("clicked(QModelIndex)", self._onLevelRowClicked)
        ui.allColumnsCheckBox.connect("toggled(bool)", self._updateColumns)

    def setTables(self, sliceTable, levelTable) -> None:
        """Show the two table nodes, or nothing for None."""
        for view, table in zip(self._views, (sliceTable, levelTable), strict=True):
            view.setMRMLTableNode(table)
        self._updateColumns()

    @property
    def source(self) -> str:
        """Say which outlines the tables were computed from."""
        table = self._ui.sliceTableView.mrmlTableNode()
        rows = rowsFromTable(table)
        if not rows:
            return ""
        text = _("Areas in mm². Volume {volume}, segmentation {segmentation}, outlines {outlines}.").format(**rows[0])
        return f"{text} {table.GetDescription() or ''}".rstrip()

    @property
    def currentTable(self):
        """The table node of the tab on top, or None."""
        return self._views[self._ui.tablesTabWidget.currentIndex].mrmlTableNode()

    def copy(self) -> None:
        """Put the table of the tab on top on the clipboard, tab-separated with its headings."""
        rows = rowsFromTable(self.currentTable)
        lines = [list(rows[0])] if rows else []
        lines += [["" if cell is None else str(cell) for cell in row.values()] for row in rows]
        slicer.app.clipboard().setText("\n".join("\t".join(line) for line in lines) + "\n")

    def askAndExport(self) -> Path | None:
        """Ask for a file and write the table of the tab on top to it; return the file, or None if cancelled."""
        table = self.currentTable
        name = _UNSAFE_IN_FILE_NAMES.sub("_", table.GetName()) + ".csv"
        proposal = str(Path(slicer.app.defaultScenePath) / name)
        chosen = qt.QFileDialog.getSaveFileName(
            slicer.util.mainWindow(), _("Export table"), proposal, _("CSV files (*.csv)")
        )
        if not chosen:
            return None
        path = Path(chosen)
        if not path.suffix:
            # The dialog has asked about the name without the ending only.
            path = path.with_suffix(".csv")
            question = _("{path} exists already. Replace it?").format(path=path)
            if path.exists() and not slicer.util.confirmYesNoDisplay(question, windowTitle=_("Export table")):
                return None
        write_csv(path, rowsFromTable(table))
        return path

    def showInLayout(self, shown: bool) -> None:
        """Show the table of the tab on top below the slice views, or go back to the layout from before."""
        layoutManager = slicer.app.layoutManager()
        if layoutManager is None:
            return
        if shown and self.currentTable is not None:
            applicationLogic = slicer.app.applicationLogic()
            applicationLogic.GetSelectionNode().SetActiveTableID(self.currentTable.GetID())
            applicationLogic.PropagateTableSelection()
            layout = layoutManager.layout
            withTable = slicer.modules.tables.logic().GetLayoutWithTable(layout)
            if withTable != layout:
                self._layouts = (layout, withTable)
                layoutManager.setLayout(withTable)
        elif not shown and self._layouts is not None:
            before, withTable = self._layouts
            self._layouts = None
            # A layout that the user has chosen since is his.
            if layoutManager.layout == withTable:
                layoutManager.setLayout(before)

    def _updateColumns(self, _checked: bool = False) -> None:
        """Head the columns with words, and hide those that only some readers need."""
        for view in self._views:
            table = view.mrmlTableNode()
            rows = rowsFromTable(table)
            for column, name in enumerate(rows[0] if rows else ()):
                model = view.tableModel()
                model.setHeaderData(column, qt.Qt.Horizontal, columnTitle(name))
                model.setHeaderData(column, qt.Qt.Horizontal, table.GetColumnDescription(name), qt.Qt.ToolTipRole)
                isMain = name in _MAIN_COLUMNS or columnTitle(name) != name
                isMain = isMain and any(row[name] not in (None, UNKNOWN_LEVEL) for row in rows)
                view.setColumnHidden(column, not isMain and not self._ui.allColumnsCheckBox.checked)
            view.resizeColumnsToContents()

    def _onSliceRowClicked(self, index) -> None:
        self._jump(self._ui.sliceTableView, index)

    def _onLevelRowClicked(self, index) -> None:
        self._jump(self._ui.levelTableView, index)

    def _jump(self, view, index) -> None:
        row = view.sortFilterProxyModel().mapToSource(index).row()
        number = rowsFromTable(view.mrmlTableNode())[row]["slice"]
        if number is not None:  # the row of a block without a disc has no slice
            self._onSliceClicked(int(number) - 1)
