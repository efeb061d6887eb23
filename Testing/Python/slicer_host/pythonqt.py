"""PythonQt's forms on PySide6.

Slicer wraps Qt with PythonQt, whose objects differ from PySide6's in four ways that scripts rely on:
a property is an attribute (`label.text`, while `label.setText(...)` stays callable), `connect` takes the
signal's signature as text, `name` stands for `objectName`, and no attribute can be invented on an object.
`adopt` gives these forms to PySide6's own classes, so that every object has them, wherever Qt made it.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import ModuleType
from typing import Any

from PySide6 import QtCore, QtGui, QtWidgets
from shiboken6 import Shiboken

QT_MODULES: tuple[ModuleType, ...] = (QtCore, QtGui, QtWidgets)
_READING: set[tuple[int, str]] = set()
_MISSING = object()
_NEW_NAMES_ARE_DROPPED: list[bool] = []
_QT_SIGNALS: dict[type, set[tuple[str, tuple[str, ...]]]] = {}
_SIGNATURE = re.compile(r"^(\w+)\((.*)\)$")

# Before Python 3.12, PySide6 loses a reference to None at calls such as setColumnHidden, and
# Python aborts at its end. The spare ones are never freed.
_SPARE_NONES = [None] * 1_000_000
ctypes.pythonapi.Py_IncRef(ctypes.py_object(_SPARE_NONES))


class _Property:
    """A Qt property as an attribute of instances; the class keeps what stood there (`QTimer.singleShot`)."""

    def __init__(self, name: str, on_class: Any) -> None:
        self.name = name
        self.on_class = on_class

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self if self.on_class is _MISSING else self.on_class.__get__(None, owner)
        # Shiboken looks for a Python method that overrides a virtual getter (sizeHint): here it finds none.
        key = (id(instance), self.name)
        if key in _READING:
            return None
        _READING.add(key)
        try:
            return QtCore.QObject.property(instance, self.name)
        finally:
            _READING.discard(key)

    def __set__(self, instance: Any, value: Any) -> None:
        if not QtCore.QObject.setProperty(instance, self.name, value):
            raise ValueError(
                f"Property '{self.name}' of {type(instance).__name__} is read-only or does not accept {value!r}."
            )


class SignalNotFoundError(AttributeError):
    """The object has no signal of that signature; PythonQt would print a line and connect nothing."""


def normalized_types(signature: str) -> tuple[str, tuple[str, ...]]:
    """Split `name(const QString& text, int)` into the name and the bare types, `("name", ("QString", "int"))`."""
    match = _SIGNATURE.match(signature.strip())
    if match is None:
        raise SignalNotFoundError(f"A signal is named as 'name(types)', got {signature!r}.")
    types = []
    for argument in filter(None, (part.strip() for part in match[2].split(","))):
        bare = argument.split("=")[0].replace("const ", "").replace("&", " ").replace("*", "* ").split()
        types.append(bare[0] if len(bare) < 2 or bare[1] != "*" else bare[0] + "*")
    return match[1], tuple(types)


def find_signal(sender: QtCore.QObject, signature: str) -> Any:
    """Return the bound signal of a signature such as `clicked(bool)`.

    Raises
    ------
    SignalNotFoundError
        Where the sender has no such signal.
    """
    name, types = normalized_types(signature)
    tables = getattr(type(sender), "_table_signals", {})
    if (name, types) in tables:
        return getattr(sender, name)[tables[name, types]]
    if not has_signal(type(sender), signature):
        raise SignalNotFoundError(f"{sender.className()} has no signal '{signature}'.")
    return getattr(sender, name)[",".join(types)] if types else getattr(sender, name)


def has_signal(cls: type, signature: str) -> bool:
    """Tell whether a class of Qt or of the tables has a signal of this signature."""
    wanted = normalized_types(signature)
    if wanted in getattr(cls, "_table_signals", {}):
        return True
    return any(wanted in _QT_SIGNALS.get(base, ()) for base in cls.__mro__)


def _connect(self: QtCore.QObject, signature: str, receiver: Callable[..., Any]) -> bool:
    signal = find_signal(self, signature)
    # PySide6 hands clicked(bool)'s argument to whoever connects to clicked(); PythonQt does not.
    wanted = (lambda: receiver()) if signature.endswith("()") else receiver
    self.__dict__.setdefault("_named_connections", []).append((signature, receiver, wanted))
    signal.connect(wanted)
    return True


def _disconnect(self: QtCore.QObject, signature: str, receiver: Callable[..., Any]) -> bool:
    connections = self.__dict__.get("_named_connections", [])
    for position, (known_signature, known_receiver, wanted) in enumerate(connections):
        if (known_signature, known_receiver) == (signature, receiver):
            find_signal(self, signature).disconnect(wanted)
            del connections[position]
            return True
    return False


def _with_connect_by_name(lookup: Callable[[Any, str], Any]) -> Callable[[Any, str], Any]:
    # QObject's own lookup answers these two names before any class attribute is asked.
    by_name = {"connect": _connect, "disconnect": _disconnect}

    def attribute(self: QtCore.QObject, name: str) -> Any:
        return partial(by_name[name], self) if name in by_name else lookup(self, name)

    return attribute


def _set_attribute(self: QtCore.QObject, name: str, value: Any) -> None:
    described = _class_attribute(type(self), name)
    # PySide6 itself keeps bound signals and the dynamic meta-object on an object.
    is_internal = isinstance(value, QtCore.SignalInstance) or name.startswith("__")
    is_free = is_internal or not type(self).__module__.startswith(("PySide6", __package__))
    if name.encode() in QtCore.QObject.dynamicPropertyNames(self):
        QtCore.QObject.setProperty(self, name, value)
    elif isinstance(described, QtCore.Property):
        type(self)._table_writers[name](self, value)
    elif is_free or hasattr(described, "__set__"):
        Shiboken.Object.__setattr__(self, name, value)
    elif described is _MISSING and not _NEW_NAMES_ARE_DROPPED:
        raise AttributeError(f"{type(self).__name__} has no attribute '{name}' and none can be added.")
    elif not _NEW_NAMES_ARE_DROPPED:
        raise AttributeError(f"'{name}' of {type(self).__name__} is a method and cannot be set.")


@contextmanager
def new_names_dropped() -> Iterator[None]:
    """Drop attributes that PySide6 itself invents, as its .ui loader does for every child."""
    _NEW_NAMES_ARE_DROPPED.append(True)
    try:
        yield
    finally:
        _NEW_NAMES_ARE_DROPPED.pop()


def is_qt_property(cls: type, name: str) -> bool:
    """Tell whether a class of Qt has a property of this name."""
    return isinstance(_class_attribute(cls, name), _Property)


def _class_attribute(cls: type, name: str) -> Any:
    return next((vars(base)[name] for base in cls.__mro__ if name in vars(base)), _MISSING)


def _get_missing_attribute(self: QtCore.QObject, name: str) -> Any:
    if name.encode() in QtCore.QObject.dynamicPropertyNames(self):
        return QtCore.QObject.property(self, name)
    raise AttributeError(f"{type(self).__name__} has no attribute '{name}'.")


def _own_signals(cls: type) -> set[tuple[str, tuple[str, ...]]]:
    meta = cls.staticMetaObject
    methods = [meta.method(index) for index in range(meta.methodOffset(), meta.methodCount())]
    kind = QtCore.QMetaMethod.MethodType.Signal
    return {
        normalized_types(method.methodSignature().toStdString()) for method in methods if method.methodType() == kind
    }


def _inject_properties(cls: type) -> None:
    meta = cls.staticMetaObject
    for index in range(meta.propertyCount()):
        name = meta.property(index).name()
        own = vars(cls).get(name, _MISSING)
        if isinstance(own, _Property) or (own is _MISSING and index < meta.propertyOffset()):
            continue
        setattr(cls, name, _Property(name, own))


def adopt() -> None:
    """Give PythonQt's forms to every QObject class of PySide6; a second call changes nothing."""
    if isinstance(vars(QtCore.QObject).get("objectName"), _Property):
        return
    for module in QT_MODULES:
        for cls in [getattr(module, name) for name in dir(module)]:  # dir: PySide6 fills its modules on access
            if isinstance(cls, type) and issubclass(cls, QtCore.QObject):
                _QT_SIGNALS[cls] = _own_signals(cls)
                _inject_properties(cls)
                cls.__setattr__ = _set_attribute
    base = QtCore.QObject
    base.name = _Property("objectName", _MISSING)
    base.className = lambda self: self.metaObject().className()
    base.__getattribute__ = _with_connect_by_name(base.__getattribute__)
    base.__getattr__ = _get_missing_attribute
