"""Means over slices with bootstrap intervals."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

CONFIDENCE_LEVEL = 0.95
NUM_RESAMPLES = 2000

#: Of the resampling: the same figures give the same interval.
_SEED = 0

#: Means that differ by less, as a share of the largest figure, are equal.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Mean:
    """A mean over slices.

    Parameters
    ----------
    value : float or None
        None where no slice has a figure.
    low, high : float or None
        95 % bootstrap interval; None with fewer than two slices.
    num_slices : int
        Slices that have a figure.
    """

    value: float | None
    low: float | None
    high: float | None
    num_slices: int


def bootstrap_mean(figures: Sequence[float | None] | Sequence[Sequence[float | None]]) -> Mean:
    """Average figures over slices, with the 95 % BCa bootstrap interval (Efron 1987, doi 10.2307/2289144).

    Slices are resampled, the unit that is independent: classes of one slice
    stay together.

    Parameters
    ----------
    figures : sequence of (float or None), or of sequences of them
        One entry per slice; or one row per slice with a column per class, and
        then the mean is that of the classes' means. None is left out.

    Returns
    -------
    Mean
        Where no slice changes the mean, the interval is that point.
    """
    table = _as_table(figures)
    if not len(table):
        return Mean(None, None, None, 0)
    present = ~np.isnan(table)
    filled = np.where(present, table, 0.0)

    def mean_of(indices: NDArray[np.int_], axis: int = -1) -> NDArray[np.float64]:
        """Return the mean over classes of the means over the slices `indices` (..., N)."""
        slices = np.moveaxis(indices, axis, -1)
        counts = present[slices].sum(axis=-2)  # (..., C)
        means = filled[slices].sum(axis=-2) / np.maximum(counts, 1)
        result: NDArray[np.float64] = means.sum(axis=-1) / (counts > 0).sum(axis=-1)
        return result

    value = float(mean_of(np.arange(len(table))))
    if len(table) < 2:
        return Mean(value, None, None, len(table))
    others = np.array([np.delete(np.arange(len(table)), slice_) for slice_ in range(len(table))])
    if np.ptp(mean_of(others)) <= _ROUNDING * np.abs(filled).max():  # no slice matters, and BCa would divide by 0
        return Mean(value, value, value, len(table))
    low, high = _interval((np.arange(len(table)),), mean_of)
    return Mean(value, low, high, len(table))


def _as_table(figures: Sequence[float | None] | Sequence[Sequence[float | None]]) -> NDArray[np.float64]:
    """Return (N, C) with NaN where there is no figure, without empty slices and classes."""
    table = np.array(figures, dtype=object).astype(np.float64)  # None becomes NaN
    if table.ndim == 1:
        table = table[:, None]
    present = ~np.isnan(table)
    return table[present.any(axis=1)][:, present.any(axis=0)]


def bootstrap_difference(first: Sequence[float], second: Sequence[float]) -> Mean:
    """Subtract the means of two groups of slices, with the 95 % BCa bootstrap interval.

    Each group is resampled on its own and keeps its size.

    Parameters
    ----------
    first, second : sequence of float
        A figure per slice; no slice is in both.

    Returns
    -------
    Mean
        Of `first` minus `second`; `num_slices` counts both groups. None where
        a group is empty; no interval where one has fewer than two slices.
    """
    groups = np.array(first, dtype=np.float64), np.array(second, dtype=np.float64)
    count = sum(map(len, groups))
    if not all(map(len, groups)):
        return Mean(None, None, None, count)
    value = float(groups[0].mean() - groups[1].mean())
    if min(map(len, groups)) < 2:
        return Mean(value, None, None, count)
    largest = max(float(np.abs(group).max()) for group in groups)
    if max(np.ptp(group) for group in groups) <= _ROUNDING * largest:  # BCa would divide by 0
        return Mean(value, value, value, count)

    def difference(first: NDArray[np.float64], second: NDArray[np.float64], axis: int = -1) -> NDArray[np.float64]:
        result: NDArray[np.float64] = first.mean(axis=axis) - second.mean(axis=axis)
        return result

    low, high = _interval(groups, difference)
    return Mean(value, low, high, count)


def _interval(data: tuple[NDArray[Any], ...], statistic: Callable[..., NDArray[np.float64]]) -> tuple[float, float]:
    """Return the BCa interval of a statistic; that of percentiles where BCa has none.

    With a handful of figures all resamples may lie on one side of the
    estimate, and the correction of the bias is infinite.
    """
    from scipy.stats import DegenerateDataWarning, bootstrap

    for method in ("BCa", "percentile"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DegenerateDataWarning)
            interval = bootstrap(
                data,
                statistic,
                n_resamples=NUM_RESAMPLES,
                confidence_level=CONFIDENCE_LEVEL,
                method=method,
                vectorized=True,
                random_state=np.random.default_rng(_SEED),
            ).confidence_interval
        if np.isfinite(interval.low) and np.isfinite(interval.high):
            break
    return float(interval.low), float(interval.high)
