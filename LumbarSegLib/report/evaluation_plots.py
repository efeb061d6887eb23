"""Plots of an evaluation: agreement of areas, and calibration. Drawn with matplotlib."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from LumbarSegLib.anatomy import ANATOMIES
from LumbarSegLib.errors import missing_package
from LumbarSegLib.evaluation.agreement import LIMIT_FACTOR, complete_pairs
from LumbarSegLib.evaluation.assessment import Assessment, SliceAssessment
from LumbarSegLib.evaluation.calibration import NUM_BINS, TOP_LABEL, Calibration
from LumbarSegLib.io.file_errors import writing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_DOT = "#2166ac"
_MIDDLE = "#222222"
_LIMIT = "#b2182b"
_BAR = "#c6dbef"
_SIZE_INCHES = (15.0, 7.6)
_DPI = 110


def require_matplotlib() -> None:
    """Check that matplotlib is installed, before any work is done.

    Raises
    ------
    InputError
        If it is not, with the extra that brings it.
    """
    if importlib.util.find_spec("matplotlib") is None:
        raise missing_package("matplotlib", "Plotting an evaluation", extra="train")


def write_agreement_plot(path: Path, slices: Sequence[SliceAssessment], assessment: Assessment) -> None:
    """Write a PNG with a Bland-Altman plot per class: difference of the areas against their mean.

    Parameters
    ----------
    path : Path
        File to write.
    slices : sequence of SliceAssessment
        What was evaluated.
    assessment : Assessment
        Of these slices.

    Raises
    ------
    InputError
        If matplotlib is not installed.
    """
    figure, panels = _panels()
    unit = assessment.units.area.replace("mm2", "mm²").replace("px", "pixels")
    for anatomy in ANATOMIES:
        axes, areas = next(panels), assessment.areas[anatomy.key]
        axes.set_title(f"{anatomy.name} ({areas.num_pairs} slices)")
        axes.locator_params(axis="x", nbins=5)  # longer numbers would run into each other
        predicted, reference = complete_pairs([each.areas[anatomy.key] for each in slices])
        axes.scatter((predicted + reference) / 2, predicted - reference, s=14, color=_DOT, alpha=0.7, linewidths=0)
        axes.axhline(0, color="#bbbbbb", linewidth=0.8, zorder=0)
        if areas.bias.value is not None:
            axes.axhline(areas.bias.value, color=_MIDDLE, linewidth=1.2)
        for limit, bounds in zip(areas.limits or (), (areas.limits_low, areas.limits_high), strict=False):
            axes.axhline(limit, color=_LIMIT, linewidth=1.2, linestyle="--")
            if bounds is not None:
                axes.axhspan(*bounds, color=_LIMIT, alpha=0.08, linewidth=0)
        axes.margins(0.08, 0.12)
    _key(next(panels)).legend(loc="center", frameon=False)
    figure.supxlabel(f"mean of both areas [{unit}]")
    figure.supylabel(f"predicted minus reference [{unit}]")
    _save(figure, path)


def _key(axes: Axes) -> Axes:
    """Name the marks of the Bland-Altman plots in a panel of its own."""
    axes.axis("off")
    axes.plot([], [], "o", color=_DOT, alpha=0.7, markersize=5, label="one slice")
    axes.plot([], [], color=_MIDDLE, label="bias")
    axes.plot([], [], "--", color=_LIMIT, label=f"limits of agreement\n(bias ± {LIMIT_FACTOR} SD)")
    axes.fill_between([], [], color=_LIMIT, alpha=0.08, label="95 % interval of a limit")
    return axes


def write_reliability_plot(path: Path, assessment: Assessment) -> None:
    """Write a PNG with a reliability diagram per class, and one for the likeliest class.

    Parameters
    ----------
    path : Path
        File to write.
    assessment : Assessment
        Figures over all slices.

    Raises
    ------
    InputError
        If matplotlib is not installed.
    """
    figure, panels = _panels()
    names = {anatomy.key: anatomy.name for anatomy in ANATOMIES} | {TOP_LABEL: "Likeliest class"}
    for row, name in names.items():
        axes, calibration = next(panels), assessment.calibration[row]
        error = calibration.expected_calibration_error
        axes.set_title(f"{name}: ECE " + ("not defined" if error is None else f"{error:.3f}"))
        _draw_reliability(axes, calibration)
    figure.supxlabel("probability that the network gives")
    figure.supylabel("share of these pixels that are so (bars: where the pixels lie)")
    _save(figure, path)


def _draw_reliability(axes: Axes, calibration: Calibration) -> None:
    pixels = np.array(calibration.num_pixels, dtype=float)
    axes.stairs(pixels / max(pixels.sum(), 1), np.linspace(0, 1, NUM_BINS + 1), fill=True, color=_BAR)
    axes.plot([0, 1], [0, 1], color="#999999", linewidth=0.8)
    points = [
        (probability, share)
        for probability, share in zip(calibration.mean_probability, calibration.observed_share, strict=True)
        if probability is not None and share is not None
    ]
    axes.plot(*zip(*points, strict=True) if points else ((), ()), "o-", color=_DOT, markersize=4, linewidth=1.2)
    axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")


def _panels() -> tuple[Figure, Iterator[Axes]]:
    require_matplotlib()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=_SIZE_INCHES, dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)  # no window, no global state
    return figure, iter(figure.subplots(2, 4).flat)


def _save(figure: Figure, path: Path) -> None:
    with writing(path):
        figure.savefig(path, format="png")
