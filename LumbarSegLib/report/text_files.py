"""How text files of a result are written: UTF-8, with errors that name the file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from LumbarSegLib.io.file_errors import writing


@contextmanager
def open_text(path: Path) -> Iterator[TextIO]:
    r"""Open a file for writing.

    Names of files that are not UTF-8 reach Python with stand-ins for the odd
    bytes; these are written as ``\udcfc``, which JSON reads as the stand-in.
    """
    with writing(path), path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        yield file


def write_json_file(path: Path, content: Mapping[str, object]) -> None:
    """Write `content` as JSON for people and programs; NaN and infinity raise `ValueError`."""
    with open_text(path) as file:
        file.write(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
