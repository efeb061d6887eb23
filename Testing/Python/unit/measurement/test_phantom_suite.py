"""The phantom suite: every geometry within tolerance and with the right sides, and errors that it finds."""

from dataclasses import replace

import numpy as np
import pytest

from LumbarSegLib import geometry
from LumbarSegLib.measurement import measure_block
from LumbarSegLib.phantom.known_areas import draw_known_blocks, known_geometries
from LumbarSegLib.selftest.geometries import measure_known, run_geometry

GEOMETRIES = {each.name: each for each in known_geometries()}


@pytest.mark.parametrize("name", GEOMETRIES)
def test_every_measure_is_within_its_tolerance_and_on_its_side(name):
    result = run_geometry(GEOMETRIES[name])
    assert [check for check in result.checks if not check.passed] == []
    assert result.num_wrong_sides == 0
    assert result.num_failed == 0
    assert len(result.checks) >= 15


def test_the_suite_has_the_geometries_that_were_asked_for():
    hands = {np.linalg.det(grid.affine_ijk_to_ras) > 0 for each in GEOMETRIES.values() for grid in each.grids}
    assert hands == {True, False}
    directions = {
        tuple(np.sign(grid.affine_ijk_to_ras[[0, 1, 2], [0, 1, 2]]))
        for name, each in GEOMETRIES.items()
        for grid in each.grids
        if name.startswith("stored as")
    }
    assert len(directions) == 8  # flipped on each axis, in all combinations
    tilts = [geometry.axial_tilt_deg(grid.affine_ijk_to_ras) for each in GEOMETRIES.values() for grid in each.grids]
    assert max(tilts) == pytest.approx(30)
    blocks = max(GEOMETRIES.values(), key=lambda each: len(each.grids)).grids
    assert len({round(geometry.axial_tilt_deg(grid.affine_ijk_to_ras)) for grid in blocks}) == len(blocks) == 4


def test_every_kind_of_measure_is_known_somewhere():
    known = {
        key
        for name in ("stored as LPI, left-handed", "oblique about all three axes, right-handed")
        for block in draw_known_blocks(GEOMETRIES[name])
        for expected in block.expected
        for key, each in expected.items()
        if each.value is not None
    }
    (measured,) = measure_block(np.zeros((1, 9, 9), dtype=np.uint8), geometry.radiological_affine((4.0, 1.0, 1.0)))
    unknown = {measure.key for measure in measured.measures} - known
    # Totals of what is known per side.
    assert {key for key in unknown if "_total_" not in key} == set()


def _swapped_sides(block, fat_method):
    names = {"left": "right", "right": "left"}
    return [
        replace(
            each,
            measures=tuple(
                replace(measure, key="_".join(names.get(word, word) for word in measure.key.split("_")))
                for measure in each.measures
            ),
        )
        for each in measure_known(block, fat_method)
    ]


def _sides_by_array_order(block, fat_method):
    upright = geometry.radiological_affine(geometry.spacing_kji_mm(block.affine_ijk_to_ras))
    return measure_known(replace(block, affine_ijk_to_ras=upright), fat_method)


def _mirrored(block, fat_method):
    return measure_known(replace(block, label_map=block.label_map[:, :, ::-1]), fat_method)


def _transposed(block, fat_method):
    label_map, image = (np.swapaxes(each, 1, 2) for each in (block.label_map, block.image))
    return measure_known(replace(block, label_map=label_map, image=image), fat_method)


def _rows_and_columns_exchanged(block, fat_method):
    affine = block.affine_ijk_to_ras.copy()
    lengths = np.linalg.norm(affine[:3, :2], axis=0)
    affine[:3, :2] *= lengths[::-1] / lengths
    return measure_known(replace(block, affine_ijk_to_ras=affine), fat_method)


def _spacing_off_by_half_a_percent(block, fat_method):
    return measure_known(
        replace(block, affine_ijk_to_ras=block.affine_ijk_to_ras @ np.diag([1.005, 1.005, 1, 1])), fat_method
    )


def _slice_distance_halved(block, fat_method):
    return measure_known(
        replace(block, affine_ijk_to_ras=block.affine_ijk_to_ras @ np.diag([1, 1, 0.5, 1])), fat_method
    )


def _slices_reversed(block, fat_method):
    return measure_known(block, fat_method)[::-1]


@pytest.mark.parametrize(
    ("measure", "name", "finds_wrong_sides"),
    [
        (_swapped_sides, "isotropic voxels of 0.7 mm", True),
        (_sides_by_array_order, "stored as RPS, left-handed", True),
        (_sides_by_array_order, "stored as PRI, left-handed", False),
        (_mirrored, "one slice", True),
        (_transposed, "one slice", False),
        (_rows_and_columns_exchanged, "rows 0.45 mm, columns 0.8 mm", False),
        (_spacing_off_by_half_a_percent, "one slice", False),
        (_slice_distance_halved, "oblique by +15 degrees about the left-right axis", False),
        (_slices_reversed, "muscles cut by the image's edge, oblique, flipped", False),
    ],
)
def test_a_planted_error_is_found(measure, name, finds_wrong_sides):
    result = run_geometry(GEOMETRIES[name], measure)
    assert result.num_failed > 0
    if finds_wrong_sides:
        assert result.num_wrong_sides > 0
