"""Dice per class, absent classes, and the way from slices to figures."""

import numpy as np
import pytest

from LumbarSegLib.anatomy import ANATOMIES, IGNORE_INDEX
from LumbarSegLib.evaluation.evaluator import summarize
from LumbarSegLib.evaluation.overlap import compute_overlap, mean_dice, mean_over_classes, pooled_dice


def _pair() -> tuple[np.ndarray, np.ndarray]:
    reference = np.zeros((10, 10), dtype=np.uint8)
    prediction = reference.copy()
    reference[:4] = 1  # 40 pixels
    prediction[2:4] = 1  # 20 of them
    reference[6] = 2
    prediction[8] = 3
    return prediction, reference


def test_dice_by_hand():
    overlap = compute_overlap("a", *_pair())
    assert overlap.dice["dural_sac"] == pytest.approx(2 * 20 / 60)
    assert overlap.dice["ligamentum_flavum"] == 0.0  # missed
    assert overlap.dice["psoas"] == 0.0  # invented
    assert overlap.dice["lamina"] is None  # neither
    assert overlap.in_reference["ligamentum_flavum"]
    assert not overlap.in_reference["psoas"]
    assert overlap.in_prediction["psoas"]
    assert not overlap.in_prediction["ligamentum_flavum"]


def test_ignored_pixels_do_not_count():
    prediction, reference = _pair()
    reference[:2] = IGNORE_INDEX
    assert compute_overlap("a", prediction, reference).dice["dural_sac"] == 1.0


def test_means_take_slices_whose_reference_has_the_class():
    prediction, reference = _pair()
    overlaps = [compute_overlap("a", prediction, reference), compute_overlap("b", reference, reference)]
    means = mean_dice(overlaps)
    assert means["dural_sac"] == pytest.approx((2 / 3 + 1) / 2)
    assert means["ligamentum_flavum"] == 0.5
    assert means["psoas"] is None
    assert mean_over_classes(means) == pytest.approx((means["dural_sac"] + 0.5) / 2)
    assert mean_over_classes(mean_dice([])) is None


def test_pooled_dice_counts_pixels():
    prediction, reference = _pair()
    overlaps = [compute_overlap("a", prediction, reference), compute_overlap("b", reference, reference)]
    pooled = pooled_dice(overlaps)
    assert pooled["dural_sac"] == pytest.approx(2 * (20 + 40) / (60 + 80))
    assert pooled["psoas"] == 0.0  # invented in one slice
    assert pooled["lamina"] is None


def test_figures_by_plane_and_without_the_discs_of_endplates():
    reference = np.zeros((4, 4), dtype=np.uint8)
    reference[0] = 7
    missed = np.zeros_like(reference)
    overlaps = [compute_overlap("a", reference, reference, "disc"), compute_overlap("b", missed, reference, "endplate")]
    summary = summarize(overlaps)
    assert summary["dice"]["intervertebral_disc"] == 0.5
    assert summary["by_plane"]["disc"]["dice"]["intervertebral_disc"] == 1.0
    assert summary["by_plane"]["endplate"] == {
        "num_slices": 1,
        "mean_dice": 0.0,
        "dice": {anatomy.key: 0.0 if anatomy.key == "intervertebral_disc" else None for anatomy in ANATOMIES},
    }
    assert summary["without_endplate_discs"]["mean_dice"] == 1.0
    assert "by_plane" not in summarize([compute_overlap("a", reference, reference)])


def test_shapes_must_agree():
    with pytest.raises(ValueError, match="must have shape"):
        compute_overlap("a", np.zeros((2, 2), np.uint8), np.zeros((3, 3), np.uint8))
