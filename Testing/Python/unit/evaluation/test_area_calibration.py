"""Calibrated intervals hold what they promise where the truth is known."""

import math

import numpy as np
import pytest

from LumbarSegLib.evaluation.agreement import AreaPair
from LumbarSegLib.evaluation.area_calibration import (
    MIN_AREAS,
    HeldOutArea,
    fit_area_calibration,
    left_out_coverage,
)


def _pairs(rng, count, *, bias=1.0, spread=0.2, assumed=0.05):
    """Areas whose true spread is far wider than the bounds assume."""
    true = rng.uniform(50, 300, count)
    outlined = bias * true * np.exp(spread * rng.standard_normal(count))
    return [
        AreaPair(float(a), float(t), (float(a * math.exp(-1.645 * assumed)), float(a * math.exp(1.645 * assumed))))
        for a, t in zip(outlined, true, strict=True)
    ]


def _coverage(calibration, pairs):
    held = 0
    for pair in pairs:
        low, high = calibration.interval("sac", pair.predicted, *pair.interval)
        held += low <= pair.reference <= high
    return held / len(pairs)


@pytest.mark.parametrize("options", [{}, {"bias": 1.3}, {"assumed": 0.6}, {"spread": 0.02}], ids=str)
def test_coverage_on_new_slices_is_what_is_promised(options):
    """Mean over calibrations of 134 areas: at least 90 %, and not much more."""
    rng = np.random.default_rng(0)
    new = _pairs(rng, 2000, **options)
    shares = [_coverage(fit_area_calibration({"sac": _pairs(rng, 134, **options)}), new) for _ in range(40)]
    standard_error = np.std(shares) / len(shares) ** 0.5
    assert 0.9 - 3 * standard_error <= np.mean(shares) <= 0.93


def test_what_was_left_out_is_held_as_often():
    rng = np.random.default_rng(1)
    areas = [HeldOutArea(str(place % 5), pair) for place, pair in enumerate(_pairs(rng, 400))]
    (coverage,) = left_out_coverage({"sac": areas}).values()
    assert coverage.num_slices == 400
    assert coverage.share == pytest.approx(0.91, abs=0.03)
    assert coverage.low < 0.9 < coverage.high


def test_a_group_of_its_own_kind_is_not_covered_by_the_others():
    """The test is honest: one fold with another bias has not been seen by the calibration that is tested on it."""
    rng = np.random.default_rng(2)
    usual = [HeldOutArea("usual", pair) for pair in _pairs(rng, 100, spread=0.02)]
    odd = [HeldOutArea("odd", pair) for pair in _pairs(rng, 20, spread=0.02, bias=1.5)]
    (coverage,) = left_out_coverage({"sac": [*usual, *odd]}).values()
    # The usual ones, calibrated on the odd ones alone, and the odd ones, calibrated on the usual ones.
    assert coverage.share < 0.9


def test_quantiles_are_the_conformal_ones():
    """Bounds that equal the outlined area: the terms are the 19th of 19 errors on either side."""
    ratios = np.linspace(0.8, 1.3, 19)
    pairs = [AreaPair(100.0, float(100 * ratio), (100.0, 100.0)) for ratio in ratios]
    terms = fit_area_calibration({"sac": pairs}).terms["sac"]
    assert terms.log_low == pytest.approx(-math.log(0.8))
    assert terms.log_high == pytest.approx(math.log(1.3))
    assert terms.num_areas == 19


def test_a_class_with_too_few_areas_has_no_terms():
    pairs = _pairs(np.random.default_rng(0), MIN_AREAS)
    assert fit_area_calibration({"sac": pairs}).terms
    assert fit_area_calibration({"sac": pairs[1:]}).terms == {}
    absent = [AreaPair(None, 100.0, (0.0, 5.0)), AreaPair(100.0, None, (90.0, 110.0))]
    assert fit_area_calibration({"sac": [*pairs[1:], *absent]}).terms == {}


def test_a_lower_bound_of_nothing_needs_no_term():
    pairs = [AreaPair(10.0, 12.0, (0.0, 11.0))] * 30
    terms = fit_area_calibration({"sac": pairs}).terms["sac"]
    assert terms.log_low == 0.0
    assert terms.log_high == pytest.approx(math.log(12 / 11))
