"""`lumbarseg calibrate`: what the intervals of areas take, from slices that the network has not seen."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from LumbarSegLib.commands.progress import say
from LumbarSegLib.errors import InputError
from LumbarSegLib.evaluation.area_calibration import MIN_AREAS, fit_area_calibration, left_out_coverage
from LumbarSegLib.evaluation.area_errors import fit_area_errors
from LumbarSegLib.evaluation.assessment import IntervalCoverage, compute_coverage
from LumbarSegLib.inference.checkpoint import read_description
from LumbarSegLib.measurement.area_errors import AreaError
from LumbarSegLib.report.held_out_areas import read_held_out_areas
from LumbarSegLib.report.output_files import output_files
from LumbarSegLib.report.text_files import write_json_file

_METHOD = (
    "split-conformal terms on the logarithm of the area, for the lower and the upper bound of the class "
    "probabilities (conformalized quantile regression, Romano et al. 2019, arXiv 1905.03222)"
)

_ERRORS_METHOD = (
    "standard deviation of ln(outlined / reference) over the same areas; smallest detectable change "
    "1.96 * sqrt(2) of it (Weir 2005, doi 10.1519/15184.1)"
)


def run_calibrate(options: argparse.Namespace) -> None:
    """Fit the calibration, test it on what was left out, and write it beside what describes the weights.

    Raises
    ------
    InputError
        If an evaluation, the weights or the output cannot be used.
    """
    if options.output.suffix != ".json":
        raise InputError(f"--output must be a .json file, got {options.output}.", "Name it like the weights.")
    with output_files([options.output], inputs=[options.weights], overwrite=options.overwrite) as write_to:
        description = read_description(options.weights)
        areas, sources, left_out = read_held_out_areas(options.evaluation)
        pairs = {key: [each.pair for each in held_out] for key, held_out in areas.items()}
        calibration, errors = fit_area_calibration(pairs), fit_area_errors(pairs)
        if not calibration.terms:
            raise InputError(f"There are fewer than {MIN_AREAS} areas of every class.", "Evaluate on more slices.")
        coverage = left_out_coverage(areas)
        bounds_alone = {
            key: compute_coverage([each.pair for each in held_out if each.pair.predicted])
            for key, held_out in areas.items()
        }
        description["area_calibration"] = {
            "method": _METHOD,
            **asdict(calibration),
            "errors_method": _ERRORS_METHOD,
            "errors": {key: asdict(each) for key, each in errors.items()},
            "left_out": left_out,
            "left_out_coverage": {key: asdict(each) for key, each in coverage.items()},
            "sources": sources,
        }
        write_json_file(write_to[options.output], description)
    if not options.quiet:
        _print(coverage, bounds_alone, left_out)
        _print_errors(errors)
    say(f"Wrote {options.output}", quiet=options.quiet)


def _print(coverage: dict[str, IntervalCoverage], bounds_alone: dict[str, IntervalCoverage], left_out: str) -> None:
    say(f"Share of areas that a 90 % interval holds, calibrated without the {left_out} of the area")
    say(f"  {'area':<26}{'areas':>6}{'coverage':>10}{'95 % interval':>18}{'width':>9}{'uncalibrated':>14}{'width':>9}")
    for key, calibrated in coverage.items():
        alone = bounds_alone[key]
        interval = "-" if calibrated.low is None else f"{calibrated.low:.3f} to {calibrated.high:.3f}"
        say(
            f"  {key:<26}{calibrated.num_slices:>6}{_share(calibrated.share):>10}{interval:>18}"
            f"{_percent(calibrated.mean_width_percent.value):>9}{_share(alone.share):>14}"
            f"{_percent(alone.mean_width_percent.value):>9}"
        )
    say("  width: mean, in percent of the true area; only areas that are outlined and in the reference count")


def _print_errors(errors: dict[str, AreaError]) -> None:
    say("Smallest change of an area that the error of the outlines does not explain (95 %, 'lumbarseg compare')")
    say(f"  {'area':<26}{'areas':>6}{'decrease':>10}{'increase':>10}{'pairs within':>14}")
    for key, error in errors.items():
        low, high = error.unchanged_range(100.0)
        changes = f"{_percent(100 - low):>10}{_percent(high - 100):>10}"
        say(f"  {key:<26}{error.num_areas:>6}{changes}{error.pairs_within:>14.3f}")
    say("  pairs within: share of pairs of slices whose errors differ by less; 0.95 if errors are normally distributed")


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f} %"
