"""Levels are found in drawn blocks, whatever the order of their slices."""

import numpy as np
import pytest
from lumbar_ellipses import LUMBAR, axial_affine, draw

from LumbarSegLib.measurement import UNKNOWN_LEVEL, measure_block, summarize_levels

# Slices so far apart that two outlines with one slice between them are two discs.
UPWARD = axial_affine(spacing_kji_mm=(9.0, 0.5, 0.5))
DOWNWARD = axial_affine(((-1, 0, 0), (0, -1, 0), (0, 0, -1)), spacing_kji_mm=(9.0, 0.5, 0.5))

SAC = LUMBAR["dural_sac"]
DISC = LUMBAR["intervertebral_disc"]


def _block(*discs_and_sacs: tuple[float, float], affine: np.ndarray = UPWARD):
    """Measure slices with discs and sacs of the given scales; 0 leaves a structure out."""
    slices = []
    for scales in discs_and_sacs:
        shapes = [
            type(shape)(shape.structure, shape.center, (shape.half_axes[0] * scale, shape.half_axes[1] * scale))
            for shape, scale in zip((DISC, SAC), scales, strict=True)
            if scale
        ]
        slices.append(draw(affine, shapes))
    return measure_block(np.concatenate(slices), affine)


def test_each_run_of_discs_is_a_level():
    slices = _block((0, 1), (0.8, 1), (1, 0.9), (0.9, 0.7), (0, 0.5), (0, 1), (0.6, 0.8), (0, 0))
    lower, upper = summarize_levels(slices)
    assert (lower.first_index, lower.last_index, lower.center.slice_index) == (1, 3, 2)
    assert (upper.first_index, upper.last_index, upper.center.slice_index) == (6, 6, 6)
    assert (lower.number, upper.number) == (1, 2)
    assert lower.name.text == upper.name.text == UNKNOWN_LEVEL == "unknown"
    # The narrowest sac of the level, not that of the block, and not that of the level's own slice.
    assert lower.smallest_sac is slices[3]
    assert lower.smallest_sac_area.value == slices[3]["dural_sac_area"].value < lower.center["dural_sac_area"].value
    assert lower.smallest_sac_area.column == "smallest_dural_sac_area_mm2"


def test_numbers_count_from_the_foot_and_the_order_is_the_blocks():
    shapes = ((1, 1), (0, 1), (0.9, 1), (0, 1), (0.8, 1))
    assert [level.number for level in summarize_levels(_block(*shapes))] == [1, 2, 3]
    downward = summarize_levels(_block(*shapes, affine=DOWNWARD))
    assert [level.number for level in downward] == [3, 2, 1]
    assert [level.first_index for level in downward] == [0, 2, 4]


@pytest.mark.parametrize(("num_equal", "expected"), [(1, 0), (2, 0), (3, 1), (4, 1), (5, 2)])
def test_of_equal_discs_the_middle_one_counts_in_either_order(num_equal, expected):
    (upward,) = summarize_levels(_block(*[(1, 1)] * num_equal))
    assert upward.center.slice_index == expected
    (downward,) = summarize_levels(_block(*[(1, 1)] * num_equal, affine=DOWNWARD))
    assert num_equal - 1 - downward.center.slice_index == expected  # the same slice of the patient


def test_the_center_weighs_outlines_by_their_area():
    (level,) = summarize_levels(_block((1, 1), (0.9, 1), (0.9, 1)))
    assert level.center.slice_index == 1  # not the largest, at the edge
    (level,) = summarize_levels(_block((0.2, 1), (0.2, 1), (1, 1), (0.9, 1)))
    assert level.center.slice_index == 2  # not the middle of the run, between slices 1 and 2


def test_no_disc_is_no_level():
    assert summarize_levels(_block((0, 1), (0, 1))) == ()
    assert summarize_levels([]) == ()


def test_a_level_without_a_sac_says_so():
    (level,) = summarize_levels(_block((1, 0), (0.9, 0)))
    assert level.smallest_sac is None
    assert level.smallest_sac_area.value is None
    assert "no dural_sac pixels" in level.smallest_sac_area.reason


def test_slices_without_a_sac_do_not_count_as_the_smallest():
    (level,) = summarize_levels(_block((1, 1), (0.9, 0), (0.8, 0.9)))
    assert level.smallest_sac.slice_index == 2
