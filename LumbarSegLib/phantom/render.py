"""The T2-like image of a slice: tissues painted back to front, then coil, blur and noise."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from LumbarSegLib.phantom import surroundings, tissues
from LumbarSegLib.phantom.canvas import Canvas, Grid, Image
from LumbarSegLib.phantom.outlines import Outlines


def render(
    outlines: Outlines,
    muscle_end: float,
    grid: Grid,
    texture_rng: np.random.Generator,
    noise_rng: np.random.Generator,
) -> Image:
    """Return the image (J, I) of `outlines` in arbitrary positive units.

    Parameters
    ----------
    outlines : dict of str to list of (N, 2) ndarray
        See `LumbarSegLib.phantom.outlines.make_outlines`.
    muscle_end : float
        How far back the muscles reach, in mm.
    grid : Grid
        Pixels and pose.
    texture_rng, noise_rng : numpy.random.Generator
        Tissue and coil; the scanner's noise. Slices of one patient share the
        first and differ in the second.
    """
    canvas = Canvas(texture_rng, grid)
    surroundings.paint_trunk(canvas, muscle_end)
    surroundings.paint_vessels(canvas, outlines["intervertebral_disc"][0])
    tissues.paint_anatomies(canvas, outlines)
    return _acquire(canvas, noise_rng)


def _acquire(canvas: Canvas, noise_rng: np.random.Generator) -> Image:
    """Coil falloff toward the front, blur, Rician noise and an arbitrary gain."""
    rng = canvas.rng
    everything = canvas.everything()
    _, y = canvas.grid.anatomy_xy(everything)
    depth = y - 60.0
    coil = np.exp(np.minimum(depth, 20.0) / rng.uniform(70, 350) + 0.08 * canvas.noise(everything, 80, 80))
    # Displayed and exported pictures differ in contrast; a power keeps black and fat where they are.
    sharp = np.maximum(canvas.signal, 0.0) ** rng.uniform(0.85, 1.6) * coil
    signal = ndimage.gaussian_filter(sharp, rng.uniform(0.3, 0.55) / canvas.grid.spacing_mm, truncate=3.0)
    sigma = np.float32(rng.uniform(0.004, 0.03))
    gain = np.float32(rng.uniform(300, 6000))
    real, imaginary = sigma * noise_rng.standard_normal((2, *signal.shape), dtype=np.float32)
    image: Image = gain * np.sqrt((signal + real) ** 2 + imaginary**2)
    return image
