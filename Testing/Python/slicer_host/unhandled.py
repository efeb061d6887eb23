"""Errors that Qt and VTK only print when they call Python: kept here, so that a test cannot miss them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import TracebackType
from typing import Any

from .dialogs import DIALOGS

ERRORS: list[BaseException] = []


def keep_unhandled_errors() -> None:
    """Keep what reaches sys.excepthook, except for errors that a message box has shown to the user."""
    previous: Callable[..., Any] = sys.excepthook

    def keep(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        previous(kind, error, trace)
        if not any(str(error) in message.text for message in DIALOGS.messages):
            ERRORS.append(error)

    sys.excepthook = keep


def raise_unhandled_errors() -> None:
    """Raise the first error that nobody has handled, and forget all of them."""
    if ERRORS:
        first = ERRORS[0]
        ERRORS.clear()
        raise first
