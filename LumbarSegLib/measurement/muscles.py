"""What is measured of a muscle: areas, their ratios, fat and signal."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from LumbarSegLib.measurement.fat import FatThreshold, find_fat_threshold
from LumbarSegLib.measurement.parts import Part, area_of, measure_part
from LumbarSegLib.measurement.quality import AREA_RANGE_MM2
from LumbarSegLib.measurement.records import Measure

#: Muscles whose mean signal is set against that of the psoas (NORDSTEN, doi 10.1186/s41747-022-00284-y).
FAT_INDEX_MUSCLES = ("multifidus", "erector_spinae")

#: A smaller outline is the rest of a disc, at the edge of a block; no muscle is set against it. The smallest disc
#: among the project's labeled slices has about twice this area.
MIN_DISC_AREA_MM2 = AREA_RANGE_MM2["intervertebral_disc"][0]

#: A side with fewer pixels than this has no fat fraction.
MIN_FAT_PIXELS = 100

_NO_IMAGE = "no image was given"
_NO_DISC = "no intervertebral_disc pixels in the slice to set it against"
_PSOAS_UNRELIABLE = (
    "fat of the psoas is unreliable: no threshold method agrees with Dixon MRI there "
    "(ICC at most 0.01, doi 10.1016/j.xnsj.2024.100313)"
)


def muscle_measures(
    key: str, parts: Mapping[str, Part], psoas: Mapping[str, Part], disc: Part, fat_method: str
) -> list[Measure]:
    """Measure one muscle in one slice.

    Parameters
    ----------
    key : str
        Of `LumbarSegLib.anatomy`.
    parts, psoas : mapping of str to Part
        The muscle and the psoas, from `left_right_total`.
    disc : Part
        Of the same slice.
    fat_method : str
        See `LumbarSegLib.measurement.fat`.

    Returns
    -------
    list of Measure
        In the order of the table's columns.
    """
    areas = {side: area_of(f"{key}_{side}", part) for side, part in parts.items()}
    measures = [
        *areas.values(),
        _asymmetry(key, areas["left"], areas["right"]),
        _relative_area(key, areas["total"], disc),
        *_fat_measures(key, parts, fat_method),
    ]
    if key in FAT_INDEX_MUSCLES:
        measures += [_fat_index(f"{key}_{side}_fat_index", part, psoas[side]) for side, part in parts.items()]
    return measures


def _asymmetry(key: str, left: Measure, right: Measure) -> Measure:
    """Return 100 * abs(left - right) / larger."""
    key = f"{key}_asymmetry"
    if left.value is None or right.value is None:
        return Measure(key, None, "percent", left.reason or right.reason)
    return Measure(key, 100 * abs(left.value - right.value) / max(left.value, right.value), "percent")


def _relative_area(key: str, total: Measure, disc: Part) -> Measure:
    """Return the muscle's area over the disc's in the same slice."""
    key = f"{key}_relative_area"
    if total.value is None or isinstance(disc, str):
        return Measure(key, None, "ratio", total.reason or _NO_DISC)
    if disc.area_mm2 < MIN_DISC_AREA_MM2:
        reason = f"{disc.area_mm2:.0f} mm2 are no whole disc to set it against ({MIN_DISC_AREA_MM2:g} needed)"
        return Measure(key, None, "ratio", reason)
    return Measure(key, total.value / disc.area_mm2, "ratio")


def _fat_measures(key: str, parts: Mapping[str, Part], fat_method: str) -> list[Measure]:
    """Return lean areas and fat fractions; one threshold for both sides, so that they can be compared."""
    threshold = _threshold(parts["total"], fat_method)
    caveats = [] if isinstance(threshold, str) else [f"{key} fat: {each}" for each in threshold.caveats]
    if key == "psoas":
        caveats.append(_PSOAS_UNRELIABLE)
    caveat = "; ".join(caveats)
    lean = {side: _lean(part, threshold) for side, part in parts.items()}
    areas = [
        measure_part(f"{key}_{side}_lean_area", "mm2", part, lambda pixels: pixels.area_mm2, caveat)
        for side, part in lean.items()
    ]
    return areas + [_fat_fraction(f"{key}_{side}_fat_fraction", lean[side], parts[side], caveat) for side in lean]


def _threshold(total: Part, fat_method: str) -> FatThreshold | str:
    if isinstance(total, str):
        return total
    return _NO_IMAGE if total.signal is None else find_fat_threshold(total.signal, fat_method)


def _lean(part: Part, threshold: FatThreshold | str) -> Part:
    """Return the pixels that are not fat, which may be none at all."""
    if isinstance(part, str):
        return part
    if isinstance(threshold, str):
        return threshold
    if part.signal is None:
        return _NO_IMAGE
    if len(part) < MIN_FAT_PIXELS:
        return f"{len(part)} pixels are too few for a fat fraction ({MIN_FAT_PIXELS} needed)"
    return part.where(part.signal <= threshold.signal)


def _fat_fraction(key: str, lean: Part, part: Part, caveat: str) -> Measure:
    return measure_part(key, "fraction", lean, lambda pixels: 1 - len(pixels) / len(part), caveat)


def _fat_index(key: str, part: Part, psoas: Part) -> Measure:
    """Return the muscle's mean signal over the psoas's on the same side."""
    if isinstance(part, str) or isinstance(psoas, str):
        return Measure(key, None, "ratio", part if isinstance(part, str) else str(psoas))
    if part.signal is None or psoas.signal is None:
        return Measure(key, None, "ratio", _NO_IMAGE)
    signal, psoas_signal = float(np.mean(part.signal)), float(np.mean(psoas.signal))
    if not np.isfinite(signal) or not psoas_signal > 0:
        return Measure(key, None, "ratio", f"a mean signal of {signal:g} over one of {psoas_signal:g} means nothing")
    return Measure(key, signal / psoas_signal, "ratio")
