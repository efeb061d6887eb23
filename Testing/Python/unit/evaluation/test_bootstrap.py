"""Means over slices and their intervals."""

import numpy as np
import pytest

from LumbarSegLib.evaluation.bootstrap import bootstrap_mean


def test_mean_by_hand():
    assert bootstrap_mean([1.0, None, 2.0, 6.0]).value == 3
    assert bootstrap_mean([1.0, None, 2.0, 6.0]).num_slices == 3


def test_classes_count_alike_however_many_slices_have_them():
    assert bootstrap_mean([[1.0, None, None], [2.0, 10.0, None], [3.0, None, None]]).value == 6  # (2 + 10) / 2


def test_a_class_that_a_resample_lacks_is_not_taken_for_0():
    """The second class is in one slice of three; without it the mean is 1."""
    mean = bootstrap_mean([[1.0, None], [1.0, 2.0], [1.0, None]])
    assert mean.value == 1.5
    assert mean.low == 1


@pytest.mark.parametrize("figures", [[], [None, None], [[None, None]]])
def test_no_figure_no_mean(figures):
    mean = bootstrap_mean(figures)
    assert (mean.value, mean.low, mean.high, mean.num_slices) == (None, None, None, 0)


def test_one_slice_has_no_interval_and_equal_ones_have_a_point():
    assert bootstrap_mean([0.5]).low is None
    mean = bootstrap_mean([0.5, 0.5, 0.5])
    assert (mean.low, mean.high) == (0.5, 0.5)


def test_interval_is_that_of_the_central_limit_theorem():
    """Of 400 normal values the standard error is known; 2000 resamples find it within a tenth."""
    values = np.random.default_rng(1).normal(5, 2, 400)
    mean = bootstrap_mean(values.tolist())
    half_width = 1.96 * values.std(ddof=1) / 20
    assert mean.low == pytest.approx(values.mean() - half_width, abs=0.1 * half_width)
    assert mean.high == pytest.approx(values.mean() + half_width, abs=0.1 * half_width)
    assert bootstrap_mean(values.tolist()) == mean


def test_classes_of_one_slice_are_drawn_together():
    """Two classes that go wrong on the same slices leave the mean as unsure as one; opposite ones leave no doubt."""
    one = np.random.default_rng(2).normal(0, 1, 60)
    width = {}
    for name, table in {
        "one": one[:, None],
        "same": np.stack([one, one], 1),
        "opposite": np.stack([one, -one], 1),
    }.items():
        mean = bootstrap_mean(table.tolist())
        width[name] = mean.high - mean.low
    assert width["same"] == pytest.approx(width["one"])
    assert width["opposite"] < 1e-9
