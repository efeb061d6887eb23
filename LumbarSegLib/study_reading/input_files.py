"""Which files the user means: checks of the paths, and the search below folders."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from LumbarSegLib.errors import InputError
from LumbarSegLib.io.dicom_records import RefusedFile
from LumbarSegLib.io.file_errors import cannot_be_read, reason_of
from LumbarSegLib.io.picture_files import PICTURE_SUFFIXES
from LumbarSegLib.io.volume_files import VOLUME_SUFFIXES

#: The repair of whatever is no study.
USABLE_INPUT = "Pass the folder of a DICOM study, a NIfTI, NRRD or MetaImage file, or one picture with --spacing-mm."

_ARCHIVE_SUFFIXES = (".zip", ".tar", ".tgz", ".tar.gz", ".7z", ".rar", ".gz", ".bz2", ".xz")


@dataclass(frozen=True)
class FoundFiles:
    """Files that may be DICOM, sorted within each folder that was passed, and what could not be searched."""

    files: tuple[Path, ...]
    refused: tuple[RefusedFile, ...]


def check_path(path: Path) -> None:
    """Raise `InputError` if `path` does not exist, cannot be reached, or is an archive."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InputError(f"{path} does not exist.", "Check the spelling of the path.") from error
    except OSError as error:  # a folder that may not be searched, a name that is too long, links in a circle
        raise cannot_be_read(path, reason_of(error)) from error
    if path.is_file() and path.name.lower().endswith(_ARCHIVE_SUFFIXES) and not is_image_file(path):
        raise InputError(f"{path} is an archive.", "Unpack it and pass the folder.")


def is_image_file(path: Path) -> bool:
    """Whether the name is that of a volume or of a picture."""
    return path.is_file() and path.name.lower().endswith((*VOLUME_SUFFIXES, *PICTURE_SUFFIXES))


def folder_of(source: Path) -> Path:
    """Return the folder that `source` is, or lies in."""
    return source if source.is_dir() else source.parent


def name_below(path: Path, folder: Path) -> Path:
    """Return `path` from `folder` on, or as it is where it lies elsewhere."""
    return path.relative_to(folder) if path.is_relative_to(folder) else path


def find_dicom_files(paths: Sequence[Path]) -> FoundFiles:
    """Collect the files of folders at any depth; a DICOMDIR stands for its folder.

    Parameters
    ----------
    paths : sequence of Path
        Checked by `check_path`.

    Returns
    -------
    FoundFiles
        At least one file.

    Raises
    ------
    InputError
        If a single file is not DICOM, or there is no file at all.
    """
    # pydicom takes as long to import as the rest of reading; image files do without it.
    from LumbarSegLib.io.dicom_headers import is_dicom

    files: list[Path] = []
    refused: list[RefusedFile] = []
    for path in paths:
        if path.is_dir() or path.name.upper() == "DICOMDIR":
            files += _files_below(folder_of(path), refused)
            continue
        try:
            is_known = is_dicom(path)
        except OSError as error:
            raise cannot_be_read(path, reason_of(error)) from error
        if not is_known:
            raise InputError(f"{path} is not an image of a known type.", USABLE_INPUT)
        files.append(path)
    if not files and refused:
        raise cannot_be_read(refused[0].path, refused[0].reason)
    if not files:
        raise InputError(f"The folder {paths[0]} is empty.", USABLE_INPUT)
    return FoundFiles(tuple(files), tuple(refused))


def _files_below(folder: Path, refused: list[RefusedFile]) -> list[Path]:
    def refuse(error: OSError) -> None:
        refused.append(RefusedFile(Path(error.filename), reason_of(error)))

    files = []
    # Path.rglob passes over folders that it may not read, and says nothing.
    for parent, _, names in os.walk(folder, onerror=refuse):
        for path in (Path(parent, name) for name in names):
            try:
                if path.is_file():
                    files.append(path)
            except OSError as error:  # a link to a place that may not be read
                refuse(error)
    return sorted(files)
