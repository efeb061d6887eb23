"""The outlines: closed, free of self-intersection, apart from each other, each on its side."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from matplotlib.path import Path as Polygon

from LumbarSegLib import anatomy
from LumbarSegLib.phantom import raster
from LumbarSegLib.phantom.outlines import make_outlines
from LumbarSegLib.phantom.shapes import blend, draw_slice_shape

KEYS = {"dural_sac", "ligamentum_flavum", "lamina", "intervertebral_disc"} | {
    f"{key}_{side}" for key in ("psoas", "multifidus", "erector_spinae") for side in ("left", "right")
}


def draw_outlines(seed: int) -> dict[str, list[np.ndarray]]:
    rng = np.random.default_rng(seed)
    shape = draw_slice_shape(rng)
    # Every third one lies between two shapes, as the slices of a study do.
    return make_outlines(blend(shape, draw_slice_shape(rng), 0.4) if seed % 3 == 0 else shape)


def segments(polygon: np.ndarray) -> np.ndarray:
    """Return the edges (N, 2, 2) of a polygon."""
    return np.stack([polygon, np.roll(polygon, -1, axis=0)], axis=1)


def crossings(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return which of the segments (N, 2, 2) and (M, 2, 2) cross within both, as a mask (N, M)."""

    def side(line: np.ndarray, points: np.ndarray) -> np.ndarray:
        along = line[:, None, 1] - line[:, None, 0]
        offset = points[None] - line[:, None, 0]
        return np.sign(along[..., 0] * offset[..., 1] - along[..., 1] * offset[..., 0])

    split_second = side(first, second[:, 0]) * side(first, second[:, 1]) < 0
    split_first = (side(second, first[:, 0]) * side(second, first[:, 1]) < 0).T
    return split_first & split_second


def within(edges: np.ndarray, box_of: np.ndarray) -> np.ndarray:
    """Return the edges whose bounding box touches that of a polygon."""
    low, high = box_of.min(axis=0), box_of.max(axis=0)
    return edges[((edges.max(axis=1) >= low) & (edges.min(axis=1) <= high)).all(axis=1)]


def test_crossings_sees_a_crossing():
    cross = crossings(
        np.array([[[0.0, 0.0], [2.0, 2.0]]]), np.array([[[0.0, 2.0], [2.0, 0.0]], [[3.0, 0.0], [3.0, 5.0]]])
    )
    np.testing.assert_array_equal(cross, [[True, False]])


@pytest.mark.parametrize("seed", range(15))
def test_outlines_are_simple_and_disjoint(seed):
    outlines = draw_outlines(seed)
    assert set(outlines) == KEYS
    polygons = [(f"{key}[{i}]", part) for key, parts in outlines.items() for i, part in enumerate(parts)]
    for name, polygon in polygons:
        assert abs(raster.signed_area(polygon)) > 10.0, name
        edges = segments(polygon)
        assert not crossings(edges, edges).any(), f"{name} crosses itself"
    for (name, polygon), (other_name, other) in itertools.combinations(polygons, 2):
        edges, other_edges = within(segments(polygon), other), within(segments(other), polygon)
        if len(edges) and len(other_edges):
            assert not crossings(edges, other_edges).any(), f"{name} crosses {other_name}"
        # Without a crossing, one could only lie within the other as a whole.
        assert not Polygon(polygon).contains_point(other[0]), f"{other_name} lies in {name}"
        assert not Polygon(other).contains_point(polygon[0]), f"{name} lies in {other_name}"


@pytest.mark.parametrize("seed", range(6))
def test_paired_structures_lie_on_their_side(seed):
    for key, parts in draw_outlines(seed).items():
        x = np.concatenate(parts)[:, 0]
        if key.endswith("_left"):
            assert x.min() > 0
        elif key.endswith("_right"):
            assert x.max() < 0
        else:
            assert x.min() < 0 < x.max()


def test_both_kinds_of_arch_occur():
    counts = {len(draw_outlines(seed)["lamina"]) for seed in range(12)}
    assert counts == {1, 3}


def test_keys_follow_the_table_of_classes():
    expected = set()
    for entry in anatomy.ANATOMIES:
        expected |= {f"{entry.key}_left", f"{entry.key}_right"} if entry.is_paired else {entry.key}
    assert expected == KEYS


def test_blend_runs_from_one_shape_to_the_other():
    rng = np.random.default_rng(0)
    first, second = draw_slice_shape(rng), draw_slice_shape(rng)
    assert blend(first, second, 0.0) == first
    assert blend(first, second, 1.0) == second
    half = blend(first, second, 0.5)
    assert half.left.psoas_width == pytest.approx((first.left.psoas_width + second.left.psoas_width) / 2)
    assert half.muscle_end == pytest.approx((first.muscle_end + second.muscle_end) / 2)
