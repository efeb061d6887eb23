"""What has to be added to the bounds of areas so that they hold what they promise.

Split-conformal prediction: on slices that the network has not seen, how far
does the true area lie beyond a bound? The quantile of that distance, added to
the bound, gives intervals that hold the true area of a further slice at least
as often as promised, whatever the network and the distribution, as long as
slices are exchangeable (Lei et al. 2018, doi 10.1080/01621459.2017.1307116).
With bounds that already depend on the slice this is conformalized quantile
regression, here with a term for either side (Romano et al. 2019, arXiv
1905.03222, theorem 2), on the logarithm of the area, for errors grow with it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from LumbarSegLib.evaluation.agreement import AreaPair
from LumbarSegLib.evaluation.assessment import IntervalCoverage, compute_coverage
from LumbarSegLib.measurement.area_intervals import AREA_COVERAGE, AreaCalibration, AreaTerms

#: With fewer areas no score leaves less than 5 % above it: that takes 0.95 * (n + 1) <= n.
MIN_AREAS = 19

#: What is left of a whole number in floating point.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class HeldOutArea:
    """An area that was outlined on a held-out slice.

    Parameters
    ----------
    group : str
        What has to be left out together to test a calibration, such as a fold or a slice.
    pair : AreaPair
        Outlined and reference area, with the bounds of the former.
    """

    group: str
    pair: AreaPair


def fit_area_calibration(areas: Mapping[str, Sequence[AreaPair]]) -> AreaCalibration:
    """Find the terms of each key.

    Only areas that are both outlined and in the reference count: the interval
    says how large a structure is, given that it is there.

    Parameters
    ----------
    areas : mapping of str to sequence of AreaPair
        By the keys of `AreaCalibration`, from slices that the network has not seen.

    Returns
    -------
    AreaCalibration
        Without the keys that have fewer than `MIN_AREAS` areas.
    """
    terms = {}
    for key, pairs in areas.items():
        beyond = [
            (_log(pair.interval[0]) - math.log(pair.reference), math.log(pair.reference) - _log(pair.interval[1]))
            for pair in pairs
            if pair.reference and pair.predicted
        ]
        if len(beyond) >= MIN_AREAS:
            low, high = (_conformal_quantile(column) for column in zip(*beyond, strict=True))
            terms[key] = AreaTerms(low, high, len(beyond))
    return AreaCalibration(AREA_COVERAGE, terms)


def left_out_coverage(areas: Mapping[str, Sequence[HeldOutArea]]) -> dict[str, IntervalCoverage]:
    """Count how often the intervals hold areas of a group that had no part in the calibration.

    Parameters
    ----------
    areas : mapping of str to sequence of HeldOutArea
        As for `fit_area_calibration`.

    Returns
    -------
    dict of str to IntervalCoverage
        By key, pooled over the groups; each was left out once.
    """
    return {key: compute_coverage(_left_out(key, held_out)) for key, held_out in areas.items()}


def _left_out(key: str, areas: Sequence[HeldOutArea]) -> list[AreaPair]:
    """Give every area the interval that the other groups lead to."""
    pairs = []
    for group in dict.fromkeys(each.group for each in areas):
        calibration = fit_area_calibration({key: [each.pair for each in areas if each.group != group]})
        for pair in (each.pair for each in areas if each.group == group):
            if pair.reference and pair.predicted:
                interval = calibration.interval(key, pair.predicted, *pair.interval)
                if interval is not None:
                    pairs.append(AreaPair(pair.predicted, pair.reference, interval))
    return pairs


def _log(value: float) -> float:
    return math.log(value) if value > 0 else -math.inf


def _conformal_quantile(scores: Sequence[float]) -> float:
    """Return the smallest score that the next one exceeds in at most half of what the coverage leaves.

    A bound of no pixel at all is never too high and needs no term.
    """
    rank = math.ceil((len(scores) + 1) * (1 + AREA_COVERAGE) / 2 - _ROUNDING)
    score = float(np.sort(scores)[rank - 1])
    return score if math.isfinite(score) else 0.0
