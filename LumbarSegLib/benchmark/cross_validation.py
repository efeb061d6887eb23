"""Cross-validation: the folds, the network of each, and the time that is left."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

import torch

from LumbarSegLib.benchmark.chain import Chain, Stage, finished_stages, train_chain
from LumbarSegLib.benchmark.runs import BenchmarkData
from LumbarSegLib.benchmark.settings import hash_slices
from LumbarSegLib.errors import InputError
from LumbarSegLib.io.labeled_slices import Fold, LabeledSlice, read_fold, read_folds, read_slices

#: Called after every epoch with the fold, the stage, the log's row, and the seconds left by estimate.
EpochListener = Callable[[int, Stage, dict[str, Any], float], None]


@dataclass(frozen=True)
class CrossValidation:
    """Which networks are trained on what.

    Parameters
    ----------
    data_name : str
        Of the folder.
    slices : mapping of str to LabeledSlice
        By id, those of all folds: every fold needs about all of them.
    folds : tuple of Fold
        All of `splits.json`.
    chosen : tuple of int
        Numbers of the folds to train; each has a network of its own.
    chain : Chain
        How each is trained.
    """

    data_name: str
    slices: Mapping[str, LabeledSlice]
    folds: tuple[Fold, ...]
    chosen: tuple[int, ...]
    chain: Chain

    @property
    def nominal_spacing_mm(self) -> float:
        """Pixel size in mm that is assumed where the data state none; the same for all stages."""
        return self.chain.recipes[0].nominal_spacing_mm

    def held_back(self, fold: int) -> list[LabeledSlice]:
        """Return the slices that the network of a fold has not seen."""
        return [self.slices[name] for name in self.folds[fold].validation]

    def settings(self, device: torch.device) -> dict[str, Any]:
        """Return what all networks in one folder have in common; which folds are trained is no part of it."""
        chain = self.chain
        initial = None if chain.initial is None else hashlib.sha256(chain.initial.read_bytes()).hexdigest()
        folds = repr([(fold.train, fold.validation) for fold in self.folds])
        return {
            "model": chain.model_name,
            "seed": chain.seed,
            "stages": [stage.name for stage in chain.stages],
            "recipes": {stage.name: asdict(stage.recipe) for stage in chain.stages},
            "initial_weights_sha256": initial,
            "data": self.data_name,
            "num_folds": len(self.folds),
            "folds_sha256": hashlib.sha256(folds.encode()).hexdigest(),
            "slices_sha256": hash_slices(self.slices.values()),
            "device": device.type,
        }


def read_cross_validation(directory: Path, chosen: Iterable[int] | None, chain: Chain) -> CrossValidation:
    """Read the folds and their slices, and see that every chosen fold can be trained.

    Parameters
    ----------
    directory : Path
        Labeled slices with `splits.json`.
    chosen : iterable of int or None
        Numbers of folds; None takes all.
    chain : Chain
        How each is trained.

    Raises
    ------
    InputError
        If a slice cannot be read; there is no fold; a chosen one does not exist, holds nothing back, or
        has fewer slices to train on than a batch; a slice is held back in two
        folds; or the recipes assume different pixel sizes.
    """
    if len({recipe.nominal_spacing_mm for recipe in chain.recipes}) > 1:
        raise InputError("The recipes have different nominal_spacing_mm.", "Give all stages the same.")
    folds = read_folds(directory)
    if not folds:
        raise InputError(f"{directory / 'splits.json'} has no folds.", "Write at least one.")
    numbers = tuple(range(len(folds)) if chosen is None else sorted(set(chosen)))
    batch_size = max(recipe.batch_size for recipe in chain.recipes)
    parts = [read_fold(directory, number) for number in range(len(folds))]
    for number in numbers:
        if number not in range(len(folds)):
            raise InputError(f"--folds must be in [0, {len(folds) - 1}], got {number}.", "Choose others.")
        train, held_back = parts[number]
        if not held_back:
            raise InputError(f"Fold {number} of {directory} holds back no slices.", "Choose others with --folds.")
        if len(train) < batch_size:
            raise InputError(
                f"{directory}: the {len(train)} slices that fold {number} trains on are fewer than a batch of "
                f"{batch_size}.",
                "Add labeled slices.",
            )
    counts = Counter(name for number in numbers for name in folds[number].validation)
    twice = sorted(name for name, count in counts.items() if count > 1)
    if twice:
        raise InputError(
            f"{directory / 'splits.json'} holds {twice[0]} back more than once.", "Hold each slice back in one fold."
        )
    names = sorted({name for part in parts for ids in part for name in ids})
    slices = read_slices(directory, names, chain.recipes[0].nominal_spacing_mm)
    return CrossValidation(directory.resolve().name, {each.name: each for each in slices}, folds, numbers, chain)


def train_folds(
    validation: CrossValidation, output: Path, device: torch.device, on_epoch: EpochListener
) -> dict[int, Path]:
    """Train what is missing, one fold after the other.

    Parameters
    ----------
    validation : CrossValidation
        What to train.
    output : Path
        Holds `fold-K/STAGE`.
    device : torch.device
        Where to train.
    on_epoch : callable
        See `EpochListener`.

    Returns
    -------
    dict of int to Path
        By fold, the checkpoint of its last stage.

    Raises
    ------
    InputError
        As `train_chain`.
    """
    chain = validation.chain
    folders = {fold: output / f"fold-{fold}" for fold in validation.chosen}
    clock = _Clock(
        (fold, stage)
        for fold, folder in folders.items()
        for stage in chain.stages[len(finished_stages(chain, folder)) :]
    )
    networks = {}
    for fold, folder in folders.items():
        train = [validation.slices[name] for name in validation.folds[fold].train]
        data = BenchmarkData(validation.data_name, str(fold), train, validation.held_back(fold))

        def report(stage: Stage, row: dict[str, Any], fold: int = fold) -> None:
            on_epoch(fold, stage, row, clock.seconds_left(fold, stage, row))

        networks[fold] = train_chain(chain, data, folder, device, report)
    return networks


class _Clock:
    """Estimates the time left from the epochs so far: an epoch's time grows with the pixels of its crops."""

    def __init__(self, missing: Iterable[tuple[int, Stage]]) -> None:
        self.left = {(fold, stage.name): stage.recipe.epochs * _epoch_work(stage) for fold, stage in missing}
        self.seconds = 0.0
        self.work = 0

    def seconds_left(self, fold: int, stage: Stage, row: dict[str, Any]) -> float:
        """Take an epoch's row into account and return the seconds that remain."""
        self.seconds += row["seconds"]
        self.work += _epoch_work(stage)
        current = fold, stage.name
        for earlier in takewhile(lambda key: key != current, tuple(self.left)):  # it may have stopped early
            del self.left[earlier]
        self.left[current] = (stage.recipe.epochs - row["epoch"]) * _epoch_work(stage)
        return self.seconds / self.work * sum(self.left.values())


def _epoch_work(stage: Stage) -> int:
    return stage.recipe.augmentation.crop_pixels**2
