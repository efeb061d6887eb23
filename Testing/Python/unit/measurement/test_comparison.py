"""What is said of a change, and where nothing is said."""

from dataclasses import replace

import pytest

from LumbarSegLib.measurement import LevelName, Measure
from LumbarSegLib.measurement.area_errors import AreaError
from LumbarSegLib.measurement.comparison import compare_examinations
from LumbarSegLib.measurement.comparison_records import Examination, ExaminedLevel

#: SDC95 of ln(second / first) is 0.277: from 75.8 to 131.9 for 100 mm2.
ERROR = AreaError(0.1, 100, 0.95)
ERRORS = {"dural_sac": ERROR, "psoas": ERROR, "psoas_side": ERROR}


def _level(*measures, **fields):
    level = ExaminedLevel(
        number=1,
        name=LevelName("L4-L5", "user", "high"),
        block=1,
        slice_number=2,
        num_slices=3,
        measures=measures,
        sac_ras_mm=None,
        slice_thickness_mm=4.0,
        spacing_ji_mm=(0.5, 0.5),
        tilt_deg=3.0,
        fat_method="gmm3",
    )
    return replace(level, **fields)


def _examination(level, uid="1", **fields):
    return replace(Examination(((uid, "T2"),), "model", "msff", "ab", "1.0", (level,)), **fields)


def _change(first, second, errors=ERRORS, *, fields_first=None, fields_second=None):
    """Compare one measure, B with other fields."""
    comparison = compare_examinations(
        _examination(_level(first, **(fields_first or {}))),
        _examination(_level(second, **(fields_second or {})), "2"),
        errors,
    )
    return comparison.levels[0].changes[0]


def _area(key, value):
    return Measure(key, value, "mm2", "" if value is not None else f"no {key}")


@pytest.mark.parametrize(
    "key", ["dural_sac_area", "dural_sac_corrected_area", "smallest_dural_sac_area", "psoas_left_area"]
)
@pytest.mark.parametrize(
    ("value", "exceeds"), [(75.0, True), (77.0, False), (100.0, False), (131.0, False), (133.0, True)]
)
def test_a_change_stands_beside_the_error(key, value, exceeds):
    change = _change(_area(key, 100.0), _area(key, value))
    assert change.change == value - 100.0
    assert change.change_percent == pytest.approx(value - 100.0)
    assert change.unchanged_range == pytest.approx((75.79, 131.94), abs=0.01)
    assert change.exceeds_error is exceeds
    assert change.side == ("left" if "left" in key else "")


def test_measures_without_a_known_error_say_so():
    change = _change(
        Measure("dural_sac_transverse_diameter", 14.0, "mm"), Measure("dural_sac_transverse_diameter", 7.0, "mm")
    )
    assert (change.change, change.change_percent, change.exceeds_error) == (-7.0, -50.0, None)
    assert "not been determined" in change.no_error_reason
    change = _change(_area("lamina_area", 100.0), _area("lamina_area", 300.0))
    assert (change.error, change.exceeds_error) == (None, None)
    change = _change(_area("dural_sac_area", 100.0), _area("dural_sac_area", 300.0), "no calibration")
    assert change.no_error_reason == "no calibration"


@pytest.mark.parametrize("unit", ["fraction", "deg", "percent"])
def test_shares_and_angles_have_no_percentage(unit):
    change = _change(Measure("psoas_left_fat_fraction", 0.2, unit), Measure("psoas_left_fat_fraction", 0.3, unit))
    assert change.change == pytest.approx(0.1)
    assert change.change_percent is None


def test_a_value_in_one_examination_gives_no_change():
    change = _change(_area("psoas_left_area", None), _area("psoas_left_area", 100.0))
    assert (change.change, change.exceeds_error) == (None, None)
    assert change.no_change_reason == "A: no psoas_left_area"
    comparison = compare_examinations(_examination(_level(_area("a", 1.0))), _examination(_level(), "2"), ERRORS)
    assert "does not hold this measure" in comparison.levels[0].changes[0].no_change_reason


def test_assumed_sides_are_not_compared():
    assumed = {"orientation_known": False}
    left = _area("psoas_left_area", 100.0)
    assert "assumption in B" in _change(left, left, fields_second=assumed).no_change_reason
    assert "assumption in A and B" in _change(left, left, fields_first=assumed, fields_second=assumed).no_change_reason
    total = _area("psoas_total_area", 100.0)
    assert _change(total, total, fields_second=assumed).change == 0.0


@pytest.mark.parametrize("key", ["psoas_left_lean_area", "psoas_total_fat_fraction"])
def test_fat_by_two_methods_is_not_compared(key):
    other = {"fat_method": "otsu"}
    assert (
        "by gmm3 in A, by otsu in B" in _change(_area(key, 1.0), _area(key, 2.0), fields_second=other).no_change_reason
    )
    area = _area("psoas_left_area", 100.0)
    assert _change(area, area, fields_second=other).change == 0.0


def test_other_weights_and_edited_outlines_have_no_error():
    first = _examination(_level(_area("dural_sac_area", 100.0)))
    second = replace(first, series=(("2", "T2"),))
    comparison = compare_examinations(first, second, ERRORS)
    assert comparison.warnings == ()
    assert comparison.levels[0].changes[0].error is ERROR
    for fields, words in (
        ({"weights_sha256": "cd", "weights_name": "other"}, "A was outlined by msff, B by other"),
        ({"source": "edited"}, "outlines of A are the network's, those of B edited"),
        ({"source": "given", "weights_name": "", "weights_sha256": ""}, "B by no known network"),
    ):
        comparison = compare_examinations(first, replace(second, **fields), ERRORS)
        assert words in comparison.warnings[0]
        change = comparison.levels[0].changes[0]
        assert (change.change, change.error, change.exceeds_error) == (0.0, None, None)
        assert "does not hold" in change.no_error_reason


def test_series_without_an_identifier_and_other_versions_are_noted():
    first = _examination(_level(), uid="")
    comparison = compare_examinations(first, _examination(_level(), "2", software_version="2.0"), ERRORS)
    assert any("A does not name its series" in each for each in comparison.warnings)
    assert any("1.0, B by 2.0" in each for each in comparison.warnings)


def test_slices_that_differ_are_noted():
    fields = {
        "num_slices": 2,
        "slice_thickness_mm": 3.0,
        "spacing_ji_mm": (0.5, 0.6),
        "tilt_deg": 9.0,
        "doubts": ("the psoas is cut",),
    }
    comparison = compare_examinations(_examination(_level()), _examination(_level(**fields), "2"), ERRORS)
    assert comparison.levels[0].notes == (
        "the smallest dural sac is that of 3 slice(s) in A, of 2 in B",
        "slice thickness is 4 mm in A, 3 mm in B",
        "pixels are 0.5 x 0.5 mm in A, 0.5 x 0.6 mm in B",
        "the slice is tilted by 3 degrees in A, by 9 in B",
        "B: the psoas is cut",
    )
    alike = _examination(_level(slice_thickness_mm=4.01, spacing_ji_mm=(0.501, 0.5), tilt_deg=7.9), "2")
    assert compare_examinations(_examination(_level()), alike, ERRORS).levels[0].notes == ()


def test_the_smallest_sac_comes_first():
    measures = _area("dural_sac_area", 1.0), _area("smallest_dural_sac_area", 1.0)
    comparison = compare_examinations(_examination(_level(*measures)), _examination(_level(*measures), "2"), ERRORS)
    assert [each.first.key for each in comparison.levels[0].changes] == ["smallest_dural_sac_area", "dural_sac_area"]
