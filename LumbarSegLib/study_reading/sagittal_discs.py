"""Discs in a sagittal image: dark bands across the spine, looked for from the known ones downward.

In T1 weighting a disc is darker than the vertebrae around it, in T2 weighting
the disc or its endplates are. A band is measured by its depth, how far it runs
from front to back: discs down to the lumbosacral one are about as deep as the
one above, remnants between sacral segments half as deep or less. What limits a
band, and how exactly it is placed, changes its depth; both limits are kept.

Notation: a point is (anterior, superior) in mm, in RAS; a tilt is in degrees,
positive where the disc drops toward the front.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from LumbarSegLib.geometry import FloatArray
from LumbarSegLib.io.study import Block
from LumbarSegLib.measurement.records import Vector3

Point = tuple[float, float]

#: Pixel of the plane; sagittal images have 0.35-1 mm.
_PIXEL_MM = 0.7

#: The plane is the mean of three across the midline: less noise, and a disc is wider.
_OFFSETS_MM = (-4.0, 0.0, 4.0)

#: What the plane shows beyond the known discs, downward, to the front and to the back.
_BELOW_MM, _FRONT_MM, _BACK_MM = 190.0, 60.0, 130.0

# A band is compared with what lies 8-13 mm above and below it, which is vertebra.
_ALONG_MM = np.arange(-30.0, 30.5, 1.0)
_ACROSS_MM = np.arange(-13.0, 13.5, 1.0)
_IN_BAND = np.abs(_ACROSS_MM) <= 4.0
_UNDER, _OVER = _ACROSS_MM <= -8.0, _ACROSS_MM >= 8.0

#: A band is darker than its surroundings by this share of their signal, without doubt by that ...
_MIN_CONTRAST, _MIN_SURE_CONTRAST = 0.25, 0.35

#: ... which are at least this bright beside the vertebrae: not air, cortex or vessel.
_MIN_SURROUNDINGS = 0.5

#: Placements that score this share of the best are as good as it.
_AS_GOOD = 0.9

_TINY = 1e-6

#: Middle of a vertebra above the middle of the disc below it.
_TO_VERTEBRA_MM = 18.0

#: The middle of a band lies at most this far from where it is looked for.
_MAX_OFF_CENTER_MM = 8.0

# Where a known disc is looked for around its axial outline, and the next one
# below it. The spine bends backward on its way down, and a disc lies at right
# angles to the line from the one above, so that the front of the sacrum, a long
# dark line too, is none.
_HEIGHTS_MM = np.arange(-8.0, 8.5, 2.0)
_TILTS_DEG = np.arange(-20.0, 51.0, 5.0)
_DISTANCES_MM = np.arange(22.0, 47.0, 3.0)
_BENDS_DEG = np.arange(-10.0, 41.0, 5.0)
_OFF_RIGHT_ANGLE_DEG = np.arange(-20.0, 21.0, 10.0)
_MAX_FLATTENING_DEG = 10.0
_MAX_TILT_DEG = 60.0


@dataclass(frozen=True)
class DiscBand:
    """A dark band across the spine.

    Parameters
    ----------
    center : tuple of float
        Middle of the band, (anterior, superior) in mm.
    tilt_deg : float
        Positive where it drops toward the front.
    depth_mm : float
        Length from front to back; 0 where there is no band.
    least_depth_mm : float
        The shortest among placements that are as good, of what is dark without doubt.
    most_depth_mm : float
        The longest among placements that are as good.
    """

    center: Point
    tilt_deg: float
    depth_mm: float
    least_depth_mm: float
    most_depth_mm: float


@dataclass(frozen=True)
class _Run:
    """Neighboring points of one candidate's line that are darker than what is above and below."""

    center: Point
    tilt_deg: float
    depth_mm: float
    score: float  # its depth times its contrast


class MidsagittalPlane:
    """The sagittal image along the middle of the spine, made from a volume.

    Parameters
    ----------
    block : Block
        A sagittal series.
    disc_centers_ras_mm : sequence of tuple of float
        Known discs, at least one, from the foot to the head; the plane follows
        them to either side and goes on straight below.
    """

    def __init__(self, block: Block, disc_centers_ras_mm: Sequence[Vector3]) -> None:
        centers = np.asarray(disc_centers_ras_mm, dtype=np.float64)
        lowest, highest = centers[:, 1:].min(axis=0), centers[:, 1:].max(axis=0)
        self._origin = lowest - [_BACK_MM, _BELOW_MM]
        anterior = np.arange(self._origin[0], highest[0] + _FRONT_MM, _PIXEL_MM)
        superior = np.arange(self._origin[1], highest[1] + 2 * _TO_VERTEBRA_MM, _PIXEL_MM)
        right = np.interp(superior, centers[:, 2], centers[:, 0])
        positions = np.empty((len(superior), len(anterior), 3))
        positions[..., 1:] = np.stack(np.meshgrid(anterior, superior), axis=-1)
        to_ijk = np.linalg.inv(block.affine_ijk_to_ras)
        pictures = []
        for offset in _OFFSETS_MM:
            positions[..., 0] = (right + offset)[:, None]
            i, j, k = np.moveaxis(positions @ to_ijk[:3, :3].T + to_ijk[:3, 3], -1, 0)
            pictures.append(ndimage.map_coordinates(block.image, [k, j, i], order=1, cval=np.nan))
        self._picture: FloatArray = np.mean(pictures, axis=0, dtype=np.float64)
        vertebrae = self._at(centers[:, 1:] + [0.0, _TO_VERTEBRA_MM])
        vertebrae = vertebrae[np.isfinite(vertebrae)]
        # Without a vertebra in the image nothing is brighter than half of it.
        self._vertebra = float(np.median(vertebrae)) if len(vertebrae) else np.inf

    def find_known(self, center_ras_mm: Vector3) -> DiscBand:
        """Return the clearest band where an axial slice shows a disc."""
        _, anterior, superior = center_ras_mm
        places = itertools.product(_HEIGHTS_MM, _TILTS_DEG)
        candidates = [((anterior, superior + height), tilt) for height, tilt in places]
        return self._clearest(candidates)

    def find_below(self, disc: DiscBand) -> DiscBand | None:
        """Return the deepest band where the next disc below would be; None if the image does not reach there."""
        candidates = []
        for bend, off, distance in itertools.product(_BENDS_DEG, _OFF_RIGHT_ANGLE_DEG, _DISTANCES_MM):
            tilt = disc.tilt_deg + bend + off
            if disc.tilt_deg - _MAX_FLATTENING_DEG <= tilt <= _MAX_TILT_DEG:
                direction = np.radians(disc.tilt_deg + bend)
                step = distance * np.array([np.sin(direction), np.cos(direction)])
                candidates.append((tuple(np.subtract(disc.center, step)), tilt))
        if not np.isfinite(self._at(np.array([center for center, _ in candidates]))).all():
            return None
        return self._clearest(candidates)

    def _clearest(self, candidates: Sequence[tuple[Point, float]]) -> DiscBand:
        """Return the band with the largest product of depth and contrast near any of the (center, tilt) candidates."""
        signal = self._at(_grids(candidates))  # (N, along, across)
        # Outside the image a comparison with NaN is false: no band.
        surroundings = np.minimum(np.median(signal[..., _UNDER], -1), np.median(signal[..., _OVER], -1))
        contrast = 1.0 - signal[..., _IN_BAND].min(-1) / np.maximum(surroundings, _TINY)
        in_spine = surroundings > _MIN_SURROUNDINGS * self._vertebra
        runs = _runs(candidates, contrast, in_spine & (contrast > _MIN_CONTRAST))
        if not runs:
            return DiscBand(*candidates[0], depth_mm=0.0, least_depth_mm=0.0, most_depth_mm=0.0)
        best = max(runs, key=lambda run: run.score)
        sure = _runs(candidates, contrast, in_spine & (contrast > _MIN_SURE_CONTRAST))
        least = min((run.depth_mm for run in _as_good(sure, best.center)), default=0.0)
        most = max(run.depth_mm for run in _as_good(runs, best.center))
        return DiscBand(best.center, best.tilt_deg, best.depth_mm, least, most)

    def _at(self, points: FloatArray) -> FloatArray:
        """Sample the plane at (..., 2) points; NaN outside the image."""
        anterior, superior = np.moveaxis((points - self._origin) / _PIXEL_MM, -1, 0)
        result: FloatArray = ndimage.map_coordinates(self._picture, [superior, anterior], order=1, cval=np.nan)
        return result


def _runs(candidates: Sequence[tuple[Point, float]], contrast: FloatArray, is_band: NDArray[np.bool_]) -> list[_Run]:
    """Return the runs of (candidates, along) points whose middle is near that of their candidate."""
    # A gap of 2 mm does not end a band.
    closed = ndimage.binary_closing(np.pad(is_band, ((0, 0), (2, 2))), np.ones((1, 3)))[:, 2:-2]
    labels, _ = ndimage.label(closed, structure=[[0, 0, 0], [1, 1, 1], [0, 0, 0]])
    runs = []
    for rows, along in ndimage.find_objects(labels):
        middle = float(_ALONG_MM[along].mean())
        if abs(middle) <= _MAX_OFF_CENTER_MM:
            (anterior, superior), tilt = candidates[rows.start]
            to_front, drop = middle * np.cos(np.radians(tilt)), middle * np.sin(np.radians(tilt))
            center = (float(anterior + to_front), float(superior - drop))
            runs.append(_Run(center, float(tilt), float(along.stop - along.start), float(contrast[rows, along].sum())))
    return runs


def _as_good(runs: Sequence[_Run], center: Point) -> list[_Run]:
    """Return, of the runs around a center, those that score nearly as high as the best of them."""
    near = [run for run in runs if np.linalg.norm(np.subtract(run.center, center)) <= _MAX_OFF_CENTER_MM]
    best_score = max((run.score for run in near), default=0.0)
    return [run for run in near if run.score >= _AS_GOOD * best_score]


def _grids(candidates: Sequence[tuple[Point, float]]) -> FloatArray:
    """Return the points of a grid along and across each candidate, (N, along, across, 2) in mm."""
    centers = np.array([center for center, _ in candidates])[:, None, None]
    tilts = np.radians([tilt for _, tilt in candidates])[:, None, None]
    along, across = _ALONG_MM[:, None], _ACROSS_MM
    anterior = along * np.cos(tilts) + across * np.sin(tilts)
    superior = across * np.cos(tilts) - along * np.sin(tilts)
    points: FloatArray = centers + np.stack([anterior, superior], axis=-1)
    return points
