"""What every widget with a scene does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import shiboken6

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


def while_alive(qt_object: Any, callback: Callable[..., None]) -> Callable[..., None]:
    """Return an observer that does nothing once a widget is gone, as Qt's own connections end with it."""

    def observe(*arguments: Any) -> None:
        if not shiboken6.isValid(qt_object):
            return
        try:
            callback(*arguments)
        except RuntimeError:
            # Python may collect the window, and Qt delete what is in it, in the middle of the call.
            if shiboken6.isValid(qt_object):
                raise

    return observe
