"""`lumbarseg train`: labeled slices to a checkpoint."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from LumbarSegLib.commands.data import choose_slices
from LumbarSegLib.commands.progress import say
from LumbarSegLib.errors import InputError
from LumbarSegLib.inference.checkpoint import load_checkpoint
from LumbarSegLib.inference.devices import choose_device
from LumbarSegLib.io.labeled_slices import read_slices
from LumbarSegLib.training.recipes import RECIPES
from LumbarSegLib.training.trainer import RESUME_NAME, RUN_FILES, Trainer, TrainingRun


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
    if options.seed < 0:
        raise InputError(f"--seed must be >= 0, got {options.seed}.", "Give a whole number from 0.")
    train, validation = choose_slices(options.data, options.fold)
    if len(train) < recipe.batch_size:
        raise InputError(
            f"{options.data}: {len(train)} slices to train on are fewer than a batch of {recipe.batch_size}.",
            "Add labeled slices.",
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
        initial=None if options.init is None else load_checkpoint(options.init),
    )
    try:
        options.output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{options.output} cannot be made ({error.strerror}).", "Name another folder.") from error
    trainer = Trainer(run, options.output)
    if options.resume:
        trainer.resume()
    else:
        for name in RUN_FILES:
            (options.output / name).unlink(missing_ok=True)
    checkpoint = trainer.fit(None if options.quiet else _print_row)
    say(f"Wrote {checkpoint}", quiet=options.quiet)


def _check_output(directory: Path, resume: bool, overwrite: bool) -> None:
    if resume and overwrite:
        raise InputError("--resume and --overwrite contradict each other.", "Pass one of them.")
    if resume and not (directory / RESUME_NAME).is_file():
        raise InputError(f"{directory} holds no unfinished run.", "Leave out --resume, or name the run's folder.")
    present = [name for name in RUN_FILES if (directory / name).exists()]
    if not present or resume or overwrite:
        return
    if RESUME_NAME in present:
        raise InputError(
            f"{directory} holds an unfinished run.", "Pass --resume to go on, or --overwrite to start anew."
        )
    raise InputError(f"{directory} holds {', '.join(present)}.", "Name another folder, or pass --overwrite.")


def _print_row(row: dict[str, Any]) -> None:
    say("  ".join(f"{key} {value}" for key, value in row.items()))
