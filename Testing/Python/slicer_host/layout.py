"""What the layout manager and the slice views do."""

from __future__ import annotations

from typing import Any

import slicer
import vtk

from .proxies import Part, plays, proxy_class
from .scene_parts import SceneHolder

SLICE_VIEWS = ("Red", "Yellow", "Green")


@plays("qSlicerLayoutManager")
class LayoutManager(Part):
    """The arrangement of views as the layout node holds it, and a widget for each slice view."""

    def __init__(self, owner: Any) -> None:
        super().__init__(owner)
        self.scene: Any = None
        self.layout_logic = slicer.vtkMRMLLayoutLogic()
        self.slice_widgets: dict[str, Any] = {}
        self.table_widgets: list[Any] = []

    def setMRMLScene(self, scene: Any) -> None:
        self.scene = scene
        self.layout_logic.SetMRMLScene(scene)
        self.layout_logic.GetLayoutNode().SetViewArrangement(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)
        for name in SLICE_VIEWS:
            widget = proxy_class("qMRMLSliceWidget")()
            widget.setMRMLScene(scene)
            widget.setMRMLSliceNode(scene.GetNodeByID(f"vtkMRMLSliceNode{name}"))
            self.slice_widgets[name] = widget

    def mrmlScene(self) -> Any:
        return self.scene

    def layoutLogic(self) -> Any:
        return self.layout_logic

    def read_layout(self) -> int:
        return int(self.layout_logic.GetLayoutNode().GetViewArrangement())

    def write_layout(self, layout: int) -> None:
        if layout != self.read_layout():
            self.layout_logic.GetLayoutNode().SetViewArrangement(layout)
            self.emit("layoutChanged", layout, types=("int",))

    def setLayout(self, layout: int) -> None:
        self.write_layout(layout)

    def _view_nodes(self, class_name: str) -> list[Any]:
        nodes = self.layout_logic.GetViewNodes()
        views = [nodes.GetItemAsObject(index) for index in range(nodes.GetNumberOfItems())]
        return [node for node in views if node.IsA(class_name)]

    def read_tableViewCount(self) -> int:
        return len(self._view_nodes("vtkMRMLTableViewNode"))

    def read_threeDViewCount(self) -> int:
        return len(self._view_nodes("vtkMRMLViewNode"))

    def tableWidget(self, index: int) -> Any:
        nodes = self._view_nodes("vtkMRMLTableViewNode")
        if index >= len(nodes):
            return None
        while len(self.table_widgets) <= index:
            widget = proxy_class("qMRMLTableWidget")()
            widget.setMRMLScene(self.scene)
            self.table_widgets.append(widget)
        self.table_widgets[index].setMRMLTableViewNode(nodes[index])
        return self.table_widgets[index]

    def sliceViewNames(self) -> tuple[str, ...]:
        return tuple(node.GetLayoutName() for node in self._view_nodes("vtkMRMLSliceNode"))

    def sliceWidget(self, name: str) -> Any:
        return self.slice_widgets.get(name)

    def mrmlSliceLogics(self) -> Any:
        logics = vtk.vtkCollection()
        for widget in self.slice_widgets.values():
            logics.AddItem(widget.sliceLogic())
        return logics

    def resetSliceViews(self) -> None:
        for widget in self.slice_widgets.values():
            widget.sliceLogic().FitSliceToAll()

    def resetThreeDViews(self) -> None:
        """Nothing is drawn in 3-D here."""


@plays("qMRMLSliceWidget")
class SliceWidget(SceneHolder):
    """A slice view without pixels: its node and its logic are real."""

    def __init__(self, owner: Any) -> None:
        super().__init__(owner)
        self.logic_object = slicer.vtkMRMLSliceLogic()

    def setMRMLSliceNode(self, node: Any) -> None:
        self.logic_object.SetMRMLScene(self.scene)
        self.logic_object.SetSliceNode(node)

    def mrmlSliceNode(self) -> Any:
        return self.logic_object.GetSliceNode()

    def sliceLogic(self) -> Any:
        return self.logic_object

    def mrmlSliceCompositeNode(self) -> Any:
        return self.logic_object.GetSliceCompositeNode()

    def fitSliceToBackground(self) -> None:
        self.logic_object.FitSliceToBackground()
