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


@dataclass(frozen=True)
class PreprocessingConfig:
    """Stored in the checkpoint, so that use follows training."""

    #: Pixel size of the working grid in mm. 0.6 mm gives a ligamentum flavum
    #: of 3 mm five pixels.
    pixel_size_mm: float = 0.6
    #: Pixels below this share of the 99th percentile are air and do not enter
    #: the median; how much air a field of view holds must not matter. Magnitude
    #: images start at 0; others are taken to start at their minimum.
    air_share: float = 0.1
    #: z-scores are cut off here.
    clip: float = 5.0


def normalize(image: Tensor, config: PreprocessingConfig) -> Tensor:
    """Robust z-score of each slice over its tissue: (x - median) / (IQR / 1.349).

    Parameters
    ----------
    image : (B, 1, H, W) Tensor
        Any positive or negative signal.
    config : PreprocessingConfig
        Threshold for air and limit of the result.

    Returns
    -------
    (B, 1, H, W) float32 Tensor
        In [-clip, clip]; 0 throughout for a constant slice.
    """
    image = image.float()
    flat = image.flatten(1)  # (B, H * W)
    step = max(1, flat.shape[1] // _MAX_QUANTILE_SAMPLES)
    samples = flat[:, ::step].sort(dim=1).values
    low = samples[:, 0].clamp_max(0.0)
    high = samples[:, round(0.99 * (samples.shape[1] - 1))]
    floor = low + config.air_share * (high - low)
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
