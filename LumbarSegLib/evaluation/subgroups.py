"""Slices with a small dural sac on their own: a severe stenosis must not be lost in the mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from LumbarSegLib.anatomy import BY_KEY
from LumbarSegLib.evaluation.bootstrap import Mean, bootstrap_difference, bootstrap_mean
from LumbarSegLib.evaluation.overlap import SliceOverlap
from LumbarSegLib.evaluation.units import Units
from LumbarSegLib.io.labeled_slices import LabeledSlice

#: The part of all slices with a sac that counts as small.
SMALL_SHARE = 0.2

#: With less overlap than this, what is outlined is not the sac.
LOST_DICE = 0.1

_SAC = BY_KEY["dural_sac"]


@dataclass(frozen=True)
class OutlinedSac:
    """The dural sac of one slice whose reference has it.

    Parameters
    ----------
    reference_area : float
        In units of area.
    outlined_area : float or None
        The same of the prediction; None where nothing was outlined.
    dice : float
        0 where nothing was outlined.
    """

    reference_area: float
    outlined_area: float | None
    dice: float

    @property
    def is_lost(self) -> bool:
        """Whether nothing was outlined, or something else (`LOST_DICE`)."""
        return self.dice < LOST_DICE


@dataclass(frozen=True)
class SacGroup:
    """Figures over some slices; areas in units of area, differences outlined minus reference.

    Parameters
    ----------
    smallest_area, largest_area : float
        Of the reference.
    dice : Mean
        Lost sacs count with what they have.
    num_lost : int
        See `OutlinedSac.is_lost`.
    bias : Mean
        Mean difference of the areas, over the slices where a sac was outlined.
    mean_absolute_error_percent : Mean
        Of each slice's reference area, over the same slices.
    """

    smallest_area: float
    largest_area: float
    dice: Mean
    num_lost: int
    bias: Mean
    mean_absolute_error_percent: Mean


@dataclass(frozen=True)
class SmallSacs:
    """The smallest fifth of the dural sacs against the rest.

    Parameters
    ----------
    small, rest : SacGroup
        Both groups.
    dice_difference : Mean
        Mean Dice of the small ones minus that of the rest.
    """

    small: SacGroup
    rest: SacGroup
    dice_difference: Mean


def outlined_sacs(overlaps: Sequence[SliceOverlap], slices: Sequence[LabeledSlice], units: Units) -> list[OutlinedSac]:
    """Return the sacs of the slices whose reference has one.

    Parameters
    ----------
    overlaps : sequence of SliceOverlap
        One for each slice.
    slices : sequence of LabeledSlice
        With the references that the overlaps were computed with.
    units : Units
        Of areas.

    Returns
    -------
    list of OutlinedSac
        In the order of the slices.
    """
    sacs = []
    for overlap, labeled in zip(overlaps, slices, strict=True):
        if not overlap.in_reference[_SAC.key]:
            continue
        pixel_area = units.pixel_size(labeled.spacing_mm) ** 2
        reference_pixels = int(np.count_nonzero(labeled.label_map == _SAC.index))
        outlined_pixels = overlap.summed_pixels[_SAC.key] - reference_pixels
        dice = overlap.dice[_SAC.key] or 0.0
        sacs.append(OutlinedSac(reference_pixels * pixel_area, outlined_pixels * pixel_area or None, dice))
    return sacs


def compare_small_sacs(sacs: Sequence[OutlinedSac]) -> SmallSacs | None:
    """Compare the smallest fifth of the sacs with the rest.

    Parameters
    ----------
    sacs : sequence of OutlinedSac
        One per slice whose reference has a sac. The fifth is rounded to whole
        slices; of equal areas the earlier slice counts as the smaller one.

    Returns
    -------
    SmallSacs or None
        None with fewer than five slices: they have no fifth.
    """
    if len(sacs) * SMALL_SHARE < 1:
        return None
    ordered = sorted(sacs, key=lambda sac: sac.reference_area)
    num_small = round(len(ordered) * SMALL_SHARE)
    small, rest = ordered[:num_small], ordered[num_small:]
    difference = bootstrap_difference([sac.dice for sac in small], [sac.dice for sac in rest])
    return SmallSacs(_group(small), _group(rest), difference)


def _group(sacs: Sequence[OutlinedSac]) -> SacGroup:
    areas = [sac.reference_area for sac in sacs]
    errors = [None if sac.outlined_area is None else sac.outlined_area - sac.reference_area for sac in sacs]
    return SacGroup(
        min(areas),
        max(areas),
        bootstrap_mean([sac.dice for sac in sacs]),
        sum(sac.is_lost for sac in sacs),
        bootstrap_mean(errors),
        bootstrap_mean(
            [None if error is None else 100 * abs(error) / area for error, area in zip(errors, areas, strict=True)]
        ),
    )
