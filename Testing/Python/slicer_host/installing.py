"""Puts the modules in place that slicer-core lacks."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import slicer

from . import (
    application,  # noqa: F401 - plays its class
    ctk_widgets,  # noqa: F401 - plays its classes
    extensions,
    layout,  # noqa: F401 - plays its classes
    node_combo_box,  # noqa: F401 - plays its class
    parameter_nodes,
    scripted_module,
    table_views,  # noqa: F401 - plays its classes
    validators,
)
from .dialogs import refuse_to_wait
from .modules import make_modules
from .proxies import proxy_class
from .pythonqt import adopt
from .qt_modules import make_ctk, make_qt, slicer_widget_names
from .unhandled import keep_unhandled_errors

# What Slicer's Segmentations module registers at start-up.
CONVERSION_RULES = (
    slicer.vtkBinaryLabelmapToClosedSurfaceConversionRule(),
    slicer.vtkClosedSurfaceToBinaryLabelmapConversionRule(),
)
MODULE_FOLDER = Path(__file__).resolve().parents[3] / "LumbarSeg"


def install() -> None:
    """Make `import LumbarSeg` work: qt, ctk and what slicer-core lacks; a second call changes nothing."""
    if "qt" in sys.modules:
        # A test may have put a scene of its own there.
        slicer.mrmlScene = slicer.app.mrmlScene()
        return
    adopt()
    refuse_to_wait()
    sys.modules["qt"] = make_qt()
    sys.modules["ctk"] = make_ctk()
    app = proxy_class("qSlicerApplication")([])
    slicer.app = app
    slicer.mrmlScene = app.mrmlScene()
    slicer.modules = make_modules()
    for name in slicer_widget_names():
        setattr(slicer, name, proxy_class(name))
    for name, module in {**_python_modules(), **extensions.make_modules()}.items():
        sys.modules[name] = module
        if name.startswith("slicer."):
            setattr(slicer, name.removeprefix("slicer."), module)
    if str(MODULE_FOLDER) not in sys.path:
        sys.path.insert(0, str(MODULE_FOLDER))
    for rule in CONVERSION_RULES:
        slicer.vtkSegmentationConverterFactory.GetInstance().RegisterConverterRule(rule)
    keep_unhandled_errors()


def _python_modules() -> dict[str, ModuleType]:
    i18n = ModuleType("slicer.i18n")
    i18n.tr = lambda text: text
    i18n.translate = lambda context, text: text
    wrapper = ModuleType("slicer.parameterNodeWrapper")
    for source, names in (
        (parameter_nodes, ("parameterNodeWrapper", "isParameterNodeWrapper")),
        (validators, ("Choice", "Default", "Exclude", "Maximum", "Minimum", "NotNone", "Validator", "WithinRange")),
    ):
        for name in names:
            setattr(wrapper, name, getattr(source, name))
    scripted = ModuleType("slicer.ScriptedLoadableModule")
    for suffix in ("", "Widget", "Logic", "Test"):
        name = f"ScriptedLoadableModule{suffix}"
        setattr(scripted, name, getattr(scripted_module, name))
    return {module.__name__: module for module in (i18n, wrapper, scripted)}
