"""What CTK's widgets do, as far as a panel shows it."""

from __future__ import annotations

from typing import Any, ClassVar

from PySide6 import QtCore, QtGui, QtWidgets

from .dialogs import DIALOGS
from .proxies import Part, plays

_HEADER_HEIGHT = 24
# QWIDGETSIZE_MAX, which PySide6 does not name.
_NO_LIMIT = 2**24 - 1


@plays("ctkCollapsibleButton")
class CollapsibleButton(Part):
    """A header to click, and below it the widget's layout, which goes when it is collapsed."""

    OVERRIDES = ("paintEvent", "event", "nextCheckState", "hitButton")
    START_VALUES: ClassVar[dict[str, Any]] = {"collapsed": False, "flat": False}

    def __init__(self, owner: Any) -> None:
        super().__init__(owner)
        owner.checkable = True
        owner.checked = True
        owner.setSizePolicy(QtWidgets.QSizePolicy.Policy.MinimumExpanding, QtWidgets.QSizePolicy.Policy.Preferred)
        owner.setContentsMargins(0, _HEADER_HEIGHT, 0, 0)
        owner.toggled.connect(lambda checked: self.write_collapsed(not checked))

    def read_collapsed(self) -> bool:
        return bool(self.values["collapsed"])

    def write_collapsed(self, collapsed: bool) -> None:
        if collapsed == self.values["collapsed"]:
            return
        self.values["collapsed"] = bool(collapsed)
        self.owner.checked = not collapsed
        self._show_children()
        self.emit("contentsCollapsed", bool(collapsed))

    def _show_children(self) -> None:
        for child in self.owner.children():
            if isinstance(child, QtWidgets.QWidget):
                # What the panel itself has hidden stays hidden.
                if self.values["collapsed"] and not child.isHidden():
                    child.hide()
                    self.values.setdefault("hidden", []).append(child)
                elif not self.values["collapsed"] and child in self.values.get("hidden", []):
                    child.show()
        if not self.values["collapsed"]:
            self.values["hidden"] = []
        height = _HEADER_HEIGHT if self.values["collapsed"] else _NO_LIMIT
        self.owner.setMaximumHeight(height)
        self.owner.setMinimumHeight(_HEADER_HEIGHT if self.values["collapsed"] else 0)

    def event(self, event: QtCore.QEvent) -> bool:
        # A .ui file sets the property before the children exist.
        if event.type() == QtCore.QEvent.Type.Show and self.values["collapsed"]:
            self._show_children()
        return bool(QtWidgets.QAbstractButton.event(self.owner, event))

    def nextCheckState(self) -> None:
        self.write_collapsed(not self.values["collapsed"])

    def hitButton(self, position: QtCore.QPoint) -> bool:
        return position.y() < _HEADER_HEIGHT

    def paintEvent(self, _event: QtGui.QPaintEvent) -> None:
        painter = QtWidgets.QStylePainter(self.owner)
        option = QtWidgets.QStyleOptionButton()
        option.initFrom(self.owner)
        option.rect = QtCore.QRect(0, 0, self.owner.width, _HEADER_HEIGHT)
        style = QtWidgets.QStyle
        painter.drawPrimitive(style.PrimitiveElement.PE_PanelButtonCommand, option)
        arrow = QtWidgets.QStyleOption()
        arrow.initFrom(self.owner)
        arrow.rect = QtCore.QRect(6, 6, 12, 12)
        element = style.PrimitiveElement
        painter.drawPrimitive(
            element.PE_IndicatorArrowRight if self.values["collapsed"] else element.PE_IndicatorArrowDown, arrow
        )
        text = option.rect.adjusted(24, 0, -4, 0)
        painter.drawText(text, int(QtCore.Qt.AlignmentFlag.AlignVCenter), self.owner.text)
        painter.end()


@plays("ctkCollapsibleGroupBox")
class CollapsibleGroupBox(Part):
    """A group box whose check box shows and hides the content."""

    def __init__(self, owner: Any) -> None:
        super().__init__(owner)
        owner.checkable = True
        owner.toggled.connect(lambda checked: self.write_collapsed(not checked))

    def read_collapsed(self) -> bool:
        return not self.owner.checked

    def write_collapsed(self, collapsed: bool) -> None:
        self.owner.checked = not collapsed
        for child in self.owner.findChildren(
            QtWidgets.QWidget, options=QtCore.Qt.FindChildOption.FindDirectChildrenOnly
        ):
            child.setVisible(not collapsed)


class _PathChooser(Part):
    """A text of a path and a button that asks for one."""

    def __init__(self, owner: Any) -> None:
        super().__init__(owner)
        self.layout = QtWidgets.QHBoxLayout(owner)
        self.layout.setContentsMargins(0, 0, 0, 0)


@plays("ctkPathLineEdit")
class PathLineEdit(_PathChooser):
    """An editable combo box with the history of paths."""

    START_VALUES: ClassVar[dict[str, Any]] = {"showBrowseButton": True, "showHistoryButton": True}

    def __init__(self, owner: Any) -> None:
        super().__init__(owner)
        self.combo_box = QtWidgets.QComboBox(owner)
        self.combo_box.editable = True
        self.combo_box.setSizePolicy(QtWidgets.QSizePolicy.Policy.Expanding, QtWidgets.QSizePolicy.Policy.Fixed)
        self.button = QtWidgets.QToolButton(owner)
        self.button.text = "..."
        self.layout.addWidget(self.combo_box)
        self.layout.addWidget(self.button)
        self.combo_box.editTextChanged.connect(lambda path: self.emit("currentPathChanged", path))
        self.button.clicked.connect(lambda *_checked: self.browse())

    def read_currentPath(self) -> str:
        return str(self.combo_box.currentText)

    def write_currentPath(self, path: str) -> None:
        if path != self.combo_box.currentText:
            self.combo_box.setEditText(path)

    def write_showBrowseButton(self, shown: bool) -> None:
        self.values["showBrowseButton"] = shown
        self.button.visible = shown

    def comboBox(self) -> Any:
        return self.combo_box

    def browse(self) -> None:
        path = DIALOGS.path(self.values.get("label", ""))
        if path:
            self.write_currentPath(path)

    def addCurrentPathToHistory(self) -> None:
        path = self.read_currentPath()
        if path and self.combo_box.findText(path) < 0:
            self.combo_box.insertItem(0, path)


@plays("ctkDirectoryButton")
class DirectoryButton(_PathChooser):
    """A button that shows the chosen folder."""

    def __init__(self, owner: Any) -> None:
        super().__init__(owner)
        self.button = QtWidgets.QPushButton(owner)
        self.layout.addWidget(self.button)
        self.button.clicked.connect(lambda *_checked: self.browse())

    def read_directory(self) -> str:
        return str(self.values.get("directory", ""))

    def write_directory(self, directory: str) -> None:
        if directory != self.read_directory():
            self.values["directory"] = directory
            self.button.text = directory
            self.emit("directoryChanged", directory)

    def browse(self) -> None:
        folder = DIALOGS.path(self.values.get("caption", ""))
        if folder:
            self.write_directory(folder)
            self.emit("directorySelected", folder)


@plays("ctkSliderWidget")
class SliderWidget(Part):
    """A spin box, and beside it a slider of a thousand steps."""

    START_VALUES: ClassVar[dict[str, Any]] = {"maximum": 99.0, "singleStep": 1.0, "decimals": 2, "tracking": True}
    _STEPS = 1000

    def __init__(self, owner: Any) -> None:
        super().__init__(owner)
        self.slider = QtWidgets.QSlider(QtCore.Qt.Orientation.Horizontal, owner)
        self.slider.maximum = self._STEPS
        self.spin_box = QtWidgets.QDoubleSpinBox(owner)
        layout = QtWidgets.QHBoxLayout(owner)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.slider)
        layout.addWidget(self.spin_box)
        self.spin_box.valueChanged.connect(self._changed)
        self.slider.sliderMoved.connect(self._moved)

    def _changed(self, value: float) -> None:
        span = self.spin_box.maximum - self.spin_box.minimum
        self.slider.value = round(self._STEPS * (value - self.spin_box.minimum) / span) if span else 0
        self.emit("valueChanged", value)

    def _moved(self, position: int) -> None:
        span = self.spin_box.maximum - self.spin_box.minimum
        self.spin_box.value = self.spin_box.minimum + span * position / self._STEPS


def _follow_spin_box(name: str) -> None:
    def write(self: SliderWidget, value: Any) -> None:
        setattr(self.spin_box, name, value)

    setattr(SliderWidget, f"read_{name}", lambda self: getattr(self.spin_box, name))
    setattr(SliderWidget, f"write_{name}", write)


for _name in ("value", "minimum", "maximum", "singleStep", "decimals", "prefix", "suffix"):
    _follow_spin_box(_name)
