"""Slices in the order in which someone has to look at them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from LumbarSegLib.anatomy import ANATOMIES
from LumbarSegLib.evaluation.overlap import SliceOverlap

Kind = Literal["missed", "invented", "differs"]


@dataclass(frozen=True)
class Failure:
    """The worst class of one slice.

    Parameters
    ----------
    index : int
        Place of the slice in the sequence that was evaluated.
    overlap : SliceOverlap
        All its Dice coefficients.
    key : str
        The class that falls behind most.
    kind : {"missed", "invented", "differs"}
        Missed: only the reference has it. Invented: only the prediction has it.
    dice : float
        Of that class; 0 if missed or invented.
    usual_dice : float
        Mean of the class over the slices where both have it; 1 if there is none.
    """

    index: int
    overlap: SliceOverlap
    key: str
    kind: Kind
    dice: float
    usual_dice: float

    @property
    def shortfall(self) -> float:
        """How far the class falls behind its mean."""
        return self.usual_dice - self.dice


def rank_failures(overlaps: Sequence[SliceOverlap]) -> list[Failure]:
    """Order slices by their worst class, the worst first.

    A class is compared with its own mean, for thin structures never reach the
    overlap of large ones. Missed and invented classes count as a Dice of 0.

    Parameters
    ----------
    overlaps : sequence of SliceOverlap
        Slices of one set.

    Returns
    -------
    list of Failure
        One per slice that has any class; the first are failures, the last are
        the best there are.
    """
    usual = {anatomy.key: _usual_dice(overlaps, anatomy.key) for anatomy in ANATOMIES}
    worst = []
    for index, each in enumerate(overlaps):
        scores = [(anatomy.key, each.dice[anatomy.key]) for anatomy in ANATOMIES]
        failures = [
            Failure(index, each, key, _kind(each, key), dice, usual[key]) for key, dice in scores if dice is not None
        ]
        if failures:
            worst.append(max(failures, key=lambda failure: failure.shortfall))
    return sorted(worst, key=lambda failure: (-failure.shortfall, failure.overlap.name))


def _usual_dice(overlaps: Sequence[SliceOverlap], key: str) -> float:
    scores = [each.dice[key] for each in overlaps if each.in_reference[key] and each.in_prediction[key]]
    present = [score for score in scores if score is not None]
    return sum(present) / len(present) if present else 1.0


def _kind(overlap: SliceOverlap, key: str) -> Kind:
    """Name what is wrong; outlines without a pixel in common differ."""
    if not overlap.in_reference[key]:
        return "invented"
    return "differs" if overlap.in_prediction[key] else "missed"
