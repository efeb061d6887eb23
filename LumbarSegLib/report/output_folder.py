"""A result folder that is there wholly or not at all.

The result is built in a hidden folder beside its place and renamed into it
when complete. A small file in it lists what belongs to the result, so that
``--overwrite`` never deletes a file of the user's.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from LumbarSegLib.errors import InputError

_logger = logging.getLogger(__name__)

#: Lists the files of a result, one a line.
MANIFEST = ".lumbarseg"

_MANIFEST_HEADER = "# Files of a LumbarSeg result; --overwrite replaces these and no others."

#: Written by file managers on their own; they make no folder the user's.
_LITTER = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})


def check_output_folder(path: Path, *, overwrite: bool) -> None:
    """Check that a result may be put at `path`, before any work is done.

    Parameters
    ----------
    path : Path
        The result folder to be; it may be missing or empty.
    overwrite : bool
        Whether an earlier result there may be replaced.

    Raises
    ------
    InputError
        `path` is a file or a mount point, is or holds the current folder,
        holds an earlier result without `overwrite`, or holds files that
        LumbarSeg did not write.
    """
    try:
        if not path.exists():
            return
        here = Path.cwd()
        holds_us = any(path.samefile(folder) for folder in (here, *here.parents))
    except OSError as error:  # a parent that may not be read, or a name that is too long
        raise InputError(
            f"The output folder {path} cannot be reached ({error.strerror}).", "Name another with --output."
        ) from error
    if not path.is_dir():
        raise InputError(f"The output {path} is a file.", "Name a folder with --output.")
    if os.path.ismount(path):  # Path.is_mount does not know Windows before Python 3.12
        raise InputError(f"The output {path} is a mount point.", "Name a folder inside it with --output.")
    if holds_us:  # replacing it would leave the user's shell in a folder that is gone
        raise InputError(f"The output folder {path} is or holds the current folder.", "Name a new one with --output.")
    present = _files(path)
    foreign = sorted(present - _listed_files(path))
    if foreign:
        raise InputError(
            f"The output folder {path} holds {len(foreign)} file(s) that LumbarSeg did not write ({foreign[0]}).",
            "Name another folder with --output.",
        )
    if present and not overwrite:
        raise InputError(f"The output folder {path} holds a result.", "Add --overwrite or name another folder.")


@contextlib.contextmanager
def output_folder(path: Path, *, overwrite: bool) -> Iterator[Path]:
    """Yield an empty folder to write to, and put it at `path` when all went well.

    If the block raises, KeyboardInterrupt included, the folder is removed and
    an earlier result stays untouched.

    Parameters
    ----------
    path : Path
        The result folder to be; missing parents are made.
    overwrite : bool
        Whether an earlier result there may be replaced.

    Yields
    ------
    Path
        Folder beside `path`.

    Raises
    ------
    InputError
        As `check_output_folder`, on entry and again at the end; or the folder
        cannot be made or put in its place.
    """
    path = _resolve(path)
    check_output_folder(path, overwrite=overwrite)
    with contextlib.ExitStack() as undo:
        partial = _make_partial(path, undo)
        yield partial
        lines = [_MANIFEST_HEADER, *sorted(_files(partial))]
        (partial / MANIFEST).write_text("\n".join(lines) + "\n", encoding="utf-8")
        check_output_folder(path, overwrite=overwrite)
        _replace(path, partial)
        undo.pop_all()  # all went well: nothing to undo


def _resolve(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError) as error:  # links in a circle
        raise InputError(
            f"The output folder {path} cannot be reached ({error}).", "Name another with --output."
        ) from error


def _make_partial(path: Path, undo: contextlib.ExitStack) -> Path:
    """Make the folder to write to and its missing parents; `undo` removes them again."""
    partial = _sibling(path, "partial")
    try:
        for parent in reversed([parent for parent in path.parents if not parent.exists()]):
            parent.mkdir()
            undo.callback(_remove_if_empty, parent)
        partial.mkdir()
        undo.callback(shutil.rmtree, partial, ignore_errors=True)
    except OSError as error:
        raise InputError(
            f"The output folder {path} cannot be made ({error.strerror}).", "Name another with --output."
        ) from error
    return partial


def _remove_if_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):  # someone else has put something there
        folder.rmdir()


def _files(folder: Path) -> set[str]:
    """Names of all files below `folder`, but for those of file managers."""
    paths = (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    return {path.relative_to(folder).as_posix() for path in paths if path.name not in _LITTER}


def _listed_files(folder: Path) -> set[str]:
    """Names in the manifest, itself included; none without a manifest of ours."""
    try:
        header, *names = (folder / MANIFEST).read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):  # no such file, not text, or empty
        return set()
    return {MANIFEST, *names} if header == _MANIFEST_HEADER else set()


def _replace(path: Path, complete: Path) -> None:
    """Rename `complete` to `path`; what was there goes only after that."""
    old = _sibling(path, "old") if path.exists() else None
    try:
        _rename_both(path, complete, old)
    except PermissionError as error:  # Windows moves no folder with a file that a program has open
        raise InputError(
            f"The result cannot be put at {path} ({error.strerror}).",
            "Close what has files in that folder open, and try again.",
        ) from error
    try:
        if old is not None:
            shutil.rmtree(old)
    except OSError:
        _logger.warning("The earlier result could not be removed; it is now %s.", old)


def _rename_both(path: Path, complete: Path, old: Path | None) -> None:
    """Rename `path` to `old`, if there is an old one, and `complete` to `path`; neither, if one fails."""
    if old is not None:
        path.rename(old)
    try:
        complete.rename(path)
    except BaseException:
        if old is not None:
            old.rename(path)
        raise


def _sibling(path: Path, purpose: str) -> Path:
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}.{purpose}")
