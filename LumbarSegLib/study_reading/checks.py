"""Checks that every kind of input has to pass: spacing and pixel values."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from LumbarSegLib.errors import InputError
from LumbarSegLib.io.volume_headers import not_finite

#: Pixel sizes of lumbar MR lie between 0.2 and 1.2 mm; anything outside these
#: bounds is a unit or typing error.
MIN_SPACING_MM = 0.1
MAX_SPACING_MM = 3.0

#: A spacing given by the user and one in the file are equal within one percent.
SPACING_AGREEMENT = 0.01

#: An image has hundreds of values; with fewer than this it is a label map or a drawing.
MIN_IMAGE_VALUES = 16


def check_given_spacing(spacing_mm: float | None) -> None:
    """Raise `InputError` if a spacing given by the user is no plausible pixel size."""
    if spacing_mm is not None and not MIN_SPACING_MM <= spacing_mm <= MAX_SPACING_MM:
        raise InputError(
            f"The spacing must be between {MIN_SPACING_MM:g} and {MAX_SPACING_MM:g} mm, got {spacing_mm:g}.",
            "Give the width of one pixel in millimeters (--spacing-mm).",
        )


def resolve_spacing(own_ji_mm: tuple[float, float] | None, given_mm: float | None, source: str) -> tuple[float, float]:
    """Return the in-plane spacing (j, i) in mm: the file's own, else the given one.

    Parameters
    ----------
    own_ji_mm : tuple of float or None
        What the file says.
    given_mm : float or None
        What the user says.
    source : str
        The file, for the message.

    Raises
    ------
    InputError
        If neither is there, both differ, or the file's own is implausible.
    """
    if own_ji_mm is None:
        if given_mm is None:
            raise InputError(
                f"{source} has no pixel spacing.",
                "Save it with its spacing, or give the width of one pixel (--spacing-mm).",
            )
        return given_mm, given_mm
    if not all(MIN_SPACING_MM <= size <= MAX_SPACING_MM for size in own_ji_mm):
        raise InputError(
            f"The pixel spacing of {source} is {own_ji_mm[0]:g} x {own_ji_mm[1]:g} mm, "
            f"outside {MIN_SPACING_MM:g}-{MAX_SPACING_MM:g} mm.",
            "Correct it in the file, or export the images again.",
        )
    if given_mm is not None and not all(math.isclose(size, given_mm, rel_tol=SPACING_AGREEMENT) for size in own_ji_mm):
        raise InputError(
            f"{source} has a pixel spacing of its own ({own_ji_mm[0]:g} x {own_ji_mm[1]:g} mm), "
            f"which differs from {given_mm:g} mm.",
            "Leave out --spacing-mm.",
        )
    return own_ji_mm


def check_pixels(image: NDArray[np.float32], source: str) -> None:
    """Raise `InputError` if an image (any shape) has no pixels, NaN or infinite values, or a single value."""
    if image.size == 0:
        raise InputError(f"{source} has no pixels.", "Export it again.")
    if not np.isfinite(image).all():
        raise not_finite(source)
    if image.min() == image.max():
        raise InputError(f"{source} is blank: all pixels are {image.flat[0]:g}.", "Export the images again.")


def label_map_warnings(image: NDArray[np.float32], source: str) -> list[str]:
    """Return a warning if an image (any shape) has so few different values that it looks like a label map."""
    values = image.ravel()
    # Of an image a sample shows it; sorting all values takes a while.
    if len(np.unique(values[::101])) >= MIN_IMAGE_VALUES:
        return []
    count = len(np.unique(values))
    if count >= MIN_IMAGE_VALUES:
        return []
    return [f"{source} has only {count} different values and looks like a label map, not like an image."]
