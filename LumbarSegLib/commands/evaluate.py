"""`lumbarseg evaluate`: a checkpoint against labeled slices."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from LumbarSegLib.anatomy import ANATOMIES
from LumbarSegLib.commands.evaluation_setup import EvaluationSetup, set_up_evaluation
from LumbarSegLib.commands.progress import say
from LumbarSegLib.evaluation.assessment import assess_slices
from LumbarSegLib.evaluation.evaluator import evaluate_slices, summarize
from LumbarSegLib.evaluation.overlap import SliceOverlap
from LumbarSegLib.evaluation.subgroups import SmallSacs, compare_small_sacs, outlined_sacs
from LumbarSegLib.evaluation.surface import require_monai
from LumbarSegLib.evaluation.units import Units
from LumbarSegLib.report.evaluation_plots import require_matplotlib
from LumbarSegLib.report.evaluation_result import write_evaluation
from LumbarSegLib.report.output_folder import output_folder


def run_evaluate(options: argparse.Namespace) -> None:
    """Evaluate as the options say.

    Raises
    ------
    InputError
        If the data, the weights, the device or the output folder cannot be used.
    """
    if options.output is not None:
        require_monai()
        require_matplotlib()
    setup = set_up_evaluation(options)
    overlaps = _evaluate(options, setup)
    if not options.quiet:
        _print_slices(overlaps)
    _print(summarize(overlaps), setup)
    print_small_sacs(compare_small_sacs(outlined_sacs(overlaps, setup.slices, setup.units)), setup.units)


def _evaluate(options: argparse.Namespace, setup: EvaluationSetup) -> list[SliceOverlap]:
    """Compare the slices and write what `--output` asks for."""
    if options.output is None:
        return evaluate_slices(setup.predictor, setup.slices)
    with output_folder(options.output, overwrite=options.overwrite) as folder:
        assessed = assess_slices(setup.predictor, setup.slices, setup.units)
        write_evaluation(folder, setup.slices, assessed, setup.units, setup.context, setup.notes)
    return [each.overlap for each in assessed]


def _print_slices(overlaps: Sequence[SliceOverlap]) -> None:
    keys = [anatomy.key for anatomy in ANATOMIES]
    say(f"  {'slice':<12}" + "".join(f"{key[:12]:>14}" for key in keys))
    for each in overlaps:
        cells = ["-" if each.dice[key] is None else f"{each.dice[key]:.3f}" for key in keys]
        say(f"  {each.name:<12}" + "".join(f"{cell:>14}" for cell in cells))


def _print(summary: dict[str, Any], setup: EvaluationSetup) -> None:
    context = setup.context
    say(f"{context['weights']} on {summary['num_slices']} slices of {context['data']}, fold {context['fold']}")
    trained_on = context["trained_on"]
    if setup.were_seen:
        say(f"  note: these weights were trained on {trained_on['data']}, fold {trained_on['fold']}: slices were seen")
    print_summary(summary)


def print_summary(summary: dict[str, Any]) -> None:
    """Print what `summarize` returns, without the slices one by one."""
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


def print_small_sacs(sacs: SmallSacs | None, units: Units) -> None:
    """Print one line about the smallest fifth of the sacs, if there is one."""
    if sacs is None:
        return
    small, rest, difference = sacs.small, sacs.rest, sacs.dice_difference
    interval = "" if difference.low is None else f" [{difference.low:+.4f}, {difference.high:+.4f}]"
    say(
        f"  smallest fifth of the sacs ({small.dice.num_slices}, up to {small.largest_area:.0f} {units.area}): "
        f"DSC {small.dice.value:.4f}, the others {rest.dice.value:.4f}, difference {difference.value:+.4f}{interval}; "
        f"lost: {small.num_lost} and {rest.num_lost}"
    )
