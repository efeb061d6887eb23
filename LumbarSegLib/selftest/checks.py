"""Measured beside known: single checks and what they add up to."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from LumbarSegLib.measurement import SliceMeasurement
from LumbarSegLib.phantom.known_areas import Expectation

#: Ends of the keys of measures that rest on the split into fat and muscle.
_NEEDS_FAT = ("_fat_fraction", "_lean_area")

_OTHER_SIDE = {"left": "right", "right": "left"}


@dataclass(frozen=True)
class Check:
    """One figure beside what it has to be.

    Parameters
    ----------
    place : str
        Block and slice, such as "1/2"; the name of a file.
    key, unit : str
        What was measured.
    measured : float or None
        None where nothing was measured.
    expected : Expectation
        Value, tolerance and reason.
    is_wrong_side : bool
        Whether the figure is nearer to that of the patient's other side than to its own.
    """

    place: str
    key: str
    unit: str
    measured: float | None
    expected: Expectation
    is_wrong_side: bool = False

    @property
    def deviation(self) -> float | None:
        """Measured minus expected; None where one of the two is missing."""
        if self.measured is None or self.expected.value is None:
            return None
        return self.measured - self.expected.value

    @property
    def share_of_tolerance(self) -> float:
        """Size of the deviation as a share of the tolerance; infinite where only one of both values is there."""
        if self.measured is None and self.expected.value is None:
            return 0.0
        if self.deviation is None:
            return math.inf
        if abs(self.deviation) <= self.expected.tolerance:
            return abs(self.deviation) / self.expected.tolerance if self.deviation else 0.0
        return abs(self.deviation) / self.expected.tolerance if self.expected.tolerance else math.inf

    @property
    def passed(self) -> bool:
        """Within tolerance and on the right side."""
        return self.share_of_tolerance <= 1 and not self.is_wrong_side


@dataclass(frozen=True)
class CaseResult:
    """The checks of one geometry or one way through files.

    Parameters
    ----------
    name : str
        Of the case.
    checks : tuple of Check
        At least one.
    picture : bytes
        PNG of what was measured; empty if there is none.
    """

    name: str
    checks: tuple[Check, ...]
    picture: bytes = b""

    @property
    def worst(self) -> float:
        """Largest deviation as a share of its tolerance."""
        return max(check.share_of_tolerance for check in self.checks)

    @property
    def num_wrong_sides(self) -> int:
        """Figures that belong to the patient's other side."""
        return sum(check.is_wrong_side for check in self.checks)

    @property
    def num_failed(self) -> int:
        """Checks that did not pass."""
        return sum(not check.passed for check in self.checks)


def check_slices(
    block_number: int,
    measurements: Sequence[SliceMeasurement],
    expected: Sequence[Mapping[str, Expectation]],
    *,
    with_fat: bool = False,
) -> Iterator[Check]:
    """Compare the slices of one block with what is known of them.

    Parameters
    ----------
    block_number : int
        From 1, for the table.
    measurements : sequence of SliceMeasurement
        As measured.
    expected : sequence of dict of str to Expectation
        Per slice; measures without an entry are not checked.
    with_fat : bool
        Whether fat was told from muscle; otherwise what rests on that is not checked.

    Yields
    ------
    Check

    Raises
    ------
    ValueError
        Not as many slices were measured as are known.
    """
    for number, (measurement, known) in enumerate(zip(measurements, expected, strict=True), start=1):
        for key, expectation in known.items():
            if not with_fat and key.endswith(_NEEDS_FAT):
                continue
            measure = measurement[key]
            wrong = is_wrong_side(measure.value, expectation, known.get(key_of_other_side(key)))
            yield Check(f"{block_number}/{number}", key, measure.unit, measure.value, expectation, wrong)


def key_of_other_side(key: str) -> str:
    """Return the key of the same measure on the patient's other side; `key` itself if it has no side."""
    return "_".join(_OTHER_SIDE.get(word, word) for word in key.split("_"))


def is_wrong_side(measured: float | None, own: Expectation, other: Expectation | None) -> bool:
    """Whether a figure is nearer to that of the patient's other side than to its own.

    Parameters
    ----------
    measured : float or None
        The figure.
    own, other : Expectation
        Of its own side and of the other; None for a measure without sides.
    """
    if other is None or measured is None or own is other:
        return False
    if own.value is None or other.value is None:
        return own.value is None  # something was measured where nothing is
    return abs(measured - other.value) < abs(measured - own.value)
