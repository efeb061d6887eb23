"""`lumbarseg train`: labelled slices to a checkpoint."""

from __future__ import annotations

import argparse
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

from LumbarSegLib.commands.data import choose_slices
from LumbarSegLib.commands.progress import say
from LumbarSegLib.errors import InputError
from LumbarSegLib.inference.devices import choose_device
from LumbarSegLib.io.labelled_slices import read_slices
from LumbarSegLib.training.recipes import RECIPES
from LumbarSegLib.training.trainer import CHECKPOINT_NAME, Trainer, TrainingRun

logger = logging.getLogger(__name__)


def run_train(options: argparse.Namespace) -> None:
    """Train as the options say; the checkpoint grows epoch by epoch.

    Raises
    ------
    InputError
        If the data, the device or the output folder cannot be used.
    """
    recipe = RECIPES[options.recipe]
    if options.epochs is not None:
        if options.epochs < 1:
            raise InputError(f"--epochs must be >= 1, got {options.epochs}.", "Give a positive number.")
        recipe = replace(recipe, epochs=options.epochs)
    train, validation = choose_slices(options.data, options.fold)
    if len(train) < recipe.batch_size:
        raise InputError(
            f"{options.data}: {len(train)} slices to train on are fewer than a batch of {recipe.batch_size}.",
            "Add labelled slices.",
        )
    device = choose_device(options.device)
    _check_output(options.output, options.resume, options.overwrite)
    run = TrainingRun(
        train=read_slices(options.data, train, recipe.nominal_spacing_mm),
        validation=read_slices(options.data, validation, recipe.nominal_spacing_mm),
        recipe=recipe,
        seed=options.seed,
        device=device.device,
        description={"data": options.data.resolve().name, "fold": options.fold},
    )
    options.output.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(run, options.output)
    if options.resume:
        trainer.resume()
    checkpoint = trainer.fit(None if options.quiet else _print_row)
    say(f"Wrote {checkpoint}", quiet=options.quiet)


def _check_output(directory: Path, resume: bool, overwrite: bool) -> None:
    if resume or overwrite:
        return
    if (directory / CHECKPOINT_NAME).exists():
        raise InputError(f"{directory} already holds a run.", "Pass --resume to go on, or --overwrite to start anew.")


def _print_row(row: dict[str, Any]) -> None:
    say("  ".join(f"{key} {value}" for key, value in row.items()))
