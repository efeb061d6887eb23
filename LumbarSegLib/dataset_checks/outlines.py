"""Outlines that are unlike those of the other slices, or unlike anatomy.

What is usual is taken from the folder itself by median and median absolute
deviation, which a few wrong slices do not move; a value counts as an outlier
beyond a modified z-score of 3.5 (Iglewicz and Hoaglin, How to Detect and Handle
Outliers, 1993), or, as the deviation of a few slices is uncertain, beyond what
is equally rare in Student's distribution. Areas and ratios are compared as
logarithms: twice and half are equally far.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from scipy import stats

from LumbarSegLib.anatomy import ANATOMIES
from LumbarSegLib.dataset_checks.records import CLASS_KEYS, Finding, SliceFacts
from LumbarSegLib.geometry import FloatArray

#: Modified z-score beyond which a value of many is an outlier.
MAX_Z = 3.5

#: Fewer values do not say what is usual.
MIN_VALUES = 8

#: Standard deviation of logarithms is taken to be at least this: people differ by so much.
MIN_SPREAD = 0.15

#: A piece with less than this share of its class in the slice is a speck.
MAX_SPECK_SHARE = 0.02

#: A class in so many of the slices of one plane is expected in all of them.
USUALLY_PRESENT = 0.9

#: The sac lies behind the disc; an outline of the front column around more of its rim took the sac in.
MAX_SAC_RIM_IN_COLUMN = 0.5

#: So many pieces can be anatomy: two sides, or the parts of an arch cut low.
_MOST_PIECES = {
    **dict.fromkeys(CLASS_KEYS.values(), 1),
    **{anatomy.key: 2 for anatomy in ANATOMIES if anatomy.is_paired},
    "ligamentum_flavum": 2,
    "lamina": 3,
}


def check_outlines(slices: Sequence[SliceFacts]) -> Iterator[Finding]:
    """Yield what is wrong or unusual with the outlines of a folder."""
    yield from _without_outlines(slices)
    yield from _missing_classes(slices)
    yield from _area_outliers(slices)
    yield from _sides(slices)
    for each in slices:
        yield from _pieces(each)
        for key in each.at_border:
            reason = f"{key} touches the edge of the image."
            yield Finding("warning", "at the border", reason, (each.name,), key)
        if each.sac_rim_in_column > MAX_SAC_RIM_IN_COLUMN:
            share = f"{each.sac_rim_in_column:.0%}"
            reason = f"disc or vertebral body lies around {share} of the sac."
            yield Finding("warning", "around the sac", reason, (each.name,), "dural_sac", 2.0)
        if each.is_upside_down:
            reason = "structures stand in the wrong order from front to back."
            yield Finding("warning", "upside down", reason, (each.name,))


def _without_outlines(slices: Sequence[SliceFacts]) -> Iterator[Finding]:
    for each in slices:
        if not each.areas:
            yield Finding("warning", "no outlines", "the label map holds no class.", (each.name,))
    for anatomy in ANATOMIES:
        if slices and all(anatomy.key not in each.areas for each in slices):
            yield Finding("warning", "empty class", f"No slice has {anatomy.key}.", (), anatomy.key)


def _missing_classes(slices: Sequence[SliceFacts]) -> Iterator[Finding]:
    """Yield classes that nearly all slices of the same plane have, but not this one."""
    for plane in sorted({each.plane for each in slices}):
        members = [each for each in slices if each.plane == plane and each.areas]
        if len(members) < MIN_VALUES:
            continue
        for key in CLASS_KEYS.values():
            without = [each for each in members if key not in each.areas]
            if len(without) > (1 - USUALLY_PRESENT) * len(members):
                continue
            for each in without:
                share = (
                    f"{len(members) - len(without)} of {len(members)} slices{f' through a {plane}' if plane else ''}"
                )
                reason = f"no {key}, which {share} have."
                yield Finding("warning", "missing class", reason, (each.name,), key)


def _area_outliers(slices: Sequence[SliceFacts]) -> Iterator[Finding]:
    unit = area_unit(slices)
    for key in CLASS_KEYS.values():
        members = [each for each in slices if key in each.areas]
        areas = np.array([each.areas[key] for each in members])
        scores = _outlyingness(np.log(areas))
        for each, area, score in zip(members, areas, scores, strict=True):
            if abs(score) > 1:
                size = "large" if score > 0 else "small"
                reason = f"{key} is {size}: {area:.0f} {unit}, median {np.median(areas):.0f}."
                yield Finding("warning", "area outlier", reason, (each.name,), key, abs(score))


def area_unit(slices: Sequence[SliceFacts]) -> str:
    """Return "mm2", or "pixels" where the folder does not state its pixel sizes."""
    return "mm2" if slices and all(each.spacing_mm is not None for each in slices) else "pixels"


def _outlyingness(values: FloatArray) -> FloatArray:
    """Return modified z-scores as multiples of the limit; zeros where there are too few values to compare with."""
    if len(values) < MIN_VALUES:
        return np.zeros(len(values))
    spread = max(stats.median_abs_deviation(values, scale="normal"), MIN_SPREAD)
    limit = stats.t.isf(stats.norm.sf(MAX_Z), len(values) - 1)
    scores: FloatArray = (values - np.median(values)) / spread / limit
    return scores


def _sides(slices: Sequence[SliceFacts]) -> Iterator[Finding]:
    """Yield paired structures drawn on one side only, or of very different sizes."""
    for key in (anatomy.key for anatomy in ANATOMIES if anatomy.is_paired):
        pairs = {each.name: each.sides[key] for each in slices if key in each.sides}
        for name, (left, right) in pairs.items():
            if min(left, right) == 0:
                side = "left" if left == 0 else "right"
                reason = f"no {key} on the patient's {side}."
                yield Finding("warning", "one side", reason, (name,), key, 2.0)
        both = {name: sides for name, sides in pairs.items() if min(sides) > 0}
        scores = _outlyingness(np.array([np.log(left / right) for left, right in both.values()]))
        for (name, (left, right)), score in zip(both.items(), scores, strict=True):
            if abs(score) > 1:
                larger, smaller = ("left", "right") if left > right else ("right", "left")
                factor = max(left, right) / min(left, right)
                reason = f"{key} is {factor:.1f} times as large on the {larger} as on the {smaller}."
                yield Finding("warning", "asymmetry", reason, (name,), key, abs(score))


def _pieces(facts: SliceFacts) -> Iterator[Finding]:
    for key, sizes in facts.pieces.items():
        limit = MAX_SPECK_SHARE * sum(sizes)
        specks = [size for size in sizes if size < limit]
        large = len(sizes) - len(specks)
        if large > _MOST_PIECES[key]:
            reason = f"{key} is in {large} pieces; {_MOST_PIECES[key]} at most are usual."
            yield Finding("warning", "pieces", reason, (facts.name,), key)
        if specks:
            pixels = f"{sum(specks)} pixel{'s' if sum(specks) > 1 else ''}"
            reason = f"{key} has {len(specks)} speck{'s' if len(specks) > 1 else ''} ({pixels})."
            yield Finding("note", "specks", reason, (facts.name,), key)
