"""The result as one HTML page to print and keep: no scripts, no other files."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable

from LumbarSegLib.anatomy import ANATOMIES
from LumbarSegLib.report.provenance import RESEARCH_USE_NOTICE
from LumbarSegLib.selftest.checks import CaseResult, Check
from LumbarSegLib.selftest.result import SelfTestResult, format_share

_PICTURES_PER_ROW = 5

_STYLE = """
body { font: 14px/1.45 system-ui, sans-serif; color: #1b1e24; max-width: 1080px; margin: 24px auto; padding: 0 16px; }
h1 { font-size: 24px; } h2 { font-size: 18px; margin-top: 32px; } h3 { font-size: 14px; margin: 20px 0 4px; }
table { border-collapse: collapse; margin: 8px 0; }
th, td { border-bottom: 1px solid #cfd4dc; padding: 2px 10px 2px 0; text-align: left; vertical-align: top; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.small td, .small th { font-size: 11px; padding-top: 0; padding-bottom: 0; }
.verdict { border: 2px solid; padding: 8px 14px; font-size: 17px; font-weight: bold; }
.passed { color: #126b3a; } .failed { color: #b3261e; font-weight: bold; }
.pictures td { border: 0; font-size: 11px; padding: 4px 6px 8px 0; max-width: 204px; }
.line { display: inline-block; width: 220px; border-bottom: 1px solid #1b1e24; margin-right: 24px; }
@media print {
  body { margin: 0; max-width: none; font-size: 11px; } .small td, .small th { font-size: 9px; }
  tr, h2, h3 { break-inside: avoid; } h2, h3 { break-after: avoid; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
"""

_WHAT_IS_TESTED = """
<p>Shapes of known area (ellipses, circles, rectangles, half-planes) are drawn as label maps on the grids listed
below and go straight into the measurement; no network takes part. Right and left differ in size in every pair, so
that a swapped side shows. Where a case speaks of oblique slices, differing tilt or a leaning spine, the patient is
a bundle of columns, and a slice tilted to it by an angle t shows each area divided by cos t; elsewhere the shapes lie
in the plane of the slices. The expected figures come from formulas and from the geometry as it was asked for, not
from the code that is tested.</p>
<p>Diameters, thickness, tilt, ratios and fat are checked where they are known: diameters in slices across the spine,
tilt where the slices of a block span enough, fat fractions in some cases and only where scikit-learn is installed.</p>
<p>A pixel counts if its center lies in a shape. The number of centers in an oval on a grid varies around its area
with the variance 0.073 per pixel of outline (Kendall 1948, doi 10.1093/qmath/os-19.1.1); four standard deviations
(SD) of that are the tolerance, at most half a pixel along the outline. Along straight edges, where errors have one
sign, it is half a pixel. A figure is on the wrong side if it is nearer to that of the other side than to its own.</p>
"""


def make_page(result: SelfTestResult) -> str:
    """Write the page.

    Parameters
    ----------
    result : SelfTestResult
        What was found.

    Returns
    -------
    str
        A whole HTML document; pictures are part of it.
    """
    date = result.started_at.isoformat(sep=" ", timespec="seconds")
    verdict = _verdict(result.passed)
    return "\n".join(
        (
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            f"<title>LumbarSeg self-test, {date}</title>\n<style>{_STYLE}</style>\n</head>\n<body>",
            "<h1>LumbarSeg self-test</h1>",
            f'<p class="verdict {verdict}">{verdict.upper()}: {_text(result.summary)}</p>',
            f"<p>{date}. {RESEARCH_USE_NOTICE}. A passed test says that areas and sides are measured correctly from "
            "given outlines; it says nothing about the outlines of a network.</p>",
            '<p>Site <span class="line"></span> Seen by <span class="line"></span></p>',
            "<h2>Installation</h2>",
            _table((), ([_cell(name), _cell(version)] for name, version in result.versions.items())),
            f'<p class="{_verdict(result.weights.passed)}">Weights: {_text(result.weights.verdict)}.</p>',
            "<h2>What is tested</h2>",
            _WHAT_IS_TESTED,
            "<h2>Cases</h2>",
            _overview(result.cases),
            "<h2>Label maps</h2>",
            _pictures(result.cases),
            "<h2>Every check</h2>",
            *(_details(case) for case in result.cases),
            "</body>\n</html>\n",
        )
    )


def _overview(cases: Iterable[CaseResult]) -> str:
    headings = ("Case", "#Checks", "#Worst, of tolerance", "#Wrong sides", "Result")
    rows = (
        [
            _cell(case.name),
            _number(str(len(case.checks))),
            _number(format_share(case.worst)),
            _number(str(case.num_wrong_sides)),
            _result_cell(case.num_failed == 0),
        ]
        for case in cases
    )
    return _table(headings, rows)


def _pictures(cases: Iterable[CaseResult]) -> str:
    legend = ", ".join(
        f'<span style="color: rgb{anatomy.color}">&#9632;</span> {_text(anatomy.name)}' for anatomy in ANATOMIES
    )
    cells = [
        f'<td><img alt="label map" src="data:image/png;base64,{base64.b64encode(case.picture).decode("ascii")}">'
        f"<br>{_text(case.name)}</td>"
        for case in cases
        if case.picture
    ]
    rows = (cells[first : first + _PICTURES_PER_ROW] for first in range(0, len(cells), _PICTURES_PER_ROW))
    return (
        "<p>The first slice as it is stored: columns from left to right, rows from top to bottom. Letters at the edges "
        "are the patient's directions (right, left, anterior, posterior); the line is the midline that was "
        f"found.</p>\n<p>{legend}</p>\n{_table((), rows, 'pictures')}"
    )


def _details(case: CaseResult) -> str:
    headings = (
        *("Block/slice", "Measure", "#Measured", "#Expected", "#Deviation", "#Tolerance", "Reason of the tolerance"),
        "Result",
    )
    rows = (
        [
            _cell(check.place),
            _cell(f"{check.key.replace('_', ' ')}{check.unit and f', {check.unit}'}"),
            *(_number(_figure(value)) for value in (check.measured, check.expected.value)),
            *(_number(_figure(value)) for value in (check.deviation, check.expected.tolerance)),
            _cell(check.expected.reason),
            _result_cell(check.passed, _remark(check)),
        ]
        for check in case.checks
    )
    return f"<h3>{_text(case.name)}</h3>\n{_table(headings, rows, 'small')}"


def _remark(check: Check) -> str:
    return ", wrong side" if check.is_wrong_side else ""


def _figure(value: float | None) -> str:
    return "none" if value is None else f"{value:.3f}" if abs(value) < 10 else f"{value:.2f}"


def _table(headings: tuple[str, ...], rows: Iterable[list[str]], style: str = "") -> str:
    """Return a table; a heading that starts with "#" stands over numbers."""
    head = "".join(
        f'<th class="number">{_text(each[1:])}</th>' if each.startswith("#") else f"<th>{_text(each)}</th>"
        for each in headings
    )
    body = "\n".join(f"<tr>{''.join(cells)}</tr>" for cells in rows)
    return f'<table class="{style}">\n{f"<thead><tr>{head}</tr></thead>" if head else ""}\n{body}\n</table>'


def _cell(text: str) -> str:
    return f"<td>{_text(text)}</td>"


def _number(text: str) -> str:
    return f'<td class="number">{_text(text)}</td>'


def _result_cell(passed: bool, remark: str = "") -> str:
    return f'<td class="{_verdict(passed)}">{_verdict(passed)}{remark}</td>'


def _verdict(passed: bool) -> str:
    return "passed" if passed else "failed"


def _text(text: str) -> str:
    return html.escape(text, quote=True)
