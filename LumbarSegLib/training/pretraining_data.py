"""Images without labels: folders of gray pictures, ready for pretraining."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from LumbarSegLib.errors import InputError
from LumbarSegLib.io.picture_files import read_picture
from LumbarSegLib.preprocessing import PreprocessingConfig
from LumbarSegLib.training.data import TrainingSlice, prepare_image


@dataclass(frozen=True)
class ImageFolder:
    """Where images are and how large their pixels.

    Parameters
    ----------
    directory : Path
        Its images/ if it has such a folder, as labeled slices do; itself otherwise.
        PNG files count, those of folders below too.
    spacing_mm : float
        Pixel size in mm, the same for all.
    """

    directory: Path
    spacing_mm: float

    def files(self) -> list[Path]:
        """Return the PNG files in order of their paths.

        Raises
        ------
        InputError
            If the folder is missing or holds none.
        """
        if not self.directory.is_dir():
            raise InputError(f"{self.directory} is not a folder.", "Give a folder of gray PNG files.")
        images = self.directory / "images"
        files = sorted((images if images.is_dir() else self.directory).rglob("*.png"))
        if not files:
            raise InputError(f"{self.directory} holds no PNG files.", "Give a folder of gray PNG files.")
        return files


@dataclass(frozen=True)
class UnlabeledImages:
    """What a run of pretraining learns from and is measured on.

    Parameters
    ----------
    train, held_back : sequence of TrainingSlice
        Background throughout.
    held_back_names : tuple of str
        File names without ending.
    sha256 : str
        Of all paths below their folders, and the pixel sizes.
    """

    train: Sequence[TrainingSlice]
    held_back: Sequence[TrainingSlice]
    held_back_names: tuple[str, ...]
    sha256: str


def read_images(folders: Sequence[ImageFolder], config: PreprocessingConfig, held_back_share: float) -> UnlabeledImages:
    """Read folders of images and resample them to the working grid.

    Parameters
    ----------
    folders : sequence of ImageFolder
        At least one.
    config : PreprocessingConfig
        The working grid.
    held_back_share : float
        Of each folder the last images by name are held back, at least one:
        slices of one patient, which look alike, mostly have neighboring names.

    Raises
    ------
    InputError
        If a folder is missing or has fewer than two images, or an image cannot be read or is not gray.
    """
    train, held_back, names = [], [], []
    digest = hashlib.sha256()
    for folder in folders:
        files = folder.files()
        if len(files) < 2:
            raise InputError(f"{folder.directory} holds one image only.", "Give a folder of two or more.")
        first_held_back = len(files) - max(1, math.floor(held_back_share * len(files)))
        for number, file in enumerate(files):
            digest.update(f"{file.relative_to(folder.directory).as_posix()} {folder.spacing_mm}\n".encode())
            image = prepare_image(torch.from_numpy(read_picture(file)), folder.spacing_mm, config)
            # One stored zero serves as labels of any size.
            slice_ = TrainingSlice(
                image, torch.zeros((), dtype=torch.uint8).expand(1, *(2 * n for n in image.shape[1:]))
            )
            if number < first_held_back:
                train.append(slice_)
            else:
                held_back.append(slice_)
                names.append(file.stem)
    return UnlabeledImages(train, held_back, tuple(names), digest.hexdigest())
