"""Published limits of the dural sac's area, for a reader who asks for them.

A band says between which limits an area lies, and no more: areas of the sac
correlate poorly with symptoms (Sigmundsson et al. 2011,
doi 10.3109/17453674.2011.566150), and the limits come from other scanners,
readers and populations. They apply to the area as outlined, not corrected for tilt.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

from LumbarSegLib.measurement.records import BandedArea, Flag, SliceMeasurement


@dataclass(frozen=True)
class BandTable:
    """Limits that part areas into bands.

    Parameters
    ----------
    key : str
        What the user calls the table.
    limits_mm2 : tuple of float
        Ascending; an area that equals a limit belongs to the band above it.
    source : str
        Who published the limits, and what they are limits of.
    """

    key: str
    limits_mm2: tuple[float, ...]
    source: str

    def band(self, area_mm2: float) -> str:
        """Say between which limits an area lies, in words without a judgment."""
        return self._names[self._place(area_mm2)]

    def is_crossed(self, interval_mm2: tuple[float, float]) -> bool:
        """Return whether the two ends of an interval lie in different bands."""
        low, high = interval_mm2
        return self._place(low) != self._place(high)

    def _place(self, area_mm2: float) -> int:
        return sum(area_mm2 >= limit for limit in self.limits_mm2)

    @property
    def _names(self) -> tuple[str, ...]:
        between = (f"{low:g} to below {high:g} mm2" for low, high in itertools.pairwise(self.limits_mm2))
        return f"below {self.limits_mm2[0]:g} mm2", *between, f"{self.limits_mm2[-1]:g} mm2 or more"


def with_band(slices: Sequence[SliceMeasurement], table: BandTable) -> tuple[SliceMeasurement, ...]:
    """Say of every slice in which band its dural sac lies, and flag those whose interval crosses a limit.

    Parameters
    ----------
    slices : sequence of SliceMeasurement
        With intervals, as far as there are any.
    table : BandTable
        The limits.

    Returns
    -------
    tuple of SliceMeasurement
    """
    return tuple(_with_band(each, table) for each in slices)


def _with_band(measured: SliceMeasurement, table: BandTable) -> SliceMeasurement:
    sac = measured["dural_sac_area"]
    if sac.value is None:
        return replace(measured, sac_band=BandedArea(None, table.source, None))
    is_crossed = None if sac.interval is None else table.is_crossed(sac.interval)
    banded = replace(measured, sac_band=BandedArea(table.band(sac.value), table.source, is_crossed))
    if not is_crossed or sac.interval is None:
        return banded
    low, high = sac.interval
    limits = " and ".join(f"{limit:g}" for limit in table.limits_mm2 if low < limit <= high)
    sentence = f"the interval of the dural sac's area, {low:.0f} to {high:.0f} mm2, crosses {limits} mm2"
    return replace(banded, flags=(*measured.flags, Flag("interval_crosses_band", sentence)))


#: By the name that the user gives.
BAND_TABLES: dict[str, BandTable] = {
    table.key: table
    for table in (
        BandTable(
            "schonstrom",
            (75.0, 100.0, 130.0),
            "limits at 75 and 100 mm2 after Schonstrom, at 130 mm2 after Bolender; both second-hand, "
            "cited in the later literature",
        ),
        BandTable(
            "steurer",
            (70.0,),
            "70 mm2, the limit that studies use most: Steurer 2011, BMC Musculoskelet Disord 12:175",
        ),
        BandTable(
            "lim",
            (111.0,),
            "111 mm2, a cut-off for L4/5 only (sensitivity 80.0 %, specificity 80.8 % in its sample): "
            "Lim 2017, PMC5728944",
        ),
    )
}
