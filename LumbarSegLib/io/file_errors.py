"""What the operating system says against a file, in words for the user."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from LumbarSegLib.errors import InputError


def refusal(error: Exception) -> str | None:
    """Return why the operating system refused a file.

    None for any other error: libraries raise `OSError` for damaged contents as well.
    """
    return reason_of(error) if isinstance(error, OSError) and error.errno is not None else None


def reason_of(error: OSError) -> str:
    """Return the words of the operating system, without the name of the file."""
    return error.strerror or str(error)


def cannot_be_read(path: Path, reason: str) -> InputError:
    """Return the error for a file or folder that the operating system refuses to read."""
    return InputError(f"{path} cannot be read ({reason}).", "Check its permissions, or copy it and try again.")


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Name the file in an error of writing it: a full disk is reported without a name."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise
