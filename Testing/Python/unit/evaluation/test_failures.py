"""The order of the worst slices."""

import numpy as np
import pytest

from LumbarSegLib.evaluation.failures import rank_failures
from LumbarSegLib.evaluation.overlap import compute_overlap


def strip(index: int, first: int, last: int) -> np.ndarray:
    result = np.zeros((1, 100), dtype=np.uint8)
    result[:, first:last] = index
    return result


def test_worst_first_each_class_against_its_own_mean():
    sac, flavum, none = strip(1, 0, 50), strip(2, 0, 50), strip(1, 0, 0)
    overlaps = [
        compute_overlap("good", sac, sac),
        compute_overlap("shifted", strip(1, 10, 60), sac),  # 0.8, the sac having 0.9 where it was found
        compute_overlap("missed", none, sac),  # 0
        compute_overlap("usual", strip(2, 20, 70), flavum),  # 0.6, as its class always has
        compute_overlap("invented", strip(7, 0, 5), none),
        compute_overlap("empty", none, none),
    ]
    ranked = rank_failures(overlaps)
    assert [each.overlap.name for each in ranked] == ["invented", "missed", "shifted", "usual", "good"]
    assert [each.kind for each in ranked[:3]] == ["invented", "missed", "differs"]
    assert [each.key for each in ranked[:3]] == ["intervertebral_disc", "dural_sac", "dural_sac"]
    assert [each.index for each in ranked] == [4, 2, 1, 3, 0]
    assert [each.shortfall for each in ranked] == pytest.approx([1, 0.9, 0.1, 0, -0.1])


def test_no_pixel_in_common_is_no_missed_class():
    (failure,) = rank_failures([compute_overlap("apart", strip(1, 50, 60), strip(1, 0, 10))])
    assert failure.kind == "differs"
    assert failure.dice == 0
