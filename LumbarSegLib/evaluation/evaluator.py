"""Run a network over labeled slices, through the same path as a patient's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from LumbarSegLib.anatomy import ANATOMIES
from LumbarSegLib.evaluation.overlap import SliceOverlap, compute_overlap, mean_dice, mean_over_classes, pooled_dice
from LumbarSegLib.geometry import radiological_affine
from LumbarSegLib.inference.predictor import Predictor
from LumbarSegLib.io.labeled_slices import LabeledSlice


def evaluate_slices(predictor: Predictor, slices: Iterable[LabeledSlice]) -> list[SliceOverlap]:
    """Segment labeled slices and compare them with their outlines.

    Parameters
    ----------
    predictor : Predictor
        The network.
    slices : iterable of LabeledSlice
        In radiological reading order.

    Returns
    -------
    list of SliceOverlap
        One for each slice, at its native resolution.
    """
    overlaps = []
    for each in slices:
        affine = radiological_affine((1.0, each.spacing_mm, each.spacing_mm))
        label_map, _ = predictor.predict_block(each.image[None], affine)
        overlaps.append(compute_overlap(each.name, label_map[0], each.label_map, each.plane))
    return overlaps


def summarize(overlaps: Sequence[SliceOverlap]) -> dict[str, Any]:
    """Summarize slices as JSON-ready figures.

    Dice per class as the mean over slices and over pooled pixels, the means of
    both over the classes, the worst slice of each class, and the means over
    slices by the plane that they cut. Where planes are known, the disc is also
    averaged without the slices through an endplate: what is outlined there is
    partly bone, so that its border is a matter of taste.
    """
    means = mean_dice(overlaps)
    pooled = pooled_dice(overlaps)
    worst = {}
    for anatomy in ANATOMIES:
        scored = [(each.dice[anatomy.key], each.name) for each in overlaps if each.in_reference[anatomy.key]]
        if scored:
            value, name = min((value or 0.0, name) for value, name in scored)
            worst[anatomy.key] = {"slice": name, "dice": value}
    return {
        "num_slices": len(overlaps),
        "mean_dice": mean_over_classes(means),
        "dice": means,
        "mean_pooled_dice": mean_over_classes(pooled),
        "pooled_dice": pooled,
        "worst": worst,
        **_by_plane(overlaps, means),
    }


def _by_plane(overlaps: Sequence[SliceOverlap], means: dict[str, float | None]) -> dict[str, Any]:
    planes = sorted({each.plane for each in overlaps} - {""})
    if not planes:
        return {}
    by_plane = {}
    for plane in planes:
        members = [each for each in overlaps if each.plane == plane]
        dice = mean_dice(members)
        by_plane[plane] = {"num_slices": len(members), "mean_dice": mean_over_classes(dice), "dice": dice}
    disc = mean_dice([each for each in overlaps if each.plane != "endplate"])["intervertebral_disc"]
    without_endplates = {**means, "intervertebral_disc": disc}
    return {
        "by_plane": by_plane,
        "without_endplate_discs": {"mean_dice": mean_over_classes(without_endplates), "dice": without_endplates},
    }
