"""Single result files that are there all together or not at all.

The counterpart of `output_folder` for results whose files the user names one
by one. Nothing is on the disk before the result is written, so that a run that
is killed earlier leaves nothing behind.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from LumbarSegLib.errors import InputError

_logger = logging.getLogger(__name__)


@contextlib.contextmanager
def output_files(paths: Sequence[Path], *, inputs: Sequence[Path], overwrite: bool) -> Iterator[dict[Path, Path]]:
    """Yield a temporary name for each file, and rename them all when all went well.

    If the block raises, KeyboardInterrupt included, what was written under the
    temporary names is removed, and files that were there before stay.

    Parameters
    ----------
    paths : sequence of Path
        The files to be.
    inputs : sequence of Path
        Files that the run reads: no result may take their place.
    overwrite : bool
        Whether files that are already there may be replaced.

    Yields
    ------
    dict of Path to Path
        For each file the name to write to, in the same folder and with the same ending.

    Raises
    ------
    InputError
        On entry and again at the end: two of `paths` are the same file, one is
        an input or no ordinary file, its folder is missing or may not be
        written to, or it exists without `overwrite`.
    OSError
        A file cannot be put in its place; then none is.
    """
    _check(paths, inputs, overwrite)
    partial = {path: _sibling(path, "partial") for path in paths}
    try:
        yield partial
        _check(paths, inputs, overwrite)
        _rename_all(partial)
    finally:
        for temporary in partial.values():
            temporary.unlink(missing_ok=True)


def _check(paths: Sequence[Path], inputs: Sequence[Path], overwrite: bool) -> None:
    try:
        read = {path.resolve() for path in inputs}
        seen: set[Path] = set()
        for path in paths:
            place = path.resolve()
            if place in seen:
                raise InputError(f"Two outputs are the same file, {path}.", "Name another file for one of them.")
            if place in read:
                raise InputError(f"The output {path} is a file that is read.", "Name another file.")
            _check_place(path, overwrite)
            seen.add(place)
    except (OSError, RuntimeError) as error:  # a name that is too long, links in a circle
        raise InputError(f"An output cannot be reached ({error}).", "Name another file.") from error


def _check_place(path: Path, overwrite: bool) -> None:
    if path.exists() and not path.is_file():  # a folder, or a device: renaming would replace it
        raise InputError(f"The output {path} is no ordinary file.", "Name another file.")
    if not path.parent.is_dir():
        raise InputError(f"The folder of the output {path} does not exist.", "Make it first, or name another.")
    if not os.access(path.parent, os.W_OK):
        raise InputError(f"The folder of the output {path} may not be written to.", "Name another folder.")
    if path.exists() and not overwrite:
        raise InputError(f"The output {path} exists.", "Add --overwrite or name another file.")


def _rename_all(partial: Mapping[Path, Path]) -> None:
    """Rename every temporary file to its place, or put everything back."""
    replaced = []
    with contextlib.ExitStack() as undo:
        for path, temporary in partial.items():
            if path.exists():
                old = _sibling(path, "old")
                path.rename(old)
                undo.callback(old.replace, path)
                replaced.append(old)
            else:
                undo.callback(path.unlink, missing_ok=True)
            temporary.rename(path)
        undo.pop_all()
    for old in replaced:
        try:
            old.unlink()
        except OSError:
            _logger.warning("An earlier result could not be removed; it is now %s.", old)


def _sibling(path: Path, purpose: str) -> Path:
    """Return a hidden name in the same folder that keeps the ending, which tells writers the format."""
    return path.with_name(f".{secrets.token_hex(4)}.{purpose}.{path.name}")
