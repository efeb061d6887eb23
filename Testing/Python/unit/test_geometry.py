"""Plane, spacing, normal and reading order from an affine."""

import itertools

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from LumbarSegLib import geometry

#: Radiological axial: columns to the patient's left, rows to the back, slices to the head.
READING_ORDER = np.diag([-0.5, -0.7, 4.0, 1.0])


def _rotated(affine: np.ndarray, axis: str, degrees: float) -> np.ndarray:
    turn = np.eye(4)
    turn[:3, :3] = Rotation.from_euler(axis, degrees, degrees=True).as_matrix()
    return turn @ affine


def test_lps_to_ras_negates_the_first_two_rows_and_is_its_own_inverse():
    affine = np.arange(16.0).reshape(4, 4)
    converted = geometry.lps_to_ras(affine)
    assert (converted[:2] == -affine[:2]).all()
    assert (converted[2:] == affine[2:]).all()
    assert (geometry.lps_to_ras(converted) == affine).all()


def test_spacing_area_and_normal_of_an_oblique_block():
    affine = _rotated(READING_ORDER, "x", 25)
    assert geometry.spacing_kji_mm(affine) == pytest.approx((4.0, 0.7, 0.5))
    assert geometry.pixel_area_mm2(affine) == pytest.approx(0.35)
    assert geometry.axial_tilt_deg(affine) == pytest.approx(25.0)
    assert geometry.slice_normal_ras(affine)[2] == pytest.approx(np.cos(np.radians(25)))


def test_area_of_a_sheared_grid_is_not_the_product_of_spacings():
    affine = READING_ORDER.copy()
    affine[0, 1] = 0.3
    assert geometry.pixel_area_mm2(affine) == pytest.approx(0.5 * 0.7)


@pytest.mark.parametrize(
    ("axis", "degrees", "expected"),
    [
        ("x", 0, "axial"),
        ("x", 40, "axial"),
        ("y", -30, "axial"),
        ("x", 60, "coronal"),
        ("x", 90, "coronal"),
        ("y", 90, "sagittal"),
    ],
)
def test_plane(axis, degrees, expected):
    assert geometry.plane_name(_rotated(READING_ORDER, axis, degrees)) == expected


@pytest.mark.parametrize(
    ("transpose", "flip_j", "flip_i", "turn"), list(itertools.product([0, 1], [0, 1], [0, 1], [0, 30, -30]))
)
def test_any_axis_order_is_brought_into_reading_order_and_back(transpose, flip_j, flip_i, turn):
    affine = _rotated(READING_ORDER, "z", turn)
    # The R and A coordinate of every pixel, stored in the order under test.
    rows, columns = 5, 7
    if flip_i:
        affine = affine @ np.array([[-1, 0, 0, columns - 1], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])
    if flip_j:
        affine = affine @ np.array([[1, 0, 0, 0], [0, -1, 0, rows - 1], [0, 0, 1, 0], [0, 0, 0, 1.0]])
    if transpose:
        affine = affine[:, [1, 0, 2, 3]]
        rows, columns = columns, rows
    j, i = np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij")
    indices = np.stack([i.ravel(), j.ravel(), np.zeros(i.size)], axis=1)
    right, anterior, _ = geometry.positions_ras_mm(affine, indices).T.reshape(3, rows, columns)
    orientation = geometry.in_plane_orientation(affine)
    assert (np.diff(orientation.apply(right), axis=1) < 0).all()  # to the patient's left
    assert (np.diff(orientation.apply(anterior), axis=0) < 0).all()  # to the back
    assert (orientation.undo(orientation.apply(right)) == right).all()
    _, spacing_j, spacing_i = geometry.spacing_kji_mm(affine)
    assert orientation.apply_spacing((spacing_j, spacing_i)) == pytest.approx((0.7, 0.5))


def test_slice_center():
    affine = READING_ORDER.copy()
    affine[:3, 3] = (10, 20, 30)
    assert geometry.slice_center_ras_mm(affine, (3, 11, 21), 2) == pytest.approx((5.0, 16.5, 38.0))
