"""Thickness of the ligamentum flavum against bands of known thickness."""

import numpy as np
import pytest
from lumbar_ellipses import GEOMETRIES, LUMBAR, axial_affine, draw

from LumbarSegLib.measurement import measure_block
from LumbarSegLib.measurement.thickness import compute_thickness_mm


def _band(thickness_mm, angle_deg, spacing_ji_mm, size_mm=60.0, length_mm=30.0):
    rows, columns = (round(size_mm / spacing) for spacing in spacing_ji_mm)
    y, x = np.mgrid[:rows, :columns] * np.reshape(spacing_ji_mm, (2, 1, 1)) - size_mm / 2 + 0.137
    radians = np.radians(angle_deg)
    along, across = x * np.cos(radians) + y * np.sin(radians), y * np.cos(radians) - x * np.sin(radians)
    return (np.abs(across) <= thickness_mm / 2) & (np.abs(along) <= length_mm / 2)


@pytest.mark.parametrize("num_pixels", [1, 2, 3, 4, 7, 8])
@pytest.mark.parametrize("spacing_ji_mm", [(0.5, 0.5), (0.8, 0.45)])
def test_straight_bands_are_exact(num_pixels, spacing_ji_mm):
    mask = np.zeros((40, 60), dtype=bool)
    mask[10 : 10 + num_pixels, 5:55] = True
    assert compute_thickness_mm(mask, spacing_ji_mm) == pytest.approx(num_pixels * spacing_ji_mm[0])
    assert compute_thickness_mm(mask.T, spacing_ji_mm[::-1]) == pytest.approx(num_pixels * spacing_ji_mm[0])


@pytest.mark.parametrize("angle_deg", [0, 15, 30, 45, 70, 90])
@pytest.mark.parametrize("thickness_mm", [3.0, 4.2, 6.0])
@pytest.mark.parametrize("spacing_ji_mm", [(0.5, 0.5), (0.4, 0.7)])
def test_oblique_bands_are_within_a_pixel(thickness_mm, angle_deg, spacing_ji_mm):
    mask = _band(thickness_mm, angle_deg, spacing_ji_mm)
    assert compute_thickness_mm(mask, spacing_ji_mm) == pytest.approx(thickness_mm, abs=max(spacing_ji_mm))


def test_nothing_has_no_thickness():
    assert compute_thickness_mm(np.zeros((5, 5), dtype=bool), (0.5, 0.5)) == 0


@pytest.mark.parametrize("spine_turn_deg", [-30, 30])
@pytest.mark.parametrize("name", GEOMETRIES)
def test_each_side_of_the_ligament(name, spine_turn_deg):
    """Half an ellipse on each side: 5 mm thick at the midline, where its largest circle does not fit."""
    affine = GEOMETRIES[name]
    pixel_mm = np.linalg.norm(affine[:3, :2], axis=0).max()
    (measurement,) = measure_block(draw(affine, LUMBAR.values(), spine_turn_deg=spine_turn_deg), affine)
    ligament = LUMBAR["ligamentum_flavum"]
    for side in ("left", "right"):
        area = measurement[f"ligamentum_flavum_{side}_area"].value
        assert area == pytest.approx(ligament.area_mm2 / 2, abs=ligament.tolerance_mm2(pixel_mm))
        thickness = measurement[f"ligamentum_flavum_{side}_thickness"]
        assert thickness.value == pytest.approx(_largest_circle_in_half_ellipse(7, 2.5), abs=pixel_mm)
        assert thickness.column.endswith("_thickness_mm")


def _largest_circle_in_half_ellipse(long_mm, short_mm):
    centers = np.linspace(0, long_mm, 2001)[1:-1]
    angles = np.linspace(0, np.pi, 2001)
    rim = np.stack([long_mm * np.cos(angles), short_mm * np.sin(angles)])
    to_rim = np.hypot(rim[0, :, None] - centers, rim[1, :, None]).min(axis=0)
    return 2 * np.minimum(centers, to_rim).max()


def test_a_side_without_ligament_has_a_reason():
    affine = axial_affine()
    label_map = draw(affine, [ellipse for name, ellipse in LUMBAR.items() if name != "ligamentum_flavum"])
    (measurement,) = measure_block(label_map, affine)
    assert measurement["ligamentum_flavum_left_thickness"].reason == "no ligamentum_flavum pixels in the slice"
