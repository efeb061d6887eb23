"""The signal of the seven anatomies and of what lies between them.

Signals are relative to subcutaneous fat near the coil (1.0).
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from LumbarSegLib.phantom.canvas import Box, Canvas, FloatArray, Image, ellipse
from LumbarSegLib.phantom.outlines import Outlines

_CORTEX = 0.04


def paint_anatomies(canvas: Canvas, outlines: Outlines) -> None:
    """Paint the seven anatomies and the joints and fat between them.

    Parameters
    ----------
    canvas : Canvas
        To paint on.
    outlines : dict of str to list of (N, 2) ndarray
        See `LumbarSegLib.phantom.outlines.make_outlines`.
    """
    _paint_muscles(canvas, outlines)
    _paint_canal(canvas)
    _paint_facets(canvas)
    _paint_disc(canvas, outlines["intervertebral_disc"])
    canvas.fill(canvas.cover(*outlines["ligamentum_flavum"]), canvas.rng.uniform(0.08, 0.2))
    bone = canvas.cover(*outlines["lamina"], margin_mm=2)
    marrow = canvas.rng.uniform(0.2, 0.5) * (1 + 0.15 * canvas.noise(bone.box, 2.5, 2.5))
    canvas.fill_with_rim(bone, 1.1, _CORTEX, marrow)
    _paint_sac(canvas, outlines["dural_sac"])


def _paint_muscles(canvas: Canvas, outlines: Outlines) -> None:
    """Dark muscle with fat as texture inside its outline: the outline counts as muscle all over."""
    rng = canvas.rng
    signal = rng.uniform(0.07, 0.16)
    fascia = canvas.cover(_fascia(outlines["erector_spinae_left"][0], outlines["erector_spinae_right"][0]))
    # Between the muscles: dark ligament, with fat here and there.
    between = np.clip(rng.uniform(0.3, 0.7) + 0.3 * canvas.noise(fascia.box, 8, 5), 0.06, 0.9)
    canvas.fill(fascia, between)
    back = [part for key, parts in outlines.items() if key.startswith(("multifidus", "erector")) for part in parts]
    muscles = canvas.cover(*back)
    canvas.fill(muscles, signal * (1 + 0.15 * canvas.noise(muscles.box, 1.3, 1.3)))
    canvas.fill(muscles.times(_fat_in_muscle(canvas, muscles.box)), rng.uniform(0.75, 0.95))
    psoas = canvas.cover(*outlines["psoas_left"], *outlines["psoas_right"])
    strength = np.clip(canvas.noise(psoas.box, 9, 9) - 0.3, 0, 1)
    streaks = strength * _lines(canvas.noise(psoas.box, 7, 5), canvas.grid.spacing_mm, 0.8)
    canvas.fill(psoas, signal * (1 + 0.12 * canvas.noise(psoas.box, 1.5, 1.5)) + rng.uniform(0, 0.6) * streaks)


def _fascia(left: FloatArray, right: FloatArray) -> FloatArray:
    """Return the polygon around both erector spinae, made of the outer halves of their outlines."""
    return np.concatenate([left[len(left) // 2 :], right[len(right) // 2 :][::-1]])


def _lines(field: Image, spacing_mm: float, width_mm: float) -> Image:
    """Return the opacity of thin curves, where a smooth field of deviation 1 crosses zero."""
    along_y, along_x = np.gradient(field)
    steepness = np.sqrt(along_y * along_y + along_x * along_x) / np.float32(spacing_mm)
    # The floor keeps flat parts of the field from becoming broad patches.
    distance_mm = field / np.maximum(steepness, 0.15)
    result: Image = np.exp(-((distance_mm * np.float32(2.0 / width_mm)) ** 2))
    return result


def _fat_in_muscle(canvas: Canvas, box: Box) -> Image:
    """Return the share of fat (J, I): septa fan out from the canal, infiltration begins beside the lamina."""
    rng = canvas.rng
    x, y = canvas.grid.anatomy_xy(box)
    y += np.float32(rng.uniform(4, 12))
    radius, angle = np.sqrt(x * x + y * y), np.arctan2(x, y)
    # Smooth noise over distance (6 mm a step) and direction (2 degrees a step) from the canal.
    fan = ndimage.gaussian_filter(rng.standard_normal((24, 160)), (1.2, 1.4), mode="wrap")
    where = np.stack([radius / 6.0, (angle / np.pi + 1) * 90 + 3.0 * canvas.noise(box, 16, 16)])
    streaks = ndimage.map_coordinates(fan / fan.std(), where, order=2, mode="grid-wrap").astype(np.float32)
    strength = np.clip(canvas.noise(box, 9, 9) + rng.uniform(-0.4, 1.0), 0, 1)
    septa = strength * _lines(streaks, canvas.grid.spacing_mm, rng.uniform(0.7, 1.4))
    burden = float(rng.choice([-2.2, -1.6, -0.9, 0.0], p=[0.35, 0.3, 0.2, 0.15]))
    near = 1.4 * np.exp(-((radius / 30.0) ** 2))
    clumps = 0.8 * canvas.noise(box, 6, 3.5) + 0.3 * canvas.noise(box, 1.6, 1.2) + 0.7 * streaks
    fat: Image = np.clip(septa + np.clip(clumps + burden + near, 0, 1), 0, 1)
    return fat


def _paint_canal(canvas: Canvas) -> None:
    """Epidural fat, and the fat and nerve roots of the foramina."""
    rng = canvas.rng
    fat = rng.uniform(0.65, 0.95)
    foramina = canvas.cover(ellipse((0, 5), (rng.uniform(20, 25), rng.uniform(4, 6))))
    canvas.fill(canvas.blurred(foramina, 1.0), 0.45 + 0.2 * canvas.noise(foramina.box, 3, 3))
    canvas.fill(canvas.cover(ellipse((0, 11), (rng.uniform(8, 10), 10.0))), fat)
    for sign in (-1, 1):
        root = canvas.cover(ellipse((sign * rng.uniform(17, 22), rng.uniform(2, 5)), (2.6, 2.0), sign * 30))
        canvas.fill(root, rng.uniform(0.2, 0.4))


def _paint_facets(canvas: Canvas) -> None:
    """Superior articular processes: dark cortex, gray core, sometimes fluid in the joint."""
    rng = canvas.rng
    core, fluid = rng.uniform(0.1, 0.35), rng.uniform(0.1, 0.8)
    for sign in (-1, 1):
        center = (sign * rng.uniform(16, 18.5), rng.uniform(9, 12))
        radii = (rng.uniform(4.5, 6.5), rng.uniform(6, 8))
        joint = ellipse((center[0] - sign * 1.6, center[1] + 1.0), radii, sign * 28)
        canvas.fill(canvas.cover(joint), fluid)
        canvas.fill_with_rim(canvas.cover(ellipse(center, radii, sign * 28), margin_mm=2), 1.2, _CORTEX, core)


def _paint_disc(canvas: Canvas, parts: list[FloatArray]) -> None:
    """Dark annulus around a nucleus that is anything from black to light gray."""
    rng = canvas.rng
    disc = canvas.cover(*parts, margin_mm=2)
    annulus = rng.uniform(0.09, 0.2)
    canvas.fill_with_rim(disc, rng.uniform(1.0, 1.8), _CORTEX, annulus * (1 + 0.15 * canvas.noise(disc.box, 2, 4)))
    center = parts[0].mean(axis=0) + np.array([rng.uniform(-1, 1), rng.uniform(-1, 1)])
    shrink = np.array([rng.uniform(0.5, 0.75), rng.uniform(0.45, 0.7)])
    nucleus = canvas.cover(center + (parts[0] - center) * shrink, margin_mm=4)
    signal = rng.uniform(0.12, 0.5) * (1 + 0.12 * canvas.noise(nucleus.box, 4, 6))
    canvas.fill(canvas.blurred(nucleus, 2.0), signal)


def _paint_sac(canvas: Canvas, parts: list[FloatArray]) -> None:
    """Bright fluid within a thin dark dura, with the roots of the cauda equina toward the back."""
    rng = canvas.rng
    sac = canvas.cover(*parts, margin_mm=1)
    x_mm, y_mm = canvas.grid.anatomy_xy(sac.box)
    low, high = parts[0].min(axis=0), parts[0].max(axis=0)
    crowd = float(np.clip(140.0 / np.prod(high - low), 0.5, 1.6))
    roots = np.zeros_like(sac.share)
    for _ in range(int(rng.integers(8, 26))):
        x = rng.uniform(low[0], high[0])
        bend = ((x - (low[0] + high[0]) / 2) / (high[0] - low[0])) ** 2
        y = low[1] + (high[1] - low[1]) * (rng.beta(2.2, 1.6) - 0.6 * bend)
        size = rng.uniform(0.5, 0.9)
        roots += np.exp(-((x_mm - x) ** 2 + (y_mm - y) ** 2) / size**2)
    fluid = rng.uniform(0.8, 1.25)
    signal = fluid * (1 - np.clip(roots * rng.uniform(0.4, 0.8) * crowd, 0, 0.8)) + 0.03 * canvas.noise(sac.box, 2, 2)
    canvas.fill_with_rim(sac, 0.5, rng.uniform(0.1, 0.4), signal)
