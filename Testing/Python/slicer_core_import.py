"""Import of slicer-core where a folder named `slicer` lies on the path.

slicer-core takes every `slicer` folder on `sys.path` for an add-on of its own and imports the modules in it: with
`Testing/Python` on the path those would be the tests.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

TEST_FOLDER = Path(__file__).resolve().parent


def import_slicer_core() -> ModuleType:
    """Import `slicer` from slicer-core without the tests, and return it."""
    path = list(sys.path)
    sys.path[:] = [entry for entry in path if Path(entry or ".").resolve() != TEST_FOLDER]
    try:
        return importlib.import_module("slicer")
    finally:
        sys.path[:] = path
