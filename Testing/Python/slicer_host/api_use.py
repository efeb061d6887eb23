"""Which names of Slicer, Qt, CTK and VTK a source file uses, and which of them there are.

The file is read, not run. Types are followed as far as they are plain to see: modules and classes, what a constructor
or one of a few listed functions returns, annotated arguments, names and attributes of `self` that are assigned once,
and the widgets of a .ui file behind `ui`.
"""

from __future__ import annotations

import ast
import enum
import importlib
import importlib.util
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any
from xml.etree import ElementTree

import slicer

from .proxies import proxy_class
from .pythonqt import SignalNotFoundError, has_signal
from .tables import NAMES, ancestry, argument_names, class_table, is_listed

ROOTS = ("slicer", "qt", "ctk", "vtk", "PyTorchUtils", "SampleData")
# What some functions return, by the class or module that has them.
RETURNS = {
    ("qSlicerCoreApplication", "applicationLogic"): "vtkSlicerApplicationLogic",
    ("qSlicerApplication", "layoutManager"): "qSlicerLayoutManager",
    ("qMRMLTableView", "sortFilterProxyModel"): "QSortFilterProxyModel",
    ("qMRMLTableView", "tableModel"): "qMRMLTableModel",
    ("qMRMLTableView", "mrmlTableNode"): "vtkMRMLTableNode",
    ("vtkMRMLApplicationLogic", "GetSelectionNode"): "vtkMRMLSelectionNode",
    ("QAbstractItemView", "selectionModel"): "QItemSelectionModel",
    ("QTableView", "horizontalHeader"): "QHeaderView",
    ("QGuiApplication", "clipboard"): "QClipboard",
}


@dataclass(frozen=True)
class Instance:
    """An object of a class; one that is not `exact` may be of a class derived from it."""

    cls: type
    exact: bool = True

    def has(self, name: str) -> bool:
        """Tell whether the object has, or may have, an attribute."""
        classes = [self.cls]
        while classes:
            cls = classes.pop()
            if hasattr(cls, name):
                return True
            classes += [] if self.exact else cls.__subclasses__()
        return False


@dataclass(frozen=True)
class Listed:
    """One of Slicer's Python modules, or a class in it, as the tables list it."""

    module: str
    entry: Any = None


@dataclass(frozen=True)
class ListedFunction:
    """A function of one of Slicer's Python modules; None for one that only slicer-core has."""

    module: str
    name: str
    signature: str | None


def class_named(name: str) -> Any:
    """Return a class by its name alone, from the tables, Qt or MRML; None where there is none."""
    if is_listed(name):
        return proxy_class(name)
    return getattr(sys.modules["qt"], name, None) or getattr(slicer, name, None)


def ui_classes(ui_file: Path) -> dict[str, type]:
    """Return the classes of a .ui file's objects by their names."""
    root = ElementTree.parse(ui_file).getroot()  # noqa: S314 - the project's own file
    elements = [*root.iter("widget"), *root.iter("layout")]
    return {element.attrib["name"]: class_named(element.attrib["class"]) for element in elements}


@dataclass
class ApiUse(ast.NodeVisitor):
    """The uses in one file; `faults` says which names there are not.

    Attributes
    ----------
    ui
        Classes behind `ui` by name.
    """

    ui: dict[str, type] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    scopes: list[dict[str, Any]] = field(default_factory=lambda: [{}])
    attributes: dict[str, Any] = field(default_factory=dict)

    def fault(self, node: ast.AST, text: str) -> None:
        """Note a wrong use."""
        entry = f"line {getattr(node, 'lineno', 0)}: {text}"
        if entry not in self.faults:
            self.faults.append(entry)

    # Names

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            root = alias.name.split(".")[0]
            if root in ROOTS:
                self._follow(alias.name, node)
                self.scopes[-1][alias.asname or root] = self._root(alias.name if alias.asname else root)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = node.module or ""
        if node.level or module.split(".")[0] not in ROOTS:
            return
        owner = self._follow(module, node)
        for alias in node.names:
            self.scopes[-1][alias.asname or alias.name] = self.member(owner, alias.name, node)

    def _root(self, name: str) -> Any:
        if name in NAMES["modules"]:
            return Listed(name)
        return importlib.import_module(name)

    def _follow(self, dotted: str, node: ast.AST) -> Any:
        root, *rest = dotted.split(".")
        value = self._root(root)
        for name in rest:
            value = self.member(value, name, node)
        return value

    def _bind_arguments(self, node: ast.FunctionDef) -> None:
        for argument in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs):
            annotation = argument.annotation
            # The first part of `Node | None`.
            annotation = annotation.left if isinstance(annotation, ast.BinOp) else annotation
            annotated = self.value(annotation) if annotation is not None else None
            self.scopes[-1][argument.arg] = Instance(annotated, exact=False) if isinstance(annotated, type) else None

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self.scopes.append({})
        self._bind_arguments(node)
        self.generic_visit(node)
        self.scopes.pop()

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.attributes = {}
        for statement in ast.walk(node):
            if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]).startswith("self."):
                name = ast.unparse(statement.targets[0])
                value = self.value(statement.value)
                is_other = name in self.attributes and value is not None and self.attributes[name] != value
                self.attributes[name] = None if is_other else value or self.attributes.get(name)
        self.generic_visit(node)
        self.attributes = {}

    def visit_Assign(self, node: ast.Assign) -> None:
        value = self.value(node.value)
        self.generic_visit(node)
        for target in node.targets:
            if isinstance(target, ast.Name):
                self.scopes[-1][target.id] = value

    # Values

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self.value(node)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        self.value(node)
        self.generic_visit(node)

    def value(self, node: ast.AST) -> Any:
        """Return what an expression stands for, as far as it is plain to see, or None."""
        if isinstance(node, ast.Name):
            return next((scope[node.id] for scope in reversed(self.scopes) if node.id in scope), None)
        if isinstance(node, ast.Attribute):
            return self._attribute(node)
        if isinstance(node, ast.Call):
            return self._call(node)
        return None

    def _attribute(self, node: ast.Attribute) -> Any:
        text = ast.unparse(node)
        if text in self.attributes:
            return self.attributes[text]
        if ast.unparse(node.value).split(".")[-1] in ("ui", "_ui"):
            if node.attr not in self.ui:
                self.fault(node, f"the .ui file has no '{node.attr}'")
            return Instance(self.ui[node.attr]) if node.attr in self.ui else None
        return self.member(self.value(node.value), node.attr, node)

    def member(self, owner: Any, name: str, node: ast.AST) -> Any:
        """Return what an attribute stands for and note a fault where there is none."""
        if owner is None or name.startswith("__"):
            return None
        if isinstance(owner, Listed):
            return self._listed_member(owner, name, node)
        if isinstance(owner, Instance):
            if not owner.has(name):
                self.fault(node, f"{owner.cls.__name__} has no '{name}'")
                return None
            return (owner.cls, name)
        if isinstance(owner, ModuleType):
            return self._module_member(owner, name, node)
        if isinstance(owner, type):
            return self._class_member(owner, name, node)
        return None

    def _module_member(self, owner: ModuleType, name: str, node: ast.AST) -> Any:
        dotted = f"{owner.__name__}.{name}"
        if dotted in NAMES["modules"]:
            return Listed(dotted)
        if dotted == "slicer.modules":
            return None
        found = getattr(owner, name, None)
        if found is None and hasattr(owner, "__path__") and importlib.util.find_spec(dotted) is not None:
            found = importlib.import_module(dotted)
        if found is None:
            self.fault(node, f"{owner.__name__} has no '{name}'")
        if dotted in ("slicer.app", "slicer.mrmlScene"):
            return Instance(type(found))
        return found if isinstance(found, type | ModuleType) else None

    def _listed_member(self, owner: Listed, name: str, node: ast.AST) -> Any:
        entries = owner.entry["methods"] if owner.entry is not None else NAMES["modules"][owner.module]
        submodule = f"{owner.module}.{name}"
        if submodule in NAMES["modules"]:
            return Listed(submodule)
        below = [module for module in NAMES["modules"] if module.startswith(f"{owner.module}.")]
        found = entries.get(name) or next(
            (NAMES["modules"][module][name] for module in below if name in NAMES["modules"][module]), None
        )
        real = owner.module == "slicer.util" and getattr(slicer.util, name, None)
        if found is None and not real:
            self.fault(node, f"{owner.module} has no '{name}'")
            return None
        return Listed(owner.module, found) if isinstance(found, dict) else ListedFunction(owner.module, name, found)

    def _class_member(self, owner: type, name: str, node: ast.AST) -> Any:
        found = getattr(owner, name, None)
        if found is None:
            self.fault(node, f"{owner.__name__} has no '{name}'")
        elif issubclass(owner, enum.Enum) and "." in owner.__qualname__:
            outer = class_named(owner.__qualname__.split(".")[-2])
            if hasattr(outer, name):
                self.fault(node, f"PythonQt knows {name} as {outer.__name__}.{name}, without {owner.__name__}")
        return found if isinstance(found, type) else (owner, name)

    # Calls

    def _call(self, node: ast.Call) -> Any:
        called = self.value(node.func)
        if isinstance(called, type):
            return Instance(called)
        if isinstance(called, Listed) and called.entry is not None:
            self._check_keywords(node, called.module, called.entry["methods"].get("__init__"))
            return called
        if isinstance(called, ListedFunction):
            self._check_keywords(node, f"{called.module}.{called.name}", called.signature)
        elif isinstance(called, tuple):
            return self._method_call(node, *called)
        return None

    def _method_call(self, node: ast.Call, owner: type, name: str) -> Any:
        for listed in ancestry(owner.__name__):
            counts = class_table(listed).methods.get(name)
            if counts is not None and len(node.args) not in counts:
                self.fault(node, f"{owner.__name__}.{name} takes {sorted(counts)} arguments")
                break
        if name in ("connect", "disconnect") and node.args and isinstance(node.args[0], ast.Constant):
            try:
                is_there = has_signal(owner, str(node.args[0].value))
            except SignalNotFoundError:
                is_there = False
            if not is_there:
                self.fault(node, f"{owner.__name__} has no signal '{node.args[0].value}'")
        returned = next((RETURNS[cls.__name__, name] for cls in owner.__mro__ if (cls.__name__, name) in RETURNS), None)
        return Instance(class_named(returned)) if returned else None

    def _check_keywords(self, node: ast.Call, name: str, signature: str | None) -> None:
        if signature is None or "**" in signature:
            return
        for keyword in node.keywords:
            if keyword.arg is not None and keyword.arg not in argument_names(signature):
                self.fault(node, f"{name} has no argument '{keyword.arg}'")


def faults_in(source: str, ui: dict[str, type]) -> list[str]:
    """Return the wrong uses in a source text."""
    use = ApiUse(ui=ui)
    use.visit(ast.parse(source))
    return use.faults
