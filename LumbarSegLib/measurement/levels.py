"""From slices to levels: one figure per disc, from the slice through its middle."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from LumbarSegLib.measurement.records import Measure, SliceMeasurement

#: Name of a level that nobody has named.
UNKNOWN_LEVEL = "unknown"

_DISC_AREA = "intervertebral_disc_area"
_SAC_AREA = "dural_sac_area"
_SMALLEST_SAC_AREA = "smallest_dural_sac_area"


@dataclass(frozen=True)
class LevelSummary:
    """One disc of a block: consecutive slices in which a disc is outlined.

    Parameters
    ----------
    number : int
        Position among the levels of the block, from 1 at the patient's foot upward.
    name : str
        Name of the level; `UNKNOWN_LEVEL` as long as nothing names it.
    first_index, last_index : int
        First and last of the slices along the block's K axis, from 0.
    center : SliceMeasurement
        The slice nearest the disc's center, the centroid of its outlines, whose
        figures are the level's; of two as near, the one nearer the foot.
    smallest_sac : SliceMeasurement or None
        The slice with the smallest dural sac; None where no slice has a sac.
    """

    number: int
    name: str
    first_index: int
    last_index: int
    center: SliceMeasurement
    smallest_sac: SliceMeasurement | None

    @property
    def smallest_sac_area(self) -> Measure:
        """Smallest cross-sectional area of the dural sac among the slices of the level, in mm2."""
        if self.smallest_sac is None:
            return Measure(_SMALLEST_SAC_AREA, None, "mm2", "no dural_sac pixels in the slices of the level")
        return Measure(_SMALLEST_SAC_AREA, self.smallest_sac[_SAC_AREA].value, "mm2")


def summarize_levels(slices: Sequence[SliceMeasurement]) -> tuple[LevelSummary, ...]:
    """Find the levels of one block.

    Parameters
    ----------
    slices : sequence of SliceMeasurement
        All slices of the block in their order, as `measure_block` gives them.

    Returns
    -------
    tuple of LevelSummary
        In the order of the block's slices; empty if no disc is outlined. A block
        whose slices run from head to foot has the level with the highest number first.
    """
    runs = [
        list(run)
        for has_disc, run in itertools.groupby(slices, key=lambda each: _area(each, _DISC_AREA) > 0)
        if has_disc
    ]
    centers = [_center(run) for run in runs]
    upward = sorted(range(len(runs)), key=lambda index: centers[index].center_ras_mm[2])
    return tuple(
        LevelSummary(
            number=upward.index(index) + 1,
            name=UNKNOWN_LEVEL,
            first_index=run[0].slice_index,
            last_index=run[-1].slice_index,
            center=center,
            smallest_sac=_smallest_sac(run),
        )
        for index, (run, center) in enumerate(zip(runs, centers, strict=True))
    )


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
