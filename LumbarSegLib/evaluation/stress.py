"""Stress curves: how the overlap falls when held-back slices are disturbed."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from LumbarSegLib.anatomy import ANATOMIES
from LumbarSegLib.evaluation.assessment import bootstrap_mean_dice
from LumbarSegLib.evaluation.bootstrap import Mean, bootstrap_mean
from LumbarSegLib.evaluation.evaluator import evaluate_slices
from LumbarSegLib.evaluation.overlap import SliceOverlap
from LumbarSegLib.evaluation.stress_kinds import Disturbance
from LumbarSegLib.evaluation.subgroups import outlined_sacs
from LumbarSegLib.evaluation.units import Units
from LumbarSegLib.inference.predictor import Predictor
from LumbarSegLib.io.labeled_slices import LabeledSlice

#: A curve has broken where the mean Dice has fallen by this much.
TOLERATED_FALL = 0.05

#: Of the random numbers, together with the slice's name.
_SEED = 0

_KEYS = tuple(anatomy.key for anatomy in ANATOMIES)


@dataclass(frozen=True)
class StressLevel:
    """Figures at one level of one disturbance, over all slices; dictionaries are by anatomy key.

    Parameters
    ----------
    level : float
        As in `Disturbance.levels`.
    mean_dice : Mean
        Mean of the classes' means.
    dice : dict of str to Mean
        Over the slices whose disturbed reference has the class.
    num_sacs, num_lost_sacs : int
        Slices whose disturbed reference has a sac; those of them where it was
        lost (`OutlinedSac.is_lost`).
    median_sac_area : float or None
        Of the disturbed reference, in units of area.
    """

    level: float
    mean_dice: Mean
    dice: dict[str, Mean]
    num_sacs: int
    num_lost_sacs: int
    median_sac_area: float | None


@dataclass(frozen=True)
class StressCurve:
    """One disturbance and what came of it.

    Parameters
    ----------
    disturbance : Disturbance
    levels : tuple of StressLevel
        In the order of the disturbance's levels; the first one is the undisturbed slices.
    """

    disturbance: Disturbance
    levels: tuple[StressLevel, ...]

    @property
    def breaking_level(self) -> float | None:
        """The first level whose mean Dice lies more than `TOLERATED_FALL` below the undisturbed one's."""
        return self._breaking_level([each.mean_dice for each in self.levels])

    @property
    def sac_breaking_level(self) -> float | None:
        """The same for the Dice of the dural sac alone."""
        return self._breaking_level([each.dice["dural_sac"] for each in self.levels])

    @property
    def worst_class(self) -> str | None:
        """Key of the class that falls most from the first to the last level; None if no class is in both."""
        first, last = self.levels[0].dice, self.levels[-1].dice
        falls = {
            key: before - after
            for key in _KEYS
            if (before := first[key].value) is not None and (after := last[key].value) is not None
        }
        return max(falls, key=lambda key: falls[key], default=None)

    def _breaking_level(self, figures: Sequence[Mean]) -> float | None:
        start = figures[0].value
        for each, figure in zip(self.levels, figures, strict=True):
            if start is not None and figure.value is not None and start - figure.value > TOLERATED_FALL:
                return each.level
        return None


def count_versions(disturbances: Sequence[Disturbance]) -> int:
    """Return how many versions of a slice `measure_stress` segments, the undisturbed one included."""
    return 1 + sum(len(each.levels) - 1 for each in disturbances)


def measure_stress(
    predictor: Predictor,
    slices: Sequence[LabeledSlice],
    disturbances: Sequence[Disturbance],
    units: Units,
    progress: Callable[[int], None],
) -> list[StressCurve]:
    """Segment every slice at every level of every disturbance.

    Parameters
    ----------
    predictor : Predictor
        The network.
    slices : sequence of LabeledSlice
        In radiological reading order.
    disturbances : sequence of Disturbance
        What to do to them.
    units : Units
        `PIXELS` where the slices' pixel size is only assumed.
    progress : callable
        Called with the number of versions of slices just finished.

    Returns
    -------
    list of StressCurve
        One for each disturbance; all of them share the undisturbed level.
    """

    def measure(level: float, disturbed: Sequence[LabeledSlice]) -> StressLevel:
        overlaps = []
        for each in disturbed:
            overlaps += evaluate_slices(predictor, [each])
            progress(1)
        return summarize_level(level, overlaps, disturbed, units)

    undisturbed = measure(0.0, slices)
    return [
        StressCurve(
            disturbance,
            (
                replace(undisturbed, level=disturbance.levels[0]),
                *(
                    measure(level, [disturb(each, disturbance, level) for each in slices])
                    for level in disturbance.levels[1:]
                ),
            ),
        )
        for disturbance in disturbances
    ]


def disturb(labeled: LabeledSlice, disturbance: Disturbance, level: float) -> LabeledSlice:
    """Disturb one slice; its name and the level decide everything random."""
    rng = np.random.default_rng([_SEED, zlib.crc32(labeled.name.encode())])
    return disturbance.apply(labeled, level, rng)


def summarize_level(
    level: float, overlaps: Sequence[SliceOverlap], slices: Sequence[LabeledSlice], units: Units
) -> StressLevel:
    """Average over slices and count the sacs.

    Parameters
    ----------
    level : float
        Of the disturbance.
    overlaps : sequence of SliceOverlap
        One for each slice.
    slices : sequence of LabeledSlice
        The disturbed ones.
    units : Units
        Of areas.

    Returns
    -------
    StressLevel
    """
    sacs = outlined_sacs(overlaps, slices, units)
    return StressLevel(
        level,
        bootstrap_mean_dice(overlaps),
        {
            key: bootstrap_mean([each.dice[key] if each.in_reference[key] else None for each in overlaps])
            for key in _KEYS
        },
        len(sacs),
        sum(sac.is_lost for sac in sacs),
        float(np.median([sac.reference_area for sac in sacs])) if sacs else None,
    )
