"""Polygons on a pixel grid, against areas and pixels that are known by hand."""

from __future__ import annotations

import numpy as np
import pytest

from LumbarSegLib.phantom import raster

TRIANGLE = np.array([[2.0, 1.0], [9.0, 1.0], [2.0, 8.0]])


@pytest.mark.parametrize(("polygon", "area"), [(TRIANGLE, 24.5), (TRIANGLE[::-1], -24.5)])
def test_signed_area_of_a_triangle(polygon, area):
    assert raster.signed_area(polygon) == pytest.approx(area)


@pytest.mark.parametrize("polygon", [TRIANGLE, TRIANGLE[::-1]], ids=["one way round", "the other"])
def test_coverage_of_half_pixels_is_exact(polygon):
    square = np.array([[1.5, 0.5], [4.0, 0.5], [4.0, 2.5], [1.5, 2.5]])
    expected = np.zeros((4, 6))
    expected[1:3, 2:4] = 1.0
    expected[1:3, 4] = 0.5
    np.testing.assert_allclose(raster.coverage(square, (4, 6)), expected, atol=1e-6)
    # From pixel border to pixel border the scan lines lie evenly, so straight edges come out exact.
    assert raster.coverage(polygon + np.array([0.0, 0.5]), (12, 12)).sum() == pytest.approx(24.5, abs=1e-4)


def test_coverage_stops_at_the_grid():
    wide = np.array([[-50.0, 0.5], [50.0, 0.5], [50.0, 1.5], [-50.0, 1.5]])
    expected = np.zeros((4, 5))
    expected[1] = 1.0
    np.testing.assert_allclose(raster.coverage(wide, (4, 5)), expected, atol=1e-6)


def test_paint_label_takes_the_pixels_whose_center_lies_inside():
    label_map = np.full((6, 7), 9, dtype=np.uint8)
    raster.paint_label(label_map, np.array([[0.6, 0.9], [3.1, 0.9], [3.1, 3.4], [0.6, 3.4]]), 4)
    expected = np.full((6, 7), 9)
    expected[1:4, 1:4] = 4
    np.testing.assert_array_equal(label_map, expected)


def test_paint_label_gives_every_pixel_to_one_of_two_neighbors():
    rng = np.random.default_rng(3)
    zigzag = np.column_stack([rng.uniform(8.0, 12.0, 30), np.linspace(-1.0, 20.0, 30)])
    left = np.concatenate([zigzag, [[-1.0, 20.0], [-1.0, -1.0]]])
    right = np.concatenate([zigzag, [[20.0, 20.0], [20.0, -1.0]]])
    counts = np.zeros((20, 20))
    for polygon in (left, right):
        label_map = np.zeros((20, 20), dtype=np.uint8)
        raster.paint_label(label_map, polygon, 1)
        counts += label_map
    np.testing.assert_array_equal(counts, 1)


def test_clip_to_grid_keeps_the_area_on_the_grid():
    # Of the square of side 10 around the corner of the grid (-0.5, -0.5) a quarter is on it.
    square = np.array([[-5.5, -5.5], [4.5, -5.5], [4.5, 4.5], [-5.5, 4.5]])
    assert raster.signed_area(raster.clip_to_grid(square, (20, 20))) == pytest.approx(25.0)
    assert raster.signed_area(raster.clip_to_grid(TRIANGLE, (20, 20))) == pytest.approx(24.5)


def test_clip_to_grid_of_a_shape_cut_in_two():
    # A U whose bottom lies below the grid leaves two legs of 2 x 5.5 pixels.
    u = np.array([[2, 14], [2, 4], [4, 4], [4, 12], [8, 12], [8, 4], [10, 4], [10, 14]], dtype=float)
    assert abs(raster.signed_area(raster.clip_to_grid(u, (10, 20)))) == pytest.approx(22.0)


def test_clip_to_grid_of_a_shape_elsewhere_is_empty():
    clipped = raster.clip_to_grid(TRIANGLE + 100, (20, 20))
    assert clipped.shape == (0, 2)
    assert raster.signed_area(clipped) == 0.0
