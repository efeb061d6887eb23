"""Damaged images and what they were: the task of pretraining.

A network that restores images has to know what belongs where. The damages are
those of Models Genesis (Zhou 2021, doi 10.1016/j.media.2020.101840), a random
intensity curve, pixels shuffled in small windows and blanked squares (context
encoders, Pathak 2016, doi 10.1109/CVPR.2016.278), beside the noise, bias, blur
and loss of resolution of augmentation.

Notation: B slices, J rows and I columns as stored; H rows and W columns of the
crop.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from LumbarSegLib.preprocessing import normalize
from LumbarSegLib.training.augmentation import Augmenter
from LumbarSegLib.training.pretraining_recipe import PretrainingRecipe


class Corrupter(Augmenter):
    """Draws crops of a batch twice, damaged and clean.

    Parameters
    ----------
    recipe : PretrainingRecipe
        Ranges and probabilities.
    generator : torch.Generator
        The only source of randomness; lives on the batch's device.
    """

    def __init__(self, recipe: PretrainingRecipe, generator: torch.Generator) -> None:
        super().__init__(recipe.augmentation, recipe.preprocessing, generator)
        self.corruption = recipe.corruption
        self.corrupted_weight = recipe.corrupted_weight

    def corrupt(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Cut one batch, damaged and clean.

        Parameters
        ----------
        images : (B, 1, J, I) float32 Tensor
            On the working grid, signal scaled to [0, 1].
        labels : (B, 1, 2 J, 2 I) uint8 Tensor
            Background throughout.

        Returns
        -------
        damaged : (B, 1, H, W) float32 Tensor
            What the network gets, normalized.
        target : (B, 1, H, W) float32 Tensor
            The same crop, normalized and otherwise untouched.
        weights : (B, 1, H, W) float32 Tensor
            Of each pixel in the loss: 0 outside the field of view, more than 1
            where the damage is to be seen.
        """
        clean, labels, outside = self._crop(images, labels)
        clean = clean.masked_fill(outside, 0.0)
        target = normalize(clean, self.preprocessing)
        damaged = torch.where(outside, self._surroundings(clean), clean)
        damaged, shuffled = self._shuffle(self._curve(damaged))
        damaged = self._change_signal(damaged, labels)
        damaged = self._jitter(normalize(damaged, self.preprocessing))
        damaged, masked = self._mask(damaged)
        weights = torch.where(shuffled | masked, self.corrupted_weight, 1.0).masked_fill(outside, 0.0)
        return damaged, target, weights

    def _curve(self, images: Tensor) -> Tensor:
        """Map the signal by one curve a slice, rising or falling, of straight pieces."""
        c = self.corruption
        count = len(images)
        # Squares make uneven steps, and with them strong curves, likely.
        steps = self._uniform(count * c.curve_knots, 0.02, 1.0).view(count, -1).square()
        heights = F.pad(steps.cumsum(1) / steps.sum(1, keepdim=True), (1, 0))  # (B, knots + 1), from 0 to 1
        place = images.clamp(0.0, 1.0) * c.curve_knots
        piece = place.long().clamp_max(c.curve_knots - 1)
        low, high = (heights.gather(1, (piece + n).flatten(1)).view_as(images) for n in (0, 1))
        risen = low + (high - low) * (place - piece)
        falls = self._chosen(count, c.inversion_probability)[:, None, None, None]
        # What gives no signal, air and cortical bone, gives none in any contrast.
        fallen = (1.0 - risen) * (images / self.preprocessing.air_share).clamp(0.0, 1.0)
        mapped = torch.where(falls > 0, fallen, risen)
        chosen = self._chosen(count, c.curve_probability)[:, None, None, None]
        return torch.where(chosen > 0, mapped, images)

    def _shuffle(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Shuffle the pixels of small windows in some squares; the squares are the second result."""
        c = self.corruption
        windows = F.pixel_unshuffle(images, c.shuffle_pixels)  # (B, pixels of a window, windows down, across)
        order = torch.rand(windows.shape, generator=self.generator, device=images.device).argsort(dim=1)
        shuffled = F.pixel_shuffle(windows.gather(1, order), c.shuffle_pixels)
        squares = self._squares(images, c.shuffle_probability, c.shuffle_share)
        return torch.where(squares, shuffled, images), squares

    def _mask(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Put noise or 0, the median of tissue, in some squares; the squares are the second result."""
        c = self.corruption
        noisy = self._chosen(len(images), c.mask_noise_probability)[:, None, None, None]
        filling = self._noise(*images.shape) * noisy
        squares = self._squares(images, c.mask_probability, c.mask_share)
        return torch.where(squares, filling, images), squares

    def _squares(self, images: Tensor, probability: float, share: float) -> Tensor:
        """Draw cells of a grid, of one size and place for the batch, that cover up to `share` of a slice."""
        count, _, rows, columns = images.shape
        smallest, largest = self.corruption.patch_pixels
        side = int(self._uniform(1, smallest, largest + 1).item())
        down, right = (int(self._uniform(1, 0, side).item()) for _ in range(2))
        covered = (self._uniform(count, 0.0, share) * self._chosen(count, probability))[:, None, None, None]
        shape = (count, 1, rows // side + 2, columns // side + 2)
        cells = torch.rand(shape, generator=self.generator, device=images.device) < covered
        squares = cells.repeat_interleave(side, dim=2).repeat_interleave(side, dim=3)
        return squares[..., down : down + rows, right : right + columns]
