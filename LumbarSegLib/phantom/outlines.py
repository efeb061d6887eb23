"""Outlines of the anatomies as polygons in millimeters, disjoint by construction.

Notation: `y` holds the scan lines (Y,) toward the back, at which all posterior
structures are sampled; a border is the distance (Y,) from the midline at each
of them. The borders of one side are stacked outward from the midline, each
beginning a gap outside the one before (ligamentum flavum, lamina, multifidus,
erector spinae), so no shape lets two structures meet. The disc and, beside it,
the psoas lie in front of the erector spinae; the dural sac lies between the disc
and the ligament.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from LumbarSegLib.phantom.shapes import SideShape, SliceShape

FloatArray = NDArray[np.float64]
Outlines = dict[str, list[FloatArray]]

_GAP_MM = 0.5
_PSOAS_BACK_MM = 6.0
_ERECTOR_FRONT_MM = 6.8
_FLAVUM_FRONT_MM = 4.5
_LAMINA_FRONT_MM = 6.0
_Y: FloatArray = np.linspace(4.0, 75.0, 356)


@dataclass(frozen=True)
class _Band:
    """A structure on one side of the midline: its inner and outer border (Y,), equal where it is absent."""

    inner: FloatArray
    outer: FloatArray

    def polygon(self, sign: int) -> FloatArray:
        """Return the outline (N, 2); `sign` is +1 for the patient's left, -1 for the right."""
        return _strip(_Y, self.inner, self.outer, sign)


@dataclass(frozen=True)
class _Posterior:
    """The posterior structures of one side; the spinous process is part of `lamina` in a closed arch."""

    flavum: _Band
    lamina: _Band
    process: _Band
    multifidus: _Band
    erector: _Band


def make_outlines(shape: SliceShape) -> Outlines:
    """Return the polygons (N, 2) of every structure in mm.

    Parameters
    ----------
    shape : SliceShape
        See `shapes.draw_slice_shape`.

    Returns
    -------
    dict of str to list of (N, 2) ndarray
        Keyed by anatomy, paired ones with ``_left`` or ``_right`` behind it.
    """
    left, right = _posterior(shape, shape.left), _posterior(shape, shape.right)
    disc = _disc(shape)
    outlines: Outlines = {
        "dural_sac": [_sac(shape, left.flavum, right.flavum)],
        "ligamentum_flavum": [left.flavum.polygon(1), right.flavum.polygon(-1)],
        "intervertebral_disc": [disc],
    }
    if shape.arch_gap > 0:
        arms = [left.lamina.polygon(1), right.lamina.polygon(-1)]
        outlines["lamina"] = [*arms, _across(left.process, right.process)]
    else:
        outlines["lamina"] = [_across(left.lamina, right.lamina)]
    for name, side, posterior, sign in (("left", shape.left, left, 1), ("right", shape.right, right, -1)):
        outlines[f"psoas_{name}"] = [_psoas(side, disc, sign)]
        outlines[f"multifidus_{name}"] = [posterior.multifidus.polygon(sign)]
        outlines[f"erector_spinae_{name}"] = [posterior.erector.polygon(sign)]
    return outlines


def _cap(y: FloatArray, start: float, end: float, power: float) -> FloatArray:
    """Half a superellipse: 1 midway between `start` and `end`, 0 at both and beyond."""
    s = np.clip((y - start) / (end - start), 0.0, 1.0)
    result: FloatArray = np.sqrt(np.clip(1.0 - np.abs(2 * s - 1) ** power, 0.0, 1.0))
    return result


def _smooth_max(a: FloatArray, b: FloatArray | float, softness: float) -> FloatArray:
    """Return an upper bound of both that has no corner."""
    result: FloatArray = 0.5 * (a + b + np.sqrt((a - b) ** 2 + softness**2))
    return result


def _smooth(border: FloatArray, width: int) -> FloatArray:
    padded = np.pad(border, width, mode="edge")
    return np.convolve(padded, np.ones(2 * width + 1) / (2 * width + 1), mode="valid")


def _strip(y: FloatArray, inner: FloatArray, outer: FloatArray, sign: int) -> FloatArray:
    """Return the polygon between two borders, without the rows on which they coincide."""
    rows = np.flatnonzero(outer > inner + 1e-6)
    x = sign * np.concatenate([inner[rows], outer[rows][::-1]])
    return np.column_stack([x, np.concatenate([y[rows], y[rows][::-1]])])


def _across(left: _Band, right: _Band) -> FloatArray:
    """Join two bands over the rows on which their inner borders have closed at the midline."""
    borders = []
    for band, sign in ((left, 1), (right, -1)):
        rows = np.flatnonzero(band.outer > band.inner + 1e-6)
        apart = rows[band.inner[rows] > 1e-6]
        borders.append(np.column_stack([sign * band.outer[rows], _Y[rows]]))
        borders.append(np.column_stack([sign * band.inner[apart], _Y[apart]]))
    left_outer, left_inner, right_outer, right_inner = borders
    return np.concatenate([left_outer, right_outer[::-1], right_inner, left_inner[::-1]])


def _disc(shape: SliceShape) -> FloatArray:
    """Superellipse with a hollow or bulging rear border and a slight undulation, entirely in front of y = 0."""
    angle = np.linspace(0, 2 * np.pi, 160, endpoint=False)
    power = 2.0 / shape.disc_squareness
    x = shape.disc_half_width * np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** power
    y = shape.disc_half_height * np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** power
    notch = shape.disc_notch * np.exp(-((x / (0.45 * shape.disc_half_width)) ** 2))
    y = np.where(y > 0, y * (1 - notch), y)
    swell = 1 + 0.015 * np.sin(3 * angle + shape.disc_phase) + 0.01 * np.sin(5 * angle + 2 * shape.disc_phase)
    outline = np.column_stack([x, y]) * swell[:, None]
    outline[:, 1] -= outline[:, 1].max()
    return outline


def _psoas(side: SideShape, disc: FloatArray, sign: int) -> FloatArray:
    """Oval muscle that follows the disc's flank."""
    front = side.psoas_y - side.psoas_height / 2
    back = min(side.psoas_y + side.psoas_height / 2, _PSOAS_BACK_MM)
    y = np.linspace(front, back, 120)
    s = (y - front) / (back - front)
    # The farthest that the disc reaches within 2 mm, so that no undulation of it cuts the muscle.
    half = disc[disc[:, 0] * sign > 0]
    near = np.abs(half[:, 1] - y[:, None]) < 2.0
    flank = np.where(near, np.abs(half[:, 0]), 0.0).max(axis=1)
    reach = np.maximum(flank, 0.8 * np.abs(half[:, 0]).max())
    reach = _smooth_max(_smooth(reach, 5), reach, 0.3)
    full = side.psoas_width * (1 + side.psoas_slant * (s - 0.5) + 0.05 * side.wave * np.sin(9 * s + side.phase))
    cap = _cap(y, front, back, 2.2)
    inner = reach + 2 * _GAP_MM + 0.45 * full * (1 - cap)
    return _strip(y, inner, inner + full * cap, sign)


def _flavum(shape: SliceShape, side: SideShape) -> tuple[_Band, FloatArray]:
    """Return the dark band on the canal's side of the arch, and how much a step outward widens along a row."""
    apex = shape.arch_depth
    s = np.clip((_Y - _FLAVUM_FRONT_MM) / (apex - _FLAVUM_FRONT_MM), 0, 1)
    power = 1.3
    inner = np.maximum(side.flavum_width * (1 - s**power), 0.35)
    slope = side.flavum_width * power * s ** (power - 1) / (apex - _FLAVUM_FRONT_MM)
    stretch = np.sqrt(1 + slope**2)
    thickness = side.flavum_thickness * stretch * _cap(_Y, _FLAVUM_FRONT_MM, apex + 2.0, 5.0)
    return _Band(inner, inner + thickness), stretch


def _closed_arch(shape: SliceShape, side: SideShape, clear: FloatArray, stretch: FloatArray) -> _Band:
    """Lamina that runs into the spinous process; `clear` is the border that it has to stay outside of."""
    tip = shape.arch_depth + 2.0
    inner = clear * (1 - np.clip((_Y - tip) / 1.5, 0, 1))
    along = np.clip((_Y - _LAMINA_FRONT_MM) / (tip - _LAMINA_FRONT_MM), 0, 1)
    arm = inner + side.lamina_width * stretch * (1.1 - 0.35 * along)
    process = shape.process_half_width * (1 + 0.12 * side.wave * np.cos((_Y - tip) / 5 + side.phase))
    target = _smooth(_smooth_max(np.where(tip > _Y, arm, 0.0), process, 2.0), 15)
    thickness = np.maximum(target - inner, 0.0) * _cap(_Y, _LAMINA_FRONT_MM, shape.process_end, 9.0)
    return _Band(inner, inner + thickness)


def _open_arch(shape: SliceShape, side: SideShape, clear: FloatArray, stretch: FloatArray) -> tuple[_Band, _Band]:
    """Return the inferior articular process and, apart from it, half the spinous process."""
    cap = _cap(_Y, _LAMINA_FRONT_MM, shape.arch_depth + 1.0, 2.6)
    width = 1.25 * side.lamina_width * stretch
    inner = clear + 0.25 * width * (1 - cap)
    start = shape.arch_depth + 2.0 + _GAP_MM + shape.arch_gap
    half = shape.process_half_width * _cap(_Y, start, shape.process_end, 3.0)
    return _Band(inner, inner + width * cap), _Band(np.zeros_like(_Y), half)


def _posterior(shape: SliceShape, side: SideShape) -> _Posterior:
    flavum, stretch = _flavum(shape, side)
    clear = _smooth_max(flavum.outer, flavum.inner, 0.2) + _GAP_MM
    if shape.arch_gap > 0:
        lamina, process = _open_arch(shape, side, clear, stretch)
    else:
        lamina = _closed_arch(shape, side, clear, stretch)
        process = _Band(np.zeros_like(_Y), np.zeros_like(_Y))
    wave = 0.8 * side.wave * (np.sin(_Y / 5 + side.phase) + 0.5 * np.sin(_Y / 2.7 + 2 * side.phase))
    multifidus = _multifidus(shape, side, np.maximum(np.maximum(lamina.outer, process.outer), flavum.outer), wave)
    return _Posterior(flavum, lamina, process, multifidus, _erector(shape, side, multifidus, wave))


def _multifidus(shape: SliceShape, side: SideShape, bone: FloatArray, wave: FloatArray) -> _Band:
    inner = _smooth_max(_smooth_max(_smooth(bone, 8), bone, 0.4), 0.8, 0.5) + 2 * _GAP_MM
    reach = np.maximum(side.multifidus_width + wave - 0.004 * (_Y - 34) ** 2, inner + 5)
    cap = _cap(_Y, side.multifidus_front, shape.muscle_end, 3.0)
    return _Band(inner, inner + cap * (reach - inner))


def _erector(shape: SliceShape, side: SideShape, multifidus: _Band, wave: FloatArray) -> _Band:
    """Wedge that is widest at `erector_tip` and leaves room for the facet joint in front."""
    facet = np.clip(24.0 - 0.35 * (_Y - 6) - 0.02 * (_Y - 6) ** 2, 0.0, None)
    inner = _smooth_max(multifidus.outer + 2 * _GAP_MM, facet, 1.5)
    end = shape.muscle_end - 1.0
    s = np.clip((_Y - _ERECTOR_FRONT_MM) / (end - _ERECTOR_FRONT_MM), 0, 1)
    front_edge = 1.1 * (s / side.erector_tip) ** 0.75
    back_edge = np.sqrt(np.clip(1 - s**2.2, 0, 1))
    share = np.maximum(-_smooth_max(-front_edge, -back_edge, 0.12), 0.0)
    return _Band(inner, inner + share * np.maximum(side.erector_width + wave - inner, 8.0))


def _sac(shape: SliceShape, left: _Band, right: _Band) -> FloatArray:
    """Oval behind the disc, held within the ligament."""
    rooms = [band.inner - 1.5 * _GAP_MM for band in (left, right)]
    # It ends where the canal becomes narrower than 2 mm on either side of the midline.
    depth = _Y[np.minimum(*rooms) > 2.0].max() - shape.sac_y
    radius = min(shape.sac_height, depth) / 2
    angle = np.linspace(0, 2 * np.pi, 120, endpoint=False)
    y = shape.sac_y + radius + radius * np.sin(angle)
    x = shape.sac_width / 2 * np.cos(angle) * (1 - shape.sac_triangularity * np.sin(angle))
    room_left, room_right = (np.interp(y, _Y, room) for room in rooms)
    # In front of the ligament the canal opens toward the foramina.
    room = np.where(x > 0, room_left, room_right) + 0.7 * np.maximum(_FLAVUM_FRONT_MM - y, 0.0)
    half_width = np.maximum(-_smooth_max(-np.abs(x), -room, 0.2), 0.0)
    return np.column_stack([np.sign(x) * half_width, y])
