"""`lumbarseg stress`: how the Dice coefficient falls when held-back slices are disturbed."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from LumbarSegLib.commands.evaluation_setup import set_up_evaluation
from LumbarSegLib.commands.progress import say, slice_progress
from LumbarSegLib.errors import InputError
from LumbarSegLib.evaluation.stress import StressCurve, count_versions, measure_stress
from LumbarSegLib.evaluation.stress_kinds import DISTURBANCES, Disturbance
from LumbarSegLib.report.evaluation_plots import require_matplotlib
from LumbarSegLib.report.output_folder import check_output_folder, output_folder
from LumbarSegLib.report.stress_result import write_stress


def run_stress(options: argparse.Namespace) -> None:
    """Measure and write stress curves.

    Raises
    ------
    InputError
        If a kind is unknown, matplotlib is not installed, or the data, the
        weights, the device or the output folder cannot be used.
    """
    require_matplotlib()
    disturbances = _choose(options.kinds)
    check_output_folder(options.output, overwrite=options.overwrite)
    setup = set_up_evaluation(options)
    total = len(setup.slices) * count_versions(disturbances)
    with output_folder(options.output, overwrite=options.overwrite) as folder:
        with slice_progress(total, quiet=options.quiet) as progress:
            curves = measure_stress(setup.predictor, setup.slices, disturbances, setup.units, progress)
        write_stress(folder, curves, setup.units, setup.context, setup.notes)
    _print(curves)
    say(f"Wrote {options.output / 'stress.md'}", quiet=options.quiet)


def _choose(kinds: str | None) -> list[Disturbance]:
    by_key = {each.key: each for each in DISTURBANCES}
    if kinds is None:
        return list(DISTURBANCES)
    asked = [word.strip() for word in kinds.split(",")]
    unknown = [key for key in asked if key not in by_key]
    if unknown:
        raise InputError(f"--kinds knows no {unknown[0]!r}.", f"Choose among {', '.join(by_key)}.")
    return [by_key[key] for key in dict.fromkeys(asked)]


def _print(curves: Sequence[StressCurve]) -> None:
    say(f"  {'disturbance':<36}{'undisturbed':>12}{'at last':>12}{'breaks at':>11}{'sac breaks':>12}{'sacs lost':>11}")
    for curve in curves:
        dice = [curve.levels[place].mean_dice.value for place in (0, -1)]
        cells = "".join(f"{'-' if value is None else f'{value:.4f}':>12}" for value in dice)
        levels = (curve.breaking_level, curve.sac_breaking_level)
        breaking, sac_breaking = ("-" if level is None else f"{level:g}" for level in levels)
        lost = max(each.num_lost_sacs for each in curve.levels)
        say(f"  {curve.disturbance.title:<36}{cells}{breaking:>11}{sac_breaking:>12}{lost:>11}")
