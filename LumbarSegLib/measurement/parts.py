"""A structure in a slice and its left and right part: pixels, or the reason why there are none."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from LumbarSegLib.measurement.pixels import SIDES, SlicePixels
from LumbarSegLib.measurement.records import Measure, Midline

#: Pixels, at least one, or the reason why there are none.
Part: TypeAlias = "SlicePixels | str"


def whole(key: str, pixels: SlicePixels) -> Part:
    """Return the pixels of the anatomy called `key` among those of a slice."""
    found = pixels.of(key)
    return found if len(found) else f"no {key} pixels in the slice"


def left_right_total(key: str, pixels: SlicePixels, midline: Midline | None, no_sides: str) -> dict[str, Part]:
    """Part the anatomy called `key` at the midline.

    Parameters
    ----------
    key : str
        Of `LumbarSegLib.anatomy`.
    pixels : SlicePixels
        Of the whole slice.
    midline : Midline or None
        None where the sides are not known.
    no_sides : str
        Why there is no midline.

    Returns
    -------
    dict of str to Part
        By "left", "right" (the patient's) and "total".
    """
    total = whole(key, pixels)
    if isinstance(total, str) or midline is None:
        return dict.fromkeys(SIDES, total if isinstance(total, str) else no_sides) | {"total": total}
    sides: dict[str, Part] = {
        side: part if len(part) else f"no {key} pixels on the patient's {side}"
        for side, part in total.by_side(midline).items()
    }
    return sides | {"total": total}


def measure_part(key: str, unit: str, part: Part, compute: Callable[[SlicePixels], float], caveat: str = "") -> Measure:
    """Return what `compute` makes of the pixels, or the reason why there are none."""
    if isinstance(part, str):
        return Measure(key, None, unit, part)
    return Measure(key, compute(part), unit, caveat=caveat)


def area_of(key: str, part: Part) -> Measure:
    """Return the area in mm2: the number of pixels times the area of a pixel."""
    return measure_part(f"{key}_area", "mm2", part, lambda pixels: pixels.area_mm2)
