"""From a slice as scanned to what the network sees, and the logits back.

Training, validation and inference all go through these functions: resampling
in the slice plane to one physical pixel size, then a robust z-score per slice.

Notation: B slices, J rows and I columns of the native grid, H rows and W
columns of the working grid.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

#: Standard deviation of a normal distribution over its interquartile range.
_IQR_TO_STD = 1.349

#: Pixels that enter the quantiles; more cost time and change nothing visible.
_MAX_QUANTILE_SAMPLES = 65536

#: Air that is left around the body; the training slices have about as much.
BODY_MARGIN_MM = 15.0

#: A row or column shows the body if this share of it is tissue.
_MIN_TISSUE_SHARE = 0.05

#: Logit of background where the network has not looked.
_CERTAIN_LOGIT = 20.0


@dataclass(frozen=True)
class PreprocessingConfig:
    """Stored in the checkpoint, so that use follows training.

    Raises
    ------
    ValueError
        If a number is out of its range.
    """

    #: Pixel size of the working grid in mm. 0.6 mm gives a ligamentum flavum
    #: of 3 mm five pixels.
    pixel_size_mm: float = 0.6
    #: Pixels below this share of the 99th percentile are air and do not enter
    #: the median; how much air a field of view holds must not matter.
    air_share: float = 0.1
    #: z-scores are cut off here.
    clip: float = 5.0

    def __post_init__(self) -> None:
        """Check the ranges."""
        if not 0.05 <= self.pixel_size_mm <= 10.0:
            raise ValueError(f"pixel_size_mm must be in [0.05, 10], got {self.pixel_size_mm}.")
        if not 0.0 <= self.air_share < 1.0:
            raise ValueError(f"air_share must be in [0, 1), got {self.air_share}.")
        if not self.clip > 0.0:
            raise ValueError(f"clip must be positive, got {self.clip}.")


def remove_offset(image: Tensor) -> Tensor:
    """Shift every slice (B, 1, J, I) so that its darkest pixel is 0, as in a magnitude image.

    Comes first in training and use: a rescaled image or a screenshot may start
    anywhere, and `normalize` tells air from tissue by the distance from 0.
    """
    image = image.float()
    return image - image.amin(dim=(-2, -1), keepdim=True)


def normalize(image: Tensor, config: PreprocessingConfig) -> Tensor:
    """Robust z-score of each slice over its tissue: (x - median) / (IQR / 1.349).

    Parameters
    ----------
    image : (B, 1, H, W) Tensor
        Signal from 0 (air) upwards, see `remove_offset`.
    config : PreprocessingConfig
        Threshold for air and limit of the result.

    Returns
    -------
    (B, 1, H, W) float32 Tensor
        In [-clip, clip]; 0 throughout for a constant slice.
    """
    image = image.float()
    flat = image.flatten(1)  # (B, H * W)
    samples = _sorted_samples(flat)
    floor = _air_level(samples, config)
    num_samples = samples.shape[1]
    # Samples are sorted: tissue is what lies behind the last one of air.
    first = torch.searchsorted(samples, floor[:, None], right=True)[:, 0].clamp_max(num_samples - 1)
    quartiles = [
        samples.gather(1, (first + share * (num_samples - 1 - first)).round().long()[:, None])
        for share in (0.25, 0.5, 0.75)
    ]
    scale = (quartiles[2] - quartiles[0]) / _IQR_TO_STD
    # Half of a saturated slice may share one value; the whole range still has a scale.
    scale = torch.where(scale > 0, scale, (samples[:, -1:] - samples[:, :1]) / 2)
    scale = torch.where(scale > 0, scale, torch.ones_like(scale))
    z = (flat - quartiles[1]) / scale
    return z.clamp(-config.clip, config.clip).view_as(image)


def _sorted_samples(flat: Tensor) -> Tensor:
    """Sort a regular sample of each row of (B, H * W)."""
    step = max(1, flat.shape[1] // _MAX_QUANTILE_SAMPLES)
    return flat[:, ::step].sort(dim=1).values


def _air_level(sorted_samples: Tensor, config: PreprocessingConfig) -> Tensor:
    """Return the signal (B,) below which a pixel is air."""
    return config.air_share * sorted_samples[:, round(0.99 * (sorted_samples.shape[1] - 1))]


@dataclass(frozen=True)
class Box:
    """Rows and columns of the working grid, as half-open ranges."""

    first_row: int
    last_row: int
    first_column: int
    last_column: int

    def crop(self, images: Tensor) -> Tensor:
        """Cut (..., H, W) to the box."""
        return images[..., self.first_row : self.last_row, self.first_column : self.last_column]

    def uncrop(self, logits: Tensor, size: tuple[int, int]) -> Tensor:
        """Put logits (B, C, h, w) back into (B, C, H, W), with certain background around them."""
        rows, columns = size
        full = logits.new_full((*logits.shape[:2], rows, columns), -_CERTAIN_LOGIT)
        full[:, 0] = _CERTAIN_LOGIT
        self.crop(full)[...] = logits
        return full


def body_box(images: Tensor, config: PreprocessingConfig) -> Box:
    """Find the rows and columns that show the body, with a margin of air.

    A wide field of view holds air that no training slice shows, and costs time.

    Parameters
    ----------
    images : (K, 1, H, W) Tensor
        Slices of one block on the working grid, from 0 (air) upwards.
    config : PreprocessingConfig
        Threshold for air and pixel size.

    Returns
    -------
    Box
        One for all slices; everything if no body can be told from air.
    """
    rows, columns = images.shape[-2:]
    level = _air_level(_sorted_samples(images.flatten(1)), config)
    # Noise in air passes the threshold here and there; averaged over a few pixels it does not.
    smooth = F.avg_pool2d(images, 7, stride=1, padding=3, count_include_pad=False)
    tissue = (smooth > level[:, None, None, None]).any(dim=0)[0]  # (H, W)
    margin = round(BODY_MARGIN_MM / config.pixel_size_mm)
    limits = []
    for axis, size in ((1, rows), (0, columns)):
        inside = torch.nonzero(tissue.float().mean(dim=axis) > _MIN_TISSUE_SHARE)[:, 0]
        if len(inside) == 0:
            return Box(0, rows, 0, columns)
        limits += [max(0, int(inside[0]) - margin), min(size, int(inside[-1]) + 1 + margin)]
    return Box(*limits)


def working_size(
    shape_ji: tuple[int, int], spacing_ji_mm: tuple[float, float], config: PreprocessingConfig
) -> tuple[int, int]:
    """Size (H, W) of the working grid that covers the same field of view."""
    rows, columns = (
        max(1, round(size * spacing / config.pixel_size_mm))
        for size, spacing in zip(shape_ji, spacing_ji_mm, strict=True)
    )
    return rows, columns


def to_working_grid(image: Tensor, spacing_ji_mm: tuple[float, float], config: PreprocessingConfig) -> Tensor:
    """Resample slices in the plane to the working pixel size.

    Parameters
    ----------
    image : (B, 1, J, I) Tensor
        Slices on the native grid.
    spacing_ji_mm : tuple of float
        Native row and column spacing in mm.
    config : PreprocessingConfig
        The working pixel size.

    Returns
    -------
    (B, 1, H, W) float32 Tensor
        Bilinear, with antialiasing where the grid gets coarser; both grids
        share the outer edges of the field of view.
    """
    rows, columns = image.shape[-2:]
    size = working_size((rows, columns), spacing_ji_mm, config)
    if size == (rows, columns):
        return image.float()
    return F.interpolate(image.float(), size=size, mode="bilinear", align_corners=False, antialias=True)


def to_native_grid(logits: Tensor, shape_ji: tuple[int, int]) -> Tensor:
    """Resample logits (B, C, H, W) to the native grid (B, C, J, I), before any argmax."""
    if tuple(logits.shape[-2:]) == tuple(shape_ji):
        return logits
    return F.interpolate(logits, size=shape_ji, mode="bilinear", align_corners=False)
