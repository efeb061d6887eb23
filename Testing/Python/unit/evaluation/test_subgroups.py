"""Small dural sacs on their own."""

import numpy as np
import pytest

from LumbarSegLib.anatomy import IGNORE_INDEX
from LumbarSegLib.evaluation.bootstrap import bootstrap_difference
from LumbarSegLib.evaluation.overlap import compute_overlap
from LumbarSegLib.evaluation.subgroups import OutlinedSac, compare_small_sacs, outlined_sacs
from LumbarSegLib.evaluation.units import MILLIMETERS, PIXELS
from LumbarSegLib.io.labeled_slices import LabeledSlice


def bar(pixels: int) -> np.ndarray:
    """A sac of that many pixels."""
    label_map = np.zeros(100, dtype=np.uint8)
    label_map[:pixels] = 1
    return label_map.reshape(10, 10)


def test_the_smallest_fifth_by_hand():
    sacs = [OutlinedSac(100 + n, 110 + n, 0.9) for n in range(8)]
    sacs[5:5] = [OutlinedSac(40, 30, 0.7), OutlinedSac(50, None, 0.0)]
    result = compare_small_sacs(sacs)
    assert (result.small.smallest_area, result.small.largest_area) == (40, 50)
    assert (result.small.dice.num_slices, result.rest.dice.num_slices) == (2, 8)
    assert result.small.dice.value == pytest.approx(0.35)
    assert result.dice_difference.value == pytest.approx(0.35 - 0.9)
    assert (result.small.num_lost, result.rest.num_lost) == (1, 0)
    assert (result.small.bias.value, result.small.bias.num_slices) == (-10, 1)
    assert result.small.mean_absolute_error_percent.value == 25
    assert result.rest.bias.value == 10


@pytest.mark.parametrize(("count", "num_small"), [(5, 1), (7, 1), (8, 2), (27, 5), (134, 27)])
def test_a_fifth_is_rounded(count, num_small):
    result = compare_small_sacs([OutlinedSac(n, n, 1.0) for n in range(1, count + 1)])
    assert result.small.dice.num_slices == num_small
    assert result.small.largest_area == num_small


def test_four_sacs_have_no_fifth():
    assert compare_small_sacs([OutlinedSac(1, 1, 1.0)] * 4) is None


def test_sacs_of_slices():
    """Found, missed, invented, elsewhere; unlabeled pixels belong to nothing."""
    elsewhere = bar(0)
    elsewhere[-1] = 1
    unlabeled = bar(20)
    unlabeled[1] = IGNORE_INDEX
    pairs = [(bar(20), bar(30)), (bar(20), bar(0)), (bar(0), bar(5)), (bar(20), elsewhere), (unlabeled, bar(20))]
    slices = [LabeledSlice(str(n), np.zeros((10, 10)), reference, 0.5) for n, (reference, _) in enumerate(pairs)]
    overlaps = [compute_overlap(str(n), prediction, reference) for n, (reference, prediction) in enumerate(pairs)]
    found, missed, other, part = outlined_sacs(overlaps, slices, MILLIMETERS)
    assert (found.reference_area, found.outlined_area, found.is_lost) == (5, 7.5, False)
    assert (missed.outlined_area, missed.dice, missed.is_lost) == (None, 0, True)
    assert (other.outlined_area, other.is_lost) == (2.5, True)
    assert (part.reference_area, part.outlined_area, part.dice) == (2.5, 2.5, 1)
    assert outlined_sacs(overlaps, slices, PIXELS)[0].reference_area == 20


def test_difference_of_means_has_the_interval_of_the_central_limit_theorem():
    rng = np.random.default_rng(1)
    first, second = rng.normal(5, 2, 300), rng.normal(3, 1, 200)
    difference = bootstrap_difference(first.tolist(), second.tolist())
    assert difference.value == pytest.approx(first.mean() - second.mean())
    error = (first.var(ddof=1) / 300 + second.var(ddof=1) / 200) ** 0.5
    # 2000 resamples find both ends within a tenth of the half width.
    assert difference.low == pytest.approx(difference.value - 1.96 * error, abs=0.2 * error)
    assert difference.high == pytest.approx(difference.value + 1.96 * error, abs=0.2 * error)


def test_difference_without_spread_or_without_slices():
    point = bootstrap_difference([0.5, 0.5], [0.25, 0.25, 0.25])
    assert (point.value, point.low, point.high) == (0.25, 0.25, 0.25)
    assert bootstrap_difference([0.5], [0.25, 0.5]).low is None
    assert bootstrap_difference([], [0.25, 0.5]).value is None
