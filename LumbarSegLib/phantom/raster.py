"""Closed polygons: exact area, pixels whose center lies inside, and partial coverage.

Notation: a polygon is an (N, 2) array of corners (x, y), closed from the last
corner to the first and free of self-intersection. On a pixel grid x counts
columns and y counts rows, with pixel centers at whole numbers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

#: Scan lines per pixel row for coverage; along a scan line coverage is exact.
_LINES_PER_ROW = 3


def signed_area(polygon: FloatArray) -> float:
    """Return the shoelace area of a polygon (N, 2) in squared units, signed by its direction."""
    x, y = polygon[:, 0], polygon[:, 1]
    return float(0.5 * np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y))


def clip_to_grid(polygon: FloatArray, shape_ji: tuple[int, int]) -> FloatArray:
    """Return the part (M, 2) of a polygon in pixel units that lies on the grid; M is 0 where none does.

    Where the grid cuts a polygon into pieces they stay joined along its border,
    which leaves the area right (Sutherland and Hodgman 1974, doi 10.1145/360767.360802).
    """
    rows, columns = shape_ji
    for axis, bound, sign in ((0, -0.5, 1), (0, columns - 0.5, -1), (1, -0.5, 1), (1, rows - 0.5, -1)):
        if len(polygon) == 0:
            break
        following = np.roll(polygon, -1, axis=0)
        depth = sign * (polygon[:, axis] - bound)
        next_depth = np.roll(depth, -1)
        crosses = (depth >= 0) != (next_depth >= 0)
        share = np.divide(depth, depth - next_depth, out=np.zeros_like(depth), where=crosses)
        cut = polygon + share[:, None] * (following - polygon)
        # Each corner that is kept, and behind it the cut on its way to the next one.
        pairs = np.stack([polygon, cut], axis=1).reshape(-1, 2)
        polygon = pairs[np.stack([depth >= 0, crosses], axis=1).ravel()]
    return polygon


def bounding_box(polygon: FloatArray, shape_ji: tuple[int, int], margin: int = 1) -> tuple[slice, slice]:
    """Return the rows and columns that a polygon in pixel units touches, `margin` pixels wider, cut at the grid."""
    limits = np.array(shape_ji[::-1])
    low = np.clip(np.floor(polygon.min(axis=0)).astype(int) - margin, 0, limits)
    high = np.clip(np.ceil(polygon.max(axis=0)).astype(int) + margin + 1, low, limits)
    return slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0]))


def _crossings(polygon: FloatArray, lines: FloatArray) -> tuple[NDArray[np.intp], FloatArray, FloatArray]:
    """Where scan lines (sorted, M) enter (+1) and leave (-1) the polygon: line index, x, sign."""
    start, end = polygon, np.concatenate([polygon[1:], polygon[:1]])
    # Half-open in y, so that a corner on a line counts once.
    first = np.searchsorted(lines, np.minimum(start[:, 1], end[:, 1]), side="left")
    last = np.searchsorted(lines, np.maximum(start[:, 1], end[:, 1]), side="left")
    counts = last - first
    edge = np.repeat(np.arange(len(polygon)), counts)
    line = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts) + np.repeat(first, counts)
    rise = end[:, 1] - start[:, 1]
    fraction = (lines[line] - start[edge, 1]) / rise[edge]
    x = start[edge, 0] + fraction * (end[edge, 0] - start[edge, 0])
    # In image axes (y down) a positive shoelace area has its left border rising in -y.
    sign = -np.sign(rise[edge]) * np.sign(signed_area(polygon))
    return line, x, sign


def paint_label(label_map: NDArray[np.uint8], polygon: FloatArray, value: int) -> None:
    """Set `value` in the pixels of `label_map` (J, I) whose center lies inside a polygon in pixel units."""
    box = bounding_box(polygon, (label_map.shape[0], label_map.shape[1]))
    view = label_map[box]
    rows, columns = view.shape
    corner = (box[1].start, box[0].start)
    line, x, sign = _crossings(polygon - corner, np.arange(rows, dtype=np.float64))
    column = np.clip(np.ceil(x), 0, columns).astype(np.intp)
    steps = np.bincount(line * (columns + 1) + column, sign, minlength=rows * (columns + 1))
    winding = np.cumsum(steps.reshape(rows, columns + 1), axis=1, dtype=np.float32)[:, :columns]
    view[winding > 0.5] = value


def coverage(polygon: FloatArray, shape_ji: tuple[int, int]) -> NDArray[np.float32]:
    """Return the share (J, I), 0-1, of every pixel that a polygon in pixel units covers."""
    rows, columns = shape_ji
    lines = (np.arange(rows * _LINES_PER_ROW) + 0.5) / _LINES_PER_ROW - 0.5
    line, x, sign = _crossings(polygon, lines)
    edge = np.clip(x + 0.5, 0.0, columns)
    column = np.floor(edge).astype(np.intp)
    right = sign * (edge - column)
    cell = (line // _LINES_PER_ROW) * (columns + 2) + column
    steps = np.bincount(
        np.concatenate([cell, cell + 1]), np.concatenate([sign - right, right]), minlength=rows * (columns + 2)
    )
    share = np.cumsum(steps.reshape(rows, columns + 2), axis=1, dtype=np.float32)[:, :columns]
    result: NDArray[np.float32] = np.clip(share / np.float32(_LINES_PER_ROW), 0.0, 1.0)
    return result
