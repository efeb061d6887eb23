"""How well predicted areas agree with reference areas."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from LumbarSegLib.evaluation.bootstrap import CONFIDENCE_LEVEL, Mean, bootstrap_mean

#: Standard deviations that hold 95 % of normally distributed differences.
LIMIT_FACTOR = 1.96

#: Fewer pairs have no spread to speak of.
MIN_PAIRS = 3

#: Mean squares below this share of the others are what rounding leaves of 0.
_ROUNDING = 1e-12

Range = tuple[float, float]


@dataclass(frozen=True)
class AreaPair:
    """Area of one class in one slice.

    Parameters
    ----------
    predicted, reference : float or None
        In units of area; None where the class is absent, never 0.
    interval : tuple of float
        Bounds of the predicted area by the class probabilities (`PixelBounds`), in units of area.
    """

    predicted: float | None
    reference: float | None
    interval: Range

    @property
    def in_interval(self) -> bool | None:
        """Whether the interval holds the reference's area; None where there is none."""
        return None if self.reference is None else self.interval[0] <= self.reference <= self.interval[1]


@dataclass(frozen=True)
class Coefficient:
    """A coefficient of agreement with its 95 % interval; None where undefined."""

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class AreaAgreement:
    """Agreement of the areas of one class over slices; differences are predicted minus reference.

    Parameters
    ----------
    num_pairs, num_missed, num_invented : int
        Slices with the class in both, in the reference only, in the prediction only. Only pairs
        enter the figures.
    mean_reference : float or None
        Mean area of the reference, in units of area.
    bias : Mean
        Mean difference, in units of area.
    limits : tuple of float, or None
        Bias -/+ 1.96 standard deviations of the differences.
    limits_low, limits_high : tuple of float, or None
        95 % intervals of the two limits.
    icc : Coefficient
        ICC(2,1), see `intraclass_correlation`.
    correlation : Coefficient
        Pearson's r.
    mean_absolute_error : Mean
        In units of area.
    mean_absolute_error_percent : Mean
        Of each slice's reference area.
    """

    num_pairs: int
    num_missed: int
    num_invented: int
    mean_reference: float | None
    bias: Mean
    limits: Range | None
    limits_low: Range | None
    limits_high: Range | None
    icc: Coefficient
    correlation: Coefficient
    mean_absolute_error: Mean
    mean_absolute_error_percent: Mean


def compute_area_agreement(pairs: Sequence[AreaPair]) -> AreaAgreement:
    """Compare the areas of one class over slices (Bland and Altman 1986, doi 10.1016/S0140-6736(86)90837-8).

    Parameters
    ----------
    pairs : sequence of AreaPair
        One per slice.

    Returns
    -------
    AreaAgreement
        Limits, ICC and correlation are None with fewer than three pairs.
    """
    predicted, reference = complete_pairs(pairs)
    difference = predicted - reference
    limits, limits_low, limits_high = _limits_of_agreement(difference)
    return AreaAgreement(
        num_pairs=len(difference),
        num_missed=sum(pair.predicted is None and pair.reference is not None for pair in pairs),
        num_invented=sum(pair.reference is None and pair.predicted is not None for pair in pairs),
        mean_reference=float(reference.mean()) if reference.size else None,
        bias=bootstrap_mean(difference.tolist()),
        limits=limits,
        limits_low=limits_low,
        limits_high=limits_high,
        icc=intraclass_correlation(np.stack([predicted, reference], axis=1)),
        correlation=_correlation(predicted, reference),
        mean_absolute_error=bootstrap_mean(np.abs(difference).tolist()),
        mean_absolute_error_percent=bootstrap_mean((100 * np.abs(difference) / reference).tolist()),
    )


def complete_pairs(pairs: Sequence[AreaPair]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return predicted and reference areas, (N,) each, of the slices that have both."""
    both = [(each.predicted, each.reference) for each in pairs if None not in (each.predicted, each.reference)]
    predicted, reference = np.array(both, dtype=np.float64).reshape(-1, 2).T
    return predicted, reference


def intraclass_correlation(ratings: NDArray[np.floating]) -> Coefficient:
    """Compute ICC(2,1): two-way random effects, absolute agreement, single rater.

    Case 2 of Shrout and Fleiss (1979, doi 10.1037/0033-2909.86.2.420), with
    their 95 % interval.

    Parameters
    ----------
    ratings : (N, M) ndarray
        N targets, each measured by the same M raters.

    Returns
    -------
    Coefficient
        None with fewer than three targets, fewer than two raters, or targets
        and raters that are all alike; no interval where the raters differ by
        nothing but a constant, or next to no degrees of freedom are left.

    Raises
    ------
    ValueError
        If `ratings` is not a table.
    """
    if ratings.ndim != 2:
        raise ValueError(f"ratings must have the shape (N, M), got {ratings.shape}.")
    n, k = ratings.shape
    if n < MIN_PAIRS or k < 2:
        return Coefficient(None)
    rows, columns = ratings.mean(axis=1), ratings.mean(axis=0)
    residual = ratings - rows[:, None] - columns + ratings.mean()
    targets = k * float(rows.var(ddof=1))  # the mean squares of Shrout and Fleiss: BMS,
    raters = n * float(columns.var(ddof=1))  # JMS
    error = float((residual**2).sum()) / ((n - 1) * (k - 1))  # and EMS
    if error <= _ROUNDING * (targets + raters):
        error = 0.0
    total = targets + (k - 1) * error + k * (raters - error) / n
    if total <= 0:
        return Coefficient(None)
    icc = (targets - error) / total
    return Coefficient(icc, *(_icc_interval(icc, targets, raters, error, (n, k)) if error else (None, None)))


def _icc_interval(
    icc: float, targets: float, raters: float, error: float, shape: tuple[int, int]
) -> Range | tuple[None, None]:
    from scipy.stats import f

    n, k = shape
    ratio = raters / error
    rest = n * (1 + (k - 1) * icc) - k * icc
    freedom = (
        (k - 1) * (n - 1) * (k * icc * ratio + rest) ** 2 / ((n - 1) * k**2 * icc**2 * ratio**2 + rest**2)
    )  # Satterthwaite's
    upper = 0.5 + CONFIDENCE_LEVEL / 2
    above, below = float(f.ppf(upper, n - 1, freedom)), float(f.ppf(upper, freedom, n - 1))
    spread = k * raters + (k * n - k - n) * error
    low = n * (targets - above * error) / (above * spread + n * targets)
    high = n * (below * targets - error) / (spread + n * below * targets)
    # Where hardly any freedom is left, a quantile of F exceeds what a number can hold.
    return (low, high) if math.isfinite(low) and math.isfinite(high) else (None, None)


def _limits_of_agreement(difference: NDArray[np.float64]) -> tuple[Range | None, Range | None, Range | None]:
    """Return the limits and the interval of each; its standard error is that of Bland and Altman, sqrt(3 s2 / n)."""
    from scipy.stats import t

    n = len(difference)
    if n < MIN_PAIRS:
        return None, None, None
    mean, deviation = float(difference.mean()), float(difference.std(ddof=1))
    low, high = mean - LIMIT_FACTOR * deviation, mean + LIMIT_FACTOR * deviation
    margin = float(t.ppf(0.5 + CONFIDENCE_LEVEL / 2, n - 1)) * deviation * (3 / n) ** 0.5
    return (low, high), (low - margin, low + margin), (high - margin, high + margin)


def _correlation(predicted: NDArray[np.float64], reference: NDArray[np.float64]) -> Coefficient:
    from scipy.stats import pearsonr

    if len(predicted) < MIN_PAIRS or not np.ptp(predicted) or not np.ptp(reference):
        return Coefficient(None)
    result = pearsonr(predicted, reference)
    if len(predicted) == MIN_PAIRS:  # Fisher's interval needs a fourth
        return Coefficient(float(result.statistic))
    interval = result.confidence_interval(CONFIDENCE_LEVEL)
    return Coefficient(float(result.statistic), float(interval.low), float(interval.high))
