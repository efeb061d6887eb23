"""`lumbarseg selftest`: whether this installation measures what is known."""

from __future__ import annotations

import argparse
import importlib.util
import logging
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timezone
from pathlib import Path

from LumbarSegLib.commands.progress import say
from LumbarSegLib.errors import CheckFailure, InputError
from LumbarSegLib.report.output_files import output_files
from LumbarSegLib.report.text_files import open_text
from LumbarSegLib.selftest.checks import CaseResult
from LumbarSegLib.selftest.environment import WeightsCheck, check_weights, versions
from LumbarSegLib.selftest.geometries import run_geometries
from LumbarSegLib.selftest.page import make_page
from LumbarSegLib.selftest.result import SelfTestResult, format_share
from LumbarSegLib.selftest.round_trips import run_dicom_round_trips, run_file_round_trips

_LINE = "{:<74}{:>7}{:>16}{:>13}"


def run_selftest(options: argparse.Namespace) -> None:
    """Run the suite, print a line per case and write the page where asked to.

    Raises
    ------
    InputError
        If the page cannot be put where the options say, or torch is missing for `--with-network`.
    CheckFailure
        If any check failed, after all is printed and written.
    """
    if options.with_network and importlib.util.find_spec("torch") is None:
        raise InputError("--with-network needs torch, which is not installed.", "Install torch, or leave it out.")
    started_at = datetime.now(timezone.utc)
    outputs = [] if options.output is None else [options.output]
    with output_files(outputs, inputs=(), overwrite=options.overwrite) as partial:
        say(_LINE.format("case", "checks", "worst", "wrong sides"), quiet=options.quiet)
        weights = check_weights()
        cases = []
        with _no_news_of_reading():
            for case in _run_cases(weights, with_network=options.with_network):
                cases.append(case)
                _print_case(case, quiet=options.quiet)
        result = SelfTestResult(tuple(cases), weights, versions(), started_at)
        for path in partial.values():
            with open_text(path) as file:
                file.write(make_page(result))
    say(f"Weights: {weights.verdict}", quiet=options.quiet)
    say(result.summary, quiet=options.quiet)
    if outputs:
        say(f"Wrote {options.output}", quiet=options.quiet)
    if not result.passed:
        raise CheckFailure(
            f"{result.num_failed} checks of the self-test failed.",
            "Do not measure with this installation; install LumbarSeg again, and if that does not help, "
            "report it with the page that --output writes.",
        )


@contextmanager
def _no_news_of_reading() -> Iterator[None]:
    """Keep to warnings: which series was chosen is of no interest here."""
    logger = logging.getLogger("LumbarSegLib")
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)


def _run_cases(weights: WeightsCheck, *, with_network: bool) -> Iterator[CaseResult]:
    yield from run_geometries()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (folder / "volumes").mkdir()
        yield from run_file_round_trips(folder / "volumes")
        yield from run_dicom_round_trips(folder / "dicom")
        if with_network and weights.passed:
            from LumbarSegLib.selftest.network_run import run_network  # torch is slow to import

            yield run_network(folder / "network")


def _print_case(case: CaseResult, *, quiet: bool) -> None:
    """One line for a case, and one for each check that failed, which are printed in any case."""
    quiet = quiet and not case.num_failed
    line = _LINE.format(case.name, len(case.checks), format_share(case.worst), case.num_wrong_sides)
    say(line + ("  FAILED" if case.num_failed else ""), quiet=quiet)
    for check in case.checks:
        if not check.passed:
            measured, expected = (
                "none" if value is None else f"{value:.2f} {check.unit}"
                for value in (check.measured, check.expected.value)
            )
            side = "wrong side, " if check.is_wrong_side else ""
            limit = f"within {check.expected.tolerance:.2f} ({check.expected.reason})"
            say(f"  block/slice {check.place}: {check.key} {side}{measured} instead of {expected}, {limit}")
