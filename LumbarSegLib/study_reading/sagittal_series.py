"""The sagittal series of a study: which ones lie beside the axial one, and their pixels."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from LumbarSegLib.io.dicom_records import DicomSeries, DicomSlice, SeriesTags
from LumbarSegLib.io.study import Block
from LumbarSegLib.study_reading.checks import check_pixels, resolve_spacing
from LumbarSegLib.study_reading.series_nature import is_derived, is_magnetic_resonance, objection, weighting
from LumbarSegLib.study_reading.slice_stacking import stack_slices

SagittalWeighting = Literal["t2", "t1"]

#: A spin echo with a longer repetition time is not T1-weighted but proton density-weighted.
_T1_MAX_REPETITION_TIME_MS = 1200.0


def is_sagittal_beside(tags: SeriesTags, axial: SeriesTags) -> bool:
    """Whether a series is sagittal MR in the coordinate system of an axial one; a frame without UID is none."""
    return (
        is_magnetic_resonance(tags)
        and tags.plane == "sagittal"
        and bool(axial.frame_of_reference_uid)
        and (tags.study_uid, tags.frame_of_reference_uid) == (axial.study_uid, axial.frame_of_reference_uid)
    )


def sagittal_weighting(tags: SeriesTags) -> SagittalWeighting | None:
    """Return which weighting without fat suppression an original spin echo of the lumbar spine has; else None."""
    if is_derived(tags):
        return None
    reason = objection(tags)
    if reason is None and weighting(tags) == "t2":
        return "t2"
    repetition_time = tags.repetition_time_ms
    if reason == "not T2-weighted" and (repetition_time is None or repetition_time <= _T1_MAX_REPETITION_TIME_MS):
        return "t1"
    return None


def read_sagittal_block(series: DicomSeries) -> Block:
    """Read the largest stack of parallel slices of a sagittal series.

    Parameters
    ----------
    series : DicomSeries
        Of plane "sagittal".

    Returns
    -------
    Block

    Raises
    ------
    InputError
        If a file cannot be read, or does not say where its slice lies.
    """
    # pydicom takes as long to import as the rest of reading.
    from LumbarSegLib.io.dicom_pixels import read_slices

    slices = [
        replace(item, spacing_ji_mm=resolve_spacing(item.spacing_ji_mm, None, item.source)) for item in series.slices
    ]
    stacks, _ = stack_slices(slices, _never_same)
    largest = max(stacks, key=lambda stack: len(stack.slices))
    image = read_slices(largest.slices)
    check_pixels(image, f"The sagittal series from {largest.slices[0].source}")
    return Block(
        image, largest.affine_ijk_to_ras, series_uid=series.tags.uid, series_description=series.tags.description
    )


def _never_same(_first: DicomSlice, _second: DicomSlice) -> bool:
    """Images of one position that no tag tells apart make a series unusable here."""
    return False
