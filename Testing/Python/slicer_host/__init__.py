"""Slicer's application around slicer-core, for tests of the real panel outside Slicer.

`install` puts `qt`, `ctk`, `slicer.app` and the Python modules in place that slicer-core lacks, and `openPanel` opens
the real module file with its real .ui file. Qt is PySide6 with PythonQt's forms (`pythonqt`), the nodes are
slicer-core's, and so is `slicer.util`. Slicer's and CTK's own classes are made from the tables in names.json
(`proxies`): they have the listed names and no others, and a listed name that nothing plays raises
NotImplementedError.

Where the host is stricter than Slicer, so that a test cannot miss a fault: a signal that is not there raises instead
of printing a line, so do wrong names in a .ui file, errors in slots and observers are raised by
`raise_unhandled_errors`, and a dialog without a prepared answer raises.

What the host does not tell: whether Qt 5 (Slicer 5.10) has a name that Qt 6 has, what PythonQt does to arguments of
another type, and how things look in Slicer's own style. Keyword arguments of Qt's constructors are PySide6's.
"""

from __future__ import annotations

import os

from slicer_core_import import import_slicer_core

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
import_slicer_core()

from .dialogs import DIALOGS  # noqa: E402
from .extensions import INSTALLER, SAMPLE_SOURCES  # noqa: E402
from .installing import install  # noqa: E402
from .panel import Panel, openPanel  # noqa: E402
from .unhandled import raise_unhandled_errors  # noqa: E402

__all__ = ["DIALOGS", "INSTALLER", "SAMPLE_SOURCES", "Panel", "install", "openPanel", "raise_unhandled_errors"]
