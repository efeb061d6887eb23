"""How far figures can be trusted, as cells of a table and as parts of a tree (JSON)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from LumbarSegLib.measurement import BandedArea, Flag, Measure, SliceMeasurement
from LumbarSegLib.measurement.intervals import INTERVAL_MEASURES

if TYPE_CHECKING:
    from LumbarSegLib.report.tables import Cell

#: What `quality` says of a slice without flags.
OK = "ok"

_DECIMALS = 2
_NO_PROBABILITIES = "outlines that were read or edited have no class probabilities"
_NO_INTERVAL = "the area has no interval"


def interval_cells(measures: Iterable[Measure]) -> dict[str, Cell]:
    """Return both ends of every interval in mm2, in columns that every slice has."""
    cells: dict[str, Cell] = {}
    for measure in measures:
        if measure.key in INTERVAL_MEASURES:
            low, high = _rounded(measure.interval) or (None, None)
            cells |= {f"{measure.key}_low_{measure.unit}": low, f"{measure.key}_high_{measure.unit}": high}
    return cells


def absent_intervals(measures: Iterable[Measure]) -> dict[str, str]:
    """Return why areas that have a value have no interval: once if none of them has one, else by interval."""
    areas = [each for each in measures if each.key in INTERVAL_MEASURES and each.value is not None]
    reasons = {
        f"{each.key}_interval": each.interval_reason or _NO_PROBABILITIES for each in areas if each.interval is None
    }
    if areas and len(reasons) == len(areas) and len(set(reasons.values())) == 1:
        return {"intervals": next(iter(reasons.values()))}
    return reasons


def interval_tree(measure: Measure) -> dict[str, object]:
    """Return the interval of a measure that can have one, and the reason where it has none."""
    if measure.key not in INTERVAL_MEASURES:
        return {}
    has_none = measure.value is not None and measure.interval is None
    return {
        "interval": _rounded(measure.interval),
        "interval_reason": measure.interval_reason or _NO_PROBABILITIES if has_none else None,
    }


def quality_cells(flags: Sequence[Flag]) -> dict[str, Cell]:
    """Return the kinds of flags, or `OK`, and their sentences."""
    return {
        "quality": "; ".join(dict.fromkeys(each.key for each in flags)) or OK,
        "quality_notes": "; ".join(each.sentence for each in flags),
    }


def quality_tree(flags: Sequence[Flag]) -> dict[str, object]:
    """Return all flags."""
    return {"flags": [{"key": each.key, "sentence": each.sentence} for each in flags]}


def band_cells(measurement: SliceMeasurement, prefix: str = "") -> dict[str, Cell]:
    """Return where the sac's area lies among the limits that were chosen; nothing where none were."""
    banded = measurement.sac_band
    if banded is None:
        return {}
    return {
        f"{prefix}dsca_band": banded.band,
        f"{prefix}dsca_band_source": banded.source,
        f"{prefix}dsca_band_crossed": _crossed(banded),
    }


def absent_bands(measurement: SliceMeasurement) -> dict[str, str]:
    """Return why the columns of `band_cells` are empty."""
    banded = measurement.sac_band
    if banded is None or banded.is_crossed is not None:
        return {}
    if banded.band is None:
        reason = measurement["dural_sac_area"].reason
        return {"dsca_band": reason, "dsca_band_crossed": reason}
    return {"dsca_band_crossed": _NO_INTERVAL}


def band_tree(measurement: SliceMeasurement) -> dict[str, object]:
    """Return the same as `band_cells` for a tree."""
    banded = measurement.sac_band
    if banded is None:
        return {}
    return {"dsca_band": {"band": banded.band, "source": banded.source, "crossed": banded.is_crossed}}


def _crossed(banded: BandedArea) -> str | None:
    return None if banded.is_crossed is None else "yes" if banded.is_crossed else "no"


def _rounded(interval: tuple[float, float] | None) -> tuple[float, float] | None:
    return None if interval is None else (round(interval[0], _DECIMALS), round(interval[1], _DECIMALS))
