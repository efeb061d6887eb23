"""Write names.json: the part of the shared tables of Slicer's names that the host plays by.

    python Testing/Python/slicer_host/make_names.py [FOLDER]

FOLDER holds python.json and widgets.json and is ../shared/slicer_api beside the checkout if not given.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

NAMES_FILE = Path(__file__).with_name("names.json")
SHARED_FOLDER = Path(__file__).resolve().parents[4] / "shared" / "slicer_api"

# Classes that the tables name as a base without listing them, each with its nearest listed or Qt ancestor.
UNLISTED_BASES = {
    "ctkVTKSliceView": "QWidget",
    "qMRMLViewControllerBar": "QWidget",
    "qSlicerLoadableModule": "qSlicerAbstractModule",
}
# Methods that the tables leave out although slicer-core's own slicer.util calls them.
METHODS_IN_SLICER_UTIL = {
    "qSlicerAbstractCoreModule": ("widgetRepresentation()",),
    "qSlicerCoreApplication": ("testingEnabled()",),
}
WIDGET_CLASSES = (
    "ctkCheckBox",
    "ctkCollapsibleButton",
    "ctkCollapsibleGroupBox",
    "ctkComboBox",
    "ctkDirectoryButton",
    "ctkDoubleSpinBox",
    "ctkExpandableWidget",
    "ctkFittedTextBrowser",
    "ctkMenuButton",
    "ctkMessageBox",
    "ctkPathLineEdit",
    "ctkPushButton",
    "ctkSliderWidget",
    "qMRMLNodeComboBox",
    "qMRMLSegmentationShow3DButton",
    "qMRMLSegmentsTableView",
    "qMRMLSliceControllerWidget",
    "qMRMLSliceView",
    "qMRMLSliceWidget",
    "qMRMLTableModel",
    "qMRMLTableView",
    "qMRMLTableViewControllerWidget",
    "qMRMLTableWidget",
    "qSlicerApplication",
    "qSlicerLayoutManager",
    "qSlicerScriptedLoadableModule",
    "qSlicerScriptedLoadableModuleWidget",
)
PYTHON_MODULES = (
    "PyTorchUtils",
    "SampleData",
    "slicer.ScriptedLoadableModule",
    "slicer.cli",
    "slicer.i18n",
    "slicer.packaging",
    "slicer.parameterNodeWrapper",
    "slicer.parameterNodeWrapper.default",
    "slicer.parameterNodeWrapper.guiConnectors",
    "slicer.parameterNodeWrapper.types",
    "slicer.parameterNodeWrapper.validators",
    "slicer.parameterNodeWrapper.wrapper",
    "slicer.util",
)


def _with_ancestors(names: tuple[str, ...], tables: dict[str, Any]) -> list[str]:
    chosen: set[str] = set()
    for name in names:
        current = name
        while current in tables or current in UNLISTED_BASES:
            if current in tables:
                chosen.add(current)
            current = tables[current]["base"] if current in tables else UNLISTED_BASES[current]
    return sorted(chosen)


def _methods_beyond_the_tables() -> dict[str, list[str]]:
    """Return the methods above, after a look that slicer-core's slicer.util calls each of them."""
    spec = importlib.util.find_spec("slicer")
    source = Path(str(spec and spec.origin)).with_name("util.py").read_text(encoding="utf-8")
    for names in METHODS_IN_SLICER_UTIL.values():
        for name in names:
            if f".{name.split('(')[0]}(" not in source:
                raise ValueError(f"slicer.util does not call {name}.")
    return {class_name: list(names) for class_name, names in METHODS_IN_SLICER_UTIL.items()}


def collect(folder: Path) -> dict[str, Any]:
    """Return the content of names.json, made from the tables in `folder`."""
    python = json.loads((folder / "python.json").read_text(encoding="utf-8"))
    widgets = json.loads((folder / "widgets.json").read_text(encoding="utf-8"))
    classes = widgets["classes"]
    return {
        "source": widgets["source"],
        "unlisted_bases": UNLISTED_BASES,
        "methods_in_slicer_util": _methods_beyond_the_tables(),
        "classes": {name: classes[name] for name in _with_ancestors(WIDGET_CLASSES, classes)},
        "modules": {name: python["modules"][name] for name in PYTHON_MODULES},
    }


def main(arguments: list[str]) -> int:
    """Write names.json from the folder given, or from the shared one."""
    names = collect(Path(arguments[0]) if arguments else SHARED_FOLDER)
    NAMES_FILE.write_text(json.dumps(names, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
