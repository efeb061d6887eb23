"""The interval of an area against areas whose spread is known."""

import numpy as np
import pytest

from LumbarSegLib.measurement import compute_area_interval


def test_sure_pixels_leave_no_doubt():
    probability = np.zeros((10, 10))
    probability[:3] = 1
    assert compute_area_interval(probability) == (30, 30)
    assert compute_area_interval(np.zeros((4, 4))) == (0, 0)


def test_an_edge_that_may_lie_elsewhere():
    """An edge normally distributed over columns: the interval is that of the edge, -/+ 1.645 deviations."""
    from scipy.stats import norm

    edge, deviation = 200.0, 20.0
    columns = np.arange(400) + 0.5
    probability = np.tile(norm.sf(columns, edge, deviation), (10, 1))  # left of the edge
    low, high = compute_area_interval(probability)
    assert low == pytest.approx(10 * (edge - 1.645 * deviation), abs=10)  # one column
    assert high == pytest.approx(10 * (edge + 1.645 * deviation), abs=10)
    narrow = compute_area_interval(probability, 0.5)
    assert narrow == pytest.approx((10 * (edge - 0.674 * deviation), 10 * (edge + 0.674 * deviation)), abs=10)


def test_the_quantiles_are_those_of_drawn_areas():
    rng = np.random.default_rng(3)
    probability = rng.beta(0.3, 0.3, (40, 40))
    areas = [(probability >= draw).sum() for draw in rng.uniform(0, 1, 20_000)]
    assert np.mean(areas) == pytest.approx(probability.sum(), rel=0.02)  # the expected area is kept
    assert compute_area_interval(probability) == pytest.approx(np.quantile(areas, [0.05, 0.95]), abs=12)


@pytest.mark.parametrize("coverage", [0.0, 1.0, -0.1, 90])
def test_coverage_is_a_share(coverage):
    with pytest.raises(ValueError, match="coverage must be"):
        compute_area_interval(np.zeros((2, 2)), coverage)
