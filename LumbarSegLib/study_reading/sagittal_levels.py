"""Name the lowest outlined disc from the sagittal series of a study.

From the discs that the axial slices outline, the sagittal image is searched
downward for further ones (`sagittal_discs`). The last full one is taken for
the lumbosacral disc if the image goes on below it, what is found there is a
remnant, and no disc above is clearly more tilted. Vertebrae are not counted from the
neck: a sixth lumbar vertebra, or a sacralized fifth, is not seen. Where
anything speaks against it, the answer is "unknown".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from LumbarSegLib.errors import InputError
from LumbarSegLib.io.dicom_records import DicomSeries
from LumbarSegLib.measurement import LevelName
from LumbarSegLib.measurement.records import Vector3
from LumbarSegLib.study_reading.sagittal_discs import DiscBand, MidsagittalPlane
from LumbarSegLib.study_reading.sagittal_series import read_sagittal_block, sagittal_weighting
from LumbarSegLib.study_reading.series_nature import short_name

#: The lumbosacral disc and those above it, with five lumbar vertebrae.
_UPWARD = ("L5-S1", "L4-L5", "L3-L4", "L2-L3", "L1-L2")

#: Discs of adults are 30-40 mm deep, with their bulges and ligaments more.
_MIN_DEPTH_MM = 25.0

#: Depth over that of the disc above: the least over the greatest that can be
#: measured for a full disc, the greatest over the least for a remnant. On the
#: real study that this was built on, in T1 and T2, full discs have 0.85 or more,
#: and the remnant S1-S2 0.63 or less; drawn full discs have 0.73 or more, and
#: transitional ones, four fifths as deep as the one above, 0.70 or less.
_MIN_FULL, _MAX_REMNANT = 0.72, 0.65

#: Less is no remnant either: nothing shows that the sacrum follows.
_MIN_REMNANT_MM = 8.0

#: Of the discs that the axial slices outline, at least this share must show.
_MIN_SHOWN = 0.67

#: The lumbosacral disc drops to the front by 20-45 degrees in most people; discs within the sacrum by more.
_MIN_TILT_DEG, _MAX_TILT_DEG = 10.0, 50.0

#: A thick disc looks as dark across its band when that is turned by this much.
_TILT_ERROR_DEG = 10.0


@dataclass(frozen=True)
class _Finding:
    """What one series says: how many full discs lie below the lowest outlined one, or why it does not say."""

    num_below: int | None
    sentence: str
    #: The series does not show what there is to see, which contradicts nothing.
    is_blind: bool = False


def lowest_level_from_sagittal(series: Sequence[DicomSeries], disc_centers_ras_mm: Sequence[Vector3]) -> LevelName:
    """Name the lowest of the outlined discs.

    Parameters
    ----------
    series : sequence of DicomSeries
        Sagittal series in the coordinate system of the discs; of these, the
        first T2-weighted and the first T1-weighted one are looked at.
    disc_centers_ras_mm : sequence of tuple of float
        Center of each outlined disc, from the foot to the head.

    Returns
    -------
    LevelName
        Its confidence is medium if a T2- and a T1-weighted series agree, low
        if there is only one, or the image of the other ends too far up; unknown,
        with the reason, in all other cases.
    """
    if not disc_centers_ras_mm:
        return LevelName(reason="no disc is outlined")
    chosen = {weight: each for each in reversed(series) if (weight := sagittal_weighting(each.tags)) is not None}
    if not chosen:
        return LevelName(reason="no sagittal T2 or T1 series shares the coordinate system of the axial one")
    findings = [_look_at(each, disc_centers_ras_mm) for _, each in sorted(chosen.items(), reverse=True)]
    reason = "; ".join(finding.sentence for finding in findings)
    seeing = [finding for finding in findings if not finding.is_blind]
    counts = {finding.num_below for finding in seeing}
    if len(counts) > 1:
        return LevelName(reason=f"the sagittal series do not agree: {reason}")
    num_below = counts.pop() if counts else None
    if num_below is None:
        return LevelName(reason=reason)
    return LevelName(
        _UPWARD[num_below],
        "sagittal series",
        "medium" if len(seeing) > 1 else "low",
        f"{reason}; five lumbar vertebrae are assumed",
    )


def _look_at(series: DicomSeries, disc_centers_ras_mm: Sequence[Vector3]) -> _Finding:
    name = short_name(series.tags)
    try:
        plane = MidsagittalPlane(read_sagittal_block(series), disc_centers_ras_mm)
    except InputError as error:
        return _Finding(None, f"{name} cannot be used ({error.problem.rstrip('.')})", is_blind=True)
    known = [plane.find_known(center) for center in disc_centers_ras_mm]
    num_shown = sum(disc.depth_mm >= _MIN_DEPTH_MM for disc in known)
    if known[0].depth_mm < _MIN_DEPTH_MM or num_shown < _MIN_SHOWN * len(known):
        return _Finding(None, f"{name} does not show the outlined discs")
    if len(known) > 1 and not _is_full(known[0], known[1]):
        return _Finding(None, f"in {name} the lowest outlined disc is {_compared(known[0], known[1])}")
    return _search_below(plane, known, name)


def _search_below(plane: MidsagittalPlane, known: Sequence[DiscBand], name: str) -> _Finding:
    discs = [known[0]]
    while len(discs) <= len(_UPWARD):
        band = plane.find_below(discs[-1])
        if band is None:
            return _Finding(None, f"{name} ends too near below the lowest disc", is_blind=True)
        if band.depth_mm < _MIN_REMNANT_MM:
            return _Finding(None, f"{name} shows no remnant of a sacral disc below the last full one")
        if band.most_depth_mm < _MAX_REMNANT * discs[-1].least_depth_mm:
            return _judge_lumbosacral(discs, known, band, name)
        if not _is_full(band, discs[-1]):
            return _Finding(None, f"in {name} the band below the last disc is {_compared(band, discs[-1])}")
        discs.append(band)
    return _Finding(None, f"{name} shows {len(discs) - 1} or more discs below the lowest outlined one")


def _judge_lumbosacral(discs: Sequence[DiscBand], known: Sequence[DiscBand], remnant: DiscBand, name: str) -> _Finding:
    last, others = discs[-1], [*discs[:-1], *known[1:]]
    steepest = max([disc.tilt_deg for disc in others], default=_MIN_TILT_DEG)
    if not max(steepest - _TILT_ERROR_DEG, _MIN_TILT_DEG) <= last.tilt_deg <= _MAX_TILT_DEG:
        return _Finding(
            None, f"in {name} the last disc is tilted by {last.tilt_deg:.0f}°, which does not fit the lumbosacral one"
        )
    num_below = len(discs) - 1
    where = "the lowest outlined disc" if num_below == 0 else f"{num_below} below the lowest outlined disc"
    return _Finding(
        num_below,
        f"in {name} the last full disc is {where}, tilted by {last.tilt_deg:.0f}°; "
        f"what follows is {_compared(remnant, last)}",
    )


def _is_full(band: DiscBand, above: DiscBand) -> bool:
    return band.least_depth_mm >= _MIN_FULL * above.most_depth_mm


def _compared(band: DiscBand, above: DiscBand) -> str:
    return f"{_range(band)} mm deep against {_range(above)} mm above it"


def _range(band: DiscBand) -> str:
    return f"{band.least_depth_mm:.0f}-{band.most_depth_mm:.0f}"
