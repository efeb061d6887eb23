"""Labeled and phantom slices as tensors, and the order in which batches take them.

Notation: J rows and I columns of the working grid. Labels are kept at twice its
resolution over the same field of view, so that nearest-neighbor sampling moves
their borders by a quarter of a pixel at most.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from LumbarSegLib.anatomy import IGNORE_INDEX, NUM_CLASSES, VERTEBRAL_BODY_INDEX
from LumbarSegLib.io.labeled_slices import LabeledSlice
from LumbarSegLib.phantom.slices import make_phantom_slice
from LumbarSegLib.preprocessing import PreprocessingConfig, remove_offset, to_working_grid
from LumbarSegLib.training.recipes import Recipe

#: Phantoms are drawn on the grid of the usual real slice: 512 pixels of 0.38 mm.
_PHANTOM_SHAPE = (512, 512)
_PHANTOM_SPACING_MM = 0.38


@dataclass(frozen=True)
class TrainingSlice:
    """One slice ready for augmentation.

    Parameters
    ----------
    image : (1, J, I) float32 Tensor
        On the working grid, signal scaled to about [0, 1].
    labels : (1, 2 J, 2 I) uint8 Tensor
        Class indices or `IGNORE_INDEX`.
    """

    image: Tensor
    labels: Tensor


def prepare(slices: Iterable[LabeledSlice], config: PreprocessingConfig) -> list[TrainingSlice]:
    """Resample slices to the working grid and scale their signal to about [0, 1]."""
    prepared = []
    for each in slices:
        image = prepare_image(torch.from_numpy(each.image), each.spacing_mm, config)
        labels = torch.from_numpy(each.label_map)[None, None]
        size = (2 * image.shape[-2], 2 * image.shape[-1])
        labels = F.interpolate(labels, size=size, mode="nearest-exact")[0]  # (1, 2 J, 2 I)
        prepared.append(TrainingSlice(image, labels))
    return prepared


def prepare_image(image: Tensor, spacing_mm: float, config: PreprocessingConfig) -> Tensor:
    """Resample an image (native rows, native columns), square pixels in mm, to (1, J, I) of about [0, 1]."""
    image = remove_offset(image[None, None])
    image = to_working_grid(image, (spacing_mm, spacing_mm), config)[0]
    scale = float(np.percentile(image.numpy(), 99.5))
    return image / max(scale, 1e-6)


def without_vertebral_bodies(slices: Iterable[LabeledSlice]) -> list[LabeledSlice]:
    """Return the slices with vertebral bodies as background, for a network that does not learn them."""
    return [
        replace(each, label_map=np.where(each.label_map == VERTEBRAL_BODY_INDEX, 0, each.label_map).astype(np.uint8))
        for each in slices
    ]


def mean_class_shares(slices: Iterable[LabeledSlice]) -> list[float]:
    """Average the share of each class over the annotated pixels of every slice.

    The background comes first, the vertebral body last.
    """
    shares = []
    for each in slices:
        counts = np.bincount(each.label_map[each.label_map != IGNORE_INDEX], minlength=NUM_CLASSES + 1)
        shares.append(counts / max(1, counts.sum()))
    return [float(share) for share in np.mean(shares, axis=0)]


def make_phantoms(count: int, seed: int) -> list[LabeledSlice]:
    """Draw phantom slices for training; `seed` decides them."""
    slices = []
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        phantom = make_phantom_slice(rng, shape_ji=_PHANTOM_SHAPE, spacing_mm=_PHANTOM_SPACING_MM)
        slices.append(LabeledSlice(f"phantom-{number:03d}", phantom.image, phantom.label_map, phantom.spacing_mm))
    return slices


class BatchSource:
    """Batches of real and phantom slices, each epoch in a new order.

    Parameters
    ----------
    real, phantoms : sequence of TrainingSlice
        An epoch takes every real slice once (but for what fills no batch) and
        a fresh share of the phantoms.
    recipe : Recipe
        Batch size and share of phantoms.
    generator : torch.Generator
        CPU generator that decides the order.
    rank, num_ranks : int
        Number of this process, from 0, among those that share every batch.
        Their generators have to begin alike.
    """

    def __init__(
        self,
        real: Sequence[TrainingSlice],
        phantoms: Sequence[TrainingSlice],
        recipe: Recipe,
        generator: torch.Generator,
        *,
        rank: int = 0,
        num_ranks: int = 1,
    ) -> None:
        self.slices = [*real, *phantoms]
        self.num_real = len(real)
        self.num_phantoms = round(len(real) * recipe.phantom_share) if phantoms else 0
        self.batch_size = recipe.batch_size
        self.generator = generator
        self.rank = rank
        self.num_ranks = num_ranks

    @property
    def batches_per_epoch(self) -> int:
        """Number of full batches; the slices of a smaller rest sit this epoch out."""
        return max(1, (self.num_real + self.num_phantoms) // self.batch_size)

    def epoch(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield images (B, 1, J, I) and labels (B, 1, 2 J, 2 I) of one epoch, this process's part."""
        pool = torch.randperm(len(self.slices) - self.num_real, generator=self.generator) + self.num_real
        members = torch.cat([torch.arange(self.num_real), pool[: self.num_phantoms]])
        order = members[torch.randperm(len(members), generator=self.generator)]
        for number in range(self.batches_per_epoch):
            batch = order[number * self.batch_size :][: self.batch_size].tolist()
            yield collate([self.slices[n] for n in batch[self.rank :: self.num_ranks]])


def collate(slices: Sequence[TrainingSlice]) -> tuple[Tensor, Tensor]:
    """Stack slices, each centered on the largest grid of the batch; around them is air."""
    rows = max(each.image.shape[-2] for each in slices)
    columns = max(each.image.shape[-1] for each in slices)
    images, labels = [], []
    for each in slices:
        down, right = rows - each.image.shape[-2], columns - each.image.shape[-1]
        border = (right // 2, right - right // 2, down // 2, down - down // 2)
        images.append(F.pad(each.image, border, value=0.0))
        labels.append(F.pad(each.labels, tuple(2 * side for side in border), value=0))
    return torch.stack(images), torch.stack(labels)
