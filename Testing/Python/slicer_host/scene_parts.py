"""What every widget with a scene does."""

from __future__ import annotations

from typing import Any

from .proxies import Part, plays


@plays("qMRMLWidget", "qSlicerWidget", "qSlicerAbstractModuleWidget")
class SceneHolder(Part):
    """Holds the scene and tells when it changes."""

    def __init__(self, owner: Any) -> None:
        super().__init__(owner)
        self.scene: Any = None

    def setMRMLScene(self, scene: Any) -> None:
        if scene is not self.scene:
            self.scene = scene
            self.emit("mrmlSceneChanged", scene)

    def mrmlScene(self) -> Any:
        return self.scene
