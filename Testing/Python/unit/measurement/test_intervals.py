"""Intervals of the areas of a slice, whole and per side."""

import math
from dataclasses import replace

import numpy as np
import pytest
from lumbar_ellipses import LUMBAR, axial_affine, draw, turn_about

from LumbarSegLib.anatomy import ANATOMIES
from LumbarSegLib.measurement import AreaCalibration, AreaTerms, PixelBounds, measure_block, with_intervals
from LumbarSegLib.measurement.area_intervals import side_key
from LumbarSegLib.measurement.intervals import INTERVAL_MEASURES, NOT_CALIBRATED

AFFINE = axial_affine(turn=turn_about(0, 20))
NO_TERMS = AreaTerms(0.0, 0.0, 134)
UNCHANGED = AreaCalibration(
    0.9, {name: NO_TERMS for each in ANATOMIES for name in (each.key, side_key(each.key))}
)  # the bounds themselves


def _scaled(factor):
    return {
        name: replace(each, half_axes=tuple(factor * half_axis for half_axis in each.half_axes))
        for name, each in LUMBAR.items()
    }


def _bounds(slices=1, factors=(0.9, 1.1)):
    """Ellipses whose half axes are surely at least 0.9 and possibly 1.1 times what is outlined."""
    sure = draw(AFFINE, _scaled(factors[0]).values(), slices=slices)
    possible = np.zeros_like(sure)
    for each in _scaled(factors[1]).values():
        drawn = draw(AFFINE, [each], slices=slices)
        possible[drawn > 0] |= (1 << (drawn[drawn > 0] - 1)).astype(np.uint8)
    return PixelBounds(sure, possible)


def _measured(calibration):
    return with_intervals(measure_block(draw(AFFINE, LUMBAR.values()), AFFINE), _bounds(), AFFINE, calibration)


@pytest.mark.parametrize("name", [name for name in LUMBAR if not name.startswith("lamina")])
def test_the_interval_of_every_area_is_that_of_its_bounds(name):
    (measured,) = _measured(UNCHANGED)
    low, high = measured[f"{name}_area"].interval
    tolerance = 2 * LUMBAR[name].tolerance_mm2(0.5)
    assert low == pytest.approx(0.81 * LUMBAR[name].area_mm2, abs=tolerance)
    assert high == pytest.approx(1.21 * LUMBAR[name].area_mm2, abs=tolerance)


def test_every_area_has_an_interval_and_nothing_else_has():
    (measured,) = _measured(UNCHANGED)
    with_one = {each.key for each in measured.measures if each.interval is not None}
    # One slice has no axis of the sac, hence no corrected area; the smallest sac is a level's.
    assert with_one == INTERVAL_MEASURES - {"dural_sac_corrected_area", "smallest_dural_sac_area"}
    for each in measured.measures:
        if each.interval is not None:
            assert each.interval[0] <= each.value <= each.interval[1]
            assert each.interval_reason == ""


def test_the_sides_add_up_to_the_total():
    (measured,) = _measured(UNCHANGED)
    for key in ("psoas", "multifidus", "erector_spinae"):
        sides = np.array([measured[f"{key}_{side}_area"].interval for side in ("left", "right")])
        assert sides.sum(axis=0) == pytest.approx(measured[f"{key}_total_area"].interval)


def test_terms_of_whole_and_side():
    terms = {"psoas": AreaTerms(0.0, math.log(2), 134), "psoas_side": AreaTerms(math.log(2), 0.0, 268)}
    plain, calibrated = _measured(UNCHANGED)[0], _measured(AreaCalibration(0.9, terms))[0]
    low, high = plain["psoas_total_area"].interval
    assert calibrated["psoas_total_area"].interval == pytest.approx((low, 2 * high))
    low, high = plain["psoas_left_area"].interval
    assert calibrated["psoas_left_area"].interval == pytest.approx((low / 2, high))
    assert calibrated["dural_sac_area"].interval is None
    assert "too few" in calibrated["dural_sac_area"].interval_reason


def test_the_corrected_area_has_the_corrected_interval():
    """Every slice 1 mm farther back than the one 4 mm below: the sac is tilted by 14 degrees."""

    def sheared(label_map):
        return np.stack([np.roll(each, 2 * k, axis=0) for k, each in enumerate(label_map)])

    label_map, bounds = sheared(draw(AFFINE, LUMBAR.values(), slices=5)), _bounds(5)
    bounds = PixelBounds(sheared(bounds.sure), sheared(bounds.possible))
    measured = with_intervals(measure_block(label_map, AFFINE), bounds, AFFINE, UNCHANGED)[2]
    area, corrected = measured["dural_sac_area"], measured["dural_sac_corrected_area"]
    factor = corrected.value / area.value
    assert factor == pytest.approx(np.cos(np.arctan(1 / 4)), abs=1e-3)
    assert corrected.interval == pytest.approx((area.interval[0] * factor, area.interval[1] * factor))


def test_without_a_calibration_there_is_a_reason_and_no_interval():
    (measured,) = _measured(None)
    for each in measured.measures:
        assert each.interval is None
        has_reason = each.key in INTERVAL_MEASURES and each.value is not None
        assert each.interval_reason == (NOT_CALIBRATED if has_reason else ""), each.key


def test_what_is_absent_has_no_interval():
    label_map = draw(AFFINE, [LUMBAR["dural_sac"]])
    (measured,) = with_intervals(measure_block(label_map, AFFINE), _bounds(), AFFINE, UNCHANGED)
    assert measured["psoas_left_area"].interval is None
    assert measured["psoas_left_area"].interval_reason == ""
    assert measured["dural_sac_area"].interval is not None
