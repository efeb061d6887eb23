"""Stress curves as small multiples. Drawn with matplotlib."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from LumbarSegLib.anatomy import BY_KEY
from LumbarSegLib.evaluation.stress import TOLERATED_FALL, StressCurve
from LumbarSegLib.io.file_errors import writing
from LumbarSegLib.report.evaluation_plots import require_matplotlib

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MEAN = "#222222"
_SAC = "#2166ac"
_WORST = "#b2182b"
_LIMIT = "#999999"
_COLUMNS = 4
_PANEL_INCHES = (3.7, 3.0)
_DPI = 110


def write_stress_plot(path: Path, curves: Sequence[StressCurve]) -> None:
    """Write a PNG with a panel per disturbance: Dice of the mean, the sac and the class that falls most.

    The tolerated fall is a dashed line; sacs that were lost are counted at their level.

    Parameters
    ----------
    path : Path
        File to write.
    curves : sequence of StressCurve
        At least one.

    Raises
    ------
    InputError
        If matplotlib is not installed.
    """
    require_matplotlib()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = min(_COLUMNS, len(curves))
    rows = math.ceil(len(curves) / columns)
    size = (max(2, columns) * _PANEL_INCHES[0], rows * _PANEL_INCHES[1] + 0.6)
    figure = Figure(figsize=size, dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)  # no window, no global state
    panels = figure.subplots(rows, columns, sharey=True, squeeze=False)
    for axes in panels.flat[len(curves) :]:
        axes.axis("off")
    for axes, curve in zip(panels.flat, curves, strict=False):
        _draw(axes, curve)
    figure.supylabel("Dice coefficient")
    figure.suptitle(
        "Black: mean of the classes with its 95 % interval. Blue: dural sac (number: sacs lost).\n"
        f"Red: the class that falls most. Dashed: {TOLERATED_FALL:g} below the undisturbed mean.",
        fontsize="medium",
    )
    with writing(path):
        figure.savefig(path, format="png")


def _draw(axes: Axes, curve: StressCurve) -> None:
    places = range(len(curve.levels))  # even steps: levels of a factor and its inverse read alike
    means = [each.mean_dice for each in curve.levels]
    axes.fill_between(places, _drawable([m.low for m in means]), _drawable([m.high for m in means]), color="#dddddd")
    if curve.worst_class is not None:
        worst = [each.dice[curve.worst_class].value for each in curve.levels]
        axes.plot(places, _drawable(worst), "o-", color=_WORST, markersize=3, linewidth=1, label=None)
        axes.text(0.03, 0.05, BY_KEY[curve.worst_class].name, color=_WORST, transform=axes.transAxes, fontsize="small")
    sac = _drawable([each.dice["dural_sac"].value for each in curve.levels])
    axes.plot(places, sac, "o-", color=_SAC, markersize=3, linewidth=1)
    axes.plot(places, _drawable([m.value for m in means]), "o-", color=_MEAN, markersize=4, linewidth=1.6)
    if means[0].value is not None:
        axes.axhline(means[0].value - TOLERATED_FALL, color=_LIMIT, linewidth=0.8, linestyle="--")
    for place, each in enumerate(curve.levels):
        if each.num_lost_sacs:
            at = (place, sac[place])
            axes.annotate(str(each.num_lost_sacs), at, (0, 5), textcoords="offset points", color=_SAC, ha="center")
    axes.set_title(curve.disturbance.title, fontsize="medium")
    axes.set(ylim=(0, 1.02), xticks=list(places), xticklabels=[f"{each.level:g}" for each in curve.levels])
    axes.grid(axis="y", color="#eeeeee")


def _drawable(values: Sequence[float | None]) -> list[float]:
    return [math.nan if value is None else value for value in values]
