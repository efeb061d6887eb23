"""The worst slices of an evaluation: image, reference and prediction side by side."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from LumbarSegLib.anatomy import ANATOMIES, NUM_CLASSES
from LumbarSegLib.evaluation.failures import Failure
from LumbarSegLib.geometry import radiological_affine
from LumbarSegLib.io.file_errors import writing
from LumbarSegLib.io.labeled_slices import LabeledSlice
from LumbarSegLib.io.study import Block
from LumbarSegLib.report.evaluation_text import describe
from LumbarSegLib.report.text import Color, draw_text, shorten, text_width
from LumbarSegLib.report.views import block_views

_BACKGROUND: Color = (16, 18, 22)
_TEXT: Color = (232, 234, 238)
_DIM: Color = (150, 156, 166)

_PICTURE_WIDTH = 560
_GAP = 12
_FONT_SIZE = 15
_LINE = 21
_TITLES = ("Image", "Reference", "Prediction")


def write_failure_picture(path: Path, failure: Failure, labeled: LabeledSlice, prediction: NDArray[np.uint8]) -> None:
    """Write a PNG of one slice: the image, with the reference's outlines, with the predicted ones.

    Parameters
    ----------
    path : Path
        File to write.
    failure : Failure
        For the heading and the Dice coefficients.
    labeled : LabeledSlice
        The slice, in radiological reading order.
    prediction : (J, I) ndarray of uint8
        Class indices.
    """
    reference = np.where(labeled.label_map < NUM_CLASSES, labeled.label_map, 0).astype(np.uint8)
    block = Block(labeled.image[None], radiological_affine((1.0, labeled.spacing_mm, labeled.spacing_mm)))
    both = np.where(reference > 0, reference, prediction)
    (view,) = block_views([block], [both[None]], _PICTURE_WIDTH)
    shown = [view.picture(0, labels) for labels in (np.zeros_like(reference), reference, prediction)]
    width = len(shown) * (_PICTURE_WIDTH + _GAP) + _GAP
    top = 3 * _LINE
    canvas = Image.new("RGB", (width, top + shown[0].height + 3 * _LINE), _BACKGROUND)
    pen = ImageDraw.Draw(canvas)
    draw_text(pen, (_GAP, _LINE // 2), shorten(_heading(failure), _FONT_SIZE + 2, width), _FONT_SIZE + 2, _TEXT)
    for number, (title, picture) in enumerate(zip(_TITLES, shown, strict=True)):
        left = _GAP + number * (_PICTURE_WIDTH + _GAP)
        draw_text(pen, (left, top - _LINE - 2), title, _FONT_SIZE, _DIM)
        canvas.paste(picture, (left, top))
    _draw_scores(pen, top + shown[0].height + _LINE, width, failure)
    with writing(path):
        canvas.save(path, format="PNG")


def _heading(failure: Failure) -> str:
    plane = f" ({failure.overlap.plane})" if failure.overlap.plane else ""
    return f"Slice {failure.overlap.name}{plane}: {describe(failure)}"


def _draw_scores(pen: ImageDraw.ImageDraw, top: int, width: int, failure: Failure) -> None:
    """Every class in its color with its Dice coefficient, the worst one framed."""
    step = (width - 2 * _GAP) // len(ANATOMIES)
    for place, anatomy in enumerate(ANATOMIES):
        dice = failure.overlap.dice[anatomy.key]
        text = f"{anatomy.name} " + ("absent" if dice is None else f"{dice:.3f}")
        left = _GAP + place * step
        draw_text(pen, (left, top), text, _FONT_SIZE, anatomy.color)
        if anatomy.key == failure.key:
            frame = (left - 5, top - 4, left + round(text_width(text, _FONT_SIZE)) + 5, top + _FONT_SIZE + 7)
            pen.rectangle(frame, outline=anatomy.color)
