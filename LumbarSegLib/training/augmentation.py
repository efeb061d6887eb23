"""Random transforms of whole batches on the device that trains.

Notation: B slices, J rows and I columns as stored; H rows and W columns of the
crop. Signal is scaled to [0, 1] before the intensity transforms and normalized
by `preprocessing.normalize` after them, like a slice at inference.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from LumbarSegLib.anatomy import BY_KEY
from LumbarSegLib.preprocessing import PreprocessingConfig, normalize
from LumbarSegLib.training.recipes import AugmentationConfig

_SAC = BY_KEY["dural_sac"].index


class Augmenter:
    """Draws crops of a batch under random geometry and signal.

    Parameters
    ----------
    config : AugmentationConfig
        Ranges and probabilities.
    preprocessing : PreprocessingConfig
        Normalization that ends the pipeline.
    generator : torch.Generator
        The only source of randomness; lives on the batch's device.
    """

    def __init__(
        self, config: AugmentationConfig, preprocessing: PreprocessingConfig, generator: torch.Generator
    ) -> None:
        self.config = config
        self.preprocessing = preprocessing
        self.generator = generator

    def __call__(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Cut and transform one batch.

        Parameters
        ----------
        images : (B, 1, J, I) float32 Tensor
            On the working grid, signal scaled to [0, 1].
        labels : (B, 1, 2 J, 2 I) uint8 Tensor
            Same field of view.

        Returns
        -------
        images : (B, 1, H, W) float32 Tensor
            Normalized.
        labels : (B, H, W) int64 Tensor
            Background outside the field of view: a patient's slice may well
            show more air or more body there, but none of the anatomies.
        """
        images, labels, outside = self._crop(images, labels)
        images = torch.where(outside, self._surroundings(images), images)
        images = self._change_signal(images, labels)
        images = normalize(images, self.preprocessing)
        return self._jitter(images), labels

    def _crop(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Cut a batch under random geometry: images, labels, and what is outside the field of view (B, 1, H, W).

        Out there the images are 0 and the labels background.
        """
        grid = self._grid(images, labels)
        images = F.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
        # Shifted by one, so that the zero outside the field of view can be told from class 0.
        shifted = F.grid_sample(labels.float() + 1.0, grid, mode="nearest", padding_mode="zeros", align_corners=False)
        labels = shifted[:, 0].round().long() - 1
        outside = labels < 0
        return images, labels.masked_fill(outside, 0), outside[:, None]

    def _uniform(self, count: int, low: float, high: float) -> Tensor:
        device = self.generator.device
        return torch.rand(count, generator=self.generator, device=device) * (high - low) + low

    def _chosen(self, count: int, probability: float) -> Tensor:
        return (self._uniform(count, 0.0, 1.0) < probability).float()

    def _noise(self, *shape: int) -> Tensor:
        return torch.randn(*shape, generator=self.generator, device=self.generator.device)

    def _grid(self, images: Tensor, labels: Tensor) -> Tensor:
        """Draw the sampling positions (B, H, W, 2) in [-1, 1] of the stored field of view."""
        count, _, rows, columns = images.shape
        size = self.config.crop_pixels
        grid = F.affine_grid(self._affine(count, rows, columns), [count, 1, size, size], align_corners=False)
        grid = grid + self._elastic(count, rows, columns)
        return self._narrow(grid, labels, rows, columns)

    def _affine(self, count: int, rows: int, columns: int) -> Tensor:
        c = self.config
        angle = torch.deg2rad(self._uniform(count, -c.rotation_deg, c.rotation_deg))
        zoom = torch.exp(self._uniform(count, math.log(c.scale[0]), math.log(c.scale[1])))
        stretch = torch.exp(self._uniform(count, -math.log(c.aspect), math.log(c.aspect)) / 2)
        shear = self._uniform(count, -c.shear, c.shear)
        mirror = 1.0 - 2.0 * self._chosen(count, c.flip_probability)
        cosine, sine = torch.cos(angle), torch.sin(angle)
        # Rows of the matrix act on (x, y) of the crop in pixels of the working grid.
        matrix = torch.stack(
            [
                torch.stack([mirror * cosine / (zoom * stretch), (shear - sine) / (zoom * stretch)], dim=1),
                torch.stack([mirror * sine * stretch / zoom, cosine * stretch / zoom], dim=1),
            ],
            dim=1,
        )  # (B, 2, 2)
        half = torch.tensor([columns, rows], dtype=torch.float32, device=matrix.device)
        matrix = matrix * (c.crop_pixels / half)[None, :, None]
        shift = torch.stack([self._uniform(count, -c.shift, c.shift) for _ in range(2)], dim=1)
        return torch.cat([matrix, shift[..., None]], dim=2)  # (B, 2, 3)

    def _elastic(self, count: int, rows: int, columns: int) -> Tensor:
        c = self.config
        coarse = self._noise(count, 2, 6, 6) * c.elastic_pixels
        coarse = coarse * self._chosen(count, c.elastic_probability)[:, None, None, None]
        field = F.interpolate(coarse, size=(c.crop_pixels, c.crop_pixels), mode="bicubic", align_corners=False)
        half = torch.tensor([columns, rows], dtype=torch.float32, device=field.device) / 2
        return field.movedim(1, -1) / half

    def _narrow(self, grid: Tensor, labels: Tensor, rows: int, columns: int) -> Tensor:
        """Pull what surrounds the sac inwards: a narrow canal from a wide one."""
        c = self.config
        count = grid.shape[0]
        strength = self._uniform(count, 0.0, c.narrowing_strength) * self._chosen(count, c.narrowing_probability)
        sac = (labels[:, 0] == _SAC).float()  # (B, 2 J, 2 I)
        pixels = sac.sum(dim=(1, 2))
        y = torch.linspace(-1, 1, sac.shape[1], device=sac.device)
        x = torch.linspace(-1, 1, sac.shape[2], device=sac.device)
        center = torch.stack([(sac.sum(dim=1) * x).sum(dim=1), (sac.sum(dim=2) * y).sum(dim=1)], dim=1)
        center = (center / pixels.clamp_min(1.0)[:, None])[:, None, None, :]
        # The reach follows the size of the sac: about twice its radius.
        radius = torch.sqrt(pixels / math.pi) * 2.0 / math.sqrt(sac.shape[1] * sac.shape[2])
        offset = grid - center
        distance = offset.square().sum(dim=-1) / (2.0 * radius.clamp_min(1e-3)[:, None, None] ** 2)
        amount = strength * (pixels > 0)
        return grid + offset * (amount[:, None, None] * torch.exp(-distance))[..., None]

    def _surroundings(self, images: Tensor) -> Tensor:
        """Draw what lies outside the field of view: air, or patches of dark and bright tissue."""
        count = len(images)
        size = images.shape[-2:]
        coarse, fine = (
            F.interpolate(self._noise(count, 1, cells, cells), size=size, mode="bicubic", align_corners=False)
            for cells in (6, 24)
        )
        patches = torch.sigmoid(6.0 * (coarse + 0.5 * fine))
        dark = self._uniform(count, 0.0, 0.4)[:, None, None, None]
        bright = self._uniform(count, 0.2, 1.0)[:, None, None, None]
        chosen = self._chosen(count, self.config.surroundings_probability)[:, None, None, None]
        return chosen * (dark + (bright - dark) * patches)

    def _change_signal(self, images: Tensor, labels: Tensor) -> Tensor:
        images = self._darken_sac(images, labels)
        images = self._gamma(images)
        images = self._bias(images)
        images = self._blur(images)
        images = self._lower_resolution(images)
        c = self.config
        count = len(images)
        level = self._uniform(count, 0.0, c.noise) * self._chosen(count, c.noise_probability)
        images = images + self._noise(*images.shape) * level[:, None, None, None]
        return images.abs()  # magnitude images have no negative signal

    def _darken_sac(self, images: Tensor, labels: Tensor) -> Tensor:
        c = self.config
        count = len(images)
        factor = self._uniform(count, c.sac_darkening, 1.0)
        amount = (1.0 - factor) * self._chosen(count, c.sac_darkening_probability)
        mask = (labels == _SAC).float()[:, None]
        mask = F.avg_pool2d(mask, 5, stride=1, padding=2)  # soft border
        return images * (1.0 - amount[:, None, None, None] * mask)

    def _gamma(self, images: Tensor) -> Tensor:
        c = self.config
        count = len(images)
        exponent = torch.exp(self._uniform(count, math.log(c.gamma[0]), math.log(c.gamma[1])))
        chosen = self._chosen(count, c.gamma_probability)
        exponent = exponent * chosen + (1.0 - chosen)
        return images.clamp_min(1e-6) ** exponent[:, None, None, None]

    def _bias(self, images: Tensor) -> Tensor:
        c = self.config
        count = len(images)
        coarse = self._noise(count, 1, 4, 4) * c.bias_amplitude
        coarse = coarse * self._chosen(count, c.bias_probability)[:, None, None, None]
        field = F.interpolate(coarse, size=images.shape[-2:], mode="bicubic", align_corners=False)
        return images * torch.exp(field)

    def _blur(self, images: Tensor) -> Tensor:
        c = self.config
        chosen = self._chosen(len(images), c.blur_probability).bool()
        sigmas = self._uniform(len(images), 0.3, max(0.3, c.blur_pixels))
        result = images.clone()
        for n in torch.nonzero(chosen)[:, 0].tolist():
            taps = torch.arange(-3, 4, device=images.device, dtype=torch.float32)
            kernel = torch.exp(-taps.square() / (2 * sigmas[n] ** 2))
            kernel = kernel / kernel.sum()
            one = F.conv2d(images[n : n + 1], kernel.view(1, 1, 7, 1), padding=(3, 0))
            result[n : n + 1] = F.conv2d(one, kernel.view(1, 1, 1, 7), padding=(0, 3))
        return result

    def _lower_resolution(self, images: Tensor) -> Tensor:
        c = self.config
        chosen = self._chosen(len(images), c.low_resolution_probability).bool()
        factors = self._uniform(len(images), 1.2, max(1.2, c.low_resolution)).tolist()
        size = images.shape[-1]
        result = images.clone()
        for n in torch.nonzero(chosen)[:, 0].tolist():
            small = F.interpolate(images[n : n + 1], size=(int(size / factors[n]),) * 2, mode="area")
            result[n : n + 1] = F.interpolate(small, size=(size, size), mode="bicubic", align_corners=False)
        return result

    def _jitter(self, images: Tensor) -> Tensor:
        c = self.config
        count = len(images)
        gain = torch.exp(self._uniform(count, -c.jitter_scale, c.jitter_scale))
        shift = self._uniform(count, -c.jitter_shift, c.jitter_shift)
        limit = self.preprocessing.clip
        return (images * gain[:, None, None, None] + shift[:, None, None, None]).clamp(-limit, limit)
