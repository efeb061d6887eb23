"""Which level of one examination is which of another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from LumbarSegLib.errors import InputError
from LumbarSegLib.measurement.comparison_records import ExaminedLevel
from LumbarSegLib.measurement.level_names import CONFIDENCES, UNKNOWN_LEVEL, Confidence, distance_mm

#: Two discs are as far apart in both examinations, up to the slices that stand
#: for them: each of the four lies up to half a slice distance (2-2.5 mm) from its
#: disc's center. A disc that is missing in one adds 25 mm and more.
MAX_DISTANCE_DIFFERENCE_MM = 8.0

_REPAIR = "Name the lowest level of both (--lowest-level L5-S1) and measure them anew."


@dataclass(frozen=True)
class LevelMatch:
    """The same disc in both examinations.

    Parameters
    ----------
    first, second : ExaminedLevel
        Of the earlier and the later one.
    matched_by : {"name", "order"}
        What says that they are the same.
    confidence : {"high", "medium", "low", "none"}
        The worse one of both names; low by order.
    """

    first: ExaminedLevel
    second: ExaminedLevel
    matched_by: Literal["name", "order"]
    confidence: Confidence

    @property
    def name(self) -> str:
        """What the level is called, in either examination."""
        return (self.first.name if self.first.name.is_known else self.second.name).text

    @property
    def heading(self) -> str:
        """Its name, or its place in the order if nobody has named it."""
        return f"Level {self.first.number} from the foot" if self.name == UNKNOWN_LEVEL else self.name


@dataclass(frozen=True)
class LevelMatching:
    """All levels of both examinations.

    Parameters
    ----------
    matches : tuple of LevelMatch
        From the foot to the head.
    only_first, only_second : tuple of ExaminedLevel
        Those without a partner.
    warnings : tuple of str
        What speaks against the matches.
    """

    matches: tuple[LevelMatch, ...]
    only_first: tuple[ExaminedLevel, ...] = ()
    only_second: tuple[ExaminedLevel, ...] = ()
    warnings: tuple[str, ...] = ()


def match_levels(first: Sequence[ExaminedLevel], second: Sequence[ExaminedLevel]) -> LevelMatching:
    """Match levels by their names if both examinations have names, else by their order from the foot.

    The order counts only if both have as many levels, at least two, and their
    distances are the same: these say that no level is missing between two
    others, but not that both examinations begin at the same one.

    Parameters
    ----------
    first, second : sequence of ExaminedLevel
        From the foot to the head, each disc once.

    Returns
    -------
    LevelMatching

    Raises
    ------
    InputError
        If one has no level, the names contradict each other or have nothing in
        common, or the order does not tell.
    """
    for letter, levels in (("A", first), ("B", second)):
        if not levels:
            raise InputError(
                f"{letter} has no level: no disc is outlined.", "Compare examinations in which discs are outlined."
            )
    if _named(first) and _named(second):
        return _by_name(first, second)
    return _by_order(first, second)


def _named(levels: Sequence[ExaminedLevel]) -> dict[str, ExaminedLevel]:
    return {each.name.text: each for each in levels if each.name.is_known}


def _by_name(first: Sequence[ExaminedLevel], second: Sequence[ExaminedLevel]) -> LevelMatching:
    names_first, names_second = _named(first), _named(second)
    for name in names_first:
        for other in names_second:
            if name != other and _exclude_each_other(name, other):
                raise InputError(
                    f"A has a level {name} and B a level {other}: one spine cannot have both.",
                    "Name the lowest level of both by the same count (--lowest-level) and measure them anew.",
                )
    matches = tuple(
        LevelMatch(each, names_second[name], "name", _worse(each, names_second[name]))
        for name, each in names_first.items()
        if name in names_second
    )
    if not matches:
        raise InputError(f"No level of A ({', '.join(names_first)}) is one of B ({', '.join(names_second)}).", _REPAIR)
    return LevelMatching(
        matches,
        tuple(each for each in first if each.name.text not in names_second),
        tuple(each for each in second if each.name.text not in names_first),
        tuple(
            f"From {below.name} to {above.name} it is {distances[0]:.0f} mm in A and {distances[1]:.0f} mm in B: "
            "the names may not mean the same discs."
            for below, above in pairwise(matches)
            if (distances := _distances(below, above)) and _differ(distances)
        ),
    )


def _exclude_each_other(name: str, other: str) -> bool:
    """Whether two names give one vertebra two neighbors on the same side, as L5-S1 and L5-L6 do."""
    (upper, lower), (other_upper, other_lower) = name.split("-"), other.split("-")
    return (upper == other_upper) != (lower == other_lower)


def _by_order(first: Sequence[ExaminedLevel], second: Sequence[ExaminedLevel]) -> LevelMatching:
    unnamed = "The levels are not named in both examinations"
    if len(first) != len(second):
        raise InputError(f"{unnamed}, and A has {len(first)} of them, B {len(second)}.", _REPAIR)
    if len(first) == 1:
        raise InputError(f"{unnamed}, and nothing tells whether a single one is the same in both.", _REPAIR)
    matches = tuple(LevelMatch(*pair, "order", "low") for pair in zip(first, second, strict=True))
    for number, (below, above) in enumerate(pairwise(matches), start=1):
        distances = _distances(below, above)
        where = f"from the {number}. to the {number + 1}. level"
        if distances is None:
            raise InputError(
                f"{unnamed}, and the distance {where} is not known in both, for want of a dural sac or of the "
                "patient's orientation.",
                _REPAIR,
            )
        if _differ(distances):
            raise InputError(
                f"{unnamed}, and {where} it is {distances[0]:.0f} mm in A, {distances[1]:.0f} mm in B.", _REPAIR
            )
    return LevelMatching(matches)


def _distances(below: LevelMatch, above: LevelMatch) -> tuple[float, float] | None:
    """Return how far two levels are apart in either examination, in mm, if both are known."""
    if not (below.first.sac_ras_mm and above.first.sac_ras_mm and below.second.sac_ras_mm and above.second.sac_ras_mm):
        return None
    return (
        distance_mm(below.first.sac_ras_mm, above.first.sac_ras_mm),
        distance_mm(below.second.sac_ras_mm, above.second.sac_ras_mm),
    )


def _differ(distances_mm: tuple[float, float]) -> bool:
    return abs(distances_mm[0] - distances_mm[1]) > MAX_DISTANCE_DIFFERENCE_MM


def _worse(first: ExaminedLevel, second: ExaminedLevel) -> Confidence:
    return max(first.name.confidence, second.name.confidence, key=CONFIDENCES.index)
