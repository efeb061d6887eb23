"""Read a plain picture: grey values without any geometry."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from LumbarSegLib.errors import InputError

#: Names of files that are read as pictures.
PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")

#: JPEG rounds the three channels of a grey picture differently, by a few levels of 255.
GREY_TOLERANCE = 8


def read_picture(path: Path) -> NDArray[np.float32]:
    """Read a picture as grey values.

    Parameters
    ----------
    path : Path
        A file with one of `PICTURE_SUFFIXES`.

    Returns
    -------
    (J, I) ndarray of float32

    Raises
    ------
    InputError
        If the file is damaged, in color or has several pages.
    """
    try:
        with Image.open(path) as picture:
            if getattr(picture, "n_frames", 1) > 1:
                raise InputError(f"{path} has several pages.", "Save the page to be read as a picture of its own.")
            if picture.mode in ("1", "L", "I", "F") or picture.mode.startswith("I;16"):
                return np.asarray(picture, dtype=np.float32)
            channels = np.asarray(picture.convert("RGB"), dtype=np.float32)
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"The picture {path} cannot be read: it is truncated or damaged.", "Save it again.") from error
    if np.ptp(channels, axis=-1).max() > GREY_TOLERANCE:
        raise InputError(f"The picture {path} is in color.", "Pass a grey picture without drawings or color overlays.")
    grey: NDArray[np.float32] = channels.mean(axis=-1, dtype=np.float32)
    return grey
