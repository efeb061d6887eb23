"""Arrays and geometry in, frozen records of areas and levels out; no torch, no paths."""

from __future__ import annotations

from LumbarSegLib.measurement.area_intervals import AreaCalibration, AreaTerms, PixelBounds, bound_pixels
from LumbarSegLib.measurement.areas import measure_block
from LumbarSegLib.measurement.bands import BAND_TABLES, with_band
from LumbarSegLib.measurement.fat import FAT_METHODS
from LumbarSegLib.measurement.intervals import with_intervals
from LumbarSegLib.measurement.level_names import UNKNOWN_LEVEL, UNNAMED, LevelName, level_named_by_user
from LumbarSegLib.measurement.levels import LevelSummary, disc_centers, summarize_levels, summarize_study
from LumbarSegLib.measurement.midline import find_midline
from LumbarSegLib.measurement.quality import with_confidence_flags
from LumbarSegLib.measurement.records import BandedArea, Flag, Measure, Midline, SliceMeasurement

__all__ = [
    "BAND_TABLES",
    "FAT_METHODS",
    "UNKNOWN_LEVEL",
    "UNNAMED",
    "AreaCalibration",
    "AreaTerms",
    "BandedArea",
    "Flag",
    "LevelName",
    "LevelSummary",
    "Measure",
    "Midline",
    "PixelBounds",
    "SliceMeasurement",
    "bound_pixels",
    "disc_centers",
    "find_midline",
    "level_named_by_user",
    "measure_block",
    "summarize_levels",
    "summarize_study",
    "with_band",
    "with_confidence_flags",
    "with_intervals",
]
