"""`lumbarseg check-data`: what is wrong or suspicious in a folder of labeled slices."""

from __future__ import annotations

import argparse
from collections import defaultdict
from contextlib import ExitStack
from typing import Any

from LumbarSegLib.commands.progress import say
from LumbarSegLib.dataset_checks import Finding, FolderCheck, check_folder
from LumbarSegLib.errors import InputError
from LumbarSegLib.report.dataset_report import summarize_folder, write_dataset_report
from LumbarSegLib.report.output_folder import output_folder
from LumbarSegLib.training.recipes import BEST

#: Lines for one kind of finding on the terminal; the files have all.
_MAX_LINES = 8


def run_check_data(options: argparse.Namespace) -> None:
    """Check a folder, print what was found, and write it where asked to.

    Raises
    ------
    InputError
        If there is nothing to check, or, after all is printed and written, if
        anything is an error.
    """
    with ExitStack() as stack:
        folder = None
        if options.output is not None:
            folder = stack.enter_context(output_folder(options.output, overwrite=options.overwrite))
        check = check_folder(options.data, BEST.nominal_spacing_mm)
        if folder is not None:
            write_dataset_report(folder, check, options.data)
    if not options.quiet:
        _print_summary(options.data.resolve().name, summarize_folder(check))
    _print_findings(check, quiet=options.quiet)
    if options.output is not None:
        say(f"Wrote {options.output}", quiet=options.quiet)
    errors = [each for each in check.findings if each.severity == "error"]
    if errors:
        count = f"{len(errors)} errors, the first" if len(errors) > 1 else "an error"
        raise InputError(f"{options.data} has {count}: {errors[0].reason}", "Repair the data and check again.")


def _print_summary(name: str, summary: dict[str, Any]) -> None:
    shapes = ", ".join(f"{rows} x {columns}" for rows, columns in summary["shapes"])
    say(f"{name}: {summary['num_slices']} slices that can be read")
    if not summary["num_slices"]:
        return
    spacings = summary["spacings_mm"]
    spacing = (
        "not stated" if spacings is None else " to ".join(f"{value:g}" for value in dict.fromkeys(spacings)) + " mm"
    )
    say(f"  size {shapes} pixels; pixel size {spacing}")
    say(f"  images {', '.join(summary['image_depths'])}; label maps {', '.join(summary['label_depths'])}")
    say(f"  label values {' '.join(map(str, summary['label_values']))}")
    say(f"  {'class':<22}{'slices':>7}{'pieces':>8}   area in {summary['area_unit']}: median (5 % to 95 %)")
    for key, figures in summary["classes"].items():
        area = "-"
        if figures["num_slices"]:
            low, high = figures["percentile_5_area"], figures["percentile_95_area"]
            area = f"{figures['median_area']:.0f} ({low:.0f} to {high:.0f})"
        say(f"  {key:<22}{figures['num_slices']:>7}{figures['most_pieces']:>8}   {area}")


def _print_findings(check: FolderCheck, *, quiet: bool) -> None:
    kinds: dict[tuple[str, str], list[Finding]] = defaultdict(list)
    for each in check.findings:
        if not (quiet and each.severity == "note"):
            kinds[each.severity, each.check].append(each)
    width = max((len(each.slices[0]) for each in check.findings if len(each.slices) == 1), default=0)
    for (severity, what), findings in kinds.items():
        start = f"{severity:<8} {what:<15} "
        for each in findings[:_MAX_LINES]:
            name = each.slices[0] if len(each.slices) == 1 else ""
            say(f"{start}{name:<{width}}  {each.reason}")
        if len(findings) > _MAX_LINES:
            say(f"{start}{'':<{width}}  ... and {len(findings) - _MAX_LINES} more; --output writes all")
    say(f"{check.count('error')} errors, {check.count('warning')} warnings, {check.count('note')} notes", quiet=quiet)
