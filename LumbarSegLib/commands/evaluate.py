"""`lumbarseg evaluate`: a checkpoint against labelled slices."""

from __future__ import annotations

import argparse
from typing import Any

from LumbarSegLib.anatomy import ANATOMIES
from LumbarSegLib.commands.data import choose_slices
from LumbarSegLib.commands.progress import say
from LumbarSegLib.errors import InputError
from LumbarSegLib.evaluation.evaluator import evaluate_slices, summarize, write_evaluation
from LumbarSegLib.inference.checkpoint import Checkpoint, load_checkpoint
from LumbarSegLib.inference.devices import choose_device
from LumbarSegLib.inference.predictor import Predictor
from LumbarSegLib.io.labelled_slices import list_slices, read_slices
from LumbarSegLib.report.output_folder import output_folder

#: Pixel size in mm taken where neither the data nor the checkpoint say.
_FALLBACK_SPACING_MM = 0.38


def run_evaluate(options: argparse.Namespace) -> None:
    """Evaluate as the options say.

    Raises
    ------
    InputError
        If the data, the weights, the device or the output folder cannot be used.
    """
    _, held_back = choose_slices(options.data, options.fold)
    names = held_back or list_slices(options.data)
    checkpoint = load_checkpoint(options.weights)
    device = choose_device(options.device)
    spacing_mm = _nominal_spacing_mm(checkpoint, options.spacing_mm)
    predictor = Predictor(checkpoint, device.device, flip_average=options.flip_average)
    slices = read_slices(options.data, names, spacing_mm)
    context: dict[str, Any] = {
        "weights": checkpoint.name,
        "weights_sha256": checkpoint.sha256,
        "data": options.data.resolve().name,
        "fold": options.fold,
        "trained_on_fold": checkpoint.training.get("fold"),
        "nominal_spacing_mm": spacing_mm,
        "flip_average": options.flip_average,
        "device": str(device.device),
    }
    if options.output is None:
        overlaps = evaluate_slices(predictor, slices)
    else:
        with output_folder(options.output, overwrite=options.overwrite) as folder:
            overlaps = evaluate_slices(predictor, slices)
            write_evaluation(folder, overlaps, context)
    _print(summarize(overlaps), context)


def _nominal_spacing_mm(checkpoint: Checkpoint, asked_mm: float | None) -> float:
    if asked_mm is not None:
        if not asked_mm > 0:
            raise InputError(f"--spacing-mm must be positive, got {asked_mm}.", "Give the pixel size in mm.")
        return asked_mm
    return float(checkpoint.training.get("recipe", {}).get("nominal_spacing_mm", _FALLBACK_SPACING_MM))


def _print(summary: dict[str, Any], context: dict[str, Any]) -> None:
    say(f"{context['weights']} on {summary['num_slices']} slices of {context['data']}, fold {context['fold']}")
    if context["trained_on_fold"] != context["fold"]:
        say(f"  note: these weights were trained on fold {context['trained_on_fold']}, so slices may have been seen")
    say(f"  {'class':<22}{'DSC':>7}   worst slice")
    for anatomy in ANATOMIES:
        value = summary["dice"][anatomy.key]
        if value is None:
            say(f"  {anatomy.name:<22}{'-':>7}   not in these slices")
            continue
        worst = summary["worst"][anatomy.key]
        say(f"  {anatomy.name:<22}{value:7.4f}   {worst['slice']} ({worst['dice']:.3f})")
    if summary["mean_dice"] is not None:
        say(f"  {'mean of the classes':<22}{summary['mean_dice']:7.4f}")
