"""The modules `qt` and `ctk`."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from .dialogs import HostFileDialog, HostMessageBox
from .proxies import proxy_class
from .pythonqt import QT_MODULES
from .tables import NAMES
from .ui_files import QUiLoader


def make_qt() -> ModuleType:
    """Return `qt`: the classes of QtCore, QtGui and QtWidgets in one module, as in Slicer."""
    module = ModuleType("qt", "Qt with PythonQt's forms.")
    for source in QT_MODULES:
        for name in dir(source):
            if name == "Qt" or (name.startswith("Q") and not name.startswith("Qt")):
                setattr(module, name, getattr(source, name))
    module.QUiLoader = QUiLoader
    module.QMessageBox = HostMessageBox
    module.QFileDialog = HostFileDialog
    return module


def make_ctk() -> ModuleType:
    """Return `ctk`: the listed classes whose names begin with ctk."""
    module = ModuleType("ctk", "CTK's widgets.")

    def attribute(name: str) -> Any:
        if not name.startswith("ctk"):
            raise AttributeError(f"ctk has no attribute '{name}'.")
        return proxy_class(name)

    module.__getattr__ = attribute
    return module


def slicer_widget_names() -> list[str]:
    """Names of the listed classes that stand in `slicer` itself."""
    return [name for name in NAMES["classes"] if name.startswith("q")]
