"""Dialogs without a person: what was shown is recorded, and the test has said how each question is answered."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from PySide6 import QtWidgets

from .proxies import Part, plays

QMessageBox = QtWidgets.QMessageBox


class UnansweredDialogError(AssertionError):
    """A dialog asks something that the test has not prepared an answer for."""


@dataclass(frozen=True)
class ShownMessage:
    """A message box as the user sees it."""

    title: str
    text: str
    detailed_text: str
    icon: Any
    buttons: Any


@dataclass
class Dialogs:
    """Answers that a test prepares, and what was shown meanwhile.

    Attributes
    ----------
    messages
        Message boxes in the order in which they were shown.
    answers
        Buttons for boxes with more than one of them, first come first served.
    file_answers
        Paths for file dialogs; an empty text is Cancel.
    file_requests
        Captions of the file dialogs that were shown.
    """

    messages: list[ShownMessage] = field(default_factory=list)
    answers: list[Any] = field(default_factory=list)
    file_answers: list[str] = field(default_factory=list)
    file_requests: list[str] = field(default_factory=list)

    def clear(self) -> None:
        """Forget all messages and answers."""
        for entries in (self.messages, self.answers, self.file_answers, self.file_requests):
            entries.clear()

    def show(self, box: QtWidgets.QMessageBox) -> Any:
        """Record a message box and return its answer."""
        self.messages.append(ShownMessage(box.windowTitle, box.text, box.detailedText, box.icon, box.standardButtons))
        if not box.buttons() or box.standardButtons == QMessageBox.StandardButton.Ok:
            return QMessageBox.StandardButton.Ok
        if not self.answers:
            raise UnansweredDialogError(f"No answer was prepared for: {box.text}")
        answer = self.answers.pop(0)
        if not box.standardButtons & answer:
            raise UnansweredDialogError(f"The message box has no such button as {answer}: {box.text}")
        return answer

    def path(self, caption: str) -> str:
        """Record a file dialog and return its answer."""
        self.file_requests.append(caption)
        if not self.file_answers:
            raise UnansweredDialogError(f"No path was prepared for the file dialog: {caption}")
        return self.file_answers.pop(0)


DIALOGS = Dialogs()


class HostMessageBox(QtWidgets.QMessageBox):
    """`qt.QMessageBox`, answered by the test."""

    def exec(self) -> Any:
        return DIALOGS.show(self)

    exec_ = exec


class HostFileDialog(QtWidgets.QFileDialog):
    """`qt.QFileDialog`; as in PythonQt its static functions return the path alone."""

    @staticmethod
    def getSaveFileName(parent: Any = None, caption: str = "", *_folder_and_filter: Any) -> str:
        return DIALOGS.path(caption)

    @staticmethod
    def getOpenFileName(parent: Any = None, caption: str = "", *_folder_and_filter: Any) -> str:
        return DIALOGS.path(caption)

    @staticmethod
    def getExistingDirectory(parent: Any = None, caption: str = "", *_folder: Any) -> str:
        return DIALOGS.path(caption)


@plays("ctkMessageBox")
class _CtkMessageBox(Part):
    OVERRIDES = ("exec", "exec_")

    def exec(self) -> Any:
        return DIALOGS.show(self.owner)

    exec_ = exec


def refuse_to_wait() -> None:
    """Make every other dialog fail at once instead of waiting for a person that is not there."""

    def refuse(dialog: QtWidgets.QDialog) -> None:
        raise UnansweredDialogError(f"The host cannot answer a {dialog.className()}.")

    QtWidgets.QDialog.exec = refuse
    QtWidgets.QDialog.exec_ = refuse
