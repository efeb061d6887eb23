"""Bounds from probabilities against areas whose spread is known, and what a calibration makes of them."""

import math

import numpy as np
import pytest

from LumbarSegLib.measurement import AreaCalibration, AreaTerms, PixelBounds, bound_pixels
from LumbarSegLib.measurement.area_intervals import without_removed_pieces


def _probabilities(probability, index=1, num_slices=1):
    """One class with the given probability, (J, I), the rest background."""
    result = np.zeros((num_slices, 8, *probability.shape))
    result[:, index] = probability
    result[:, 0] = 1 - probability
    return result


def _count(probability, index=1):
    bounds = bound_pixels(_probabilities(probability, index))
    return np.count_nonzero(bounds.is_sure(index, 0)), np.count_nonzero(bounds.is_possible(index, 0))


@pytest.mark.parametrize("index", range(1, 8))
def test_sure_pixels_leave_no_doubt(index):
    probability = np.zeros((10, 10))
    probability[:3] = 1
    assert _count(probability, index) == (30, 30)
    assert _count(np.zeros((4, 4)), index) == (0, 0)


def test_an_edge_that_may_lie_elsewhere():
    """An edge normally distributed over columns: the bounds are those of the edge, -/+ 1.645 deviations."""
    from scipy.stats import norm

    edge, deviation = 200.0, 20.0
    columns = np.arange(400) + 0.5
    probability = np.tile(norm.sf(columns, edge, deviation), (10, 1))  # left of the edge
    low, high = _count(probability)
    assert low == pytest.approx(10 * (edge - 1.645 * deviation), abs=10)  # one column
    assert high == pytest.approx(10 * (edge + 1.645 * deviation), abs=10)


def test_the_bounds_are_quantiles_of_drawn_areas():
    rng = np.random.default_rng(3)
    probability = rng.beta(0.3, 0.3, (40, 40))
    areas = [(probability >= draw).sum() for draw in rng.uniform(0, 1, 20_000)]
    assert np.mean(areas) == pytest.approx(probability.sum(), rel=0.02)  # the expected area is kept
    assert _count(probability) == pytest.approx(np.quantile(areas, [0.05, 0.95]), abs=12)


def test_several_classes_are_possible_in_one_pixel():
    probabilities = np.zeros((1, 8, 1, 2))
    probabilities[0, :, 0, 0] = [0.0, 0.5, 0.4, 0.04, 0, 0, 0, 0.06]
    probabilities[0, 3, 0, 1] = 1.0
    bounds = bound_pixels(probabilities)
    assert [index for index in range(1, 8) if bounds.is_possible(index, 0)[0, 0]] == [1, 2, 7]
    np.testing.assert_array_equal(bounds.sure, [[[0, 3]]])


@pytest.mark.parametrize("shape", [(1, 7, 4, 4), (8, 4, 4)])
def test_other_classes_are_refused(shape):
    with pytest.raises(ValueError, match=r"shape \(K, 8, J, I\)"):
        bound_pixels(np.zeros(shape))


def test_a_removed_piece_leaves_the_bounds_with_all_that_surrounds_it():
    """A psoas, a piece far away with its seam, and a faint piece that nobody outlined or removed."""
    probability = np.zeros((2, 30, 60))
    for columns, value in ((slice(2, 12), 1.0), (slice(40, 50), 0.2), (slice(42, 48), 1.0), (slice(25, 28), 0.1)):
        probability[:, 5:15, columns] = value
    bounds = bound_pixels(np.stack([_probabilities(each, 3)[0] for each in probability]))
    before = np.where(probability > 0.5, 3, 0).astype(np.uint8)
    after = before.copy()
    after[1, :, 42:48] = 0  # only in the second slice
    left = without_removed_pieces(bounds, before, after)
    assert [np.count_nonzero(left.is_sure(3, k)) for k in (0, 1)] == [160, 100]
    assert [np.count_nonzero(left.is_possible(3, k)) for k in (0, 1)] == [230, 130]
    assert np.count_nonzero(bounds.is_possible(3, 1)) == 230  # the original stays
    assert without_removed_pieces(bounds, before, before) is bounds


def test_a_removed_piece_leaves_what_belongs_to_a_kept_one():
    """Joined by a faint bridge: only the removed pixels go."""
    probability = np.zeros((1, 10, 40))
    probability[0, 2:8, 2:38] = 0.1
    probability[0, 2:8, 2:12] = probability[0, 2:8, 28:38] = 1
    bounds = bound_pixels(_probabilities(probability[0]))
    before = np.where(probability > 0.5, 1, 0).astype(np.uint8)
    after = before.copy()
    after[:, :, 28:] = 0
    left = without_removed_pieces(bounds, before, after)
    assert np.count_nonzero(left.is_sure(1, 0)) == 60
    assert np.count_nonzero(left.is_possible(1, 0)) == 6 * 26


def test_terms_widen_on_the_logarithm():
    calibration = AreaCalibration(0.9, {"dural_sac": AreaTerms(math.log(2), math.log(1.5), 134)})
    assert calibration.interval("dural_sac", 100.0, 80.0, 120.0) == pytest.approx((40.0, 180.0))
    assert calibration.interval("dural_sac", 100.0, 0.0, 120.0) == pytest.approx((0.0, 180.0))
    assert calibration.interval("psoas", 100.0, 80.0, 120.0) is None


def test_an_interval_never_leaves_out_the_area_itself():
    calibration = AreaCalibration(0.9, {"psoas": AreaTerms(-0.5, -0.5, 134)})
    assert calibration.interval("psoas", 100.0, 90.0, 110.0) == (100.0, 100.0)


def test_bounds_take_two_bytes_a_pixel():
    bounds = bound_pixels(np.zeros((2, 8, 16, 16), dtype=np.float32))
    assert isinstance(bounds, PixelBounds)
    assert bounds.sure.nbytes + bounds.possible.nbytes == 2 * 2 * 16 * 16
