"""Arrays and geometry in, frozen records of areas and levels out; no torch, no paths."""

from __future__ import annotations

from LumbarSegLib.measurement.area_intervals import compute_area_interval
from LumbarSegLib.measurement.areas import measure_block
from LumbarSegLib.measurement.levels import UNKNOWN_LEVEL, LevelSummary, summarize_levels
from LumbarSegLib.measurement.midline import find_midline
from LumbarSegLib.measurement.records import Measure, Midline, SliceMeasurement

__all__ = [
    "UNKNOWN_LEVEL",
    "LevelSummary",
    "Measure",
    "Midline",
    "SliceMeasurement",
    "compute_area_interval",
    "find_midline",
    "measure_block",
    "summarize_levels",
]
