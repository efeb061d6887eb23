"""The folder of a run that can be resumed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from LumbarSegLib.errors import InputError


def check_run_folder(directory: Path, files: Sequence[str], resume_name: str, *, resume: bool, overwrite: bool) -> None:
    """Check that a run may write to `directory`, before any work is done.

    Parameters
    ----------
    directory : Path
        May be missing.
    files : sequence of str
        Names of everything that a run writes there.
    resume_name : str
        The one of them that an unfinished run leaves.
    resume, overwrite : bool
        Whether to go on with such a run, or to replace what is there.

    Raises
    ------
    InputError
        If the options contradict each other or what is there.
    """
    if resume and overwrite:
        raise InputError("--resume and --overwrite contradict each other.", "Pass one of them.")
    if resume and not (directory / resume_name).is_file():
        raise InputError(f"{directory} holds no unfinished run.", "Leave out --resume, or name the run's folder.")
    present = [name for name in files if (directory / name).exists()]
    if not present or resume or overwrite:
        return
    if resume_name in present:
        raise InputError(
            f"{directory} holds an unfinished run.", "Pass --resume to go on, or --overwrite to start anew."
        )
    raise InputError(f"{directory} holds {', '.join(present)}.", "Name another folder, or pass --overwrite.")


def make_run_folder(directory: Path) -> None:
    """Make the folder and its missing parents.

    Raises
    ------
    InputError
        If that is not possible.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{directory} cannot be made ({error.strerror}).", "Name another folder.") from error
