"""The batches of a training run: slices and phantoms, their order and their augmentation."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from LumbarSegLib.io.labeled_slices import LabeledSlice
from LumbarSegLib.training.augmentation import Augmenter
from LumbarSegLib.training.data import BatchSource, make_phantoms, prepare, without_vertebral_bodies
from LumbarSegLib.training.recipes import Recipe

#: Different phantoms in one run; augmentation varies them further.
_NUM_PHANTOMS = 96


def make_batches(
    train: Sequence[LabeledSlice],
    recipe: Recipe,
    seed: int,
    device: torch.device,
    *,
    rank: int = 0,
    num_ranks: int = 1,
) -> tuple[BatchSource, Augmenter]:
    """Prepare what a run trains on, from the state that it begins with.

    Parameters
    ----------
    train : sequence of LabeledSlice
        Slices to train on.
    recipe : Recipe
        Decides working grid, phantoms, batch size and augmentation.
    seed : int
        Decides order, augmentation and phantoms.
    device : torch.device
        Where batches are augmented.
    rank, num_ranks : int
        Number of this process, from 0, among those that share every batch.

    Returns
    -------
    source : BatchSource
        Batches as stored.
    augment : Augmenter
        To be called with each batch on `device`.
    """
    train = train if recipe.vertebral_body else without_vertebral_bodies(train)
    phantoms = make_phantoms(_NUM_PHANTOMS if recipe.phantom_share else 0, seed)
    source = BatchSource(
        prepare(train, recipe.preprocessing),
        prepare(phantoms, recipe.preprocessing),
        recipe,
        torch.Generator().manual_seed(seed),
        rank=rank,
        num_ranks=num_ranks,
    )
    noise = torch.Generator(device).manual_seed(seed + 1 + rank)
    return source, Augmenter(recipe.augmentation, recipe.preprocessing, noise)
