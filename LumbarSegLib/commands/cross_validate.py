"""`lumbarseg cross-validate`: what a chain of recipes gives on slices that its networks have not seen."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from LumbarSegLib.anatomy import NUM_CLASSES
from LumbarSegLib.benchmark.chain import Chain, Stage
from LumbarSegLib.benchmark.cross_validation import CrossValidation, read_cross_validation, train_folds
from LumbarSegLib.benchmark.cross_validation_result import FoldResult, evaluate_fold, write_cross_validation
from LumbarSegLib.benchmark.settings import claim_folder
from LumbarSegLib.commands.evaluate import print_small_sacs, print_summary
from LumbarSegLib.commands.evaluation_setup import ASSUMED, ASSUMED_NOTE, find_spacing_source
from LumbarSegLib.commands.progress import say
from LumbarSegLib.errors import InputError
from LumbarSegLib.evaluation.evaluator import summarize
from LumbarSegLib.evaluation.subgroups import compare_small_sacs, outlined_sacs
from LumbarSegLib.evaluation.surface import require_monai
from LumbarSegLib.evaluation.units import MILLIMETERS, PIXELS, Units
from LumbarSegLib.inference.checkpoint import load_checkpoint
from LumbarSegLib.inference.devices import choose_device
from LumbarSegLib.report.evaluation_plots import require_matplotlib
from LumbarSegLib.report.output_folder import check_output_folder, output_folder
from LumbarSegLib.training.initial_network import make_network
from LumbarSegLib.training.recipe_files import find_recipe
from LumbarSegLib.training.recipes import Recipe

#: Folder of the figures in `--output`.
_FIGURES = "evaluation"


def run_cross_validate(options: argparse.Namespace) -> None:
    """Train what is missing of every fold, then evaluate all of them together.

    Raises
    ------
    InputError
        If a recipe, the data, the device, the weights to start from or the
        output folder cannot be used, or a package is not installed.
    """
    require_monai()
    require_matplotlib()
    chain = _read_chain(options)
    initial = _describe_initial(chain)
    validation = _read_data(options, chain)
    device = choose_device(options.device).device
    claim_folder(options.output, "cross-validation", validation.settings(device))
    check_output_folder(options.output / _FIGURES, overwrite=True)

    def on_epoch(fold: int, stage: Stage, row: dict[str, Any], seconds_left: float) -> None:
        place = f"fold {fold}  {stage.name}  epoch {row['epoch']}"
        say(f"{place}  loss {row['loss']}  left {_duration(seconds_left)}", quiet=options.quiet)

    networks = train_folds(validation, options.output, device, on_epoch)
    _evaluate(options, validation, networks, initial, device)


def _read_chain(options: argparse.Namespace) -> Chain:
    if options.seed < 0:
        raise InputError(f"--seed must be >= 0, got {options.seed}.", "Give a whole number from 0.")
    recipes = _choose_recipes(options.recipe or ["best"], options.epochs)
    return Chain(recipes, options.model, options.seed, options.init)


def _choose_recipes(names: Sequence[str], epochs: Sequence[int] | None) -> tuple[Recipe, ...]:
    recipes = tuple(find_recipe(name) for name in names)
    if epochs is None:
        return recipes
    if len(epochs) != len(recipes):
        raise InputError(
            f"--epochs has {len(epochs)} numbers for {len(recipes)} recipes.", "Give one number for each --recipe."
        )
    try:
        return tuple(replace(recipe, epochs=number) for recipe, number in zip(recipes, epochs, strict=True))
    except ValueError as error:
        raise InputError(f"--{error}", "Give another number.") from error


def _describe_initial(chain: Chain) -> dict[str, Any] | None:
    """Name the weights that every fold starts from; refuse those of another network before anything is trained."""
    if chain.initial is None:
        return None
    checkpoint = load_checkpoint(chain.initial, to_train=True)
    make_network(chain.model_name, NUM_CLASSES, checkpoint)
    return {
        "name": checkpoint.name,
        "sha256": checkpoint.sha256,
        "data": checkpoint.training.get("data"),
        "fold": checkpoint.training.get("fold"),
    }


def _read_data(options: argparse.Namespace, chain: Chain) -> CrossValidation:
    if not options.data.is_dir():
        raise InputError(f"{options.data} is not a folder.", "Give the folder that holds images/ and labels/.")
    if options.folds is None:
        return read_cross_validation(options.data, None, chain)
    try:
        chosen = [int(word) for word in options.folds.split(",")]
    except ValueError as error:
        raise InputError(f"--folds must be numbers, got {options.folds!r}.", "Write them as in --folds 0,1.") from error
    return read_cross_validation(options.data, chosen, chain)


def _evaluate(
    options: argparse.Namespace,
    validation: CrossValidation,
    networks: Mapping[int, Path],
    initial: Mapping[str, Any] | None,
    device: torch.device,
) -> None:
    chain = validation.chain
    spacing_source = find_spacing_source(options.data, None)
    units = PIXELS if spacing_source == ASSUMED else MILLIMETERS
    context = {
        "weights": f"{chain.model_name} ({' + '.join(recipe.name for recipe in chain.recipes)}), cross-validated",
        "data": validation.data_name,
        "fold": ", ".join(map(str, validation.chosen)),
        "num_folds": len(validation.folds),
        "epochs": {stage.name: stage.recipe.epochs for stage in chain.stages},
        "seed": chain.seed,
        "initial_weights": initial,
        "nominal_spacing_mm": validation.nominal_spacing_mm,
        "spacing_source": spacing_source,
        "flip_average": options.flip_average,
        "device": str(device),
    }
    notes = _notes(validation, initial)
    if spacing_source == ASSUMED:
        notes.insert(0, ASSUMED_NOTE)
    folder = options.output / _FIGURES
    with output_folder(folder, overwrite=True) as partial:
        results = []
        for fold, weights in networks.items():
            say(f"fold {fold}  segmenting {len(validation.held_back(fold))} slices", quiet=options.quiet)
            results.append(evaluate_fold(validation, fold, weights, units, device, flip_average=options.flip_average))
        write_cross_validation(partial, results, units, context, notes)
    say(f"{context['weights']}, on {context['data']}, folds {context['fold']} of {context['num_folds']}")
    for note in notes:
        say(f"  note: {note}")
    _print(results, units)
    say(f"Wrote {folder / 'evaluation.md'}", quiet=options.quiet)


def _notes(validation: CrossValidation, initial: Mapping[str, Any] | None) -> list[str]:
    """Say what bends the figures or limits them."""
    notes = []
    if len(validation.chosen) < len(validation.folds):
        left_out = sorted(set(range(len(validation.folds))) - set(validation.chosen))
        notes.append(
            f"only a part of the cross-validation: folds {', '.join(map(str, left_out))} of {len(validation.folds)} "
            "are left out."
        )
    elif never := set(validation.slices) - {name for fold in validation.folds for name in fold.validation}:
        notes.append(
            f"no fold holds back {len(never)} of {len(validation.slices)} slices; they are not in the figures."
        )
    if initial is not None and validation.data_name in str(initial["data"]).split("+"):
        notes.append(
            f"every fold started from the weights {initial['name']}, made from these data (fold {initial['fold']}): "
            "they may have seen slices that are held back here."
        )
    if any(recipe.patience for recipe in validation.chain.recipes):
        notes.append("early stopping chose epochs on the slices that are evaluated here: the figures flatter.")
    return notes


def _print(results: Sequence[FoldResult], units: Units) -> None:
    overlaps = [each.overlap for result in results for each in result.assessed]
    slices = [each for result in results for each in result.slices]
    print_summary(summarize(overlaps))
    print_small_sacs(compare_small_sacs(outlined_sacs(overlaps, slices, units)), units)


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min"
