"""Which labeled slices a command means by `--fold`."""

from __future__ import annotations

from pathlib import Path

from LumbarSegLib.errors import InputError
from LumbarSegLib.io.labeled_slices import list_slices, read_fold


def choose_slices(directory: Path, fold: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the ids to train on and those held back.

    Parameters
    ----------
    directory : Path
        Labeled slices.
    fold : str
        A number, or "all": everything to train on, nothing held back.

    Raises
    ------
    InputError
        If the folder or the fold cannot be used.
    """
    if not directory.is_dir():
        raise InputError(f"{directory} is not a folder.", "Give the folder that holds images/ and labels/.")
    if fold == "all":
        return list_slices(directory), ()
    try:
        number = int(fold)
    except ValueError as error:
        raise InputError(f"--fold must be a number or 'all', got {fold!r}.", "Use --fold 0.") from error
    return read_fold(directory, number)
