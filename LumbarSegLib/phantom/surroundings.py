"""What surrounds the seven anatomies: skin, fat, abdominal wall, bowel, kidneys and vessels.

Signals are relative to subcutaneous fat near the coil (1.0).
"""

from __future__ import annotations

import numpy as np

from LumbarSegLib.phantom.canvas import Canvas, FloatArray, Image, Patch, ellipse

_MUSCLE = 0.13
_FAT_INSIDE = 0.66


def _rounded(center_y: float, half_width: float, front: float, back: float, power: float) -> FloatArray:
    """Return the polygon (140, 2) of a rounded box with different reach to the front and to the back of `center_y`."""
    angle = np.linspace(0, 2 * np.pi, 140, endpoint=False)
    cosine, sine = np.cos(angle), np.sin(angle)
    reach = np.where(sine > 0, back - center_y, center_y - front)
    x = half_width * np.sign(cosine) * np.abs(cosine) ** power
    y = center_y + reach * np.sign(sine) * np.abs(sine) ** power
    return np.column_stack([x, y])


def paint_trunk(canvas: Canvas, muscle_end: float) -> None:
    """Skin outline, subcutaneous fat, abdominal wall, fat and organs within.

    Parameters
    ----------
    canvas : Canvas
        To paint on.
    muscle_end : float
        How far back the muscles beside the spinous processes reach, in mm.
    """
    rng = canvas.rng
    thickness = rng.uniform(7, 28)
    skin = _rounded(-35, rng.uniform(140, 180), -rng.uniform(100, 150), muscle_end + thickness, 0.8)
    furrow = rng.uniform(1, 6) * np.exp(-((skin[:, 0] / 14) ** 2))
    skin[:, 1] -= np.where(skin[:, 1] > 0, furrow, 0.0)
    body = canvas.cover(skin)
    canvas.fill(body, 0.97 + 0.03 * canvas.noise(body.box, 6, 9) - 0.12 * _strands(canvas, body, 3, 22))
    half_width, front, back = rng.uniform(100, 132), -rng.uniform(85, 110), rng.uniform(4, 10)
    wall = rng.uniform(4, 10)
    canvas.fill(canvas.cover(_rounded(-40, half_width + wall, front - wall, back + wall, 0.75)), _MUSCLE)
    cavity = canvas.cover(_rounded(-40, half_width, front, back, 0.75))
    canvas.fill(cavity, _FAT_INSIDE + 0.05 * canvas.noise(cavity.box, 8, 8) - 0.1 * _strands(canvas, cavity, 9, 9))
    _paint_bowel(canvas, cavity)
    if rng.random() < 0.4:
        _paint_kidneys(canvas)
    for sign in (-1, 1):
        center = (sign * rng.uniform(48, 60), rng.uniform(2, 7))
        lumborum = canvas.cover(ellipse(center, (rng.uniform(14, 24), rng.uniform(4, 7)), sign * rng.uniform(-4, 14)))
        canvas.fill(lumborum, _MUSCLE)


def _strands(canvas: Canvas, patch: Patch, along_y_mm: float, along_x_mm: float) -> Image:
    """Return thin curved lines, 0-1: where a smooth field crosses zero."""
    result: Image = np.exp(-((canvas.noise(patch.box, along_y_mm, along_x_mm) / 0.07) ** 2))
    return result


def _paint_bowel(canvas: Canvas, cavity: Patch) -> None:
    """Gray mottled loops before the great vessels, and the colon at both flanks."""
    rng = canvas.rng
    _, depth = canvas.grid.anatomy_xy(cavity.box)
    ahead = np.clip((-depth - rng.uniform(48, 62)) / 8, 0, 1)
    loops = np.clip(1.5 * canvas.noise(cavity.box, 9, 13) + rng.uniform(-0.3, 1.2), 0, 1)
    texture = rng.uniform(0.15, 0.35) + 0.12 * canvas.noise(cavity.box, 4, 4)
    canvas.fill(cavity.times(ahead * loops), np.clip(texture, 0.03, 1.0))
    for sign in (-1, 1):
        center = (sign * rng.uniform(78, 98), rng.uniform(-45, -15))
        colon = canvas.cover(ellipse(center, (rng.uniform(7, 14), rng.uniform(9, 17)), rng.uniform(0, 90)), margin_mm=3)
        canvas.fill_with_rim(colon, 1.5, 0.2, rng.uniform(0.03, 0.3))


def _paint_kidneys(canvas: Canvas) -> None:
    """Gray kidneys with the bright fat of their sinus."""
    rng = canvas.rng
    for sign in (-1, 1):
        center = (sign * rng.uniform(66, 78), rng.uniform(-28, -16))
        kidney = canvas.cover(ellipse(center, (rng.uniform(17, 25), rng.uniform(20, 28)), sign * rng.uniform(10, 40)))
        canvas.fill(kidney, 0.42 + 0.03 * canvas.noise(kidney.box, 3, 3))
        sinus = canvas.cover(ellipse((center[0] - sign * 6, center[1] - 3), (rng.uniform(4, 9), rng.uniform(4, 8))))
        canvas.fill(canvas.blurred(sinus, 1.5), 0.75)


def paint_vessels(canvas: Canvas, disc: FloatArray) -> None:
    """Aorta and inferior vena cava, or the iliac vessels: flow voids before the disc.

    Parameters
    ----------
    canvas : Canvas
        To paint on.
    disc : (N, 2) ndarray
        Outline of the disc in mm.
    """
    rng = canvas.rng
    front = float(disc[:, 1].min())
    spread = rng.uniform(0.0, 14.0)
    count = 4 if spread > 9 else 2
    for index in range(count):
        side = -1 if index % 2 == 0 else 1
        radius = rng.uniform(4.0, 6.5) if count == 4 else rng.uniform(6.0, 9.5)
        x = side * (rng.uniform(7, 11) + spread * (0.6 + 0.7 * (index // 2)))
        sag = 0.012 * x**2
        vessel = ellipse(
            (x, front + sag - radius - rng.uniform(0.5, 5)), (radius, radius * rng.uniform(0.7, 1.0)), side * 20
        )
        canvas.fill_with_rim(canvas.cover(vessel, margin_mm=2), 0.9, 0.1, rng.uniform(0.02, 0.1))
