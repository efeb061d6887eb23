"""Many labeled slices on one picture, each with its outlines and a few words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from LumbarSegLib.io.file_errors import writing
from LumbarSegLib.report.outlines import OUTLINES, Crop, draw_outlines, resample
from LumbarSegLib.report.text import BACKGROUND, DIM, LINE_HEIGHT, TEXT, draw_legend, draw_text, shorten

_TILE = 360
_GAP = 12
_FONT = 13
_LINE = round(_FONT * LINE_HEIGHT)
_MAX_COLUMNS = 6


@dataclass(frozen=True)
class Tile:
    """One slice of a sheet.

    Parameters
    ----------
    image : (J, I) ndarray of uint8
        Gray values as shown.
    label_map : (J, I) ndarray of int
        Outlined are the values of `LumbarSegLib.report.outlines.OUTLINES`.
    caption : tuple of str
        Lines below the picture, the first one brighter; cut to its width.
    """

    image: NDArray[np.uint8]
    label_map: NDArray[np.integer]
    caption: tuple[str, ...]


def write_contact_sheet(path: Path, tiles: Sequence[Tile], heading: Sequence[str]) -> None:
    """Write a PNG with all tiles, each slice shown whole with square pixels.

    Parameters
    ----------
    path : Path
        File to write.
    tiles : sequence of Tile
        At least one.
    heading : sequence of str
        Lines above the legend, which is left out where no tile has an outline.

    Raises
    ------
    ValueError
        There is no tile.
    """
    if not tiles:
        raise ValueError("tiles must hold at least one slice.")
    columns = min(len(tiles), _MAX_COLUMNS)
    # Not narrower than two tiles, or the heading would not fit.
    width = max(columns, 2) * (_TILE + _GAP) + _GAP
    header = _header(width, heading, outlined=any(tile.label_map.any() for tile in tiles))
    cell_height = _TILE + 5 + _LINE * max(len(tile.caption) for tile in tiles) + _GAP
    canvas = Image.new("RGB", (width, header.height + math.ceil(len(tiles) / columns) * cell_height), BACKGROUND)
    canvas.paste(header)
    pen = ImageDraw.Draw(canvas)
    for number, tile in enumerate(tiles):
        row, column = divmod(number, columns)
        left, top = _GAP + column * (_TILE + _GAP), header.height + row * cell_height
        canvas.paste(_picture(tile), (left, top))
        for line, text in enumerate(tile.caption):
            place = (left, top + _TILE + 5 + line * _LINE)
            draw_text(pen, place, shorten(text, _FONT, _TILE), _FONT, DIM if line else TEXT)
    with writing(path):
        canvas.save(path, format="PNG", compress_level=2)


def stretch_to_8bit(image: NDArray[np.floating], window: tuple[float, float]) -> NDArray[np.uint8]:
    """Map signal (J, I) to gray values, from black at the first to white at the second value of `window`."""
    low, high = window
    gray: NDArray[np.uint8] = np.rint(np.clip((image - low) / max(high - low, 1e-6), 0, 1) * 255).astype(np.uint8)
    return gray


def _header(width: int, heading: Sequence[str], *, outlined: bool) -> Image.Image:
    header = Image.new("RGB", (width, (len(heading) + len(OUTLINES) + 2) * _LINE), BACKGROUND)
    pen = ImageDraw.Draw(header)
    top = _GAP
    for line, text in enumerate(heading):
        draw_text(pen, (_GAP, top), shorten(text, _FONT, width - 2 * _GAP), _FONT, DIM if line else TEXT)
        top += _LINE
    if outlined:
        top = draw_legend(pen, (_GAP, top), width - _GAP, _FONT, OUTLINES.values())
    return header.crop((0, 0, width, top + _LINE + _GAP))


def _picture(tile: Tile) -> Image.Image:
    """Return the slice in the middle of a square; what lies beside it is black."""
    rows, columns = tile.image.shape
    side = max(rows, columns)
    crop = Crop((rows - side) / 2 - 0.5, (columns - side) / 2 - 0.5, side, side, (_TILE, _TILE))
    picture = resample(tile.image, crop).convert("RGB")
    draw_outlines(picture, tile.label_map, crop)
    return picture
