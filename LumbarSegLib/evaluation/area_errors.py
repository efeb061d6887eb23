"""The error of areas on slices that the network has not seen, for the comparison of two examinations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from LumbarSegLib.evaluation.agreement import AreaPair
from LumbarSegLib.evaluation.area_calibration import MIN_AREAS
from LumbarSegLib.geometry import FloatArray
from LumbarSegLib.measurement.area_errors import AreaError, smallest_log_change


def fit_area_errors(areas: Mapping[str, Sequence[AreaPair]]) -> dict[str, AreaError]:
    """Find the error of each key; see `LumbarSegLib.measurement.area_errors` for what it is.

    Parameters
    ----------
    areas : mapping of str to sequence of AreaPair
        By the keys of `AreaCalibration`. Only areas that are both outlined and in the reference count.

    Returns
    -------
    dict of str to AreaError
        Without the keys that have fewer than `MIN_AREAS` areas.
    """
    errors = {}
    for key, pairs in areas.items():
        logs = np.log([each.predicted / each.reference for each in pairs if each.predicted and each.reference])
        if len(logs) >= MIN_AREAS:
            log_sd = float(np.std(logs, ddof=1))
            pairs_within = _share_of_pairs_within(logs, smallest_log_change(log_sd))
            errors[key] = AreaError(log_sd, len(logs), pairs_within)
    return errors


def _share_of_pairs_within(values: FloatArray, distance: float) -> float:
    """Return which share of all pairs of values, (N,), is no farther apart."""
    ordered = np.sort(values)
    num_within = np.searchsorted(ordered, ordered + distance, side="right") - np.arange(1, len(ordered) + 1)
    return float(num_within.sum() / (len(ordered) * (len(ordered) - 1) / 2))
