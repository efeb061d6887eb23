"""Text and legend of pictures, with Pillow's built-in font, which covers ASCII and little more."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import cache

from PIL import ImageDraw, ImageFont

Color = tuple[int, int, int]

#: Colors of every picture.
BACKGROUND: Color = (16, 18, 22)
TEXT: Color = (232, 234, 238)
DIM: Color = (150, 156, 166)
WARNING: Color = (255, 190, 90)

#: What the font has beside ASCII. The square is drawn as a small raised 2.
_COVERED = "°·±²"
_SQUARE = "²"

#: Of a line of text, as a multiple of the font size.
LINE_HEIGHT = 1.4
_SQUARE_SCALE = 0.65


def text_width(text: str, size: int) -> float:
    """Return the width of `text` in pixels at a font size in pixels."""
    return sum(font.getlength(part) for part, font in _parts(text, size))


def draw_text(
    pen: ImageDraw.ImageDraw, left_top: tuple[float, float], text: str, size: int, color: Color, halo: int = 0
) -> None:
    """Draw one line of text.

    Parameters
    ----------
    pen : ImageDraw
        Of the picture to draw into.
    left_top : tuple of float
        Corner of the line, in pixels (x, y).
    text : str
        Letters that the font lacks lose their accents or become ``?``.
    size : int
        Font size in pixels.
    color : tuple of int
        sRGB, 0-255.
    halo : int
        Width in pixels of a black rim, for text on top of an image.
    """
    left, top = left_top
    for part, font in _parts(text, size):
        pen.text((left, top), part, font=font, fill=color, stroke_width=halo, stroke_fill=(0, 0, 0))
        left += font.getlength(part)


def draw_legend(
    pen: ImageDraw.ImageDraw, left_top: tuple[int, int], width: int, size: int, entries: Iterable[tuple[str, Color]]
) -> int:
    """Draw the names of outlines, each behind a square of its color, in as many lines as they need.

    Parameters
    ----------
    pen : ImageDraw
        Of the picture to draw into.
    left_top : tuple of int
        Corner of the first line, in pixels (x, y).
    width : int
        Lines end before this x.
    size : int
        Font size in pixels.
    entries : iterable of (str, tuple of int)
        Names and colors.

    Returns
    -------
    int
        y of the last line.
    """
    first, top = left_top
    left = first
    for name, color in entries:
        needed = size + 8 + text_width(name, size)
        if left + needed > width and left > first:
            left, top = first, top + round(size * LINE_HEIGHT)
        pen.rectangle((left, top + 3, left + size - 2, top + size + 1), outline=color, width=2)
        draw_text(pen, (left + size + 5, top), name, size, TEXT)
        left += round(needed) + 18
    return top


def shorten(text: str, size: int, width: float) -> str:
    """Cut `text` to at most `width` pixels, with dots where something is missing."""
    if text_width(text, size) <= width:
        return text
    while text and text_width(text + "...", size) > width:
        text = text[:-1]
    return text.rstrip() + "..."


def _parts(text: str, size: int) -> list[tuple[str, ImageFont.FreeTypeFont | ImageFont.ImageFont]]:
    """Split into runs of one font size; a raised 2 needs no shift, for fonts hang from the top."""
    parts: list[tuple[str, ImageFont.FreeTypeFont | ImageFont.ImageFont]] = []
    for index, run in enumerate(_drawable(text).split(_SQUARE)):
        if index > 0:
            parts.append(("2", _font(round(size * _SQUARE_SCALE))))
        if run:
            parts.append((run, _font(size)))
    return parts


def _drawable(text: str) -> str:
    plain = []
    for letter in text:
        bare = (
            letter if letter in _COVERED else unicodedata.normalize("NFKD", letter).encode("ascii", "ignore").decode()
        )
        plain.append(bare if bare or unicodedata.combining(letter) else "?")
    return "".join(plain)


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
