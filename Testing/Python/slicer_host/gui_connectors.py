"""Which widget shows a parameter of which type, and how."""

from __future__ import annotations

import enum
import pathlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import slicer
from PySide6 import QtWidgets

from .validators import Choice, Maximum, Minimum, Validator, WithinRange


@dataclass
class Connector:
    """The way between one widget and one parameter.

    Attributes
    ----------
    signal
        Bound signal of the widget that tells of a change; None for a label, which only shows.
    read, write
        Take the value from the widget and put it there.
    """

    signal: Any
    read: Callable[[], Any]
    write: Callable[[Any], None]
    receiver: Callable[..., None] | None = None

    def listen(self, receiver: Callable[..., None]) -> None:
        """Call the receiver whenever the widget changes."""
        if self.signal is not None:
            self.receiver = receiver
            self.signal.connect(receiver)

    def stop_listening(self) -> None:
        """Call it no more."""
        if self.receiver is not None:
            self.signal.disconnect(self.receiver)
            self.receiver = None


def connector_for(widget: Any, data_type: type, validators: tuple[Validator, ...]) -> Connector:
    """Return the connector of a widget and a type.

    Raises
    ------
    RuntimeError
        Where Slicer connects no such widget with that type.
    """
    kind = widget.className()
    if _is_node(data_type) and kind == "qMRMLNodeComboBox":
        widget.nodeTypes = [data_type.__name__]
        return Connector(widget.currentNodeChanged, widget.currentNode, widget.setCurrentNode)
    if data_type is bool and kind == "QCheckBox":
        return _through_property(widget, "checked", widget.toggled)
    if data_type is bool and kind in ("QPushButton", "ctkCheckablePushButton"):
        widget.checkable = True
        return _through_property(widget, "checked", widget.toggled)
    if data_type is str and kind == "QLineEdit":
        return _through_property(widget, "text", widget.textChanged)
    if data_type is str and kind == "QLabel":
        return Connector(None, lambda: widget.text, widget.setText)
    if data_type is str and kind == "QTextEdit":
        return Connector(widget.textChanged, widget.toPlainText, widget.setPlainText)
    if kind == "QComboBox":
        return _combo_box(widget, data_type, validators)
    if (data_type is int and kind in ("QSpinBox", "QSlider")) or (
        data_type in (float, int) and kind in ("QDoubleSpinBox", "ctkSliderWidget")
    ):
        _limit(widget, validators)
        return _through_property(widget, "value", widget.valueChanged)
    if issubclass(data_type, pathlib.PurePath) and kind == "ctkPathLineEdit":
        return _path(widget, data_type, "currentPath", widget.currentPathChanged)
    if issubclass(data_type, pathlib.PurePath) and kind == "ctkDirectoryButton":
        return _path(widget, data_type, "directory", widget.directoryChanged)
    raise RuntimeError(f"Slicer connects no {kind} with a parameter of type {data_type}.")


def _is_node(data_type: type) -> bool:
    return issubclass(data_type, slicer.vtkMRMLNode)


def _through_property(widget: Any, name: str, signal: Any) -> Connector:
    return Connector(signal, lambda: getattr(widget, name), lambda value: setattr(widget, name, value))


def _path(widget: Any, data_type: type, name: str, signal: Any) -> Connector:
    return Connector(signal, lambda: data_type(getattr(widget, name)), lambda path: setattr(widget, name, str(path)))


def _combo_box(widget: QtWidgets.QComboBox, data_type: type, validators: tuple[Validator, ...]) -> Connector:
    if issubclass(data_type, enum.Enum):
        values = list(data_type)
        label = getattr(data_type, "label", lambda entry: entry.name)
        texts = [label(entry) for entry in values]
    else:
        choice = next((entry for entry in validators if isinstance(entry, Choice)), None)
        if choice is None:
            raise RuntimeError("A QComboBox shows a parameter with the annotation Choice only.")
        values = list(choice.choices)
        texts = [str(value) for value in values]
    widget.clear()
    widget.addItems(texts)
    return Connector(
        widget.currentIndexChanged,
        lambda: values[widget.currentIndex],
        lambda value: setattr(widget, "currentIndex", values.index(value)),
    )


def _limit(widget: Any, validators: tuple[Validator, ...]) -> None:
    limits = {
        "minimum": [entry.minimum for entry in validators if isinstance(entry, WithinRange | Minimum)],
        "maximum": [entry.maximum for entry in validators if isinstance(entry, WithinRange | Maximum)],
    }
    if widget.className() in ("QSlider", "ctkSliderWidget") and not all(limits.values()):
        raise RuntimeError(f"A {widget.className()} shows a parameter with both limits only.")
    for name, values in limits.items():
        if values:
            setattr(widget, name, values[0])
        elif widget.className() == "QSpinBox":
            setattr(widget, name, -(2**31) if name == "minimum" else 2**31 - 1)
        else:
            setattr(widget, name, float("-inf") if name == "minimum" else float("inf"))
