"""The choice of `--lowest-level`: named by the user, found in the sagittal series, or left open."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from LumbarSegLib.io.study import Study
from LumbarSegLib.measurement import UNNAMED, LevelName, SliceMeasurement, disc_centers, level_named_by_user
from LumbarSegLib.study_reading.sagittal_levels import lowest_level_from_sagittal

logger = logging.getLogger(__name__)


def named_lowest_level(choice: str) -> LevelName | None:
    """Return the level that `choice` names; None for "auto" and "none".

    Raises
    ------
    InputError
        If there is no such level.
    """
    return None if choice in ("auto", "none") else level_named_by_user(choice)


def find_lowest_level(choice: str, study: Study, measurements: Sequence[Sequence[SliceMeasurement]]) -> LevelName:
    """Return the name of the lowest outlined disc.

    Parameters
    ----------
    choice : str
        "auto" asks the sagittal series of the study, "none" leaves it unnamed; else its name.
    study : Study
        What was measured.
    measurements : sequence of sequences of SliceMeasurement
        By block and slice.
    """
    named = named_lowest_level(choice)
    if named is not None:
        return named
    if choice == "none" or not study.sagittal_series:
        return UNNAMED
    lowest_level = lowest_level_from_sagittal(study.sagittal_series, disc_centers(measurements))
    logger.info("Lowest level: %s (%s).", lowest_level.text, lowest_level.reason)
    return lowest_level
