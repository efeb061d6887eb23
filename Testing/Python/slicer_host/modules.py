"""What `slicer.modules` and the objects in it do."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import slicer
from PySide6 import QtCore

from .proxies import Part, part_of, plays, proxy_class
from .scene_parts import SceneHolder

MODULE_LOGICS = {
    "data": "vtkSlicerDataModuleLogic",
    "models": "vtkSlicerModelsLogic",
    "segmentations": "vtkSlicerSegmentationsModuleLogic",
    "subjecthierarchy": "vtkSlicerSubjectHierarchyModuleLogic",
    "tables": "vtkSlicerTablesLogic",
    "terminologies": "vtkSlicerTerminologiesModuleLogic",
    "transforms": "vtkSlicerTransformLogic",
    "volumes": "vtkSlicerVolumesLogic",
}


class ModuleManager(QtCore.QObject):
    """The tables do not list qSlicerModuleManager; slicer-core's slicer.util uses these two names of it."""

    moduleAboutToBeUnloaded = QtCore.Signal(str)

    def module(self, name: str) -> Any:
        return getattr(slicer.modules, name.lower(), None)


@plays("qSlicerAbstractCoreModule")
class Module(Part):
    """A module: its texts and its logic, which is made when somebody asks for it."""

    def __init__(self, owner: Any) -> None:
        super().__init__(owner)
        self.logic_class = ""
        self.logic_object: Any = None
        self.widget: Any = None

    def logic(self) -> Any:
        if self.logic_object is None and self.logic_class:
            self.logic_object = getattr(slicer, self.logic_class)()
            self.logic_object.SetMRMLApplicationLogic(slicer.app.applicationLogic())
            self.logic_object.SetMRMLScene(slicer.mrmlScene)
        return self.logic_object

    def widgetRepresentation(self) -> Any:
        return self.widget


@plays("qSlicerScriptedLoadableModuleWidget")
class ScriptedModuleWidget(SceneHolder):
    """The widget around a scripted module's panel.

    Attributes
    ----------
    make_panel
        Makes the module's Python widget in this one; None before the panel is opened.
    panel
        The module's Python widget.
    """

    def __init__(self, owner: Any) -> None:
        super().__init__(owner)
        self.make_panel: Callable[[Any], Any] | None = None
        self.panel: Any = None

    def reload(self) -> None:
        if self.make_panel is not None:
            self.panel = self.make_panel(self.owner)
            self.panel.setup()

    def self(self) -> Any:
        return self.panel

    def enter(self) -> None:
        self.values["isEntered"] = True
        getattr(self.panel, "enter", lambda: None)()

    def exit(self) -> None:
        self.values["isEntered"] = False
        getattr(self.panel, "exit", lambda: None)()


class Modules(SimpleNamespace):
    """`slicer.modules`: one attribute for each module that is there."""

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"slicer.modules has no module '{name}'.")


def make_modules() -> Modules:
    """Return `slicer.modules` with those of Slicer's modules that slicer-core holds the logic of."""
    modules = Modules()
    for name, logic_class in MODULE_LOGICS.items():
        module = proxy_class("qSlicerAbstractModule")()
        module.name = name
        part_of(module).logic_class = logic_class
        setattr(modules, name, module)
    return modules
