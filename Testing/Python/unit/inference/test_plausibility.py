"""Outlines far from the spine are taken back, and nothing else."""

import numpy as np
import pytest

from LumbarSegLib.anatomy import BY_KEY
from LumbarSegLib.inference.plausibility import MAX_DISTANCE_MM, remove_far_components

AFFINE = np.diag([-0.5, -1.0, 4.0, 1.0])
DISC, ERECTOR, PSOAS, SAC = (
    BY_KEY[key].index for key in ("intervertebral_disc", "erector_spinae", "psoas", "dural_sac")
)


@pytest.fixture
def label_map() -> np.ndarray:
    """Two slices of 300 x 300 mm: a disc and a sac in the middle, muscles on both sides of them."""
    labels = np.zeros((2, 300, 600), dtype=np.uint8)
    labels[:, 130:160, 260:340] = DISC
    labels[:, 160:170, 290:310] = SAC
    labels[:, 140:160, 200:240] = PSOAS  # 10 mm to the right of the disc
    labels[:, 170:200, 60:290] = ERECTOR  # reaches 100 mm to the side, but begins at the spine
    return labels


def test_plausible_slices_stay_the_same_object(label_map):
    result, num_removed = remove_far_components(label_map, AFFINE)
    assert result is label_map
    assert num_removed == 0


def test_far_pieces_go_in_their_slice_only(label_map):
    given = label_map.copy()
    edge = 310 + int(MAX_DISTANCE_MM / 0.5)
    given[0, 140:150, edge + 1 : edge + 40] = ERECTOR  # lateral
    given[0, 290:300, 300:320] = PSOAS  # behind the body
    given[1, 140:150, edge - 2 : edge + 40] = ERECTOR  # reaches into the zone
    result, num_removed = remove_far_components(given, AFFINE)
    assert num_removed == 2
    assert (result[0] == label_map[0]).all()
    assert (result[1] == given[1]).all()
    assert given[0, 145, edge + 5] == ERECTOR  # the input is left alone


def test_without_a_spine_nothing_is_judged(label_map):
    label_map[label_map == SAC] = 0
    label_map[0, 5:10, 5:15] = PSOAS
    result, num_removed = remove_far_components(label_map, AFFINE)
    assert num_removed == 0
    assert (result == label_map).all()


def test_the_largest_piece_is_the_spine(label_map):
    label_map[0, 5:10, 5:15] = SAC
    result, num_removed = remove_far_components(label_map, AFFINE)
    assert num_removed == 1
    assert not result[0, :20].any()


def test_a_large_false_disc_does_not_pass_for_the_spine(label_map):
    label_map[0, 200:290, 480:600] = DISC  # larger than the true one
    result, _ = remove_far_components(label_map, AFFINE)
    assert (result[0, 100:200] == label_map[0, 100:200]).all()


def test_a_slice_does_not_lose_most_of_its_outlines(label_map):
    lonely = np.where(label_map == SAC, 0, label_map)
    lonely[0, 5:10, 5:15] = SAC  # all that is left of the spine lies in a corner
    result, num_removed = remove_far_components(lonely, AFFINE)
    assert num_removed == 0
    assert (result == lonely).all()
