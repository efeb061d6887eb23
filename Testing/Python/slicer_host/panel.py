"""Opens the real panel of a module in a window."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import slicer
from PySide6 import QtCore, QtTest, QtWidgets

from .installing import install
from .proxies import part_of, proxy_class
from .unhandled import raise_unhandled_errors

PANEL_SIZE = (460, 900)


class Panel:
    """The module's real widget in a window of its own.

    Attributes
    ----------
    module
        The module's object with its title and texts.
    window
        The widget that holds the panel.
    """

    def __init__(self, name: str = "LumbarSeg") -> None:
        install()
        source = importlib.import_module(name)
        holder = proxy_class("qSlicerScriptedLoadableModule")()
        holder.path = str(source.__file__)
        holder.name = name
        setattr(slicer.modules, name.lower(), holder)
        self.module = getattr(source, name)(holder)
        setattr(slicer.modules, f"{name}Instance", self.module)
        self.window = proxy_class("qSlicerScriptedLoadableModuleWidget")()
        self.window.setLayout(QtWidgets.QVBoxLayout())
        self.window.setMRMLScene(slicer.mrmlScene)
        part_of(holder).widget = self.window
        part_of(self.window).make_panel = partial(_make_panel, name)
        self.window.reload()
        self.window.resize(*PANEL_SIZE)
        self.window.show()
        self.enter()

    @property
    def widget(self) -> Any:
        """The module's own widget object."""
        return self.window.self()

    @property
    def ui(self) -> Any:
        """The module's widgets by name."""
        return self.widget.ui

    def enter(self) -> None:
        """Open the module, as a change to it in Slicer does."""
        self.window.enter()
        self.process_events()

    def exit(self) -> None:
        """Leave the module for another one."""
        self.window.exit()
        self.process_events()

    def process_events(self) -> None:
        """Let Qt work, and raise what went wrong in it."""
        slicer.app.processEvents()
        raise_unhandled_errors()

    def wait_until(self, condition: Callable[[], bool], timeout_s: float = 30.0) -> None:
        """Let Qt work until the condition holds.

        Raises
        ------
        TimeoutError
            Where it does not within the time.
        """
        timer = QtCore.QElapsedTimer()
        timer.start()
        while not condition():
            if timer.elapsed() > 1000 * timeout_s:
                raise TimeoutError("The panel did not get there in time.")
            QtTest.QTest.qWait(10)
            raise_unhandled_errors()

    def picture(self, path: Path) -> None:
        """Write the panel as the user sees it to a PNG."""
        self.process_events()
        if not self.window.grab().save(str(path)):
            raise OSError(f"{path} could not be written.")

    def close(self) -> None:
        """Close the panel as Slicer does at its end; raise errors that nobody has handled."""
        self.window.exit()
        self.widget.cleanup()
        self.window.close()
        self.window.deleteLater()
        QtCore.QCoreApplication.sendPostedEvents(None, QtCore.QEvent.Type.DeferredDelete)
        self.process_events()


def _make_panel(name: str, window: Any) -> Any:
    widget = getattr(sys.modules[name], f"{name}Widget")(window)
    setattr(slicer.modules, f"{name}Widget", widget)
    return widget


def openPanel(name: str = "LumbarSeg") -> Panel:
    """Return the real panel of a module, set up and shown."""
    return Panel(name)
