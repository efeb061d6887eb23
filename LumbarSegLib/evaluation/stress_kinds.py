"""What a slice can suffer: disturbances of known strength, the same at every run.

Labels move with the image; what lies outside the field of view is black and
background.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from LumbarSegLib.anatomy import BY_KEY
from LumbarSegLib.io.labeled_slices import LabeledSlice

Image = NDArray[np.float32]

#: Takes a slice, a level and a generator, and returns the disturbed slice.
Change = Callable[[LabeledSlice, float, np.random.Generator], LabeledSlice]

_SAC = BY_KEY["dural_sac"].index
_MUSCLES = [BY_KEY[key].index for key in ("psoas", "multifidus", "erector_spinae")]

#: Signal of a slice in percent of its pixels; single bright vessels do not count.
_BRIGHT_PERCENTILE = 99.0

#: Width in pixels of the border over which a changed sac fades into its surroundings.
_SOFT_BORDER = 1.0

#: Degree of the polynomial of the bias field, as in MONAI's RandBiasField.
_BIAS_DEGREE = 3

#: T1-like contrast: exponent that lifts muscle towards fat, CSF as a share of muscle, and how much
#: of the sac's own contrast stays, reversed: roots are brighter than CSF.
_T1_EXPONENT, _T1_CSF, _T1_ROOTS = 0.6, 0.7, 0.25

#: Share of the sac's signal that is lost at strength 1 of a stenosis; `sac_darkening` of the recipes.
_STENOSIS_DARKENING = 0.6


@dataclass(frozen=True)
class Disturbance:
    """One kind of disturbance at several levels.

    Parameters
    ----------
    key : str
        Its name.
    title : str
        What changes, with the unit of the levels.
    levels : tuple of float
        The first one changes nothing, each next one is more severe.
    apply : callable
        See `Change`.
    """

    key: str
    title: str
    levels: tuple[float, ...]
    apply: Change


def rotate(labeled: LabeledSlice, degrees: float) -> LabeledSlice:
    """Turn a slice counterclockwise about its center, on the same grid."""
    radians = math.radians(degrees)
    middle = (np.array(labeled.image.shape) - 1).reshape(2, 1, 1) / 2
    j, i = np.indices(labeled.image.shape) - middle
    turned = np.stack([j * math.cos(radians) + i * math.sin(radians), i * math.cos(radians) - j * math.sin(radians)])
    return _moved(labeled, turned + middle)


def tell_pixel_size(labeled: LabeledSlice, factor: float) -> LabeledSlice:
    """Call the pixels `factor` times as large: a mistake in the header, or a patient of that size."""
    return replace(labeled, spacing_mm=labeled.spacing_mm * factor)


def narrow_canal(labeled: LabeledSlice, strength: float) -> LabeledSlice:
    """Pull the sac and what surrounds it towards the sac's center, as augmentation does in training.

    At a distance r from the center, in radii of a disk of the sac's area,
    stands what was at r (1 + strength exp(-r^2 / 2)).

    Parameters
    ----------
    labeled : LabeledSlice
        Comes back as it is if it has no sac.
    strength : float
        From 0; below 2.24, where the map would fold.
    """
    sac = labeled.label_map == _SAC
    if not sac.any():
        return labeled
    center = np.array(ndimage.center_of_mass(sac)).reshape(2, 1, 1)
    offset = np.indices(sac.shape) - center
    squared_radius = np.count_nonzero(sac) / math.pi
    pull = strength * np.exp(-np.square(offset).sum(axis=0) / (2 * squared_radius))
    return _moved(labeled, center + offset * (1 + pull))


def change_gamma(labeled: LabeledSlice, exponent: float) -> LabeledSlice:
    """Raise the signal, as a share of its largest value, to a power."""
    floor, top = labeled.image.min(), np.ptp(labeled.image)
    if top == 0:
        return labeled
    return _with_image(labeled, floor + top * ((labeled.image - floor) / top) ** exponent)


def add_noise(labeled: LabeledSlice, deviation: float, rng: np.random.Generator) -> LabeledSlice:
    """Add Rician noise (Gudbjartsson and Patz 1995, doi 10.1002/mrm.1910340618).

    Parameters
    ----------
    labeled : LabeledSlice
        Taken as free of noise.
    deviation : float
        Standard deviation in both channels, as a share of the bright signal (99th percentile).
    rng : numpy.random.Generator
        Source of the noise.
    """
    signal, floor = _signal(labeled.image)
    real, imaginary = rng.normal(0, deviation * np.percentile(signal, _BRIGHT_PERCENTILE), (2, *signal.shape))
    return _with_image(labeled, floor + np.hypot(signal + real, imaginary))


def blur(labeled: LabeledSlice, deviation: float) -> LabeledSlice:
    """Convolve with a Gaussian of `deviation` pixels."""
    return _with_image(labeled, ndimage.gaussian_filter(labeled.image, deviation))


def lower_resolution(labeled: LabeledSlice, factor: float) -> LabeledSlice:
    """Keep the central 1 / `factor` of both axes of k-space, as a scan with pixels `factor` times as large does.

    The scanner's interpolation by zero filling puts it back on the grid, with
    the ringing that belongs to it.
    """
    signal, floor = _signal(labeled.image)
    spectrum = np.fft.fft2(signal)
    for axis, size in enumerate(signal.shape):
        beyond = np.abs(np.fft.fftfreq(size)) > 0.5 / factor
        spectrum[(slice(None),) * axis + (beyond,)] = 0
    return _with_image(labeled, floor + np.abs(np.fft.ifft2(spectrum)))


def add_bias_field(labeled: LabeledSlice, ratio: float, rng: np.random.Generator) -> LabeledSlice:
    """Multiply the signal by a smooth field whose largest value is `ratio` times its smallest.

    Its logarithm is a Legendre polynomial of third degree with random
    coefficients (Van Leemput 1999, doi 10.1109/42.811268).
    """
    coefficients = rng.normal(size=(_BIAS_DEGREE + 1, _BIAS_DEGREE + 1))
    coefficients[np.add.outer(range(_BIAS_DEGREE + 1), range(_BIAS_DEGREE + 1)) > _BIAS_DEGREE] = 0
    rows, columns = (np.linspace(-1, 1, size) for size in labeled.image.shape)
    field = np.polynomial.legendre.leggrid2d(rows, columns, coefficients)
    field = (field - field.min()) / np.ptp(field)
    signal, floor = _signal(labeled.image)
    return _with_image(labeled, floor + signal * np.exp(field * math.log(ratio)))


def turn_to_t1(labeled: LabeledSlice, amount: float) -> LabeledSlice:
    """Give a T2-weighted slice the contrast of a T1-weighted one, as far as that can be had without a scan.

    All signal, as a share of the bright signal, goes through a power that lifts
    muscle towards fat. Within the outlined sac CSF becomes darker than muscle,
    and roots a little brighter than CSF. Cortex stays dark; the disc's nucleus
    and edema stay brighter than in a real T1-weighted slice.

    Parameters
    ----------
    labeled : LabeledSlice
        Without muscles or without a sac nothing becomes of the sac.
    amount : float
        0 leaves the slice as it is, 1 goes all the way.
    """
    signal, floor = _signal(labeled.image)
    top = np.percentile(signal, _BRIGHT_PERCENTILE)
    sac, muscle = labeled.label_map == _SAC, np.isin(labeled.label_map, _MUSCLES)
    if top == 0:
        return labeled
    lifted = top * (signal / top) ** (1 - amount * (1 - _T1_EXPONENT))
    if sac.any() and muscle.any():
        reversed_contrast = _T1_ROOTS * (np.median(lifted[sac]) - lifted)
        target = np.maximum(_T1_CSF * np.median(lifted[muscle]) + reversed_contrast, 0)
        share = amount * _soft(sac)
        lifted = (1 - share) * lifted + share * target
    return _with_image(labeled, floor + lifted)


def make_stenosis(labeled: LabeledSlice, strength: float) -> LabeledSlice:
    """Narrow the canal and take the CSF's brightness away: `narrow_canal`, and up to 60 % less signal in the sac."""
    narrowed = narrow_canal(labeled, strength)
    signal, floor = _signal(narrowed.image)
    darkening = _STENOSIS_DARKENING * strength * _soft(narrowed.label_map == _SAC)
    return _with_image(narrowed, floor + signal * (1 - darkening))


def _moved(labeled: LabeledSlice, places: NDArray[np.float64]) -> LabeledSlice:
    """Take pixels from the places (2, J, I), in rows and columns."""
    image = ndimage.map_coordinates(
        labeled.image, places, order=1, mode="grid-constant", cval=float(labeled.image.min())
    )
    label_map = ndimage.map_coordinates(labeled.label_map, places, order=0, mode="grid-constant", cval=0)
    return replace(labeled, image=image, label_map=label_map)


def _with_image(labeled: LabeledSlice, image: NDArray[np.floating]) -> LabeledSlice:
    return replace(labeled, image=image.astype(np.float32))


def _signal(image: Image) -> tuple[NDArray[np.float64], float]:
    """Return the image from 0 upwards, like a magnitude image, and what it began with."""
    floor = float(image.min())
    return image.astype(np.float64) - floor, floor


def _soft(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    result: NDArray[np.float64] = ndimage.gaussian_filter(mask.astype(np.float64), _SOFT_BORDER)
    return result


def _without_chance(change: Callable[[LabeledSlice, float], LabeledSlice]) -> Change:
    return lambda labeled, level, _: change(labeled, level)


DISTURBANCES = (
    Disturbance("rotation", "rotation [degrees]", (0, 10, 20, 30, 45, 60), _without_chance(rotate)),
    Disturbance("larger", "patient larger by factor", (1, 1.1, 1.2, 1.35, 1.5), _without_chance(tell_pixel_size)),
    Disturbance("smaller", "patient smaller by factor", (1, 0.9, 0.8, 0.7, 0.6), _without_chance(tell_pixel_size)),
    Disturbance("darker", "gamma upwards", (1, 1.3, 1.6, 2, 2.5), _without_chance(change_gamma)),
    Disturbance("brighter", "gamma downwards", (1, 0.8, 0.65, 0.5, 0.4), _without_chance(change_gamma)),
    Disturbance("noise", "noise, SD [share of bright signal]", (0, 0.04, 0.08, 0.12, 0.2), add_noise),
    Disturbance("blur", "blur, SD [pixels]", (0, 1, 2, 3, 4), _without_chance(blur)),
    Disturbance("resolution", "pixels larger by factor", (1, 1.5, 2, 3, 4), _without_chance(lower_resolution)),
    Disturbance("bias", "bias field, largest : smallest", (1, 2, 3, 5, 8), add_bias_field),
    Disturbance("t1", "towards T1 contrast [share]", (0, 0.25, 0.5, 0.75, 1), _without_chance(turn_to_t1)),
    Disturbance("narrowing", "narrowing of the canal", (0, 0.2, 0.4, 0.6, 0.8, 1), _without_chance(narrow_canal)),
    Disturbance("stenosis", "narrowing with a gray sac", (0, 0.2, 0.4, 0.6, 0.8, 1), _without_chance(make_stenosis)),
)
