"""How much an area has to change before the outlining error of the network no longer explains it.

The error of an area grows with the area and has to hold in mm2 for networks
that were tested on pictures without a pixel size. So it is a relative one: the
standard deviation of ln(outlined / reference) over slices that the network had
not seen (differences on the logarithmic scale: Bland and Altman 1999, doi
10.1177/096228029900800204, section 3.1). A bias that all outlines share cancels
in a change and is no part of it.

Two examinations are two measurements, each with that standard error of
measurement (SEM). Their smallest detectable change at 95 % is
SDC95 = 1.96 * sqrt(2) * SEM (Weir 2005, doi 10.1519/15184.1, who calls it the
minimal difference), here of ln(second / first).

The reference is a person's outline, whose own error is part of the SEM. What
is not: another slice position, another slice thickness or tilt, another posture
and biological variation between two days.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

#: Standard normal quantile of 97.5 %.
_Z_95 = 1.96


@dataclass(frozen=True)
class AreaError:
    """The error of one kind of area.

    Parameters
    ----------
    log_sd : float
        Standard deviation of ln(outlined / reference), the SEM.
    num_areas : int
        Held-out areas that say so.
    pairs_within : float
        Share of all pairs of these areas whose errors differ by no more than
        the smallest detectable change, 0-1: 0.95 if the errors are normally
        distributed, less if a few outlines fail badly.
    """

    log_sd: float
    num_areas: int
    pairs_within: float

    @property
    def smallest_log_change(self) -> float:
        """SDC95 of ln(second / first)."""
        return smallest_log_change(self.log_sd)

    def unchanged_range(self, value: float) -> tuple[float, float]:
        """Return between which values a second measurement may lie though nothing has changed, in units of `value`."""
        factor = math.exp(self.smallest_log_change)
        return value / factor, value * factor


def smallest_log_change(log_sd: float) -> float:
    """Return the smallest detectable change (95 %) of two measurements with a standard error of `log_sd` each."""
    return _Z_95 * math.sqrt(2.0) * log_sd
