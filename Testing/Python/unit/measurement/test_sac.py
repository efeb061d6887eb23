"""Tilt and diameters of the dural sac against tubes of known axis and section."""

import numpy as np
import pytest
from lumbar_ellipses import GEOMETRIES, LUMBAR, Ellipse, axial_affine, draw

from LumbarSegLib.geometry import slice_normal_ras, spacing_kji_mm
from LumbarSegLib.measurement import measure_block

SAC, DISC = LUMBAR["dural_sac"], LUMBAR["intervertebral_disc"]


def _tube(affine, lean_deg, slices=4, jitter_mm=()):
    """Slices of a sac that leans to the front by `lean_deg` against the slice normal, each with a disc."""
    step_mm = spacing_kji_mm(affine)[0] * np.sign(affine[:3, 2] @ slice_normal_ras(affine))
    offsets = [step_mm * k * np.tan(np.radians(lean_deg)) for k in range(slices)]
    for k, jitter in enumerate(jitter_mm):
        offsets[k] += jitter
    return np.concatenate([draw(affine, [SAC, DISC], center_offset_mm=(0, offset)) for offset in offsets])


@pytest.mark.parametrize("lean_deg", [0, -12, 25])
@pytest.mark.parametrize("name", GEOMETRIES)
def test_tilt_and_corrected_area_in_every_geometry(name, lean_deg):
    affine = GEOMETRIES[name]
    slices = 30 if name == "isotropic volume" else 4
    for measurement in measure_block(_tube(affine, lean_deg, slices), affine)[:: slices // 4]:
        tilt, area = measurement["dural_sac_tilt"], measurement["dural_sac_area"].value
        # The grid moves a centroid by up to 0.1 mm, the slices span at least 12 mm.
        assert tilt.value == pytest.approx(abs(lean_deg), abs=1)
        assert tilt.column == "dural_sac_tilt_deg"
        corrected = measurement["dural_sac_corrected_area"]
        assert corrected.value == pytest.approx(area * np.cos(np.radians(tilt.value)), rel=1e-12)
        assert ("NORDSTEN" in tilt.caveat) == (abs(lean_deg) > 5)


@pytest.mark.parametrize("slices", [1, 2])
def test_too_few_slices_give_no_axis(slices):
    affine = axial_affine()
    for measurement in measure_block(_tube(affine, 10, slices), affine):
        for key in ("dural_sac_tilt", "dural_sac_corrected_area"):
            assert measurement[key].value is None
            assert "slices" in measurement[key].reason
        assert measurement["dural_sac_area"].value > 0


def test_two_slices_far_apart_do():
    affine = axial_affine(spacing_kji_mm=(9.0, 0.5, 0.5))
    assert measure_block(_tube(affine, 10, 2), affine)[0]["dural_sac_tilt"].value == pytest.approx(10, abs=1)


def test_scattered_centroids_give_no_axis():
    affine = axial_affine()
    (first, *_) = measure_block(_tube(affine, 0, 4, jitter_mm=(0, 4, -4, 0)), affine)
    assert "known to" in first["dural_sac_tilt"].reason


def test_what_is_no_axis_is_refused():
    affine = axial_affine()
    (first, *_) = measure_block(_tube(affine, 60, 4), affine)
    assert "no axis" in first["dural_sac_tilt"].reason


def test_slices_that_are_not_axial_have_no_tilt():
    sagittal = axial_affine(((0, 1, 0), (0, 0, -1), (1, 0, 0)))
    label_map = np.zeros((4, 40, 40), dtype=np.uint8)
    label_map[:, 10:30, 10:30] = 1
    for measurement in measure_block(label_map, sagittal):
        for key in ("tilt", "corrected_area", "ap_diameter", "transverse_diameter"):
            assert measurement[f"dural_sac_{key}"].reason == "the slices are not axial"


def test_a_curved_sac_has_a_tilt_of_its_own_in_each_slice():
    affine = axial_affine()
    # 0 to 20 degrees over 100 mm: the axis of a slice comes from its neighbors.
    lean = np.radians(np.linspace(0, 20, 26))
    offsets = np.concatenate([[0], np.cumsum(4.0 * np.tan(lean[:-1]))])
    label_map = np.concatenate([draw(affine, [SAC], center_offset_mm=(0, offset)) for offset in offsets - 15])
    tilts = [measurement["dural_sac_tilt"].value for measurement in measure_block(label_map, affine)]
    assert tilts[5:-5] == pytest.approx(np.degrees(lean)[5:-5], abs=2)


@pytest.mark.parametrize("spine_turn_deg", [-30, 0, 20])
@pytest.mark.parametrize("name", GEOMETRIES)
def test_diameters_follow_the_turned_vertebra(name, spine_turn_deg):
    affine = GEOMETRIES[name]
    (measurement,) = measure_block(draw(affine, LUMBAR.values(), spine_turn_deg=spine_turn_deg), affine)
    # A pixel at most, along its diagonal; the line is off by up to 2 degrees, which changes nothing.
    tolerance = float(np.linalg.norm(spacing_kji_mm(affine)[1:]))
    assert measurement["dural_sac_ap_diameter"].value == pytest.approx(12, abs=tolerance)
    assert measurement["dural_sac_transverse_diameter"].value == pytest.approx(18, abs=tolerance)
    assert measurement["dural_sac_ap_diameter"].caveat == ""


def test_diameters_of_a_rectangle_are_exact():
    affine = axial_affine(spacing_kji_mm=(4.0, 0.8, 0.45))
    label_map = np.zeros((1, 60, 60), dtype=np.uint8)
    label_map[0, 20:35, 10:40] = 1
    (measurement,) = measure_block(label_map, affine)
    assert measurement["dural_sac_ap_diameter"].value == pytest.approx(15 * 0.8)
    assert measurement["dural_sac_transverse_diameter"].value == pytest.approx(30 * 0.45)
    assert "patient's axes" in measurement["dural_sac_ap_diameter"].caveat


def test_a_speck_does_not_widen_the_sac():
    affine = axial_affine()
    speck = Ellipse("dural_sac", (20, 3), (2, 2))
    (measurement,) = measure_block(draw(affine, [*LUMBAR.values(), speck]), affine)
    assert measurement["dural_sac_transverse_diameter"].value == pytest.approx(18, abs=0.7)
    assert any("2 pieces" in remark for remark in measurement.remarks)


def test_without_a_sac_there_is_a_reason():
    affine = axial_affine()
    label_map = np.concatenate([draw(affine, [DISC]), *[_tube(affine, 0, 1)] * 3])
    (first, *_) = measure_block(label_map, affine)
    for key in ("area", "corrected_area", "tilt", "ap_diameter", "transverse_diameter"):
        assert first[f"dural_sac_{key}"].reason == "no dural_sac pixels in the slice"
