"""Draw the extension's icon: the outlines of a synthetic slice in the colors of the seven anatomies.

python docs/pictures/draw_icon.py LumbarSeg/Resources/Icons/LumbarSeg.png
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from LumbarSegLib.anatomy import ANATOMIES
from LumbarSegLib.phantom.slices import make_phantom_slice

SIZE = 128
#: Drawn larger and reduced, for smooth borders.
OVERSAMPLING = 8
#: A phantom of plain, symmetric shape.
SEED = 8
MARGIN = 0.06


def draw(seed: int = SEED) -> Image.Image:
    """Return the icon as a transparent 128 x 128 picture."""
    pixels = SIZE * OVERSAMPLING
    phantom = make_phantom_slice(np.random.default_rng(seed), shape_ji=(1600, 1600), spacing_mm=0.12)
    rows, columns = np.nonzero(phantom.label_map)
    side = round(max(np.ptp(rows), np.ptp(columns)) * (1 + 2 * MARGIN))
    top, left = ((each.min() + each.max() - side) // 2 for each in (rows, columns))
    padded = np.pad(phantom.label_map, side)[top + side :, left + side :][:side, :side]
    colors = np.zeros((256, 3), dtype=np.uint8)
    colors[0] = (28, 32, 40)
    for anatomy in ANATOMIES:
        colors[anatomy.index] = anatomy.color
    picture = Image.fromarray(colors[padded]).resize((pixels, pixels), Image.Resampling.NEAREST).convert("RGBA")
    mask = Image.new("L", (pixels, pixels))
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, pixels - 1, pixels - 1), radius=pixels // 6, fill=255)
    picture.putalpha(mask)
    return picture.resize((SIZE, SIZE), Image.Resampling.LANCZOS)


if __name__ == "__main__":
    draw().save(Path(sys.argv[1]), optimize=True)
