"""`lumbarseg train --preview`: augmented samples with outlines, as the network sees them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from itertools import islice

import numpy as np
import torch

from LumbarSegLib.commands.progress import say
from LumbarSegLib.errors import InputError
from LumbarSegLib.io.labeled_slices import LabeledSlice
from LumbarSegLib.report.contact_sheet import Tile, stretch_to_8bit, write_contact_sheet
from LumbarSegLib.report.output_files import output_files
from LumbarSegLib.training.batches import make_batches
from LumbarSegLib.training.recipes import Recipe

#: Samples on the sheet, as far as the first epoch has them in whole batches.
_NUM_SAMPLES = 24

#: Of the signal of all samples together: one window for all, so that their brightness can be compared.
_WINDOW_PERCENTILES = (0.5, 99.5)


def write_preview(
    options: argparse.Namespace, recipe: Recipe, train: Sequence[LabeledSlice], device: torch.device
) -> None:
    """Draw the first batches that a run under these options trains on.

    Parameters
    ----------
    options : argparse.Namespace
        Of `lumbarseg train`, with `preview`.
    recipe : Recipe
        The recipe that they choose.
    train : sequence of LabeledSlice
        The slices that they choose.
    device : torch.device
        Where the run would train; another kind of device draws other random numbers.

    Raises
    ------
    InputError
        If the file cannot be written or is no PNG.
    """
    if options.resume:
        raise InputError("--preview shows how a run begins.", "Leave out --resume.")
    if options.preview.suffix.lower() != ".png":
        raise InputError(f"{options.preview} is no name for a picture.", "Name the preview FILE.png.")
    with output_files([options.preview], inputs=[], overwrite=options.overwrite) as partial:
        source, augment = make_batches(train, recipe, options.seed, device)
        batches = [
            augment(images.to(device), labels.to(device))
            for images, labels in islice(source.epoch(), -(-_NUM_SAMPLES // recipe.batch_size))
        ]
        images = torch.cat([images for images, _ in batches])[:, 0].cpu().numpy()  # (N, H, W)
        labels = torch.cat([labels for _, labels in batches]).cpu().numpy()  # (N, H, W)
        low, high = np.percentile(images, _WINDOW_PERCENTILES)
        tiles = [
            Tile(stretch_to_8bit(image, (low, high)), label_map, (_caption(number, recipe.batch_size),))
            for number, (image, label_map) in enumerate(zip(images, labels, strict=True))
        ]
        pixels = f"{images.shape[2]} x {images.shape[1]} pixels of {recipe.preprocessing.pixel_size_mm:g} mm"
        heading = (
            f"Recipe {recipe.name}, {options.data.resolve().name}, fold {options.fold}, seed {options.seed}",
            f"The first {len(tiles)} samples of training, {pixels}; one window for all: {low:.1f} to {high:.1f}",
        )
        write_contact_sheet(partial[options.preview], tiles, heading)
    say(f"Wrote {options.preview}: {len(tiles)} augmented samples", quiet=options.quiet)


def _caption(number: int, batch_size: int) -> str:
    return f"Batch {number // batch_size + 1}, sample {number % batch_size + 1}"
