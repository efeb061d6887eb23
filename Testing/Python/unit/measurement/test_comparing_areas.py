"""Left against right, muscle against disc, and muscles that cross the midline."""

from dataclasses import replace

import numpy as np
import pytest
from lumbar_ellipses import GEOMETRIES, LUMBAR, Ellipse, axial_affine, draw

from LumbarSegLib.measurement import measure_block


@pytest.mark.parametrize("spine_turn_deg", [-30, 30])
@pytest.mark.parametrize("name", GEOMETRIES)
def test_asymmetry_and_relative_area(name, spine_turn_deg):
    affine = GEOMETRIES[name]
    pixel_mm = np.linalg.norm(affine[:3, :2], axis=0).max()
    (measurement,) = measure_block(draw(affine, LUMBAR.values(), spine_turn_deg=spine_turn_deg), affine)
    disc = LUMBAR["intervertebral_disc"]
    for key in ("psoas", "multifidus", "erector_spinae"):
        left, right = LUMBAR[f"{key}_left"], LUMBAR[f"{key}_right"]
        relative_error = sum(each.tolerance_mm2(pixel_mm) / each.area_mm2 for each in (left, right))
        expected = 100 * abs(left.area_mm2 - right.area_mm2) / max(left.area_mm2, right.area_mm2)
        assert measurement[f"{key}_asymmetry"].value == pytest.approx(expected, abs=100 * relative_error)
        assert measurement[f"{key}_asymmetry"].column == f"{key}_asymmetry_percent"
        ratio = (left.area_mm2 + right.area_mm2) / disc.area_mm2
        relative_error += disc.tolerance_mm2(pixel_mm) / disc.area_mm2
        assert measurement[f"{key}_relative_area"].value == pytest.approx(ratio, rel=relative_error)


def test_what_cannot_be_compared_says_why():
    affine = axial_affine()
    missing = ("psoas_left", "intervertebral_disc")
    label_map = draw(affine, [ellipse for name, ellipse in LUMBAR.items() if name not in missing])
    (measurement,) = measure_block(label_map, affine)
    assert measurement["psoas_asymmetry"].reason == "no psoas pixels on the patient's left"
    assert "intervertebral_disc" in measurement["multifidus_relative_area"].reason
    assert measurement["multifidus_asymmetry"].value is not None


def test_the_rest_of_a_disc_is_nothing_to_compare_with():
    affine = axial_affine()
    rest = replace(LUMBAR["intervertebral_disc"], half_axes=(4, 2))
    (measurement,) = measure_block(draw(affine, (LUMBAR | {"intervertebral_disc": rest}).values()), affine)
    assert measurement["multifidus_relative_area"].value is None
    assert "25 mm2 are no whole disc" in measurement["multifidus_relative_area"].reason


def _measure(affine, *more, spine_turn_deg=0):
    (measurement,) = measure_block(draw(affine, [*LUMBAR.values(), *more], spine_turn_deg=spine_turn_deg), affine)
    return measurement


@pytest.mark.parametrize("spine_turn_deg", [-30, 0, 30])
@pytest.mark.parametrize("name", GEOMETRIES)
def test_a_muscle_across_the_midline_is_reported_with_its_area(name, spine_turn_deg):
    """The right multifidus reaches 10 mm to the left, behind the spinous process."""
    affine = GEOMETRIES[name]
    wide = replace(LUMBAR["multifidus_right"], center=(8, -45), half_axes=(18, 9))
    drawn = {name: ellipse for name, ellipse in LUMBAR.items() if not name.startswith("multifidus")}
    (measurement,) = measure_block(draw(affine, [*drawn.values(), wide], spine_turn_deg=spine_turn_deg), affine)
    # Segment of an ellipse beyond the line, which lies 8 of 18 mm from its center.
    cut = 8 / 18
    beyond = wide.area_mm2 * (np.arccos(cut) - cut * np.sqrt(1 - cut**2)) / np.pi
    (note,) = measurement.notes
    assert note.startswith("multifidus crosses the midline")
    assert "patient's left" in note
    # Neither side is cut: both areas stand, and add up to the outline.
    sides = [measurement[f"multifidus_{side}_area"].value for side in ("left", "right")]
    assert sum(sides) == pytest.approx(measurement["multifidus_total_area"].value)
    # The midline is found to 2 degrees, 1.6 mm at 45 mm from the sac, over 18 mm of outline.
    assert sides[0] == pytest.approx(beyond, abs=1.6 * 18)
    assert f"{sides[0]:.0f} mm2" in note


def test_muscles_that_touch_are_not_reported():
    affine = axial_affine()
    bridge = Ellipse("multifidus", (0, -39), (6, 1.2))
    assert _measure(affine, bridge).notes == ()


def test_muscles_joined_along_the_midline_are_reported():
    affine = axial_affine()
    bridge = Ellipse("multifidus", (0, -42), (8, 7))
    (note,) = _measure(affine, bridge).notes
    assert "one outline" in note


@pytest.mark.parametrize("spine_turn_deg", range(-30, 31, 10))
def test_an_ordinary_slice_has_no_note(spine_turn_deg):
    assert _measure(axial_affine(), spine_turn_deg=spine_turn_deg).notes == ()
