"""A sheet shows every slice whole, with the outline of every label."""

import numpy as np
import pytest
from PIL import Image

from LumbarSegLib.anatomy import IGNORE_INDEX
from LumbarSegLib.report.contact_sheet import Tile, stretch_to_8bit, write_contact_sheet
from LumbarSegLib.report.outlines import OUTLINES

#: Side of a picture, gap beside it, and height of what lies below a picture with a single line.
SIDE, GAP, BELOW = 360, 12, 35


def _first_picture(path, tiles):
    write_contact_sheet(path, tiles, ["Heading"])
    return np.asarray(Image.open(path).convert("RGB")).astype(int)[-SIDE - BELOW : -BELOW, GAP : GAP + SIDE]


@pytest.mark.parametrize("index", OUTLINES)
def test_every_label_is_outlined_in_its_color(tmp_path, index):
    label_map = np.zeros((90, 90), np.uint8)
    label_map[30:60, 30:60] = index
    picture = _first_picture(tmp_path / "sheet.png", [Tile(np.zeros((90, 90), np.uint8), label_map, ("one",))])
    colored = np.abs(picture - OUTLINES[index][1]).max(axis=-1) < 40
    rows, columns = np.nonzero(colored)
    assert len(rows) > 300
    # The square of 30 pixels, enlarged four times, begins at 120.
    assert abs(int(np.median(rows[columns < 130])) - 180) <= 3
    assert rows.min() >= 119
    assert columns.max() <= 241


def test_what_is_not_labeled_has_no_outline(tmp_path):
    label_map = np.full((90, 90), IGNORE_INDEX, np.uint8)
    picture = _first_picture(tmp_path / "sheet.png", [Tile(np.zeros((90, 90), np.uint8), label_map, ("one",))])
    assert picture.max() == 0


def test_an_oblong_slice_is_shown_whole_with_square_pixels(tmp_path):
    image = np.full((60, 120), 200, np.uint8)
    picture = _first_picture(tmp_path / "sheet.png", [Tile(image, np.zeros((60, 120), np.uint8), ("one",))])
    lit = picture.min(axis=-1) > 150
    assert lit.any(axis=0).all()
    assert lit.any(axis=1).sum() == pytest.approx(SIDE / 2, abs=2)


def test_tiles_fill_rows(tmp_path):
    tile = Tile(np.full((9, 9), 255, np.uint8), np.zeros((9, 9), np.uint8), ("name", "reason"))
    write_contact_sheet(tmp_path / "sheet.png", [tile] * 7, ["Heading"])
    white = np.asarray(Image.open(tmp_path / "sheet.png").convert("L")) == 255
    assert white.sum() == pytest.approx(7 * SIDE**2, rel=0.001)
    assert white[:, GAP:].any(axis=0).sum() == pytest.approx(6 * SIDE, abs=5)


def test_no_tile_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="at least one"):
        write_contact_sheet(tmp_path / "sheet.png", [], [])


def test_the_window_is_clipped():
    signal = np.array([[-3.0, -1.0, 0.0, 1.0, 9.0]])
    assert stretch_to_8bit(signal, (-1.0, 1.0)).tolist() == [[0, 0, 128, 255, 255]]
