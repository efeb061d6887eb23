"""Figures of a table's row: over seeds, over slices, and against the reference row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from LumbarSegLib.anatomy import ANATOMIES
from LumbarSegLib.benchmark.plan import Row
from LumbarSegLib.benchmark.runs import RunResult
from LumbarSegLib.evaluation.bootstrap import Mean, bootstrap_mean

#: Stands for the mean of the classes beside the keys of the classes.
MEAN_KEY = "mean"

_KEYS = tuple(anatomy.key for anatomy in ANATOMIES)


@dataclass(frozen=True)
class Figure:
    """Dice of one class, or the mean of the classes, in one row.

    Parameters
    ----------
    over_slices : Mean
        Of the slices' Dice averaged over seeds, with its bootstrap interval.
    deviation : float or None
        Standard deviation (n - 1) of the seeds' means; None with one seed.
    difference : Mean or None
        Row minus reference, slice by slice over the seeds that both have; None
        for the reference itself and where there is no such seed.
    """

    over_slices: Mean
    deviation: float | None
    difference: Mean | None


@dataclass(frozen=True)
class RowFigures:
    """One row of the result.

    Parameters
    ----------
    row : Row
        What was trained.
    num_seeds : int
        Finished runs; the rest is undefined if 0.
    figures : dict of str to Figure
        By anatomy key and `MEAN_KEY`; empty without a finished run.
    parameters : int or None
        Weights of the network.
    seconds_per_epoch, seconds_per_slice : float or None
        Means over the seeds.
    """

    row: Row
    num_seeds: int
    figures: dict[str, Figure]
    parameters: int | None
    seconds_per_epoch: float | None
    seconds_per_slice: float | None


def summarize_row(row: Row, results: Mapping[int, RunResult], reference: Mapping[int, RunResult] | None) -> RowFigures:
    """Compute the figures of a row.

    Parameters
    ----------
    row : Row
        Of which table.
    results : mapping of int to RunResult
        Finished runs by seed, all on the same slices.
    reference : mapping of int to RunResult, or None
        Those of the row to compare with; None for that row itself.
    """
    if not results:
        return RowFigures(row, 0, {}, None, None, None)
    own = {seed: _as_array(result) for seed, result in results.items()}
    differences = None
    if reference is not None:
        shared = [seed for seed in own if seed in reference]
        differences = [own[seed] - _as_array(reference[seed]) for seed in shared]
    columns = {key: slice(column, column + 1) for column, key in enumerate(_KEYS)} | {MEAN_KEY: slice(None)}
    return RowFigures(
        row,
        len(results),
        {key: _figure(list(own.values()), differences, column) for key, column in columns.items()},
        next(iter(results.values())).parameters,
        float(np.mean([result.seconds_per_epoch for result in results.values()])),
        float(np.mean([result.seconds_per_slice for result in results.values()])),
    )


def _as_array(result: RunResult) -> NDArray[np.float64]:
    """Return (N, C): slices by name, NaN where the reference lacks the class."""
    return np.array([[result.dice[name][key] for key in _KEYS] for name in sorted(result.dice)], dtype=np.float64)


def _figure(
    seeds: Sequence[NDArray[np.float64]], differences: Sequence[NDArray[np.float64]] | None, column: slice
) -> Figure:
    means = [_plain_mean(array[:, column]) for array in seeds]
    present = [mean for mean in means if mean is not None]
    return Figure(
        _mean_over_slices(seeds, column),
        float(np.std(present, ddof=1)) if len(present) > 1 else None,
        _mean_over_slices(differences, column) if differences else None,
    )


def _mean_over_slices(seeds: Sequence[NDArray[np.float64]], column: slice) -> Mean:
    """Average over seeds, whose NaN are in the same places, then over slices and classes."""
    averaged: NDArray[np.float64] = np.mean(seeds, axis=0)[:, column]
    return bootstrap_mean(averaged.tolist())


def _plain_mean(array: NDArray[np.float64]) -> float | None:
    """Average (N, C) over slices, then over the classes that occur; None if none does."""
    occurring = array[:, ~np.isnan(array).all(axis=0)]
    return float(np.nanmean(occurring, axis=0).mean()) if occurring.size else None
