"""From two examinations to changes, each beside the error of measuring it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from LumbarSegLib.measurement.area_errors import AreaError
from LumbarSegLib.measurement.comparison_levels import LevelMatch, LevelMatching, match_levels
from LumbarSegLib.measurement.comparison_records import Examination
from LumbarSegLib.measurement.intervals import area_key
from LumbarSegLib.measurement.pixels import SIDES
from LumbarSegLib.measurement.records import Measure

#: Units in which a share of the first value means something; a change of a share or an angle is one of points.
_RATIO_UNITS = frozenset({"mm2", "mm", "ratio"})

#: A tilt that differs by more changes the area of a section (NORDSTEN allows as
#: much to the endplate, doi 10.1186/s41747-022-00284-y).
MAX_TILT_DIFFERENCE_DEG = 5.0

#: Lengths in a header that differ by less are the same.
_SAME_SHARE = 0.02

_SIDES_ASSUMED = "the sides are an assumption in {}: the file does not state the patient's orientation"
_NOT_MEASURED = "the error of this measure on held-out slices has not been determined"
_OTHER_WEIGHTS = "the outlines are of different weights: the error of one network does not hold"
_NOT_THE_NETWORKS = "outlines were edited or given: the error of the network does not hold"

#: How each source of outlines is called.
_SOURCES = {"model": "the network's", "edited": "edited", "given": "given from elsewhere"}


@dataclass(frozen=True)
class MeasureChange:
    """One measure in both examinations.

    Parameters
    ----------
    first, second : Measure
        Earlier and later value, or why there is none.
    no_change_reason : str
        Why `change` is None; empty otherwise.
    error : AreaError or None
        What is known of the error.
    no_error_reason : str
        Why `error` is None; empty otherwise.
    """

    first: Measure
    second: Measure
    no_change_reason: str = ""
    error: AreaError | None = None
    no_error_reason: str = ""

    @property
    def side(self) -> str:
        """Whether it is of the patient's left or right; empty for a whole structure."""
        return next((side for side in SIDES if f"_{side}_" in self.first.key), "")

    @property
    def change(self) -> float | None:
        """Second minus first value, in their unit."""
        if self.no_change_reason or self.first.value is None or self.second.value is None:
            return None
        return self.second.value - self.first.value

    @property
    def change_percent(self) -> float | None:
        """`change` per hundred of the first value; None for angles, shares and percentages."""
        if self.change is None or not self.first.value or self.first.unit not in _RATIO_UNITS:
            return None
        return 100 * self.change / self.first.value

    @property
    def unchanged_range(self) -> tuple[float, float] | None:
        """Where the second value lies in 95 % of cases if nothing has changed, as far as the error tells."""
        if self.change is None or self.error is None or self.first.value is None:
            return None
        return self.error.unchanged_range(self.first.value)

    @property
    def exceeds_error(self) -> bool | None:
        """Whether the change is larger than the smallest detectable one; None where the error is not known."""
        if self.unchanged_range is None or self.second.value is None:
            return None
        low, high = self.unchanged_range
        return not low <= self.second.value <= high


@dataclass(frozen=True)
class LevelComparison:
    """One level in both examinations.

    Parameters
    ----------
    match : LevelMatch
        Which levels.
    changes : tuple of MeasureChange
        All measures that either has, the smallest dural sac first.
    notes : tuple of str
        What makes the two less comparable.
    """

    match: LevelMatch
    changes: tuple[MeasureChange, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Comparison:
    """Two examinations, compared.

    Parameters
    ----------
    first, second : Examination
        The earlier and the later one.
    matching : LevelMatching
        Which levels were found in both.
    levels : tuple of LevelComparison
        One for each match.
    warnings : tuple of str
        What makes the two less comparable, as a whole.
    """

    first: Examination
    second: Examination
    matching: LevelMatching
    levels: tuple[LevelComparison, ...]
    warnings: tuple[str, ...]


def compare_examinations(first: Examination, second: Examination, errors: Mapping[str, AreaError] | str) -> Comparison:
    """Compare two examinations of one patient.

    Parameters
    ----------
    first, second : Examination
        The earlier and the later one: they hold no dates, so the caller says so.
    errors : mapping of str to AreaError, or str
        Of the network that outlined both, by the keys of `AreaCalibration`; or why they are not known.
        Not used where outlines were edited or are of two networks.

    Returns
    -------
    Comparison

    Raises
    ------
    InputError
        If the levels cannot be matched.
    """
    matching = match_levels(first.levels, second.levels)
    if not _both_are_the_networks(first, second):
        errors = _NOT_THE_NETWORKS
    elif first.weights_sha256 != second.weights_sha256:
        errors = _OTHER_WEIGHTS
    levels = tuple(
        LevelComparison(each, tuple(_changes(each, errors)), tuple(_differences(each))) for each in matching.matches
    )
    return Comparison(first, second, matching, levels, (*_warnings(first, second), *matching.warnings))


def _changes(match: LevelMatch, errors: Mapping[str, AreaError] | str) -> Iterator[MeasureChange]:
    first, second = ({each.key: each for each in level.measures} for level in (match.first, match.second))
    keys = sorted({**first, **second}, key=lambda key: key != "smallest_dural_sac_area")
    for key in keys:
        unit = (first.get(key) or second[key]).unit
        not_there = Measure(key, None, unit, "the result does not hold this measure")
        change = MeasureChange(first.get(key, not_there), second.get(key, not_there))
        reason = _no_change_reason(match, change)
        error, no_error = _error_of(key, errors)
        yield MeasureChange(change.first, change.second, reason, error, no_error)


def _no_change_reason(match: LevelMatch, change: MeasureChange) -> str:
    missing = [
        f"{letter}: {each.reason}" for letter, each in (("A", change.first), ("B", change.second)) if each.value is None
    ]
    if missing:
        return "; ".join(missing)
    assumed = [
        letter for letter, each in zip("AB", (match.first, match.second), strict=True) if not each.orientation_known
    ]
    if change.side and assumed:
        return _SIDES_ASSUMED.format(" and ".join(assumed))
    if change.first.unit != change.second.unit:
        return f"the unit is {change.first.unit} in A, {change.second.unit} in B"
    methods = match.first.fat_method, match.second.fat_method
    if methods[0] != methods[1] and any(part in change.first.key for part in ("_lean_", "_fat_fraction")):
        return f"fat was told from muscle by {methods[0]} in A, by {methods[1]} in B"
    return ""


def _error_of(measure_key: str, errors: Mapping[str, AreaError] | str) -> tuple[AreaError | None, str]:
    key = area_key(measure_key)
    if key is None:
        return None, _NOT_MEASURED
    if isinstance(errors, str):
        return None, errors
    return errors.get(key), "" if key in errors else _NOT_MEASURED


def _differences(match: LevelMatch) -> Iterator[str]:
    """Say how the two slices differ, and what makes either doubtful."""
    first, second = match.first, match.second
    if first.num_slices != second.num_slices:
        yield f"the smallest dural sac is that of {first.num_slices} slice(s) in A, of {second.num_slices} in B"
    if first.slice_thickness_mm is None or second.slice_thickness_mm is None:
        yield "slice thickness is not known in both"
    elif not _same(first.slice_thickness_mm, second.slice_thickness_mm):
        yield f"slice thickness is {first.slice_thickness_mm:g} mm in A, {second.slice_thickness_mm:g} mm in B"
    if not all(map(_same, first.spacing_ji_mm, second.spacing_ji_mm)):
        spacings = (" x ".join(f"{length:.3g}" for length in each.spacing_ji_mm) for each in (first, second))
        yield "pixels are {} mm in A, {} mm in B".format(*spacings)
    if first.tilt_deg is None or second.tilt_deg is None:
        yield "tilt is not known in both"
    elif abs(first.tilt_deg - second.tilt_deg) > MAX_TILT_DIFFERENCE_DEG:
        yield f"the slice is tilted by {first.tilt_deg:.0f} degrees in A, by {second.tilt_deg:.0f} in B"
    for letter, level in (("A", first), ("B", second)):
        if level.name.reason and level.name.confidence != "high":
            yield f"{letter}: level: {level.name.reason}"
        yield from (f"{letter}: {doubt}" for doubt in level.doubts)


def _same(first: float, second: float) -> bool:
    return abs(first - second) <= _SAME_SHARE * max(first, second)


def _warnings(first: Examination, second: Examination) -> Iterator[str]:
    if first.weights_sha256 != second.weights_sha256:
        yield (
            f"A was outlined by {first.weights_name or 'no known network'}, B by "
            f"{second.weights_name or 'no known network'}: these draw differently, and a change may be theirs."
        )
    if first.software_version != second.software_version:
        yield f"A was measured by LumbarSeg {first.software_version}, B by {second.software_version}."
    if not _both_are_the_networks(first, second):
        outlines = (_SOURCES.get(each.source, each.source) for each in (first, second))
        yield "The outlines of A are {}, those of B {}.".format(*outlines)
    for letter, each in (("A", first), ("B", second)):
        if not each.series_uids:
            yield f"{letter} does not name its series: nothing checks that A and B are two examinations."


def _both_are_the_networks(first: Examination, second: Examination) -> bool:
    return first.source == second.source == "model"
