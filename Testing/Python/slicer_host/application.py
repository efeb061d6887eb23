"""What `slicer.app` does."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import slicer
from PySide6 import QtCore, QtWidgets

from .modules import ModuleManager
from .proxies import Part, plays, proxy_class


@plays("qSlicerApplication")
class Application(Part):
    """The application: scene, logic, layout and settings."""

    def __init__(self, owner: Any) -> None:
        super().__init__(owner)
        owner.applicationName = "Slicer"
        self.folder = tempfile.TemporaryDirectory(prefix="slicer-host-")
        self.scene = slicer.vtkMRMLScene()
        self.logic = slicer.vtkSlicerApplicationLogic()
        self.logic.SetMRMLScene(self.scene)
        self.settings_object = QtCore.QSettings(
            str(Path(self.folder.name) / "Slicer.ini"), QtCore.QSettings.Format.IniFormat
        )
        self.main_window = QtWidgets.QMainWindow()
        self.main_window.objectName = "qSlicerMainWindow"
        self.layout_manager = proxy_class("qSlicerLayoutManager")()
        self.layout_manager.setMRMLScene(self.scene)
        self.module_manager = ModuleManager()

    def read_temporaryPath(self) -> str:
        return self.folder.name

    def read_slicerHome(self) -> str:
        return self.folder.name

    def read_majorVersion(self) -> int:
        return 5

    def read_minorVersion(self) -> int:
        return 12

    def mrmlScene(self) -> Any:
        return self.scene

    def applicationLogic(self) -> Any:
        return self.logic

    def layoutManager(self) -> Any:
        return self.layout_manager

    def userSettings(self) -> Any:
        return self.settings_object

    settings = revisionUserSettings = userSettings

    def dicomDatabase(self) -> Any:
        return None

    def moduleManager(self) -> Any:
        return self.module_manager

    def testingEnabled(self) -> bool:
        return False

    def startupEnvironment(self) -> dict[str, str]:
        return dict(os.environ)

    def setRenderPaused(self, paused: bool) -> None:
        self.emit("renderPaused", paused)

    def pauseRender(self) -> None:
        self.setRenderPaused(True)

    def resumeRender(self) -> None:
        self.setRenderPaused(False)
