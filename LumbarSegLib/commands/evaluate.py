"""`lumbarseg evaluate`: a checkpoint against labeled slices."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from LumbarSegLib.anatomy import ANATOMIES
from LumbarSegLib.commands.data import choose_slices
from LumbarSegLib.commands.progress import say
from LumbarSegLib.errors import InputError
from LumbarSegLib.evaluation.assessment import assess_slices
from LumbarSegLib.evaluation.evaluator import evaluate_slices, summarize
from LumbarSegLib.evaluation.overlap import SliceOverlap
from LumbarSegLib.evaluation.surface import require_monai
from LumbarSegLib.evaluation.units import MILLIMETERS, PIXELS
from LumbarSegLib.inference.checkpoint import Checkpoint, load_checkpoint
from LumbarSegLib.inference.devices import choose_device
from LumbarSegLib.inference.predictor import Predictor
from LumbarSegLib.io.labeled_slices import LabeledSlice, read_index, read_slices
from LumbarSegLib.report.evaluation_plots import require_matplotlib
from LumbarSegLib.report.evaluation_result import write_evaluation
from LumbarSegLib.report.output_folder import output_folder
from LumbarSegLib.study_reading.checks import check_given_spacing
from LumbarSegLib.training.recipes import BEST

#: Of a pixel size that neither the data nor the user states.
_ASSUMED = "assumed"


def run_evaluate(options: argparse.Namespace) -> None:
    """Evaluate as the options say.

    Raises
    ------
    InputError
        If the data, the weights, the device or the output folder cannot be used.
    """
    check_given_spacing(options.spacing_mm)
    if options.output is not None:
        require_monai()
        require_matplotlib()
    train, held_back = choose_slices(options.data, options.fold)
    names = train if options.fold == "all" else held_back
    if not names:
        raise InputError(f"Fold {options.fold} of {options.data} holds back no slices.", "Repair splits.json.")
    checkpoint = load_checkpoint(options.weights)
    device = choose_device(options.device)
    spacing_mm = _nominal_spacing_mm(checkpoint, options.spacing_mm)
    predictor = Predictor(checkpoint, device.device, precision=options.precision, flip_average=options.flip_average)
    slices = read_slices(options.data, names, spacing_mm)
    context: dict[str, Any] = {
        "weights": checkpoint.name,
        "weights_sha256": checkpoint.sha256,
        "data": options.data.resolve().name,
        "fold": options.fold,
        "trained_on": {"data": checkpoint.training.get("data"), "fold": checkpoint.training.get("fold")},
        "nominal_spacing_mm": spacing_mm,
        "spacing_source": _spacing_source(options),
        "flip_average": options.flip_average,
        "device": str(device.device),
        "number_format": predictor.number_format,
    }
    overlaps = _evaluate(options, predictor, slices, context)
    if not options.quiet:
        _print_slices(overlaps)
    _print(summarize(overlaps), context)


def _evaluate(
    options: argparse.Namespace, predictor: Predictor, slices: Sequence[LabeledSlice], context: dict[str, Any]
) -> list[SliceOverlap]:
    """Compare the slices and write what `--output` asks for."""
    if options.output is None:
        return evaluate_slices(predictor, slices)
    notes = []
    units = MILLIMETERS
    if context["spacing_source"] == _ASSUMED:
        units = PIXELS
        notes.append("the data state no pixel size, so that lengths and areas are in pixels.")
    if _were_seen(context):
        notes.append("the weights were trained on some of these slices, which says nothing about other ones.")
    with output_folder(options.output, overwrite=options.overwrite) as folder:
        assessed = assess_slices(predictor, slices, units)
        write_evaluation(folder, slices, assessed, units, context, notes)
    return [each.overlap for each in assessed]


def _spacing_source(options: argparse.Namespace) -> str:
    """Name what states the pixel size; `read_slices` has checked that it does so for all slices or none."""
    if any(entry.spacing_mm is not None for entry in read_index(options.data).values()):
        return "index.csv"
    return _ASSUMED if options.spacing_mm is None else "--spacing-mm"


def _were_seen(context: dict[str, Any]) -> bool:
    trained_on = context["trained_on"]
    same_split = trained_on["fold"] == context["fold"] != "all"
    return trained_on["data"] == context["data"] and not same_split


def _nominal_spacing_mm(checkpoint: Checkpoint, asked_mm: float | None) -> float:
    if asked_mm is not None:
        return asked_mm
    return float(checkpoint.training.get("recipe", {}).get("nominal_spacing_mm", BEST.nominal_spacing_mm))


def _print_slices(overlaps: Sequence[SliceOverlap]) -> None:
    keys = [anatomy.key for anatomy in ANATOMIES]
    say(f"  {'slice':<12}" + "".join(f"{key[:12]:>14}" for key in keys))
    for each in overlaps:
        cells = ["-" if each.dice[key] is None else f"{each.dice[key]:.3f}" for key in keys]
        say(f"  {each.name:<12}" + "".join(f"{cell:>14}" for cell in cells))


def _print(summary: dict[str, Any], context: dict[str, Any]) -> None:
    say(f"{context['weights']} on {summary['num_slices']} slices of {context['data']}, fold {context['fold']}")
    trained_on = context["trained_on"]
    if _were_seen(context):
        say(f"  note: these weights were trained on {trained_on['data']}, fold {trained_on['fold']}: slices were seen")
    say(f"  {'class':<22}{'DSC':>7}{'pooled':>9}   worst slice")
    for anatomy in ANATOMIES:
        value = summary["dice"][anatomy.key]
        if value is None:
            say(f"  {anatomy.name:<22}{'-':>7}{'-':>9}   not in these slices")
            continue
        worst = summary["worst"][anatomy.key]
        pooled = summary["pooled_dice"][anatomy.key]
        say(f"  {anatomy.name:<22}{value:7.4f}{pooled:9.4f}   {worst['slice']} ({worst['dice']:.3f})")
    if summary["mean_dice"] is not None:
        say(f"  {'mean of the classes':<22}{summary['mean_dice']:7.4f}{summary['mean_pooled_dice']:9.4f}")
    say("  DSC: mean over the slices that have the class; pooled: over the pixels of all slices together")
    if "by_plane" in summary:
        _print_planes(summary)


def _print_planes(summary: dict[str, Any]) -> None:
    rows = {f"{plane} ({part['num_slices']})": part for plane, part in summary["by_plane"].items()}
    rows["all, but discs on endplates"] = summary["without_endplate_discs"]
    keys = [anatomy.key for anatomy in ANATOMIES]
    say(f"  {'DSC by plane (slices)':<28}" + "".join(f"{key[:12]:>14}" for key in [*keys, "mean"]))
    for name, part in rows.items():
        values = [*(part["dice"][key] for key in keys), part["mean_dice"]]
        say(f"  {name:<28}" + "".join(f"{'-' if value is None else f'{value:.3f}':>14}" for value in values))
