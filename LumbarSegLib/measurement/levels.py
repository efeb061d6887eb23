"""From slices to levels: one figure per disc, from the slice through its middle."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from LumbarSegLib.measurement.level_names import (
    SAME_DISC_MM,
    UNNAMED,
    LevelName,
    distance_mm,
    name_discs,
    same_disc_groups,
)
from LumbarSegLib.measurement.records import Measure, SliceMeasurement, Vector3

_DISC_AREA = "intervertebral_disc_area"
_SAC_AREA = "dural_sac_area"
_SMALLEST_SAC_AREA = "smallest_dural_sac_area"


@dataclass(frozen=True)
class LevelSummary:
    """One disc of a block: the slices in which its outline is, and what is between them.

    Parameters
    ----------
    number : int
        Position among the levels, from 1 at the patient's foot upward.
    name : LevelName
        What it is called, and why.
    first_index, last_index : int
        First and last of the slices along the block's K axis, from 0.
    center : SliceMeasurement
        The slice nearest the disc's center, the centroid of its outlines, whose
        figures are the level's; of two as near, the one nearer the foot.
    disc_center_ras_mm : tuple of float
        Centroid of the outlines.
    height_mm : float
        Distance of the first slice from the last.
    smallest_sac : SliceMeasurement or None
        The slice with the smallest dural sac; None where no slice has a sac.
    """

    number: int
    name: LevelName
    first_index: int
    last_index: int
    center: SliceMeasurement
    disc_center_ras_mm: Vector3
    height_mm: float
    smallest_sac: SliceMeasurement | None

    def __contains__(self, slice_index: int) -> bool:
        """Whether a slice of the block, from 0, belongs to the level."""
        return self.first_index <= slice_index <= self.last_index

    @property
    def smallest_sac_area(self) -> Measure:
        """Smallest cross-sectional area of the dural sac among the slices of the level, in mm2."""
        if self.smallest_sac is None:
            return Measure(_SMALLEST_SAC_AREA, None, "mm2", "no dural_sac pixels in the slices of the level")
        return replace(self.smallest_sac[_SAC_AREA], key=_SMALLEST_SAC_AREA)


def summarize_levels(slices: Sequence[SliceMeasurement]) -> tuple[LevelSummary, ...]:
    """Find the levels of one block.

    Outlines whose centers are less than `SAME_DISC_MM` apart are one level, with
    the slices between them: there the outline was missed.

    Parameters
    ----------
    slices : sequence of SliceMeasurement
        All slices of the block in their order, as `measure_block` gives them.

    Returns
    -------
    tuple of LevelSummary
        In the order of the block's slices, unnamed; empty if no disc is outlined.
        A block whose slices run from head to foot has the level with the highest
        number first.
    """
    runs = _disc_runs(slices)
    centers = [_disc_center(run) for run in runs]
    upward = sorted(range(len(runs)), key=lambda index: centers[index][2])
    return tuple(
        LevelSummary(
            number=upward.index(index) + 1,
            name=UNNAMED,
            first_index=run[0].slice_index,
            last_index=run[-1].slice_index,
            center=_center(run),
            disc_center_ras_mm=center,
            height_mm=float(np.linalg.norm(np.subtract(run[-1].center_ras_mm, run[0].center_ras_mm))),
            smallest_sac=_smallest_sac(run),
        )
        for index, (run, center) in enumerate(zip(runs, centers, strict=True))
    )


def summarize_study(
    measurements: Sequence[Sequence[SliceMeasurement]],
    lowest: LevelName = UNNAMED,
    *,
    orientation_known: bool = True,
) -> list[tuple[LevelSummary, ...]]:
    """Find the levels of all blocks, and number and name them through the study.

    Levels are ordered by the height of their discs in the patient, not by the
    order of blocks or slices. A disc that lies in several blocks has one number
    and one name in all of them.

    Parameters
    ----------
    measurements : sequence of sequences of SliceMeasurement
        One per block and slice, as `measure_block` gives them.
    lowest : LevelName
        Of the lowest level that is outlined.
    orientation_known : bool
        False where the order of the slices is an assumption, which lowers the
        confidence of all names if there is more than one.

    Returns
    -------
    list of tuple of LevelSummary
        One tuple per block, as `summarize_levels` orders it.
    """
    found = [summarize_levels(slices) for slices in measurements]
    levels = list(itertools.chain.from_iterable(found))
    groups = same_disc_groups([level.disc_center_ras_mm for level in levels])
    names = name_discs(
        [_mean([levels[each].disc_center_ras_mm for each in group]) for group in groups],
        [max(levels[each].height_mm for each in group) for group in groups],
        lowest,
    )
    if len(groups) > 1 and not orientation_known:
        names = [name.doubted("the file does not say which end of its slices is nearer the head") for name in names]
    for number, (group, name) in enumerate(zip(groups, names, strict=True), start=1):
        for each in group:
            levels[each] = replace(levels[each], number=number, name=name)
    named = iter(levels)
    return [tuple(itertools.islice(named, len(of_block))) for of_block in found]


def disc_centers(measurements: Sequence[Sequence[SliceMeasurement]]) -> list[Vector3]:
    """Return the RAS center of every outlined disc of a study in mm, from the foot to the head."""
    levels = itertools.chain.from_iterable(summarize_study(measurements))
    by_number = {level.number: level.disc_center_ras_mm for level in levels}
    return [by_number[number] for number in sorted(by_number)]


def _disc_runs(slices: Sequence[SliceMeasurement]) -> list[Sequence[SliceMeasurement]]:
    """Return the slices of each disc, from its first outline to its last."""
    runs: list[Sequence[SliceMeasurement]] = []
    first = 0  # of the last run
    for has_disc, group in itertools.groupby(enumerate(slices), lambda item: _area(item[1], _DISC_AREA) > 0):
        if not has_disc:
            continue
        indices = [index for index, _ in group]
        run = slices[indices[0] : indices[-1] + 1]
        if runs and distance_mm(_disc_center(runs[-1]), _disc_center(run)) < SAME_DISC_MM:
            runs[-1] = slices[first : indices[-1] + 1]
        else:
            runs.append(run)
            first = indices[0]
    return runs


def _disc_center(run: Sequence[SliceMeasurement]) -> Vector3:
    """Return the centroid of the outlines of a run of slices; where one is not known, its slice's center."""
    centers = [each.disc_center_ras_mm or each.center_ras_mm for each in run]
    return _mean(centers, weights=[_area(each, _DISC_AREA) for each in run])


def _mean(positions: Sequence[Vector3], weights: Sequence[float] | None = None) -> Vector3:
    right, anterior, superior = np.average(positions, axis=0, weights=weights)
    return float(right), float(anterior), float(superior)


def _center(run: Sequence[SliceMeasurement]) -> SliceMeasurement:
    """Return the slice nearest the centroid of the disc's outlines; of two as near, the one nearer the foot.

    Not the slice with the largest outline: where an endplate is outlined as a
    disc as well, that is often the largest.
    """
    areas = [_area(each, _DISC_AREA) for each in run]
    centroid = sum(area * each.slice_index for area, each in zip(areas, run, strict=True)) / sum(areas)
    # The foot, not the array, decides: the order of slices in a file must not change a figure.
    return min(run, key=lambda each: (round(abs(each.slice_index - centroid), 6), each.center_ras_mm[2]))


def _smallest_sac(run: Sequence[SliceMeasurement]) -> SliceMeasurement | None:
    with_sac = [each for each in run if _area(each, _SAC_AREA) > 0]
    return min(with_sac, key=lambda each: _area(each, _SAC_AREA), default=None)


def _area(measurement: SliceMeasurement, key: str) -> float:
    """Area in mm2, for comparisons only: 0 where the structure is absent."""
    return measurement[key].value or 0.0
