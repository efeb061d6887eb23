"""A small module with its .ui file, for tests of the host that stands in for Slicer's application."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import slicer_host

UI = """<ui version="4.0"><class>Toy</class><widget class="qMRMLWidget" name="Toy">
<layout class="QVBoxLayout" name="box">
<item><widget class="qMRMLNodeComboBox" name="selector">
 <property name="nodeTypes"><stringlist><string>vtkMRMLTableNode</string></stringlist></property>
 <property name="noneEnabled"><bool>true</bool></property>
 <property name="SlicerParameterName" stdset="0"><string>table</string></property></widget></item>
<item><widget class="QCheckBox" name="check"><property name="text"><string>Check</string></property>
 <property name="SlicerParameterName" stdset="0"><string>flag</string></property></widget></item>
<item><widget class="ctkCollapsibleButton" name="more"><property name="text"><string>More</string></property>
 <property name="collapsed"><bool>true</bool></property>
 <layout class="QVBoxLayout" name="inner"><item><widget class="QComboBox" name="choice">
 <property name="SlicerParameterName" stdset="0"><string>mode</string></property></widget></item></layout>
</widget></item></layout></widget><connections><connection><sender>Toy</sender><signal>mrmlSceneChanged(vtkMRMLScene*)</signal>
<receiver>selector</receiver><slot>setMRMLScene(vtkMRMLScene*)</slot></connection><connection><sender>check</sender>
<signal>toggled(bool)</signal><receiver>choice</receiver><slot>setEnabled(bool)</slot></connection></connections></ui>"""

MODULE = """
import slicer
from slicer.ScriptedLoadableModule import *
from slicer.util import VTKObservationMixin


class Toy(ScriptedLoadableModule):
    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = "Toy"


class ToyWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.events = []

    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
        widget = slicer.util.loadUI(self.resourcePath("UI/Toy.ui"))
        self.layout.addWidget(widget)
        self.ui = slicer.util.childWidgetVariables(widget)
        widget.setMRMLScene(slicer.mrmlScene)
        self.logic = ToyLogic()
        self.node = self.logic.getParameterNode()
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndCloseEvent, self.onClose)

    def enter(self):
        self.events.append("enter")

    def exit(self):
        self.events.append("exit")

    def cleanup(self):
        self.events.append("cleanup")
        self.removeObservers()

    def onClose(self, caller, event):
        self.events.append("closed")
        raise RuntimeError("not ready for it")


class ToyLogic(ScriptedLoadableModuleLogic):
    pass
"""


def fresh_host() -> Iterator[None]:
    """Give a test an empty scene and no dialogs, and raise afterwards what it has not handled."""
    import slicer

    slicer_host.install()
    gc.collect()  # windows of earlier tests go now and not in the middle of this one
    slicer.mrmlScene.Clear(0)
    slicer_host.DIALOGS.clear()
    yield
    slicer_host.INSTALLER.reset()
    slicer_host.raise_unhandled_errors()


def load_ui(folder: Path, text: str = UI) -> Any:
    """Return the widget of a .ui file with this text."""
    import slicer.util

    path = folder / "Toy.ui"
    path.write_text(text, encoding="utf-8")
    return slicer.util.loadUI(str(path))
