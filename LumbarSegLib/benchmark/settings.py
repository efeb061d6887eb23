"""What all runs in one folder have in common, and the refusal of anything else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from LumbarSegLib.benchmark.plan import Plan
from LumbarSegLib.benchmark.runs import BenchmarkData
from LumbarSegLib.errors import InputError
from LumbarSegLib.io.labeled_slices import LabeledSlice
from LumbarSegLib.report.output_files import output_files
from LumbarSegLib.report.text_files import write_json_file


def benchmark_settings(plan: Plan, data: BenchmarkData, device: torch.device) -> dict[str, Any]:
    """Return what all runs of a benchmark have in common; tables share them, and thereby the runs that both need."""
    return {
        "seeds": plan.num_seeds,
        "recipe": asdict(plan.recipe),
        "data": data.name,
        "fold": data.fold,
        "slices_sha256": hash_slices((*data.train, *data.validation)),
        "device": device.type,
    }


def claim_folder(folder: Path, kind: str, settings: Mapping[str, Any]) -> None:
    """Write down under which settings the runs in `folder` are made, or see that they are the same.

    Parameters
    ----------
    folder : Path
        Made if it does not exist.
    kind : str
        What the folder is for, such as "benchmark"; names the file of the settings.
    settings : mapping
        Anything that JSON can hold.

    Raises
    ------
    InputError
        If the folder holds runs under other settings or something else, or
        cannot be made.
    """
    path = folder / f"{kind}.json"
    if path.is_file():
        _check_same(path, settings)
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        is_empty = not any(folder.iterdir())
    except OSError as error:
        raise InputError(f"{folder} cannot be made ({error.strerror}).", "Name another folder.") from error
    if not is_empty:
        raise InputError(f"{folder} holds something else than a {kind}.", "Name another folder.")
    with output_files([path], inputs=[], overwrite=False) as partial:
        write_json_file(partial[path], settings)


def hash_slices(slices: Iterable[LabeledSlice]) -> str:
    """Return the SHA-256 of names, pixel sizes, images and label maps."""
    digest = hashlib.sha256()
    for each in slices:
        digest.update(f"{each.name} {each.spacing_mm} {each.image.shape}\n".encode())
        digest.update(each.image.tobytes())
        digest.update(each.label_map.tobytes())
    return digest.hexdigest()


def _check_same(path: Path, settings: Mapping[str, Any]) -> None:
    try:
        earlier = _flat(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, AttributeError) as error:
        raise InputError(f"{path} is damaged.", "Name another folder.") from error
    now = _flat(json.loads(json.dumps(settings)))  # tuples become lists, as in the file
    other = [key for key in now if earlier.get(key) != now[key]]
    if other:
        key = other[0]
        raise InputError(
            f"{path.parent} holds runs under other settings: {key} was {earlier.get(key)} and is now {now[key]}.",
            "Repeat the earlier settings, or name another folder.",
        )


def _flat(settings: Mapping[str, Any], section: str = "") -> dict[str, Any]:
    """Return settings without sections: "recipe.epochs" and the like."""
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        flat |= _flat(value, f"{section}{key}.") if isinstance(value, dict) else {f"{section}{key}": value}
    return flat
