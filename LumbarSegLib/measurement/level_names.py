"""Names of levels: counted upward from the lowest, as far as the distances of the discs allow.

A level is called after the vertebrae around its disc (``L4-L5``). The lowest
name comes from the user or from a sagittal series; all others are counted, so
that a disc that is missing between two others must not shift them silently.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import numpy as np

from LumbarSegLib.errors import InputError
from LumbarSegLib.measurement.records import Vector3

#: Name of a level that nobody has named.
UNKNOWN_LEVEL = "unknown"

LevelSource = Literal["user", "sagittal series", "unknown"]

#: From the best to the worst: see `LevelName`.
CONFIDENCES = ("high", "medium", "low", "none")
Confidence = Literal["high", "medium", "low", "none"]

#: Outlines nearer than this belong to one disc: discs are 25-45 mm apart, and
#: 7-14 mm high.
SAME_DISC_MM = 15.0

#: An outline higher than this holds more than one disc, or vertebrae as well.
#: Oblique blocks of up to eight slices, outlined throughout, stay below.
MAX_DISC_HEIGHT_MM = 35.0

#: Distance of lumbar discs where fewer than three distances tell; 30-45 mm in most adults.
TYPICAL_DISTANCE_MM = 36.0

#: The usual distance of a patient's discs lies within these bounds, whatever the
#: blocks say: a study that images every second disc must not make 70 mm usual.
_USUAL_BOUNDS_MM = (25.0, 40.0)

#: Distance over the usual one. From one lumbar disc to the next it differs by a
#: fifth; twice the usual can be told from it, three times cannot be told from four.
_TOO_NEAR, _NEXT, _ONE_MISSING = 0.6, 1.6, 2.4

_LEVEL = re.compile(r"([TLS]\d{1,2})\s*[-/\u2013]?\s*([TLS]\d{1,2})")


@dataclass(frozen=True)
class LevelName:
    """What a level is called, who says so, and how sure it is.

    Parameters
    ----------
    text : str
        Such as ``L4-L5``, or `UNKNOWN_LEVEL`.
    source : {"user", "sagittal series", "unknown"}
        Where the lowest name of the study came from.
    confidence : {"high", "medium", "low", "none"}
        high: the user named the lowest level, and the discs up to here follow
        each other at usual distances. medium: as high, but the lowest level is
        from sagittal T2 and T1 series that agree, on the assumption of five
        lumbar vertebrae. low: a single sagittal series, a disc counted that is
        not outlined, or an assumed order of slices. none: unknown.
    reason : str
        Why, in a sentence without its full stop; may be empty if high.
    """

    text: str = UNKNOWN_LEVEL
    source: LevelSource = "unknown"
    confidence: Confidence = "none"
    reason: str = ""

    @property
    def is_known(self) -> bool:
        """Whether there is a name."""
        return self.text != UNKNOWN_LEVEL

    def doubted(self, reason: str) -> LevelName:
        """Return it with low confidence at most, and one more reason; an unknown name stays as it is."""
        if not self.is_known:
            return self
        return replace(self, confidence="low", reason="; ".join(filter(None, (self.reason, reason))))


#: Nobody has been asked.
UNNAMED = LevelName(reason="nothing names the lowest level: neither the user nor a sagittal series of the study")


def level_named_by_user(text: str) -> LevelName:
    """Understand the name of a lowest level.

    Parameters
    ----------
    text : str
        Two neighboring vertebrae: ``L5-S1``, ``l5/s1`` and ``L5S1`` are the same.
        Transitional anatomy may be named: ``L6-S1`` (with ``L5-L6`` above),
        ``L4-S1`` (four lumbar vertebrae), ``S1-S2`` (a lumbarized S1).

    Returns
    -------
    LevelName

    Raises
    ------
    InputError
        It names no level between T1 and S2.
    """
    match = _LEVEL.fullmatch(text.strip().upper())
    if match is None or match.groups() not in _neighbors():
        raise InputError(
            f"'{text}' names no level of the spine.",
            "Name the lowest level by its two vertebrae: L5-S1, L4-L5 and so on, up to T1-T2; with six lumbar "
            "vertebrae L6-S1 or L5-L6, with four L4-S1; with a lumbarized S1, S1-S2.",
        )
    return LevelName("-".join(match.groups()), "user", "high")


def _neighbors() -> set[tuple[str, ...]]:
    thoracic = [f"T{number}" for number in range(1, 13)]
    lumbar = [f"L{number}" for number in range(1, 7)]
    return {*pairwise([*thoracic, *lumbar, "S1", "S2"]), ("L5", "S1"), ("L4", "S1")}


def level_above(text: str) -> str:
    """Return the name of the next level to the head; `UNKNOWN_LEVEL` above T1-T2 and for an unknown one."""
    if text in (UNKNOWN_LEVEL, "T1-T2"):
        return UNKNOWN_LEVEL
    upper = text.split("-")[0]
    region, number = upper[0], int(upper[1:])
    if number > 1:
        return f"{region}{number - 1}-{upper}"
    return {"S1": "L5-S1", "L1": "T12-L1"}[upper]


def same_disc_groups(centers_ras_mm: Sequence[Vector3]) -> list[list[int]]:
    """Group outlines that belong to one disc.

    Parameters
    ----------
    centers_ras_mm : sequence of tuple of float
        Centers of outlined discs in any order.

    Returns
    -------
    list of list of int
        Indices into `centers_ras_mm`, group after group from the foot to the head.
    """
    groups: list[list[int]] = []
    for index in sorted(range(len(centers_ras_mm)), key=lambda each: centers_ras_mm[each][2]):
        if groups and distance_mm(_center(centers_ras_mm, groups[-1]), centers_ras_mm[index]) < SAME_DISC_MM:
            groups[-1].append(index)
        else:
            groups.append([index])
    return groups


def name_discs(centers_ras_mm: Sequence[Vector3], heights_mm: Sequence[float], lowest: LevelName) -> list[LevelName]:
    """Count names upward from the lowest disc.

    A distance of about twice the usual one leaves one name out and lowers the
    confidence of all names above; where the distance does not tell how many
    discs are missing, or an outline is too high for one disc, everything above
    is unknown.

    Parameters
    ----------
    centers_ras_mm : sequence of tuple of float
        One center for each disc, from the foot to the head.
    heights_mm : sequence of float
        Of the outline of each disc, along the slices.
    lowest : LevelName
        Of the first disc.

    Returns
    -------
    list of LevelName
        One for each disc.
    """
    distances = [distance_mm(below, above) for below, above in pairwise(centers_ras_mm)]
    usual = _usual_distance_mm(distances)
    names: list[LevelName] = []
    name = lowest
    for index, height in enumerate(heights_mm):
        if index:
            name = _next_name(name, distances[index - 1], usual)
        too_high = f"the outline is {height:.0f} mm high, too high for one disc"
        if height > MAX_DISC_HEIGHT_MM and name.is_known:
            names.append(name.doubted(too_high))
            name = LevelName(reason=f"at {name.text} {too_high}")
        else:
            names.append(name)
    return names


def _next_name(below: LevelName, distance_mm: float, usual_mm: float) -> LevelName:
    if not below.is_known:
        return below
    ratio = distance_mm / usual_mm
    above = f"{distance_mm:.0f} mm above {below.text}"
    if ratio < _TOO_NEAR:
        return LevelName(reason=f"an outline {above} is too near for the next disc and too far for the same")
    if ratio > _ONE_MISSING:
        return LevelName(reason=f"the next outlined disc is {above}: how many are missing between is not clear")
    name = replace(below, text=level_above(below.text))
    if ratio >= _NEXT:
        name = replace(name, text=level_above(name.text)).doubted(
            f"the next outlined disc is {above}, about twice the usual {usual_mm:.0f} mm: one is taken as missing"
        )
    return name if name.is_known else LevelName(reason="there are no names above T1-T2")


def _usual_distance_mm(distances: Sequence[float]) -> float:
    if len(distances) < 3:
        return TYPICAL_DISTANCE_MM
    return float(np.clip(np.median(distances), *_USUAL_BOUNDS_MM))


def _center(centers: Sequence[Vector3], indices: Sequence[int]) -> Vector3:
    right, anterior, superior = np.mean([centers[index] for index in indices], axis=0)
    return float(right), float(anterior), float(superior)


def distance_mm(first: Vector3, second: Vector3) -> float:
    """Return the distance of two positions in mm."""
    return float(np.linalg.norm(np.subtract(first, second)))
