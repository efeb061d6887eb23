"""Stages of training, each from the weights of the one before; finished ones are not repeated."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from LumbarSegLib.benchmark.runs import BenchmarkData, train_or_resume
from LumbarSegLib.errors import InputError
from LumbarSegLib.inference.checkpoint import load_checkpoint
from LumbarSegLib.report.output_files import output_files
from LumbarSegLib.report.text_files import write_json_file
from LumbarSegLib.training.recipes import Recipe
from LumbarSegLib.training.trainer import TrainingRun

#: Written last: a stage that has it has finished.
_RECORD_NAME = "stage.json"


@dataclass(frozen=True)
class Stage:
    """One training run of a chain.

    Parameters
    ----------
    name : str
        Of its folder, such as "2-refine".
    recipe : Recipe
        Everything about the optimization.
    """

    name: str
    recipe: Recipe


@dataclass(frozen=True)
class Chain:
    """Which stages make a network.

    Parameters
    ----------
    recipes : tuple of Recipe
        In the order of the stages, at least one.
    model_name : str
        One of `LumbarSegLib.models.model_names`.
    seed : int
        Of every stage.
    initial : Path or None
        Checkpoint that the first stage starts from; None takes random weights.
    """

    recipes: tuple[Recipe, ...]
    model_name: str
    seed: int
    initial: Path | None = None

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The recipes under the names of their folders."""
        return tuple(
            Stage(f"{number}-{re.sub(r'[^A-Za-z0-9_.-]+', '_', recipe.name)}", recipe)
            for number, recipe in enumerate(self.recipes, start=1)
        )


def finished_stages(chain: Chain, folder: Path) -> tuple[Path, ...]:
    """Return the checkpoints of the stages that have finished in `folder`, up to the first that has not.

    Raises
    ------
    InputError
        If a stage's record is damaged, its weights are missing or not those of
        the record, or the stage started from other weights than the stage
        before it has now.
    """
    weights: list[Path] = []
    initial = chain.initial
    for stage in chain.stages:
        record = _read_record(folder / stage.name)
        if record is None:
            break
        path = folder / stage.name / f"{chain.model_name}.safetensors"
        _check_record(path, record, initial)
        weights.append(path)
        initial = path
    return tuple(weights)


def train_chain(
    chain: Chain,
    data: BenchmarkData,
    folder: Path,
    device: torch.device,
    on_epoch: Callable[[Stage, dict[str, Any]], None],
) -> Path:
    """Train what is missing of a chain, from where an earlier attempt left it.

    Parameters
    ----------
    chain : Chain
        What to train.
    data : BenchmarkData
        The same for all stages.
    folder : Path
        Each stage has a folder of its name in it; made if it does not exist.
    device : torch.device
        Where to train.
    on_epoch : callable
        Called with the stage and the log's row after every epoch.

    Returns
    -------
    Path
        Checkpoint of the last stage.

    Raises
    ------
    InputError
        As `finished_stages`; or the earlier attempt had other settings, the
        initial weights are those of another network, or the network needs a
        package that is not installed.
    """
    finished = finished_stages(chain, folder)
    weights = finished[-1] if finished else chain.initial
    for stage in chain.stages[len(finished) :]:
        weights = _train_stage(chain, stage, weights, data, folder / stage.name, device, on_epoch)
    if weights is None:
        raise ValueError("recipes must hold at least one recipe.")
    return weights


def _train_stage(
    chain: Chain,
    stage: Stage,
    initial: Path | None,
    data: BenchmarkData,
    folder: Path,
    device: torch.device,
    on_epoch: Callable[[Stage, dict[str, Any]], None],
) -> Path:
    run = TrainingRun(
        train=data.train,
        # The folds are evaluated at the end; after every epoch would cost a third of the time.
        validation=data.validation if stage.recipe.patience else (),
        recipe=stage.recipe,
        seed=chain.seed,
        device=device,
        description={"data": data.name, "fold": data.fold},
        initial=None if initial is None else load_checkpoint(initial, to_train=True),
        model_name=chain.model_name,
    )
    path = folder / _RECORD_NAME
    path.unlink(missing_ok=True)  # of a stage whose predecessor has been trained again
    weights, _ = train_or_resume(run, folder, lambda row: on_epoch(stage, row))
    with output_files([path], inputs=[], overwrite=True) as partial:
        write_json_file(partial[path], {"sha256": _sha256(weights), "initial_sha256": _sha256(initial)})
    return weights


def _read_record(folder: Path) -> dict[str, str | None] | None:
    path = folder / _RECORD_NAME
    if not path.is_file():
        return None
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        return {key: record[key] for key in ("sha256", "initial_sha256")}
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is damaged.", f"Remove {folder}, and the stage is repeated.") from error


def _check_record(weights: Path, record: dict[str, str | None], initial: Path | None) -> None:
    repair = f"Remove {weights.parent}, and the stage is repeated."
    if not weights.is_file() or _sha256(weights) != record["sha256"]:
        raise InputError(f"{weights} is not what the stage has left.", repair)
    if _sha256(initial) != record["initial_sha256"]:
        raise InputError(f"{weights} was trained from other weights than {initial} holds.", repair)


def _sha256(path: Path | None) -> str | None:
    return None if path is None else hashlib.sha256(path.read_bytes()).hexdigest()
