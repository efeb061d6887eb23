"""A pixel grid on which polygons of the anatomy are painted with soft edges."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from LumbarSegLib.phantom import raster

FloatArray = NDArray[np.float64]
Image = NDArray[np.float32]
#: Rows and columns of a part of the slice.
Box = tuple[slice, slice]


@dataclass(frozen=True)
class Pose:
    """Where the anatomy lies in the slice.

    Parameters
    ----------
    rotation_deg : float
        In-plane turn.
    shift_mm : tuple of float
        Of the anatomy's origin from the center of the slice, (x, y).
    scale : float
        Size relative to the drawn anatomy.
    """

    rotation_deg: float = 0.0
    shift_mm: tuple[float, float] = (0.0, 0.0)
    scale: float = 1.0

    @property
    def turn(self) -> FloatArray:
        """The rotation matrix (2, 2)."""
        angle = np.radians(self.rotation_deg)
        return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])

    def to_slice_mm(self, points: FloatArray) -> FloatArray:
        """Map points (..., 2) of the anatomy's frame to mm from the center of the slice."""
        result: FloatArray = self.scale * points @ self.turn.T + np.asarray(self.shift_mm)
        return result


@dataclass(frozen=True)
class Grid:
    """Square pixels with a pose of the anatomy on them.

    Parameters
    ----------
    shape_ji : tuple of int
        Rows and columns.
    spacing_mm : float
        Between pixel centers.
    pose : Pose
        Where the anatomy lies.
    """

    shape_ji: tuple[int, int]
    spacing_mm: float
    pose: Pose

    def to_pixels(self, points: FloatArray) -> FloatArray:
        """Map points (N, 2) of the anatomy's frame to (column, row)."""
        rows, columns = self.shape_ji
        center = np.array([(columns - 1) / 2, (rows - 1) / 2])
        result: FloatArray = self.pose.to_slice_mm(points) / self.spacing_mm + center
        return result

    def anatomy_xy(self, box: Box) -> tuple[Image, Image]:
        """Return the positions x and y (J, I) of the pixels of `box` in the anatomy's frame, in mm."""
        rows, columns = self.shape_ji
        x = ((np.arange(columns)[box[1]] - (columns - 1) / 2) * self.spacing_mm - self.pose.shift_mm[0])[None, :]
        y = ((np.arange(rows)[box[0]] - (rows - 1) / 2) * self.spacing_mm - self.pose.shift_mm[1])[:, None]
        (xx, yx), (xy, yy) = np.linalg.inv(self.pose.scale * self.pose.turn).T.astype(np.float32)
        x, y = x.astype(np.float32), y.astype(np.float32)
        return xx * x + xy * y, yx * x + yy * y


@dataclass(frozen=True)
class Patch:
    """Opacity (J, I) within a box of the slice."""

    box: Box
    share: Image

    def times(self, weight: Image) -> Patch:
        """Return the patch with its opacity multiplied by `weight` (box-shaped)."""
        return Patch(self.box, self.share * weight)


class Canvas:
    """The signal of one slice while it is painted, back to front.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of signals and textures.
    grid : Grid
        The pixels.
    """

    def __init__(self, rng: np.random.Generator, grid: Grid) -> None:
        self.rng = rng
        # Fields draw as many numbers as their box needs. On a generator of their own they
        # leave the drawn numbers of neighboring slices alike.
        self._field_rng = rng.spawn(1)[0]
        self.grid = grid
        self.signal: Image = np.zeros(grid.shape_ji, dtype=np.float32)

    def cover(self, *polygons: FloatArray, margin_mm: float = 0.0) -> Patch:
        """Return the coverage by polygons (N, 2) of the anatomy's frame, in a box with `margin_mm` around them."""
        placed = [self.grid.to_pixels(polygon) for polygon in polygons]
        margin = 1 + int(np.ceil(margin_mm / self.grid.spacing_mm))
        box = raster.bounding_box(np.concatenate(placed), self.grid.shape_ji, margin)
        share: Image = np.zeros((box[0].stop - box[0].start, box[1].stop - box[1].start), dtype=np.float32)
        for polygon in placed:
            share += raster.coverage(polygon - (box[1].start, box[0].start), (share.shape[0], share.shape[1]))
        return Patch(box, share)

    def fill(self, patch: Patch, signal: Image | float) -> None:
        """Lay `signal` (a number or box-shaped) over the slice with the opacity of `patch`."""
        view = self.signal[patch.box]
        view += patch.share * (signal - view)

    def fill_with_rim(self, patch: Patch, rim_mm: float, rim_signal: float, signal: Image | float) -> None:
        """Fill `patch`, with `rim_signal` along its border to a depth of about `rim_mm`."""
        self.fill(patch, rim_signal)
        self.fill(self.inside(patch, rim_mm), signal)

    def inside(self, patch: Patch, rim_mm: float) -> Patch:
        """Return the part of `patch` that lies deeper than about `rim_mm`."""
        soft = ndimage.gaussian_filter(patch.share, rim_mm / self.grid.spacing_mm, mode="nearest", truncate=2.0)
        return Patch(patch.box, np.clip((soft - 0.62) / 0.3, 0.0, 1.0))

    def blurred(self, patch: Patch, sigma_mm: float) -> Patch:
        """Return `patch` with a soft border."""
        soft = ndimage.gaussian_filter(patch.share, sigma_mm / self.grid.spacing_mm, mode="nearest", truncate=2.0)
        return Patch(patch.box, soft)

    def noise(self, box: Box, along_y_mm: float, along_x_mm: float) -> Image:
        """Return a smooth random field over `box`, mean 0 and deviation 1, with the given correlation lengths."""
        factors = []
        for extent, length in zip(box, (along_y_mm, along_x_mm), strict=True):
            position = np.arange(extent.stop - extent.start) * self.grid.spacing_mm / length
            knots = np.arange(-2, int((extent.stop - extent.start) * self.grid.spacing_mm / length) + 4)
            weight = np.exp(-((position[:, None] - knots) ** 2) / 0.8)
            factors.append((weight / np.linalg.norm(weight, axis=1, keepdims=True)).astype(np.float32))
        knots_ji = self._field_rng.standard_normal((factors[0].shape[1], factors[1].shape[1]), dtype=np.float32)
        field: Image = factors[0] @ knots_ji @ factors[1].T
        return field

    def everything(self) -> Box:
        """Return the box of the whole slice."""
        return slice(0, self.grid.shape_ji[0]), slice(0, self.grid.shape_ji[1])


def ellipse(center: tuple[float, float], radii: tuple[float, float], turn_deg: float = 0.0) -> FloatArray:
    """Return the polygon (48, 2) of an ellipse in mm."""
    angle = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    x, y = radii[0] * np.cos(angle), radii[1] * np.sin(angle)
    cosine, sine = np.cos(np.radians(turn_deg)), np.sin(np.radians(turn_deg))
    return np.column_stack([center[0] + cosine * x - sine * y, center[1] + sine * x + cosine * y])
