"""`lumbarseg pretrain`: images without labels to weights that `train --init` starts from."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from LumbarSegLib.commands.progress import say
from LumbarSegLib.commands.run_folder import check_run_folder, make_run_folder
from LumbarSegLib.errors import InputError
from LumbarSegLib.inference.devices import choose_device
from LumbarSegLib.report.contact_sheet import Tile, stretch_to_8bit, write_contact_sheet
from LumbarSegLib.training.pretraining import Pretrainer, PretrainingRun
from LumbarSegLib.training.pretraining_data import ImageFolder, read_images
from LumbarSegLib.training.pretraining_recipe import PRETRAINING_RECIPES, PretrainingRecipe
from LumbarSegLib.training.run_files import RESUME_NAME, RUN_FILES

_PICTURE = "restored.png"

#: Held-back images on the picture.
_NUM_SHOWN = 6

#: z-scores from black to white.
_WINDOW = (-2.0, 3.5)


def run_pretrain(options: argparse.Namespace) -> None:
    """Pretrain as the options say; the checkpoint grows epoch by epoch.

    Raises
    ------
    InputError
        If the images, the recipe, the device, the network or the output folder
        cannot be used.
    """
    recipe = _choose_recipe(options)
    if options.seed < 0:
        raise InputError(f"--seed must be >= 0, got {options.seed}.", "Give a whole number from 0.")
    folders = [_folder(text, recipe.nominal_spacing_mm) for text in options.images]
    device = choose_device(options.device)
    files = (*RUN_FILES, _PICTURE)
    check_run_folder(options.output, files, RESUME_NAME, resume=options.resume, overwrite=options.overwrite)
    run = PretrainingRun(
        images=read_images(folders, recipe.preprocessing, recipe.held_back_share),
        recipe=recipe,
        seed=options.seed,
        device=device.device,
        description={"data": "+".join(folder.directory.resolve().name for folder in folders)},
        model_name=options.model,
    )
    pretrainer = Pretrainer(run, options.output)
    make_run_folder(options.output)
    if options.resume:
        pretrainer.resume()
    else:
        for name in files:
            (options.output / name).unlink(missing_ok=True)
    checkpoint = pretrainer.fit(
        lambda row: say("  ".join(f"{key} {value}" for key, value in row.items()), quiet=options.quiet)
    )
    _write_picture(options.output / _PICTURE, pretrainer)
    say(f"Wrote {checkpoint}", quiet=options.quiet)


def _choose_recipe(options: argparse.Namespace) -> PretrainingRecipe:
    if options.recipe not in PRETRAINING_RECIPES:
        raise InputError(f"There is no recipe {options.recipe!r}.", f"Name one of {', '.join(PRETRAINING_RECIPES)}.")
    recipe = PRETRAINING_RECIPES[options.recipe]
    if options.epochs is None:
        return recipe
    try:
        return replace(recipe, epochs=options.epochs)
    except ValueError as error:
        raise InputError(f"--{error}", "Give another number.") from error


def _folder(text: str, nominal_spacing_mm: float) -> ImageFolder:
    """Understand DIR or DIR=MM."""
    directory, equals, number = text.rpartition("=")
    if not equals:
        return ImageFolder(Path(text), nominal_spacing_mm)
    try:
        spacing_mm = float(number)
    except ValueError as error:
        raise InputError(f"--images {text}: {number!r} is no number.", "Write DIR=MM, such as T1=0.6875.") from error
    if not 0.05 <= spacing_mm <= 10.0:
        raise InputError(f"--images {text}: a pixel must be 0.05 to 10 mm large.", "Give its size in mm.")
    return ImageFolder(Path(directory), spacing_mm)


def _write_picture(path: Path, pretrainer: Pretrainer) -> None:
    """Draw held-back images as the network got them, as it restored them, and as they are."""
    shown = pretrainer.restore(_NUM_SHOWN)
    tiles = []
    for number, name in zip(range(len(shown.target)), pretrainer.run.images.held_back_names, strict=False):
        for what, images in (("damaged", shown.damaged), ("restored", shown.restored), ("as it is", shown.target)):
            pixels = stretch_to_8bit(images[number, 0].numpy(), _WINDOW)
            tiles.append(Tile(pixels, np.zeros(pixels.shape, dtype=np.uint8), (f"{name}: {what}",)))
    recipe = pretrainer.run.recipe
    heading = (
        f"Recipe {recipe.name}, {pretrainer.run.description['data']}, epoch {pretrainer.epoch}",
        f"Held-back images; {recipe.augmentation.crop_pixels} pixels of {recipe.preprocessing.pixel_size_mm:g} mm",
    )
    write_contact_sheet(path, tiles, heading)
