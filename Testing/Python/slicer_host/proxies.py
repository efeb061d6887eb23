"""Slicer's and CTK's classes, made from the tables: every listed name and not one more.

What a class does is written as a `Part`, apart from the class itself; its attributes are out of a script's
sight. A listed name that no part plays raises NotImplementedError when it is used.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from typing import Any, ClassVar

from PySide6 import QtCore, QtGui, QtWidgets

from .tables import ClassTable, ancestry, class_table, is_listed

_PYTHON_TYPES: dict[str, type] = {"bool": bool, "int": int, "double": float, "QString": str}
_START_VALUES: dict[str, Any] = {"bool": False, "int": 0, "double": 0.0, "QString": ""}
_ACCEPTED: dict[str, tuple[type, ...]] = {
    "bool": (bool, int),
    "int": (int,),
    "double": (float, int),
    "QString": (str,),
    "QStringList": (list, tuple),
}


class Part:
    """What the objects of one class do.

    A method of the tables is played by the method of the same name, a property by `read_NAME` and
    `write_NAME`; a property without them keeps its value.

    Attributes
    ----------
    START_VALUES
        Values of properties at the start, where they differ from False, 0 and the empty text.
    OVERRIDES
        Virtual methods of Qt that the part implements.
    """

    START_VALUES: ClassVar[dict[str, Any]] = {}
    OVERRIDES: ClassVar[tuple[str, ...]] = ()

    def __init__(self, owner: Any) -> None:
        self.owner = owner
        self.values: dict[str, Any] = dict(self.START_VALUES)

    def emit(self, signal: str, *arguments: Any, types: tuple[str, ...] | None = None) -> None:
        """Emit one of the owner's signals; `types` choose between signals of one name."""
        keys = type(self.owner)._table_signals
        chosen = next(key for key in keys if key[0] == signal and types in (None, key[1]))
        getattr(self.owner, signal)[keys[chosen]].emit(*arguments)


PARTS: dict[str, type[Part]] = {}


def plays(*names: str) -> Callable[[type[Part]], type[Part]]:
    """Register a part for classes of the tables; classes derived from them get it, too."""

    def register(part: type[Part]) -> type[Part]:
        for name in names:
            class_table(name)
            PARTS[name] = part
        return part

    return register


def part_of(owner: Any) -> Any:
    """Return the part that plays an object of Slicer's classes."""
    return owner.__dict__["_part"]


def _method(class_name: str, name: str, counts: frozenset[int]) -> Callable[..., Any]:
    def call(self: Any, *arguments: Any) -> Any:
        if len(arguments) not in counts:
            raise TypeError(f"{class_name}.{name} takes {sorted(counts)} arguments, got {len(arguments)}.")
        part = part_of(self)
        property_name = name[3:4].lower() + name[4:] if name.startswith("set") else ""
        if hasattr(part, name):
            return getattr(part, name)(*arguments)
        if any(property_name in class_table(listed).properties for listed in ancestry(class_name)):
            return setattr(self, property_name, *arguments)
        raise NotImplementedError(f"The host does not play {class_name}.{name}.")

    call.__name__ = name
    return call


def _accessors(class_name: str, name: str, qt_type: str) -> tuple[Callable[..., Any], Callable[..., None]]:
    def read(self: Any) -> Any:
        part = part_of(self)
        reader = getattr(part, f"read_{name}", None)
        start = [] if qt_type == "QStringList" else _START_VALUES.get(qt_type)
        return reader() if reader else part.values.get(name, start)

    def write(self: Any, value: Any) -> None:
        if qt_type in _ACCEPTED and not isinstance(value, _ACCEPTED[qt_type]):
            raise ValueError(f"Property '{name}' of {class_name} is of type {qt_type} and does not accept {value!r}.")
        part = part_of(self)
        writer = getattr(part, f"write_{name}", None)
        if writer is not None:
            writer(value)
        elif hasattr(part, f"read_{name}"):
            raise AttributeError(f"Property '{name}' of {class_name} is read-only.")
        else:
            part.values[name] = value

    return read, write


def _signals(table: ClassTable) -> tuple[dict[str, QtCore.Signal], dict[Any, Any]]:
    """Return Qt signals by name and, for every listed signature, the key that chooses between overloads."""
    overloads: dict[str, list[tuple[type, ...]]] = {}
    keys: dict[Any, Any] = {}
    for name, types in table.signals:
        chosen = tuple(_PYTHON_TYPES.get(qt_type, object) for qt_type in types)
        overloads.setdefault(name, [])
        if chosen not in overloads[name]:
            overloads[name].append(chosen)
        keys[name, types] = chosen[0] if len(chosen) == 1 else chosen
    return {name: QtCore.Signal(*argument_lists) for name, argument_lists in overloads.items()}, keys


def _override(name: str) -> Callable[..., Any]:
    def call(self: Any, *arguments: Any) -> Any:
        # Qt's constructor asks before the part is there.
        if "_part" in self.__dict__:
            return getattr(part_of(self), name)(*arguments)
        return getattr(_first_qt_base(type(self)), name)(self, *arguments)

    return call


def _initializer(part_class: type[Part]) -> Callable[..., None]:
    def initialize(self: Any, *arguments: Any) -> None:
        _first_qt_base(type(self)).__init__(self, *arguments)
        self.__dict__["_part"] = part_class(self)

    return initialize


def _first_qt_base(cls: type) -> type:
    return next(base for base in cls.__mro__ if base.__module__.startswith("PySide6"))


def _qt_class(name: str) -> type:
    for module in (QtWidgets, QtGui, QtCore):
        if hasattr(module, name):
            return getattr(module, name)
    raise KeyError(name)


@cache
def proxy_class(name: str) -> type:
    """Return the class of this name, made from its table.

    Raises
    ------
    AttributeError
        Where the tables hold no class of this name.
    """
    if not is_listed(name):
        raise AttributeError(f"The tables of Slicer's names hold no class '{name}'.")
    table = class_table(name)
    base = proxy_class(table.base) if is_listed(table.base) else _qt_class(table.base)
    part_class = next((PARTS[listed] for listed in ancestry(name) if listed in PARTS), Part)
    signals, keys = _signals(table)
    accessors = {key: _accessors(name, key, qt_type) for key, qt_type in table.properties.items()}
    members: dict[str, Any] = {
        "__module__": __name__,
        "__init__": _initializer(part_class),
        "_table_signals": {**getattr(base, "_table_signals", {}), **keys},
        "_table_writers": {
            **getattr(base, "_table_writers", {}),
            **{key: write for key, (_read, write) in accessors.items()},
        },
        **{overridden: _override(overridden) for overridden in part_class.OVERRIDES},
        **{method: _method(name, method, counts) for method, counts in table.methods.items()},
        **{
            key: QtCore.Property(_PYTHON_TYPES.get(table.properties[key], "QVariant"), *functions)
            for key, functions in accessors.items()
        },
        **signals,
    }
    return type(base)(sys.intern(name), (base,), members)
