"""`lumbarseg train`: labeled slices to a checkpoint."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from LumbarSegLib.commands.data import choose_slices
from LumbarSegLib.commands.preview import write_preview
from LumbarSegLib.commands.progress import batch_progress, say, start_logging
from LumbarSegLib.commands.run_folder import check_run_folder, make_run_folder
from LumbarSegLib.errors import InputError
from LumbarSegLib.inference.checkpoint import Checkpoint, load_checkpoint
from LumbarSegLib.inference.devices import choose_device
from LumbarSegLib.io.labeled_slices import read_slices
from LumbarSegLib.report.output_files import output_files
from LumbarSegLib.training.encoder_weights import EncoderWeights, read_encoder_weights
from LumbarSegLib.training.engine import check_devices, launch
from LumbarSegLib.training.event_log import EVENT_FILES, check_tensorboard, event_log
from LumbarSegLib.training.recipe_files import RECIPE_SUFFIXES, find_recipe, recipe_text
from LumbarSegLib.training.recipes import Recipe
from LumbarSegLib.training.trainer import RESUME_NAME, RUN_FILES, Trainer, TrainingRun

if TYPE_CHECKING:
    from lightning_fabric import Fabric


def run_train(options: argparse.Namespace) -> None:
    """Train as the options say; the checkpoint grows epoch by epoch.

    Raises
    ------
    InputError
        If the recipe, the data, the device, the network or the output folder
        cannot be used.
    """
    if options.write_recipe is not None:
        _write_recipe(options)
        return
    if options.data is None:
        raise InputError("There are no data to train on.", "Name the folder of labeled slices with --data.")
    recipe = _choose_recipe(options)
    if options.seed < 0:
        raise InputError(f"--seed must be >= 0, got {options.seed}.", "Give a whole number from 0.")
    train, validation = choose_slices(options.data, options.fold)
    if len(train) < recipe.batch_size:
        raise InputError(
            f"{options.data}: {len(train)} slices to train on are fewer than a batch of {recipe.batch_size}.",
            "Add labeled slices.",
        )
    device = choose_device(options.device)
    if options.preview is not None:
        write_preview(options, recipe, read_slices(options.data, train, recipe.nominal_spacing_mm), device.device)
        return
    check_devices(device.device, options.devices, recipe.batch_size)
    check_run_folder(options.output, RUN_FILES, RESUME_NAME, resume=options.resume, overwrite=options.overwrite)
    if options.tensorboard:
        check_tensorboard()
    run = TrainingRun(
        train=read_slices(options.data, train, recipe.nominal_spacing_mm),
        validation=read_slices(options.data, validation, recipe.nominal_spacing_mm),
        recipe=recipe,
        seed=options.seed,
        device=device.device,
        description={"data": options.data.resolve().name, "fold": options.fold},
        initial=_read_initial(options),
        model_name=options.model,
    )
    checkpoint = launch(_train, device.device, options.devices, run, options)
    say(f"Wrote {checkpoint}", quiet=options.quiet)


def _train(fabric: Fabric, run: TrainingRun, options: argparse.Namespace) -> Path:
    """Train in one of the processes; the first one writes and speaks."""
    quiet = options.quiet or not fabric.is_global_zero
    start_logging(quiet=quiet)
    trainer = Trainer(run, options.output, fabric)
    if fabric.is_global_zero:
        make_run_folder(options.output)
        if not options.resume:
            for path in (*(options.output / name for name in RUN_FILES), *options.output.glob(EVENT_FILES)):
                path.unlink(missing_ok=True)
    if options.resume:
        trainer.resume()
    with ExitStack() as stack:
        listeners: list[Callable[[dict[str, Any]], None]] = [] if quiet else [_print_row]
        if options.tensorboard and fabric.is_global_zero:
            listeners.append(stack.enter_context(event_log(options.output, trainer.epoch)).add)
        batches = trainer.source.batches_per_epoch
        on_batch = stack.enter_context(batch_progress(run.recipe.epochs, trainer.epoch, batches, quiet=quiet))

        def on_epoch(row: dict[str, Any]) -> None:
            for listen in listeners:
                listen(row)

        return trainer.fit(on_epoch, on_batch)


def _read_initial(options: argparse.Namespace) -> Checkpoint | EncoderWeights | None:
    if options.encoder_weights is not None:
        return read_encoder_weights(options.encoder_weights)
    return None if options.init is None else load_checkpoint(options.init, to_train=True)


def _choose_recipe(options: argparse.Namespace) -> Recipe:
    recipe = find_recipe(options.recipe)
    if options.epochs is None:
        return recipe
    try:
        return replace(recipe, epochs=options.epochs)
    except ValueError as error:
        raise InputError(f"--{error}", "Give another number.") from error


def _write_recipe(options: argparse.Namespace) -> None:
    path: Path = options.write_recipe
    if path.suffix.lower() not in RECIPE_SUFFIXES:
        raise InputError(f"{path} is no name for a recipe.", "Name the file FILE.yaml.")
    if options.epochs is not None:
        raise InputError("--write-recipe writes a recipe as it is.", "Leave out --epochs and edit the file.")
    text = recipe_text(options.recipe, path.stem)
    with output_files([path], inputs=[], overwrite=options.overwrite) as partial:
        partial[path].write_text(text, encoding="utf-8")
    say(f"Wrote {path}: edit it and train with --recipe {path}", quiet=options.quiet)


def _print_row(row: dict[str, Any]) -> None:
    say("  ".join(f"{key} {value}" for key, value in row.items()))
