"""One picture of a whole study: every slice with outlines, sides, scale and areas.

Drawn with Pillow, which imports and draws several times faster than a plotting
library.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from LumbarSegLib import geometry
from LumbarSegLib.anatomy import ANATOMIES, BY_KEY
from LumbarSegLib.io.file_errors import writing
from LumbarSegLib.io.study import Block
from LumbarSegLib.measurement import UNNAMED, LevelName, LevelSummary, Measure, SliceMeasurement
from LumbarSegLib.report.level_cells import blocks_with_levels
from LumbarSegLib.report.provenance import RESEARCH_USE_NOTICE
from LumbarSegLib.report.text import (
    BACKGROUND,
    DIM,
    LINE_HEIGHT,
    TEXT,
    WARNING,
    draw_legend,
    draw_text,
    shorten,
    text_width,
)
from LumbarSegLib.report.views import BlockView, block_views

_MAX_COLUMNS = 8
_GAP = 14
_BAR_LENGTHS_MM = (100.0, 50.0, 20.0, 10.0, 5.0, 2.0, 1.0)
_MUSCLES = tuple(anatomy for anatomy in ANATOMIES if anatomy.is_paired)

#: Second line of a caption: key and a name that leaves room for the area.
_UNPAIRED = {"intervertebral_disc": "Disc", "ligamentum_flavum": "Lig. flavum", "lamina": "Lamina"}


@dataclass(frozen=True)
class _Style:
    """Sizes in pixels."""

    picture_width: int
    font_size: int

    @property
    def line(self) -> int:
        """Height of a line of text."""
        return round(self.font_size * LINE_HEIGHT)


#: By the largest number of columns.
_STYLES = {2: _Style(640, 17), 5: _Style(460, 15), _MAX_COLUMNS: _Style(380, 13)}


def write_overview(
    path: Path,
    blocks: Sequence[Block],
    label_maps: Sequence[NDArray[np.integer]],
    measurements: Sequence[Sequence[SliceMeasurement]],
    *,
    weights_name: str,
    title: str = "",
    lowest_level: LevelName = UNNAMED,
) -> None:
    """Write a PNG that shows every slice of a study, block after block.

    Slices stand in radiological order (the patient's right on the left), with
    square pixels and at one scale, cropped around the labeled structures.

    Parameters
    ----------
    path : Path
        File to write.
    blocks : sequence of Block
        At least one.
    label_maps : sequence of (K, J, I) ndarray
        One per block, labels as in `LumbarSegLib.anatomy`.
    measurements : sequence of sequences of SliceMeasurement
        One per block and slice, as `measure_block` gives them.
    weights_name : str
        For the footer.
    title : str
        First line of the header, such as the description of the series.
    lowest_level : LevelName
        Of the lowest level that is outlined; blocks and slices whose level has a
        name show it.

    Raises
    ------
    ValueError
        The three sequences differ in length, or are empty.
    """
    if not blocks or not len(blocks) == len(label_maps) == len(measurements):
        raise ValueError(
            "blocks, label_maps and measurements must have the same length, at least 1, "
            f"got {len(blocks)}, {len(label_maps)} and {len(measurements)}."
        )
    levels = [of_block for *_, of_block in blocks_with_levels(blocks, measurements, lowest_level)]
    slice_counts = [len(label_map) for label_map in label_maps]
    columns = _columns(slice_counts)
    style = next(style for most, style in _STYLES.items() if columns <= most)
    views = block_views(blocks, label_maps, style.picture_width)
    cell_width, picture_height = style.picture_width + _GAP, views[0].crop.shape[0]
    caption_height = 4 * style.line + _GAP + 4
    width = columns * cell_width + _GAP
    header = _header(width, style, title, all(block.orientation_known for block in blocks))
    cells = []  # (block, slice, left, top)
    top = header.height
    for row in _rows(slice_counts, columns):
        top += style.line if any(k == 0 for _, k in row) else 0
        cells += [(index, k, _GAP + column * cell_width, top) for column, (index, k) in enumerate(row)]
        top += picture_height + caption_height
    canvas = Image.new("RGB", (width, top + 2 * style.line), BACKGROUND)
    canvas.paste(header)
    pen = ImageDraw.Draw(canvas)
    for index, k, left, top in cells:
        canvas.paste(views[index].picture(k, label_maps[index][k]), (left, top))
        if k == 0:
            heading = _block_heading(index, blocks[index], levels[index])
            draw_text(pen, (left, top - style.line), heading, style.font_size, DIM)
        _draw_marks(pen, (left, top), style, views[index], measurements[index][k])
        _draw_caption(pen, (left, top + picture_height + 5), style, index, measurements[index][k], levels[index])
    footer = shorten(f"{RESEARCH_USE_NOTICE}.   Weights: {weights_name}", style.font_size, width - 2 * _GAP)
    draw_text(pen, (_GAP, canvas.height - 3 * style.line // 2), footer, style.font_size, TEXT)
    # Pillow's default of 6 takes several times as long for a few percent of the size.
    with writing(path):
        canvas.save(path, format="PNG", compress_level=2)


def _columns(slice_counts: Sequence[int]) -> int:
    """Return how many slices stand side by side; several blocks want a row each."""
    square = int(np.ceil(np.sqrt(sum(slice_counts))))
    longest = max(slice_counts) if len(slice_counts) > 1 else 1
    return min(max(square, longest), _MAX_COLUMNS)


def _rows(slice_counts: Sequence[int], columns: int) -> list[list[tuple[int, int]]]:
    """Deal (block, slice) to rows; a block that does not fit beside the last one starts a row."""
    rows: list[list[tuple[int, int]]] = [[]]
    for index, count in enumerate(slice_counts):
        for k in range(count):
            needed = count if k == 0 else 1
            if rows[-1] and len(rows[-1]) + needed > columns:
                rows.append([])
            rows[-1].append((index, k))
    return rows


def _header(width: int, style: _Style, title: str, orientation_known: bool) -> Image.Image:
    """Title, what the marks mean, and the legend, wrapped to `width`."""
    lines = [(title, style.font_size + 4, TEXT)] if title else []
    lines.append(("Areas in mm². R, L: the patient's sides. Ticks: midline of the spine", style.font_size, DIM))
    if not orientation_known:
        note = "Sides are assumed: the file does not state the patient's orientation"
        lines.append((note, style.font_size, WARNING))
    header = Image.new("RGB", (width, (len(lines) + len(ANATOMIES) + 2) * 2 * style.line), BACKGROUND)
    pen = ImageDraw.Draw(header)
    top = style.line // 2
    for text, size, color in lines:
        draw_text(pen, (_GAP, top), shorten(text, size, width - 2 * _GAP), size, color)
        top += round(size * 1.5)
    legend = [(anatomy.name, anatomy.color) for anatomy in ANATOMIES]
    top = draw_legend(pen, (_GAP, top), width - _GAP, style.font_size, legend)
    return header.crop((0, 0, width, top + 2 * style.line))


def _block_heading(index: int, block: Block, levels: Sequence[LevelSummary]) -> str:
    parts = [f"Block {index + 1}"]
    names = [level.name.text for level in levels if level.name.is_known]
    if names:
        parts.append(", ".join(names))
    if block.orientation_known:
        parts.append(f"tilt {geometry.axial_tilt_deg(block.affine_ijk_to_ras):.0f}°")
    row_mm, column_mm = block.spacing_kji_mm[1:]
    parts.append(f"{row_mm:.2f} x {column_mm:.2f} mm")
    if block.slice_thickness_mm is not None:
        parts.append(f"{block.slice_thickness_mm:g} mm thick")
    return "   ".join(parts)


def _draw_marks(
    pen: ImageDraw.ImageDraw, left_top: tuple[int, int], style: _Style, view: BlockView, measurement: SliceMeasurement
) -> None:
    """Side letters, scale bar, and ticks where the midline enters and leaves the picture."""
    left, top = left_top
    height, width = view.crop.shape
    size = style.font_size + 3
    doubt = "" if view.block.orientation_known else "?"
    letter_top = top + height // 2 - size // 2
    draw_text(pen, (left + 6, letter_top), f"R{doubt}", size, TEXT, halo=2)
    draw_text(pen, (left + width - 6 - text_width(f"L{doubt}", size), letter_top), f"L{doubt}", size, TEXT, halo=2)
    pixels_per_mm = view.pixels_per_mm
    length_mm = next(length for length in _BAR_LENGTHS_MM if length * pixels_per_mm < width / 3)
    bar = (left + 10, top + height - 13, left + 10 + round(length_mm * pixels_per_mm), top + height - 11)
    pen.rectangle((bar[0] - 2, bar[1] - 2, bar[2] + 2, bar[3] + 2), fill=(0, 0, 0))
    pen.rectangle(bar, fill=TEXT)
    draw_text(pen, (bar[0], bar[1] - style.line - 1), f"{length_mm:g} mm", style.font_size - 1, TEXT, halo=2)
    if measurement.midline is None:
        return
    point = np.array(measurement.midline.point_ras_mm)
    row, column = view.to_picture(point)
    front_row, front_column = view.to_picture(point + np.array(measurement.midline.anterior_ras))
    slope = (front_column - column) / (front_row - row)
    tick = height // 20
    for first, last in ((0, tick), (height - 1 - tick, height - 1)):
        ends = [(left + column + (at - row) * slope, top + at) for at in (first, last)]
        if all(left <= x < left + width for x, _ in ends):
            pen.line(ends, fill=TEXT, width=1)


def _draw_caption(
    pen: ImageDraw.ImageDraw,
    left_top: tuple[int, int],
    style: _Style,
    block_index: int,
    measurement: SliceMeasurement,
    levels: Sequence[LevelSummary],
) -> None:
    """Block and slice, DSCA, the level, the other midline structures, and the muscles in total and per side."""
    left, top = left_top
    columns = [left + place * (style.picture_width // 3) for place in range(3)]
    lines = [top + number * style.line for number in range(4)]
    name = f"Block {block_index + 1} · slice {measurement.slice_index + 1}"
    draw_text(pen, (left, top), name, style.font_size, TEXT)
    if all(measure.value is None for measure in measurement.measures):
        draw_text(pen, (columns[1], top), "no anatomy found", style.font_size, DIM)
        return

    def write(column: int, line: int, text: str, key: str | None = None) -> None:
        color = TEXT if key is None else BY_KEY[key].color
        draw_text(pen, (columns[column], lines[line]), text, style.font_size, color)

    level = next((each.name for each in levels if measurement.slice_index in each), UNNAMED)
    if level.is_known:
        write(2, 0, level.text)
    write(1, 0, f"DSCA {_figure(measurement['dural_sac_area'])} mm²", "dural_sac")
    for column, (key, short_name) in enumerate(_UNPAIRED.items()):
        write(column, 1, f"{short_name} {_figure(measurement[f'{key}_area'])}", key)
    for column, muscle in enumerate(_MUSCLES):
        total, right_side, left_side = (
            _figure(measurement[f"{muscle.key}_{part}_area"]) for part in ("total", "right", "left")
        )
        write(column, 2, f"{muscle.name} {total}", muscle.key)
        write(column, 3, f"R {right_side}   L {left_side}")


def _figure(measure: Measure) -> str:
    return "-" if measure.value is None else f"{measure.value:.0f}"
