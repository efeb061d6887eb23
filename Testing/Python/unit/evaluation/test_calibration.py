"""Reliability by class: bins by hand, and networks whose calibration is known."""

import numpy as np
import pytest

from LumbarSegLib.anatomy import IGNORE_INDEX, NUM_CLASSES, VERTEBRAL_BODY_INDEX
from LumbarSegLib.evaluation.calibration import (
    MIN_PROBABILITY,
    NUM_BINS,
    TOP_LABEL,
    compute_calibration,
    count_reliability,
)


def sac_probabilities(sac: np.ndarray) -> np.ndarray:
    """All classes but background and dural sac have none."""
    result = np.zeros((NUM_CLASSES, *sac.shape), dtype=np.float32)
    result[0], result[1] = 1 - sac, sac
    return result


def calibration(probabilities, reference, row="dural_sac"):
    return compute_calibration([count_reliability(probabilities, reference)[row]])


def test_bins_by_hand():
    """Ten pixels at 0.9, eight right; ten at 0.1, none right: (|8 - 9| + |0 - 1|) / 20."""
    sac = np.array([[0.9] * 10, [0.1] * 10])
    reference = np.zeros((2, 10), dtype=np.uint8)
    reference[0, :8] = 1
    found = calibration(sac_probabilities(sac), reference)
    assert found.expected_calibration_error == pytest.approx(0.1)
    filled = [place for place, pixels in enumerate(found.num_pixels) if pixels]
    assert filled == [int(0.1 * NUM_BINS), int(0.9 * NUM_BINS)]
    assert found.observed_share[filled[1]] == pytest.approx(0.8)
    assert found.mean_probability[filled[1]] == pytest.approx(0.9)
    assert found.observed_share[7] is None
    top = calibration(sac_probabilities(sac), reference, TOP_LABEL)
    assert top.expected_calibration_error == pytest.approx(abs(18 - 20 * 0.9) / 20, abs=1e-6)


def test_probabilities_that_keep_their_word():
    rng = np.random.default_rng(0)
    sac = rng.uniform(0, 1, (400, 400))
    reference = (rng.uniform(0, 1, sac.shape) < sac).astype(np.uint8)
    assert calibration(sac_probabilities(sac), reference).expected_calibration_error < 0.01
    overconfident = np.where(sac > 0.5, 1.0, MIN_PROBABILITY)
    # It says 1 or 0.01 where it is 0.75 or 0.25.
    error = calibration(sac_probabilities(overconfident), reference).expected_calibration_error
    assert error == pytest.approx((0.25 + 0.24) / 2, abs=0.01)


def test_sure_background_does_not_count_and_what_it_hides_is_said():
    sac = np.full((10, 10), 0.001)
    sac[0] = 1.0
    reference = np.zeros((10, 10), dtype=np.uint8)
    reference[:4] = 1
    found = calibration(sac_probabilities(sac), reference)
    assert sum(found.num_pixels) == 10
    assert found.expected_calibration_error == 0
    assert found.overlooked_share == 0.75


def test_unlabeled_pixels_do_not_count_and_a_vertebral_body_is_background():
    sac = np.full((2, 4), 0.9)
    reference = np.array([[1, 1, 1, 1], [IGNORE_INDEX, IGNORE_INDEX, VERTEBRAL_BODY_INDEX, 0]], dtype=np.uint8)
    found = calibration(sac_probabilities(sac), reference)
    assert sum(found.num_pixels) == 6
    assert found.observed_share[int(0.9 * NUM_BINS)] == pytest.approx(4 / 6)
    background = calibration(sac_probabilities(1 - sac), reference, TOP_LABEL)  # 0.1 is enough to count
    assert background.observed_share[int(0.9 * NUM_BINS)] == pytest.approx(2 / 6)


def test_slices_are_pooled():
    certain = count_reliability(sac_probabilities(np.ones((1, 3))), np.ones((1, 3), np.uint8))["dural_sac"]
    wrong = count_reliability(sac_probabilities(np.ones((1, 1))), np.zeros((1, 1), np.uint8))["dural_sac"]
    assert compute_calibration([certain, wrong]).expected_calibration_error == pytest.approx(0.25)


def test_nothing_predicted_has_no_error():
    found = calibration(sac_probabilities(np.zeros((4, 4))), np.zeros((4, 4), np.uint8))
    assert found.expected_calibration_error is None
    assert found.overlooked_share is None
    assert compute_calibration([]).expected_calibration_error is None


def test_shapes_must_agree():
    with pytest.raises(ValueError, match="must have shape"):
        count_reliability(np.zeros((NUM_CLASSES, 2, 2)), np.zeros((3, 3), np.uint8))
