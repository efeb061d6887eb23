"""Areas and sides against shapes of known area, in every geometry."""

import numpy as np
import pytest
from lumbar_ellipses import BACK, DOWN, FRONT, GEOMETRIES, LEFT, LUMBAR, RIGHT, UP, axial_affine, draw, turn_about

from LumbarSegLib.measurement import measure_block

#: Outlined, not derived from what is outlined.
AREAS = {
    *(f"{key}_area" for key in ("dural_sac", "ligamentum_flavum", "lamina", "intervertebral_disc")),
    *(f"{key}_{side}_area" for key in ("psoas", "multifidus", "erector_spinae") for side in ("left", "right", "total")),
}


def _assert_areas_as_drawn(measurement, pixel_mm, drawn=LUMBAR):
    parts = {name: [ellipse] for name, ellipse in drawn.items() if ellipse.structure != "lamina"}
    parts["lamina"] = [drawn["lamina_left"], drawn["lamina_right"]]
    for name, ellipses in parts.items():
        measure = measurement[f"{name}_area"]
        area = sum(part.area_mm2 for part in ellipses)
        tolerance = sum(part.tolerance_mm2(pixel_mm) for part in ellipses)
        assert measure.unit == "mm2"
        assert measure.value == pytest.approx(area, abs=tolerance), name
    for structure in ("psoas", "multifidus", "erector_spinae"):
        left, right, total = (measurement[f"{structure}_{part}_area"].value or 0 for part in ("left", "right", "total"))
        assert left + right == pytest.approx(total, rel=1e-12)


@pytest.mark.parametrize("spine_turn_deg", [-30, 0, 30])
@pytest.mark.parametrize("affine", GEOMETRIES.values(), ids=GEOMETRIES)
def test_areas_and_sides_in_every_geometry(affine, spine_turn_deg):
    label_map = draw(affine, LUMBAR.values(), slices=2, spine_turn_deg=spine_turn_deg)
    pixel_mm = np.linalg.norm(affine[:3, :2], axis=0).max()
    measurements = measure_block(label_map, affine)
    assert [measurement.slice_index for measurement in measurements] == [0, 1]
    for measurement in measurements:
        _assert_areas_as_drawn(measurement, pixel_mm)
        assert measurement.notes == ()


def test_single_slice():
    affine = axial_affine()
    (measurement,) = measure_block(draw(affine, LUMBAR.values()), affine)
    _assert_areas_as_drawn(measurement, 0.5)


@pytest.mark.parametrize("edges", [(LEFT, BACK, UP), (RIGHT, FRONT, UP), (FRONT, LEFT, DOWN), (BACK, RIGHT, UP)])
def test_half_planes_are_exact(edges):
    """Pixels on either side of a known column: the areas carry no error of drawing at all."""
    in_reading_order = np.full((1, 120, 101), 4, dtype=np.uint8)  # columns from right to left
    in_reading_order[:, :, 50] = 0
    in_reading_order[:, :, 80:] = 0  # less muscle on the left
    in_reading_order[:, :30, 30:71] = 7
    in_reading_order[:, 40:60, 45:56] = 1
    in_reading_order[:, 60:80, 40:61] = 6
    affine = axial_affine(edges, spacing_kji_mm=(3.0, 0.6, 0.6))
    label_map = in_reading_order
    if edges[0][0] == 0:
        label_map = np.swapaxes(label_map, 1, 2)
    i_or_column, j_or_row = (edges[0], edges[1]) if edges[0][0] else (edges[1], edges[0])
    if i_or_column == RIGHT:
        label_map = np.flip(label_map, 2 if edges[0][0] else 1)
    if j_or_row == FRONT:
        label_map = np.flip(label_map, 1 if edges[0][0] else 2)
    (measurement,) = measure_block(label_map, affine)
    pixel_mm2 = 0.6 * 0.6
    muscle = (in_reading_order[0] == 4).sum(axis=0)
    assert measurement["multifidus_right_area"].value == pytest.approx(muscle[:50].sum() * pixel_mm2, rel=1e-9)
    assert measurement["multifidus_left_area"].value == pytest.approx(muscle[51:].sum() * pixel_mm2, rel=1e-9)
    assert measurement["dural_sac_area"].value == pytest.approx(20 * 11 * pixel_mm2, rel=1e-9)


def test_geometry_of_a_slice():
    affine = axial_affine(spacing_kji_mm=(4.0, 0.8, 0.45), turn=turn_about(0, 30))
    measurement = measure_block(np.zeros((3, 11, 21), dtype=np.uint8), affine)[2]
    center = affine @ [10, 5, 2, 1]
    assert measurement.center_ras_mm == pytest.approx(tuple(center[:3]))
    assert measurement.spacing_ji_mm == pytest.approx((0.8, 0.45))
    assert measurement.axial_tilt_deg == pytest.approx(30)


def test_absent_is_none_with_a_reason():
    affine = axial_affine()
    drawn = {name: ellipse for name, ellipse in LUMBAR.items() if not name.startswith(("psoas_left", "multifidus"))}
    drawn.pop("intervertebral_disc")
    (measurement,) = measure_block(draw(affine, drawn.values()), affine)
    _assert_areas_as_drawn(measurement, 0.5, drawn)
    absent = [measure for measure in measurement.measures if measure.value is None]
    assert all(measure.reason for measure in absent)
    assert {measure.key: measure.reason for measure in absent if measure.key in AREAS} == {
        "psoas_left_area": "no psoas pixels on the patient's left",
        "multifidus_left_area": "no multifidus pixels in the slice",
        "multifidus_right_area": "no multifidus pixels in the slice",
        "multifidus_total_area": "no multifidus pixels in the slice",
        "intervertebral_disc_area": "no intervertebral_disc pixels in the slice",
    }
    assert all(not measure.reason for measure in measurement.measures if measure.value is not None)


def test_empty_slice_has_no_values():
    (measurement,) = measure_block(np.zeros((1, 20, 20), dtype=np.uint8), axial_affine())
    assert measurement.midline is None
    assert all(measure.value is None and measure.reason for measure in measurement.measures)


def test_without_midline_structures_the_totals_stand():
    affine = axial_affine()
    muscles = [LUMBAR["psoas_left"], LUMBAR["psoas_right"]]
    (measurement,) = measure_block(draw(affine, muscles), affine)
    assert measurement.midline is None
    assert "midline" in measurement["psoas_left_area"].reason
    assert measurement["psoas_left_area"].value is measurement["psoas_right_area"].value is None
    assert measurement["psoas_total_area"].value == pytest.approx(
        sum(muscle.area_mm2 for muscle in muscles), abs=sum(muscle.tolerance_mm2(0.5) for muscle in muscles)
    )


def test_slices_that_are_not_axial_have_no_sides():
    sagittal = axial_affine(((0, 1, 0), (0, 0, -1), (1, 0, 0)))
    (measurement,) = measure_block(np.full((1, 40, 40), 3, dtype=np.uint8), sagittal)
    assert measurement["psoas_left_area"].reason == "the slices are not axial"
    assert measurement["psoas_total_area"].value == pytest.approx(40 * 40 * 0.25)


def test_assumed_orientation_is_noted_and_areas_stand():
    affine = axial_affine()
    (measurement,) = measure_block(draw(affine, LUMBAR.values()), affine, orientation_known=False)
    _assert_areas_as_drawn(measurement, 0.5)
    assert "sides are assumed" in measurement.notes[0]


@pytest.mark.parametrize(
    ("label_map", "message"),
    [
        (np.zeros((20, 20), dtype=np.uint8), "shape"),
        (np.full((1, 2, 2), 8, dtype=np.uint8), "labels 0-7, got 8"),
        (np.full((1, 2, 2), -1, dtype=np.int16), "labels 0-7, got -1"),
    ],
)
def test_refuses_what_is_no_label_map(label_map, message):
    with pytest.raises(ValueError, match=message):
        measure_block(label_map, axial_affine())


def test_unknown_measure():
    (measurement,) = measure_block(np.zeros((1, 4, 4), dtype=np.uint8), axial_affine())
    with pytest.raises(KeyError, match="tibia_area"):
        measurement["tibia_area"]
