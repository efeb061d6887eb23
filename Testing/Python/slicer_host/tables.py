"""Slicer's names as names.json holds them: which classes there are and what each of them offers."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from .pythonqt import normalized_types

NAMES: dict[str, Any] = json.loads(Path(__file__).with_name("names.json").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class ClassTable:
    """What one class adds to its base, as the tables list it.

    Attributes
    ----------
    base
        Name of the base class, listed or Qt's own.
    properties
        Qt type of every property by its name.
    methods
        Accepted numbers of arguments of every slot and invokable method by its name.
    slots
        Signatures (name, types) that a .ui file may connect to.
    signals
        Signatures (name, types), in the order of the table.
    """

    base: str
    properties: dict[str, str]
    methods: dict[str, frozenset[int]]
    slots: frozenset[tuple[str, tuple[str, ...]]]
    signals: tuple[tuple[str, tuple[str, ...]], ...]


def _argument_counts(signature: str) -> range:
    inside = signature[signature.index("(") + 1 : signature.rindex(")")]
    arguments = [part for part in inside.split(",") if part.strip()]
    required = sum("=" not in part for part in arguments)
    return range(required, len(arguments) + 1)


def argument_names(signature: str) -> list[str]:
    """Return the names in a Python signature such as `(self, text: str, values: dict[str, int] | None=None)`."""
    inside = signature[1 : signature.rindex(")")]
    while (shorter := re.sub(r"\[[^\[\]]*\]|\([^()]*\)|\{[^{}]*\}", "", inside)) != inside:
        inside = shorter
    # A default such as `lambda v: v` comes after the "=".
    return [part.split("=")[0].split(":")[0].strip() for part in inside.split(",") if part.strip()]


def is_listed(name: str) -> bool:
    """Tell whether the tables hold a class of this name."""
    return name in NAMES["classes"]


@cache
def class_table(name: str) -> ClassTable:
    """Return the table of one class.

    Raises
    ------
    KeyError
        Where the tables hold no class of this name.
    """
    entry = NAMES["classes"][name]
    counts: dict[str, set[int]] = {}
    for signature in (*entry["slots"], *entry["invokable"], *NAMES["methods_in_slicer_util"].get(name, ())):
        counts.setdefault(signature.split("(")[0].strip(), set()).update(_argument_counts(signature))
    return ClassTable(
        base=NAMES["unlisted_bases"].get(entry["base"], entry["base"]),
        properties=entry["properties"],
        methods={method: frozenset(numbers) for method, numbers in counts.items()},
        slots=frozenset(normalized_types(signature) for signature in entry["slots"]),
        signals=tuple(normalized_types(signature) for signature in entry["signals"]),
    )


def ancestry(name: str) -> list[str]:
    """Return the listed classes from `name` up to the last one whose base is Qt's."""
    chain = []
    while is_listed(name):
        chain.append(name)
        name = class_table(name).base
    return chain


def module_names(module: str) -> frozenset[str]:
    """Return the functions and classes that the tables list for one of Slicer's Python modules."""
    return frozenset(NAMES["modules"][module])
