"""`qt.QUiLoader` that builds Slicer's widgets, sets their properties and makes their connections.

Qt's loader builds the plain widgets. What names Slicer's classes is taken out of the file first and done here,
strictly: an unknown class, property, signal or slot in a .ui file raises, where Slicer prints a line at most.
"""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

from PySide6 import QtCore, QtUiTools, QtWidgets

from .proxies import proxy_class
from .pythonqt import find_signal, is_qt_property, new_names_dropped, normalized_types
from .tables import ancestry, class_table, is_listed


class UiFileError(RuntimeError):
    """A .ui file names something that its widget does not have."""


class _Builder(QtUiTools.QUiLoader):
    """Qt's loader with Slicer's classes; it holds what it has built until the whole tree stands."""

    def __init__(self) -> None:
        super().__init__()
        self.built: list[QtWidgets.QWidget] = []

    def createWidget(self, class_name: str, parent: Any = None, name: str = "") -> Any:
        if not is_listed(class_name):
            return super().createWidget(class_name, parent, name)
        widget = proxy_class(class_name)(parent)
        widget.objectName = name
        self.built.append(widget)
        return widget


class QUiLoader(QtCore.QObject):
    """The loader that `slicer.util.loadUI` uses."""

    def load(self, file: QtCore.QFile, parent: QtWidgets.QWidget | None = None) -> QtWidgets.QWidget:
        """Return the widget that the opened file describes."""
        root = ElementTree.fromstring(bytes(file.readAll().data()))  # noqa: S314 - the project's own files
        _refuse_unknown_classes(root)
        properties = _take_out_listed_properties(root)
        connections = _take_out_connections(root)
        _remove(root, "customwidgets")
        buffer = QtCore.QBuffer()
        buffer.setData(ElementTree.tostring(root))
        buffer.open(QtCore.QIODevice.OpenModeFlag.ReadOnly)
        builder = _Builder()
        with new_names_dropped():
            widget = builder.load(buffer, parent)
        for owner, name, value in properties:
            setattr(_child(widget, owner), name, value)
        for connection in connections:
            _connect(widget, connection)
        return widget


def _refuse_unknown_classes(root: ElementTree.Element) -> None:
    known = set(QtUiTools.QUiLoader().availableWidgets())
    for element in root.iter("widget"):
        class_name = element.attrib["class"]
        if class_name not in known and not is_listed(class_name):
            raise UiFileError(f"The .ui file uses class {class_name}, which neither Qt nor the tables list.")


def _take_out_listed_properties(root: ElementTree.Element) -> list[tuple[str, str, Any]]:
    taken = []
    for element in root.iter("widget"):
        listed = {name for cls in ancestry(element.attrib["class"]) for name in class_table(cls).properties}
        for entry in element.findall("property"):
            is_dynamic = entry.get("stdset") == "0" and entry.attrib["name"] not in listed
            if entry.attrib["name"] in listed:
                taken.append((element.attrib["name"], entry.attrib["name"], _value(entry[0])))
                element.remove(entry)
            elif not is_dynamic and not _is_qt_property(element.attrib["class"], entry.attrib["name"]):
                raise UiFileError(f"{element.attrib['class']} has no property '{entry.attrib['name']}'.")
    return taken


def _is_qt_property(class_name: str, name: str) -> bool:
    if class_name == "Line":
        # Designer's name for a QFrame with a direction.
        return name == "orientation" or _is_qt_property("QFrame", name)
    base = class_table(ancestry(class_name)[-1]).base if is_listed(class_name) else class_name
    return is_qt_property(getattr(QtWidgets, base), name)


def _value(element: ElementTree.Element) -> Any:
    text = element.text or ""
    if element.tag == "bool":
        return text == "true"
    if element.tag in ("number", "double"):
        return float(text) if element.tag == "double" else int(text)
    if element.tag == "stringlist":
        return [entry.text or "" for entry in element]
    if element.tag in ("string", "cstring", "enum", "set"):
        return text
    raise UiFileError(f"The host does not read <{element.tag}> values of Slicer's widgets.")


def _take_out_connections(root: ElementTree.Element) -> list[dict[str, str]]:
    return [{part.tag: part.text or "" for part in connection} for connection in _remove(root, "connections")]


def _remove(root: ElementTree.Element, tag: str) -> list[ElementTree.Element]:
    block = root.find(tag)
    if block is None:
        return []
    root.remove(block)
    return list(block)


def _child(widget: QtWidgets.QWidget, name: str) -> QtCore.QObject:
    found = widget if widget.objectName == name else widget.findChild(QtCore.QObject, name)
    if found is None:
        raise UiFileError(f"The .ui file has no object '{name}'.")
    return found


def _connect(widget: QtWidgets.QWidget, connection: dict[str, str]) -> None:
    sender = _child(widget, connection["sender"])
    receiver = _child(widget, connection["receiver"])
    slot = normalized_types(connection["slot"])
    listed = {found for cls in ancestry(receiver.className()) for found in class_table(cls).slots}
    if slot not in listed and receiver.metaObject().indexOfSlot(connection["slot"]) < 0:
        raise UiFileError(f"{receiver.className()} has no slot '{connection['slot']}'.")
    find_signal(sender, connection["signal"]).connect(getattr(receiver, slot[0]))
