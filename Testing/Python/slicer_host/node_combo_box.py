"""What qMRMLNodeComboBox does: it lists the scene's nodes of some types and holds the chosen one."""

from __future__ import annotations

from typing import Any, ClassVar

import slicer
import vtk
from PySide6 import QtWidgets

from .proxies import Part, plays
from .scene_parts import while_alive

SCENE_EVENTS = (
    slicer.vtkMRMLScene.NodeAddedEvent,
    slicer.vtkMRMLScene.NodeRemovedEvent,
    slicer.vtkMRMLScene.EndCloseEvent,
    slicer.vtkMRMLScene.EndImportEvent,
    slicer.vtkMRMLScene.EndBatchProcessEvent,
)


@plays("qMRMLNodeComboBox")
class NodeComboBox(Part):
    """The selector; its entries are node ids, and the chosen node is watched by its id."""

    START_VALUES: ClassVar[dict[str, Any]] = {
        "addEnabled": True,
        "removeEnabled": True,
        "showChildNodeTypes": True,
        "selectNodeUponCreation": True,
        "noneDisplay": "None",
    }

    def __init__(self, owner: Any) -> None:
        super().__init__(owner)
        self.scene: Any = None
        self.node_id = ""
        self.requested_id = ""
        self.node_ids: list[str] = []
        self.attributes: list[tuple[str, str, Any]] = []
        self.type_labels: dict[str, str] = {}
        self.tags: list[int] = []
        self.name_tags: list[tuple[Any, int]] = []
        self.combo_box = QtWidgets.QComboBox()
        layout = QtWidgets.QHBoxLayout(owner)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.combo_box)
        self.combo_box.activated.connect(self._choose_entry)
        owner.destroyed.connect(self._forget_scene)
        self._refill()

    # What the scene holds

    def setMRMLScene(self, scene: Any) -> None:
        if scene is self.scene:
            return
        self._forget_scene()
        self.scene = scene
        if scene is not None:
            self.tags = [
                scene.AddObserver(event, while_alive(self.combo_box, self._scene_changed)) for event in SCENE_EVENTS
            ]
        self._update()
        if scene is not None and self.requested_id:
            self._set_current(self.requested_id)
            self.requested_id = ""

    def mrmlScene(self) -> Any:
        return self.scene

    def _forget_scene(self, *_arguments: Any) -> None:
        for tag in self.tags:
            self.scene.RemoveObserver(tag)
        self.tags = []
        self._forget_names()

    def _forget_names(self) -> None:
        for node, tag in self.name_tags:
            node.RemoveObserver(tag)
        self.name_tags = []

    def _show_name(self, node: Any, _event: str) -> None:
        index = self.combo_box.findData(node.GetID())
        if index >= 0 and self.combo_box.itemText(index) != node.GetName():
            self.combo_box.setItemText(index, node.GetName())

    def _scene_changed(self, *_arguments: Any) -> None:
        if not self.scene.IsBatchProcessing():
            self._update()

    def _update(self) -> None:
        position = self.node_ids.index(self.node_id) if self.node_id in self.node_ids else None
        self._refill()
        if self.node_id in self.node_ids:
            return
        if position is not None and self.node_ids:
            # The chosen node is gone: as in Slicer its neighbor takes its place, also where none is allowed.
            self._set_current(self.node_ids[min(position, len(self.node_ids) - 1)])
        else:
            self._set_current(self.node_ids[0] if self.node_ids and not self._none_is_listed() else "")

    def _is_listed(self, node: Any) -> bool:
        types = self.values.get("nodeTypes", [])
        exact = node.GetClassName() in types
        derived = any(node.IsA(node_type) for node_type in types) and self.values["showChildNodeTypes"]
        if not (exact or derived) or (node.GetHideFromEditors() and not self.values.get("showHidden")):
            return False
        if any(node.IsA(hidden) for hidden in self.values.get("hideChildNodeTypes", [])):
            return False
        return all(
            node.GetAttribute(name) is not None and (value is None or node.GetAttribute(name) == str(value))
            for node_type, name, value in self.attributes
            if node.IsA(node_type)
        )

    def _nodes(self) -> list[Any]:
        if self.scene is None:
            return []
        nodes = [self.scene.GetNthNode(index) for index in range(self.scene.GetNumberOfNodes())]
        return [node for node in nodes if self._is_listed(node)]

    def _none_is_listed(self) -> bool:
        return bool(self.values.get("noneEnabled"))

    def _refill(self) -> None:
        nodes = self._nodes()
        self.node_ids = [node.GetID() for node in nodes]
        self._forget_names()
        show_name = while_alive(self.combo_box, self._show_name)
        self.name_tags = [(node, node.AddObserver(vtk.vtkCommand.ModifiedEvent, show_name)) for node in nodes]
        entries = [(self._none_text(), "")] if self._none_is_listed() or not nodes else []
        entries += [(node.GetName(), node.GetID()) for node in nodes]
        entries += [(text, f"+{kind}") for text, kind in self._creations()]
        self.combo_box.clear()
        for text, data in entries:
            self.combo_box.addItem(text, data)
        self.combo_box.setCurrentIndex(max(0, self.combo_box.findData(self.node_id)))
        self.combo_box.setEnabled(self.scene is not None)

    def _none_text(self) -> str:
        return str(self.values["noneDisplay"]) if self._none_is_listed() else f"Select a {self._label()}"

    def _label(self, node_type: str | None = None) -> str:
        types = self.values.get("nodeTypes", [])
        return self.nodeTypeLabel(node_type or (types[0] if types else ""))

    def _creations(self) -> list[tuple[str, str]]:
        if not self.values["addEnabled"] or self.scene is None:
            return []
        return [(f"Create new {self._label(kind)}", kind) for kind in self.values.get("nodeTypes", [])]

    # What is chosen

    def _choose_entry(self, index: int) -> None:
        data = self.combo_box.itemData(index)
        if data.startswith("+"):
            node = self.addNode(data[1:])
            self._set_current(node.GetID())
            self.emit("nodeAddedByUserAction", node)
            return
        self._set_current(data)
        self.emit("nodeActivated", self.currentNode())

    def _set_current(self, node_id: str) -> None:
        node_id = node_id if node_id in self.node_ids else ""
        if node_id == self.node_id:
            self.combo_box.setCurrentIndex(max(0, self.combo_box.findData(node_id)))
            return
        self.node_id = node_id
        self.combo_box.setCurrentIndex(max(0, self.combo_box.findData(node_id)))
        node = self.currentNode()
        self.emit("currentNodeChanged", node, types=("vtkMRMLNode*",))
        self.emit("currentNodeChanged", node is not None, types=("bool",))
        self.emit("currentNodeIDChanged", node_id)

    def currentNode(self) -> Any:
        return self.scene.GetNodeByID(self.node_id) if self.scene is not None and self.node_id else None

    def setCurrentNode(self, node: Any) -> None:
        self.write_currentNodeID((node if isinstance(node, str) else node.GetID()) if node else "")

    def currentNodeId(self) -> str:
        return self.node_id

    def read_currentNodeID(self) -> str:
        return self.node_id

    def write_currentNodeID(self, node_id: str) -> None:
        if self.scene is None:
            # Chosen before there is a scene: taken up when it comes.
            self.requested_id = node_id
        self._set_current(node_id)

    def nodeCount(self) -> int:
        return len(self.node_ids)

    def nodeFromIndex(self, index: int) -> Any:
        return self.scene.GetNodeByID(self.node_ids[index])

    def setCurrentNodeIndex(self, index: int) -> None:
        self._set_current(self.node_ids[index])

    # What a user can do with nodes

    def addNode(self, node_type: str | None = None) -> Any:
        types = self.values.get("nodeTypes", [])
        node_type = node_type or (types[0] if types else "")
        if node_type not in types:
            return None
        base_name = self.values.get("baseName") or self._label(node_type)
        node = self.scene.CreateNodeByClass(node_type)
        node.UnRegister(None)
        node.SetName(self.scene.GenerateUniqueName(base_name))
        for attribute_type, name, value in self.attributes:
            if node.IsA(attribute_type):
                node.SetAttribute(name, "" if value is None else str(value))
        self.scene.AddNode(node)
        self.emit("nodeAdded", node)
        if self.values["selectNodeUponCreation"]:
            self._set_current(node.GetID())
        self.emit("nodeAddedByUser", node)
        return node

    def removeCurrentNode(self) -> None:
        node = self.currentNode()
        self.emit("nodeAboutToBeRemoved", node)
        self.scene.RemoveNode(node)

    def addAttribute(self, node_type: str, name: str, value: Any = None) -> None:
        self.attributes.append((node_type, name, value))
        self._update()

    def removeAttribute(self, node_type: str, name: str) -> None:
        self.attributes = [entry for entry in self.attributes if entry[:2] != (node_type, name)]
        self._update()

    def setNodeTypeLabel(self, label: str, node_type: str) -> None:
        self.type_labels[node_type] = label
        if not label:
            del self.type_labels[node_type]
        self._refill()

    def nodeTypeLabel(self, node_type: str) -> str:
        if node_type in self.type_labels:
            return self.type_labels[node_type]
        name = self.scene.GetTypeDisplayNameByClassName(node_type) if self.scene is not None else ""
        return name or "node"


def _writer(name: str) -> Any:
    def write(self: NodeComboBox, value: Any) -> None:
        self.values[name] = value
        self._update()

    return write


for _name in (
    "addEnabled",
    "baseName",
    "hideChildNodeTypes",
    "nodeTypes",
    "noneDisplay",
    "noneEnabled",
    "showChildNodeTypes",
    "showHidden",
):
    setattr(NodeComboBox, f"write_{_name}", _writer(_name))
