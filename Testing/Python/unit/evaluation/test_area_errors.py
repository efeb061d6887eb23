"""The smallest detectable change is exceeded as often by unchanged areas as it says."""

import math

import numpy as np
import pytest

from LumbarSegLib.evaluation.agreement import AreaPair
from LumbarSegLib.evaluation.area_calibration import MIN_AREAS
from LumbarSegLib.evaluation.area_errors import fit_area_errors

SPREAD = 0.1


def _pairs(rng, count, *, bias=1.0, spread=SPREAD):
    true = rng.uniform(50, 300, count)
    outlined = bias * true * np.exp(spread * rng.standard_normal(count))
    return [AreaPair(float(a), float(t), (0.0, 1e9)) for a, t in zip(outlined, true, strict=True)]


@pytest.mark.parametrize("bias", [1.0, 1.3])
def test_two_measurements_of_an_unchanged_area_differ_by_more_in_one_of_twenty(bias):
    rng = np.random.default_rng(0)
    error = fit_area_errors({"dural_sac": _pairs(rng, 5000, bias=bias)})["dural_sac"]
    assert error.log_sd == pytest.approx(SPREAD, rel=0.05)
    assert error.pairs_within == pytest.approx(0.95, abs=0.01)
    first, second = (100 * bias * np.exp(SPREAD * rng.standard_normal(5000)) for _ in range(2))
    ranges = [error.unchanged_range(value) for value in first]
    held = np.mean([low <= value <= high for (low, high), value in zip(ranges, second, strict=True)])
    assert held == pytest.approx(0.95, abs=0.012)  # four standard errors of a share of 5000


def test_the_range_is_the_published_formula():
    logs = np.array([-0.05, 0.05] * 10)
    error = fit_area_errors({"a": [AreaPair(float(100 * math.exp(each)), 100.0, (0.0, 1e9)) for each in logs]})["a"]
    sem = 0.05 * math.sqrt(20 / 19)
    assert error.num_areas == 20
    assert error.pairs_within == 1.0
    assert error.unchanged_range(100.0) == pytest.approx(
        (100 * math.exp(-1.96 * math.sqrt(2) * sem), 100 * math.exp(1.96 * math.sqrt(2) * sem))
    )


def test_failures_show_in_the_share_of_pairs():
    """One outline in five that fails spoils the normal distribution, and the share says so."""
    rng = np.random.default_rng(1)
    areas = [*_pairs(rng, 800, spread=0.02), *_pairs(rng, 200, spread=0.6)]
    assert fit_area_errors({"a": areas})["a"].pairs_within < 0.93


def test_absent_and_few_areas_do_not_count():
    pairs = _pairs(np.random.default_rng(2), MIN_AREAS)
    absent = [AreaPair(None, 100.0, (0.0, 5.0)), AreaPair(100.0, None, (90.0, 110.0))]
    assert fit_area_errors({"a": [*pairs, *absent]})["a"].num_areas == MIN_AREAS
    assert fit_area_errors({"a": [*pairs[1:], *absent]}) == {}
