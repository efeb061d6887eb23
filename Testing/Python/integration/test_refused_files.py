"""Files and folders that the operating system does not let us read.

The tests may run as a user who may read everything, hence a file of Linux that
nobody can read from its start, and a stand-in for the listing of a folder.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from dicom_factory import SAGITTAL, T2_TAGS, write_series

from LumbarSegLib.errors import InputError
from LumbarSegLib.io.dicom_headers import scan_dicom
from LumbarSegLib.io.dicom_pixels import read_slices
from LumbarSegLib.study_reading import open_study

#: Opens, and gives an input/output error when read: no process has memory at address 0.
UNREADABLE = Path("/proc/self/mem")
REASON = r"cannot be read \(Input/output error\)\. Check its permissions"

needs_unreadable_file = pytest.mark.skipif(not UNREADABLE.exists(), reason="needs Linux's /proc/self/mem")


@pytest.fixture
def forbid_listing(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """Return a function after which a folder's content may not be listed."""
    scandir = os.scandir

    def forbid(folder: Path) -> None:
        def refuse(path: Any = ".") -> Any:
            if Path(path) == folder:
                raise PermissionError(errno.EACCES, "Permission denied", str(path))
            return scandir(path)

        monkeypatch.setattr(os, "scandir", refuse)

    return forbid


@needs_unreadable_file
@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.nrrd", "a.mha", "a.png", "a.jpg", "a.dcm"])
def test_a_single_file(tmp_path: Path, name: str) -> None:
    (tmp_path / name).symlink_to(UNREADABLE)
    with pytest.raises(InputError, match=rf"{name} {REASON}"):
        open_study(tmp_path / name, spacing_mm=0.5)


@needs_unreadable_file
def test_a_file_in_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a.dcm").symlink_to(UNREADABLE)
    with pytest.raises(InputError, match=rf"a\.dcm {REASON}"):
        open_study(tmp_path)
    write_series(tmp_path, 3, **T2_TAGS)
    study = open_study(tmp_path)
    assert [len(block.image) for block in study.blocks] == [3]
    (warning,) = study.warnings
    assert warning.startswith("Files or folders left out because they cannot be read: 1, for example ")
    assert warning.endswith("a.dcm (Input/output error).")


@needs_unreadable_file
def test_a_slice_that_becomes_unreadable_after_the_scan(tmp_path: Path) -> None:
    (path,) = write_series(tmp_path, 1, **T2_TAGS)
    (series,) = scan_dicom([path]).series
    path.unlink()
    path.symlink_to(UNREADABLE)
    with pytest.raises(InputError, match=rf"1-0\.dcm {REASON}"):
        read_slices(series.slices)


def test_the_data_file_of_a_header(tmp_path: Path) -> None:
    fields = ("NDims = 3", "DimSize = 2 2 2", "ElementType = MET_UCHAR", "ElementDataFile = absent.raw")
    (tmp_path / "a.mhd").write_text("\n".join(fields) + "\n")
    with pytest.raises(InputError, match=r"absent\.raw cannot be read \(No such file or directory\)"):
        open_study(tmp_path / "a.mhd")


def test_a_folder(tmp_path: Path, forbid_listing: Callable[[Path], None]) -> None:
    (tmp_path / "study").mkdir()
    forbid_listing(tmp_path / "study")
    with pytest.raises(InputError, match=r"study cannot be read \(Permission denied\)\. Check its permissions"):
        open_study(tmp_path / "study")


def test_a_folder_in_a_folder(tmp_path: Path, forbid_listing: Callable[[Path], None]) -> None:
    write_series(tmp_path, 3, **T2_TAGS)
    write_series(tmp_path / "lost+found", 3, number=2, cosines=SAGITTAL, **T2_TAGS)
    forbid_listing(tmp_path / "lost+found")
    (warning,) = open_study(tmp_path).warnings
    assert "cannot be read: 1" in warning
    assert warning.endswith("lost+found (Permission denied).")


@pytest.mark.skipif(os.name != "posix", reason="needs symbolic links")
def test_links_in_a_circle(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(InputError, match=r"a cannot be read \(Too many levels of symbolic links\)"):
        open_study(tmp_path / "a")
    write_series(tmp_path / "study", 2, **T2_TAGS)
    (tmp_path / "study" / "circle.dcm").symlink_to(tmp_path / "a")
    assert [len(block.image) for block in open_study(tmp_path / "study").blocks] == [2]
