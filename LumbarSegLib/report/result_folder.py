"""What a result folder holds of a network's outlines, and whether they are still as the network made them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from LumbarSegLib.errors import InputError
from LumbarSegLib.io.file_errors import cannot_be_read, reason_of

RECORD_FILE = "run.json"

#: Names of label maps, block by block.
_LABEL_MAPS = "segmentation_block-*.nii.gz"

#: How 3D Slicer names the same outlines when it saves them edited.
_SAVED_BY_SLICER = ".seg.nrrd"


def label_map_name(number: int) -> str:
    """Return the name of the label map of a block, which count from 1."""
    return f"segmentation_block-{number:02d}.nii.gz"


def label_map_files(folder: Path) -> list[Path]:
    """Return the label maps of a result folder, block by block; none if it is no result folder."""
    return sorted(folder.glob(_LABEL_MAPS))


def outline_files(folder: Path) -> list[Path]:
    """Return the outlines of a result folder, block by block.

    What 3D Slicer has saved under the name of a label map goes before the label map.
    """
    files = []
    for path in label_map_files(folder):
        saved = path.with_name(path.name.removesuffix(".nii.gz") + _SAVED_BY_SLICER)
        files.append(saved if saved.is_file() else path)
    return files


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's content.

    Raises
    ------
    InputError
        If it may not be read.
    """
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise cannot_be_read(path, reason_of(error)) from error


def hashes_of(paths: Sequence[Path]) -> dict[str, str]:
    """Return the SHA-256 of files by their names."""
    return {path.name: sha256_of(path) for path in paths}


@dataclass(frozen=True)
class ModelOutlines:
    """What the record of a result says of the outlines that a network made.

    Parameters
    ----------
    weights_name, weights_sha256 : str
        The network.
    sha256 : mapping of str to str
        Of each label map as it was written, by the name of its file.
    """

    weights_name: str
    weights_sha256: str
    sha256: Mapping[str, str]

    def is_untouched(self, path: Path) -> bool:
        """Whether a file is one of the label maps, as it was written."""
        return path.name in self.sha256 and path.is_file() and sha256_of(path) == self.sha256[path.name]


def read_model_outlines(folder: Path) -> ModelOutlines | None:
    """Return what a folder's record says of its label maps.

    None if the folder is no result, its outlines are not those of a network,
    or the record is of a version that did not hold their hashes.
    """
    try:
        record = json.loads((folder / RECORD_FILE).read_text(encoding="utf-8"))
        if record["source"] != "model":
            return None
        weights = record["weights"]
        return ModelOutlines(str(weights["name"]), str(weights["sha256"]), dict(record["label_maps"]))
    except (OSError, ValueError, KeyError, TypeError):  # none there, or a file of someone else
        return None


def check_apart(output: Path, inputs: Sequence[Path]) -> None:
    """Refuse an output folder that holds what is read: writing there would replace it.

    Raises
    ------
    InputError
        If `output` is, or holds, one of `inputs`.
    """
    place = output.resolve()
    for path in inputs:
        read = path.resolve()
        if read == place or place in read.parents:
            raise InputError(f"The output folder {output} holds {path}, which is read.", "Name another with --output.")
