"""Figures of a row: means and deviations over seeds, intervals over slices, paired differences."""

from __future__ import annotations

import numpy as np
import pytest

from LumbarSegLib.anatomy import ANATOMIES
from LumbarSegLib.benchmark.plan import Row
from LumbarSegLib.benchmark.runs import RunResult
from LumbarSegLib.benchmark.statistics import MEAN_KEY, summarize_row

KEYS = [anatomy.key for anatomy in ANATOMIES]
ROW = Row("U-Net", "unet")


def result(dice: np.ndarray) -> RunResult:
    """Return a run with these figures, (N, C), NaN where the reference lacks the class."""
    rows = [[None if np.isnan(value) else float(value) for value in row] for row in dice]
    return RunResult(5, 2.0, 0.5, {f"{n:03d}": dict(zip(KEYS, row, strict=True)) for n, row in enumerate(rows)})


@pytest.fixture
def dice() -> np.ndarray:
    return np.random.default_rng(1).uniform(0.4, 0.8, (60, len(KEYS)))


def test_interval_over_slices_is_that_of_the_normal_distribution(dice):
    figure = summarize_row(ROW, {0: result(dice)}, None).figures[KEYS[2]]
    half = 1.96 * dice[:, 2].std(ddof=1) / np.sqrt(len(dice))
    assert figure.over_slices.value == pytest.approx(dice[:, 2].mean())
    # Resampling with 2000 resamples is good to some percent.
    assert figure.over_slices.high - figure.over_slices.value == pytest.approx(half, rel=0.15)
    assert figure.over_slices.value - figure.over_slices.low == pytest.approx(half, rel=0.15)
    assert figure.deviation is None
    assert figure.difference is None


def test_difference_is_paired_by_slice(dice):
    """Slices that vary much but differ little: unpaired, the interval would be wider than 0.05."""
    noise = np.random.default_rng(2).normal(0, 0.002, dice.shape)
    figures = summarize_row(ROW, {0: result(dice + 0.01 + noise)}, {0: result(dice)}).figures
    for key in (KEYS[0], MEAN_KEY):
        difference = figures[key].difference
        assert difference.value == pytest.approx(0.01, abs=0.001)
        assert 0.008 < difference.low < difference.value < difference.high < 0.012


def test_difference_is_paired_by_seed(dice):
    own = {0: result(dice + 0.01), 1: result(dice + 0.1)}
    figures = summarize_row(ROW, own, {1: result(dice), 2: result(dice + 0.2)}).figures
    assert figures[MEAN_KEY].difference.value == pytest.approx(0.1)
    assert summarize_row(ROW, own, {2: result(dice)}).figures[MEAN_KEY].difference is None


def test_seeds_and_absent_classes(dice):
    dice[:, 3] = np.nan  # in no slice
    dice[5, 0] = np.nan
    seeds = [dice, dice + 0.02, dice + 0.07]
    row = summarize_row(ROW, dict(enumerate(map(result, seeds))), None)
    expected = [np.nanmean(np.delete(each, 3, axis=1), axis=0).mean() for each in seeds]
    mean = row.figures[MEAN_KEY]
    assert mean.over_slices.value == pytest.approx(np.mean(expected))
    assert mean.deviation == pytest.approx(np.std(expected, ddof=1))
    assert row.figures[KEYS[3]].over_slices.value is None
    assert row.figures[KEYS[3]].deviation is None
    assert (row.num_seeds, row.parameters, row.seconds_per_epoch, row.seconds_per_slice) == (3, 5, 2.0, 0.5)


def test_a_row_without_runs_has_no_figures():
    row = summarize_row(ROW, {}, {})
    assert (row.num_seeds, row.figures, row.parameters) == (0, {}, None)
