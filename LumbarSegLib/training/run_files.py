"""The files of a run beside its network: the log, and the state to go on from."""

from __future__ import annotations

import csv
import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from LumbarSegLib.errors import InputError
from LumbarSegLib.models import model_names

RESUME_NAME = "resume.pt"
LOG_NAME = "log.csv"

#: Everything that a run, of whichever network, writes into its folder.
RUN_FILES = (
    *(f"{name}{suffix}" for name in model_names() for suffix in (".safetensors", ".json")),
    RESUME_NAME,
    LOG_NAME,
)


def write_log(directory: Path, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    """Write `log.csv`: a row per epoch, empty where nothing was validated."""
    with (directory / LOG_NAME).open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def write_resume_state(directory: Path, state: Mapping[str, Any]) -> None:
    """Replace `resume.pt` in one step: a kill leaves the earlier or the new one."""
    temporary = directory / (RESUME_NAME + ".partial")
    torch.save(dict(state), temporary)
    temporary.replace(directory / RESUME_NAME)


def read_resume_state(directory: Path, settings: Mapping[str, Any], device: torch.device) -> dict[str, Any]:
    """Read `resume.pt`.

    Parameters
    ----------
    directory : Path
        Of the run.
    settings : mapping
        What the state's `settings` have to equal.
    device : torch.device
        Where tensors go.

    Raises
    ------
    InputError
        If there is nothing to resume, it is damaged, or it was made under
        other settings.
    """
    path = directory / RESUME_NAME
    if not path.is_file():
        raise InputError(f"{directory} holds no unfinished run.", "Start one in another folder.")
    try:
        state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
    except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise InputError(f"{path} is damaged.", "Start anew with --overwrite.") from error
    if state["settings"] != settings:
        raise InputError(
            f"{path} was made with another recipe, network, seed, device, number of devices or data.",
            "Resume with the same settings.",
        )
    return state
