"""The truth of the phantom suite: areas, tolerances, and shapes that leave each other alone."""

import numpy as np
import pytest

from LumbarSegLib.phantom.known_areas import draw_known_blocks, known_geometries
from LumbarSegLib.phantom.known_areas.shapes import (
    COUNTING_VARIANCE,
    DISCS,
    HALF_PLANES,
    LUMBAR,
    Ellipse,
    Rectangle,
    visible_outline,
)


def test_counts_vary_as_the_tolerance_says():
    """An ellipse in 2000 places of a grid: the spread of the counts, and none beyond four deviations."""
    rng = np.random.default_rng(1)
    half_axes = np.array([15.0, 10.0])
    y, x = np.mgrid[-20:21, -20:21]
    shifts = rng.uniform(-0.5, 0.5, (2000, 2))
    turns = rng.uniform(0, np.pi, 2000)
    counts = np.empty(2000)
    for index, ((shift_x, shift_y), turn) in enumerate(zip(shifts, turns, strict=True)):
        along = (x - shift_x) * np.cos(turn) + (y - shift_y) * np.sin(turn)
        across = (y - shift_y) * np.cos(turn) - (x - shift_x) * np.sin(turn)
        counts[index] = np.count_nonzero((along / half_axes[0]) ** 2 + (across / half_axes[1]) ** 2 <= 1)
    _, outline_px = visible_outline(Ellipse("psoas", "left", (50, 50), tuple(half_axes)).outline(), (100, 100))
    assert counts.mean() == pytest.approx(np.pi * 150, abs=0.2)
    assert counts.std() == pytest.approx(np.sqrt(COUNTING_VARIANCE * outline_px), rel=0.1)
    tolerance = Ellipse("psoas", "left", (0, 0), (15, 10)).count_tolerance(outline_px)
    assert np.abs(counts - np.pi * 150).max() < tolerance < 0.5 * outline_px


def test_what_the_edge_of_the_image_leaves_of_an_ellipse():
    """The image ends at column 99.5; the ellipse's middle lies 6 columns within, 0.6 of its half axis."""
    ellipse = Ellipse("psoas", "left", (93.5, 50.0), (10.0, 8.0))
    area, length = visible_outline(ellipse.outline(), (100, 100))
    beyond = np.arccos(0.6) - 0.6 * np.sqrt(1 - 0.36)  # circular segment, for a unit circle
    assert area == pytest.approx((np.pi - beyond) * 80.0, rel=1e-5)
    whole = visible_outline(ellipse.outline(), (200, 200))
    assert whole[0] == pytest.approx(np.pi * 80.0, rel=1e-9)
    assert length < whole[1]


def test_a_half_plane_ends_with_the_image():
    area, length = visible_outline(Rectangle("multifidus", "left", (-1e3, -1e3), (29.5, 1e3)).outline(), (80, 100))
    assert area == pytest.approx(80 * 30)
    assert length == pytest.approx(80)
    assert visible_outline(Rectangle("multifidus", "left", (200, 0), (300, 9)).outline(), (80, 100)) == (0.0, 0.0)


def test_an_oblique_cut_is_larger_by_one_over_the_cosine():
    geometries = {each.name: each for each in known_geometries()}
    oblique = draw_known_blocks(geometries["oblique by +30 degrees about the left-right axis"])[0]
    upright = draw_known_blocks(geometries["one slice"])[0]
    for key in ("dural_sac_area", "psoas_left_area", "lamina_area"):
        ratio = oblique.expected[0][key].value / upright.expected[0][key].value
        assert ratio == pytest.approx(1 / np.cos(np.radians(30)), rel=1e-9)
    assert upright.expected[0]["dural_sac_area"].value == pytest.approx(np.pi * 9 * 6)
    assert oblique.expected[0]["dural_sac_corrected_area"].value == pytest.approx(np.pi * 9 * 6)


@pytest.mark.parametrize("shapes", [LUMBAR, DISCS, HALF_PLANES], ids=["lumbar", "discs", "half-planes"])
def test_shapes_do_not_overlap(shapes):
    y, x = np.mgrid[-90:90:0.2, -90:90:0.2]
    assert sum(shape.contains(x, y).astype(int) for shape in shapes).max() == 1


def test_right_and_left_differ_by_far_more_than_any_tolerance():
    names = ("coarse pixels of 0.9 mm", "muscles cut by the image's edge", "circles", "half-planes")
    for known in known_geometries():
        for block in draw_known_blocks(known) if known.name in names else ():
            for expected in block.expected:
                for muscle in ("psoas", "multifidus", "erector_spinae"):
                    left, right = (expected[f"{muscle}_{side}_area"] for side in ("left", "right"))
                    if left.value is not None:
                        assert abs(left.value - right.value) > 4 * (left.tolerance + right.tolerance), known.name
