"""Arrange the slices of a series into stacks: one orientation, even spacing, nothing missing.

Axial lumbar series are usually several short oblique blocks, one per disc.
Slices are never moved or interpolated; whatever does not continue a stack
begins a new one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from LumbarSegLib.errors import InputError
from LumbarSegLib.geometry import FloatArray
from LumbarSegLib.io.dicom_records import DicomSlice, SlicePlacement

#: Directions that differ by more belong to different stacks. At 0.05 degrees
#: the far corner of 260 mm moves by 0.23 mm, less than half a pixel; tags
#: rounded to three digits are off by 0.03 degrees at most.
ORIENTATION_TOLERANCE_DEG = 0.05

#: Slices of a stack may be shifted in their own plane by this much, for the
#: same reason: half a pixel. The grid of a stack is rectangular, without shear.
SHIFT_TOLERANCE_MM = 0.25

#: Relative difference of two distances that count as equal. Positions are
#: often rounded to 0.1 mm; a real change of the step is larger.
STEP_TOLERANCE = 0.05

#: Slices farther apart are no stack: discs follow each other at 25-45 mm,
#: slices of one disc at 3-6 mm.
MAX_STEP_MM = 12.0

#: Slices nearer to each other than this repeat one position.
SAME_POSITION_MM = 0.05

#: Relative difference of pixel sizes that count as equal (rounding of the tag).
SPACING_TOLERANCE = 1e-3

#: Step of a stack that has one slice of unknown thickness.
FALLBACK_STEP_MM = 1.0

#: Of repeated echoes the one nearest to this is kept: the usual T2 protocol.
USUAL_T2_ECHO_TIME_MS = 100.0

SamePixels = Callable[[DicomSlice, DicomSlice], bool]


@dataclass(frozen=True)
class Stack:
    """Slices on one grid, from caudal to cranial, and the affine of that grid (mm, RAS)."""

    slices: tuple[DicomSlice, ...]
    affine_ijk_to_ras: FloatArray


@dataclass(frozen=True)
class _Placed:
    """A slice with the placement and the spacing that stacking needs."""

    item: DicomSlice
    placement: SlicePlacement
    spacing_ji_mm: tuple[float, float]


def stack_slices(slices: Sequence[DicomSlice], same_pixels: SamePixels) -> tuple[list[Stack], list[str]]:
    """Arrange slices into stacks.

    Parameters
    ----------
    slices : sequence of DicomSlice
        With placement and pixel spacing, in any order.
    same_pixels : callable
        Tells whether two slices hold the same pixels; asked only for slices
        at one position that no tag tells apart.

    Returns
    -------
    stacks : list of Stack
        In any order.
    warnings : list of str
        Repeated slices that were left out, and gaps as wide as a missing slice.

    Raises
    ------
    InputError
        If a slice lacks its placement, or images of one position differ and
        nothing says which one is meant.
    """
    repeats: Counter[str] = Counter()
    warnings: list[str] = []
    stacks: list[Stack] = []
    for parallel in _group_parallel([_placed(item) for item in slices]):
        ordered = _drop_repeats(parallel, same_pixels, repeats)
        stacks += [_stack(run) for run in _split_runs(ordered, warnings)]
    repeated = [f"Positions with several images: {count}; {reason}." for reason, count in sorted(repeats.items())]
    return stacks, repeated + warnings


def _placed(item: DicomSlice) -> _Placed:
    if item.placement is None or item.spacing_ji_mm is None:
        raise InputError(
            f"{item.source} does not say where its slice lies (Image Position, Image Orientation or Pixel Spacing).",
            "Export the original images of the scanner again, or take this file out of the folder.",
        )
    return _Placed(item, item.placement, item.spacing_ji_mm)


def _group_parallel(placed: Iterable[_Placed]) -> list[list[_Placed]]:
    """Group slices of one orientation, matrix and pixel size; each group in order towards the head."""
    groups: list[list[_Placed]] = []
    for entry in placed:
        for group in groups:
            if _is_parallel(group[0], entry):
                group.append(entry)
                break
        else:
            groups.append([entry])
    return [sorted(group, key=lambda entry: _offset_mm(group[0], entry)[0]) for group in groups]


def _is_parallel(first: _Placed, other: _Placed) -> bool:
    # For small angles the length of the difference of unit vectors is the angle.
    tolerance = np.radians(ORIENTATION_TOLERANCE_DEG)
    along_i = np.subtract(first.placement.direction_i_lps, other.placement.direction_i_lps)
    along_j = np.subtract(first.placement.direction_j_lps, other.placement.direction_j_lps)
    return (
        first.item.shape_ji == other.item.shape_ji
        and np.allclose(first.spacing_ji_mm, other.spacing_ji_mm, rtol=SPACING_TOLERANCE, atol=0.0)
        and bool(np.linalg.norm(along_i) <= tolerance and np.linalg.norm(along_j) <= tolerance)
    )


def _offset_mm(first: _Placed, other: _Placed) -> tuple[float, float]:
    """Return how far `other` lies from `first` along the normal, and in the plane."""
    offset = np.subtract(other.placement.position_lps_mm, first.placement.position_lps_mm)
    along_normal = float(offset @ first.placement.normal_lps)
    in_plane = offset - along_normal * first.placement.normal_lps
    return along_normal, float(np.linalg.norm(in_plane))


def _drop_repeats(ordered: list[_Placed], same_pixels: SamePixels, repeats: Counter[str]) -> list[_Placed]:
    """Keep one of the slices that share a position, and count in `repeats` by which reason."""
    positions: list[list[_Placed]] = []
    for entry in ordered:
        gap, shift = _offset_mm(positions[-1][0], entry) if positions else (np.inf, np.inf)
        if gap < SAME_POSITION_MM and shift <= SHIFT_TOLERANCE_MM:
            positions[-1].append(entry)
        else:
            positions.append([entry])
    kept: list[_Placed] = []
    for entries in positions:
        if len(entries) == 1:
            kept.append(entries[0])
            continue
        best, reason = _choose_repeat(entries, same_pixels)
        kept.append(best)
        repeats[reason] += 1
    return kept


def _choose_repeat(entries: Sequence[_Placed], same_pixels: SamePixels) -> tuple[_Placed, str]:
    """Choose among slices of one position by the first tag that tells all of them apart."""
    # Of several copies of one instance (and frame), the first.
    by_instance = {
        (entry.item.sop_instance_uid or str(entry.item.path), entry.item.frame): entry for entry in reversed(entries)
    }
    if len(by_instance) == 1:
        return entries[0], "they are copies of one image and one was kept"
    entries = list(by_instance.values())
    echo_times = [entry.item.echo_time_ms for entry in entries]
    if _all_differ(echo_times):
        best = min(entries, key=lambda entry: abs((entry.item.echo_time_ms or 0.0) - USUAL_T2_ECHO_TIME_MS))
        return best, f"the echo at {best.item.echo_time_ms:g} ms was kept, nearest to the usual T2 weighting"
    if _all_differ([entry.item.acquisition_number for entry in entries]):
        best = min(entries, key=lambda entry: entry.item.acquisition_number or 0)
        return best, "the first acquisition was kept"
    if _all_differ([entry.item.temporal_position for entry in entries]):
        best = min(entries, key=lambda entry: entry.item.temporal_position or 0)
        return best, "the first point in time was kept"
    if all(same_pixels(entries[0].item, entry.item) for entry in entries[1:]):
        return entries[0], "they are identical and one was kept"
    raise InputError(
        "Different images lie at one position, and no tag says which to take: "
        f"{', '.join(entry.item.source for entry in entries)}.",
        "Leave only one of them in the folder.",
    )


def _all_differ(values: Sequence[float | None]) -> bool:
    return None not in values and len(set(values)) == len(values)


def _split_runs(ordered: Sequence[_Placed], warnings: list[str]) -> list[list[_Placed]]:
    """Split parallel slices wherever the next one does not continue the stack."""
    offsets = [_offset_mm(first, second) for first, second in pairwise(ordered)]
    # The gap to a slice that cannot belong to the same stack does not count as a neighboring step.
    steps = [gap if gap <= MAX_STEP_MM and shift <= SHIFT_TOLERANCE_MM else np.inf for gap, shift in offsets]
    runs = [[ordered[0]]]
    for k, step in enumerate(steps):
        first, second = ordered[k], ordered[k + 1]
        nearest = min([step, *steps[max(k - 1, 0) : k], *steps[k + 1 : k + 2]])
        drifts = _offset_mm(runs[-1][0], second)[1] > SHIFT_TOLERANCE_MM
        if np.isfinite(step) and step <= nearest * (1 + STEP_TOLERANCE) and not drifts:
            runs[-1].append(second)
            continue
        runs.append([second])
        if np.isfinite(step) and abs(step / nearest - 2) <= 2 * STEP_TOLERANCE:
            warnings.append(
                f"A slice seems to be missing between {first.item.source} and {second.item.source} "
                f"({step:.1f} mm apart instead of {nearest:.1f} mm); the block ends there and a new one begins."
            )
        elif offsets[k][0] <= MAX_STEP_MM and offsets[k][1] > SHIFT_TOLERANCE_MM:
            warnings.append(
                f"{second.item.source} is shifted in its plane by {offsets[k][1]:.1f} mm against the slice below it "
                "and begins a new block."
            )
    return runs


def _stack(run: Sequence[_Placed]) -> Stack:
    first = run[0]
    if len(run) > 1:
        step_mm = _offset_mm(first, run[-1])[0] / (len(run) - 1)
    else:
        step_mm = first.item.thickness_mm or FALLBACK_STEP_MM
    affine = first.placement.affine_ijk_to_ras(first.spacing_ji_mm, step_mm)
    return Stack(tuple(entry.item for entry in run), affine)
