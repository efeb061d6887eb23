"""Read a plain picture: gray values without any geometry."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, UnidentifiedImageError

from LumbarSegLib.errors import InputError
from LumbarSegLib.io.file_errors import cannot_be_read, refusal

#: Names of files that are read as pictures.
PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")

#: JPEG rounds the three channels of a gray picture differently, by a few levels of 255.
GREY_TOLERANCE = 8

#: Orientations that EXIF defines beside 1, the normal one (TIFF 6.0, tag 274).
_TURNED_OR_MIRRORED = range(2, 9)


def read_picture(path: Path) -> NDArray[np.float32]:
    """Read a picture as gray values.

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
        If the file may not be read, is damaged, in color, has several pages or
        asks to be shown turned or mirrored.
    """
    try:
        with path.open("rb") as stream, Image.open(stream) as picture:
            if getattr(picture, "n_frames", 1) > 1:
                raise InputError(f"{path} has several pages.", "Save the page to be read as a picture of its own.")
            _check_orientation(picture, path)
            if picture.mode in ("1", "L", "I", "F") or picture.mode.startswith("I;16"):
                return np.asarray(picture, dtype=np.float32)
            channels = np.asarray(picture.convert("RGB"), dtype=np.float32)
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        if isinstance(error, InputError):
            raise
        if reason := refusal(error):
            raise cannot_be_read(path, reason) from error
        raise InputError(f"The picture {path} cannot be read: it is truncated or damaged.", "Save it again.") from error
    if np.ptp(channels, axis=-1).max() > GREY_TOLERANCE:
        raise InputError(f"The picture {path} is in color.", "Pass a gray picture without drawings or color overlays.")
    gray: NDArray[np.float32] = channels.mean(axis=-1, dtype=np.float32)
    return gray


def _check_orientation(picture: Image.Image, path: Path) -> None:
    """Refuse a picture whose pixels are stored in another order than programs show them in."""
    orientation = picture.getexif().get(ExifTags.Base.Orientation)
    if orientation in _TURNED_OR_MIRRORED:
        raise InputError(
            f"{path} is to be shown turned or mirrored (EXIF orientation {orientation}): its sides are open.",
            "Save it as it should be seen, without EXIF orientation.",
        )
