"""Bad input is one error of one line that says what to do."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
import SimpleITK
from dicom_factory import AXIAL, CORONAL, SAGITTAL, T2_TAGS, make_dataset, make_pixels, save, write_series
from numpy.typing import NDArray
from PIL import ExifTags, Image
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGLSLossless

from LumbarSegLib.errors import InputError
from LumbarSegLib.study_reading import open_study


def volume(path: Path, array: NDArray[np.generic], spacing_ijk_mm: tuple[float, ...], cosines: Any = AXIAL) -> Path:
    image = SimpleITK.GetImageFromArray(array)
    normal = np.cross(cosines[:3], cosines[3:])
    image.SetDirection(np.column_stack([cosines[:3], cosines[3:], normal]).ravel().tolist())
    image.SetSpacing(spacing_ijk_mm)
    SimpleITK.WriteImage(image, str(path))
    return path


def noise(*shape: int) -> NDArray[np.float32]:
    return np.random.default_rng(0).random(shape, dtype=np.float32)


def not_finite(folder: Path, name: str, value: float) -> Path:
    array = noise(3, 8, 8)
    array[1, 2, 3] = value
    return volume(folder / name, array, (0.5, 0.5, 4.0))


def picture(folder: Path, array: NDArray[np.generic] | None = None) -> Path:
    Image.fromarray(make_pixels(0).astype(np.uint8) if array is None else array).save(folder / "a.png")
    return folder / "a.png"


def turned_picture(folder: Path) -> Path:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    Image.fromarray(make_pixels(0).astype(np.uint8)).save(folder / "a.jpg", exif=exif)
    return folder / "a.jpg"


def series(folder: Path, **tags: Any) -> Path:
    write_series(folder, **(T2_TAGS | tags))
    return folder


def truncated_slice(folder: Path, num_bytes_missing: int) -> Path:
    path = write_series(folder, **T2_TAGS)[1]
    path.write_bytes(path.read_bytes()[:-num_bytes_missing])
    return folder


def broken_header(folder: Path) -> Path:
    path = write_series(folder, **T2_TAGS)[1]
    content = path.read_bytes()
    path.write_bytes(content[: content.index(b"1.2.1.1") + 8])
    return folder


def undecodable(folder: Path) -> Path:
    path = write_series(folder, **T2_TAGS)[1]
    dataset = pydicom.dcmread(path)
    dataset.file_meta.TransferSyntaxUID = JPEGLSLossless
    dataset.PixelData = encapsulate([bytes(900)])
    dataset.save_as(path)
    return folder


def blank(folder: Path) -> Path:
    for k in range(3):
        dataset = make_dataset(np.full((8, 8), 7, np.uint16), (0, 0, 4 * k), SOPInstanceUID=f"1.{k}", **T2_TAGS)
        save(dataset, folder / f"{k}.dcm")
    return folder


def text_file(folder: Path, name: str) -> Path:
    (folder / name).write_text("Nothing to see.")
    return folder / name


def archive(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "study.zip", "w") as stream:
        stream.writestr("a.dcm", b"")
    return folder / "study.zip"


def two_equal_series(folder: Path) -> Path:
    return series(series(folder, number=1), number=2)


# What is wrong: (how to make the input, the options, what the error says, what it advises).
CASES: dict[str, tuple[Callable[[Path], Any], dict[str, Any], str, str]] = {
    "no input": (lambda _: [], {}, "No input", "Pass the folder"),
    "empty path": (lambda _: "", {}, "No input", "Pass the folder"),
    "empty path among others": (lambda folder: [folder, ""], {}, "No input", "Pass the folder"),
    "name that is too long": (lambda f: f / ("x" * 300), {}, "cannot be read (File name too long)", "Check"),
    "missing path": (lambda folder: folder / "absent", {}, "absent does not exist", "Check the spelling"),
    "not a folder": (lambda folder: text_file(folder, "a.txt"), {}, "not an image of a known type", "Pass the folder"),
    "empty file": (
        lambda folder: (folder / "a.dcm").touch() or folder / "a.dcm",
        {},
        "not an image",
        "Pass the folder",
    ),
    "archive": (archive, {}, "is an archive", "Unpack"),
    "empty folder": (lambda folder: folder, {}, "is empty", "Pass the folder"),
    "no DICOM": (lambda folder: text_file(folder, "a.txt").parent, {}, "no DICOM images", "Pass the folder"),
    "only damaged": (lambda folder: (folder / "a.dcm").touch() or folder, {}, "truncated or damaged", "Export"),
    "sagittal only": (
        lambda f: series(f, cosines=SAGITTAL),
        {},
        "no axial series: series 1 't2_tse_tra' (sag",
        "axial T2",
    ),
    "coronal only": (lambda f: series(f, cosines=CORONAL), {}, "no axial series", "axial T2-weighted"),
    "CT": (lambda folder: series(folder, Modality="CT"), {}, "no MR images: series 1", "MR series"),
    "T1 only": (
        lambda f: series(f, SeriesDescription="t1", EchoTime=10.0),
        {},
        "no axial T2-weighted series",
        "Pass --series UID",
    ),
    "several candidates": (two_equal_series, {}, "2 axial series fit equally well", "Pass --series UID"),
    "unknown UID": (series, {"series": "9"}, "no series with the UID '9'", "UID of one of these"),
    "sagittal asked for": (lambda f: series(f, cosines=SAGITTAL), {"series": "1.2.1.1"}, "not axial", "axial series"),
    "UID for a picture": (picture, {"series": "9", "spacing_mm": 0.5}, "is an image file", "Leave out --series"),
    "truncated slice": (lambda folder: truncated_slice(folder, 100), {}, "1-1.dcm cannot be read", "Export"),
    "truncated by one byte": (lambda folder: truncated_slice(folder, 1), {}, "1-1.dcm cannot be read", "Export"),
    "truncated header": (broken_header, {}, "1-1.dcm belongs to the chosen series and is truncated", "Export"),
    "undecodable": (undecodable, {}, "1-1.dcm cannot be read", "Export"),
    "no position": (
        lambda folder: series(folder, ImagePositionPatient=None, SeriesDescription="ax t2"),
        {},
        "no axial series",
        "axial T2-weighted",
    ),
    "no spacing": (lambda folder: series(folder, PixelSpacing=None), {}, "no pixel spacing", "--spacing-mm"),
    "spacing 0": (lambda folder: series(folder, PixelSpacing=[0, 0]), {}, "0 x 0 mm, outside 0.1-3 mm", "Correct it"),
    "spacing in meters": (lambda f: series(f, PixelSpacing=[5e-4, 5e-4]), {}, "outside 0.1-3 mm", "Correct it"),
    "other spacing": (series, {"spacing_mm": 0.7}, "which differs from 0.7 mm", "Leave out --spacing-mm"),
    "blank series": (blank, {}, "is blank: all pixels are 7", "Export"),
    "NaN": (lambda folder: not_finite(folder, "a.nii.gz", np.nan), {}, "NaN or infinite", "Replace"),
    "NaN in NRRD": (lambda folder: not_finite(folder, "a.nrrd", np.nan), {}, "NaN or infinite", "Replace"),
    "infinity": (lambda folder: not_finite(folder, "a.nii", np.inf), {}, "NaN or infinite", "Replace"),
    "beyond single precision": (
        lambda folder: volume(folder / "a.nrrd", noise(3, 8, 8) * np.float64(1e300), (0.5, 0.5, 4.0)),
        {},
        "NaN or infinite",
        "Replace",
    ),
    "blank volume": (lambda f: volume(f / "a.nrrd", np.ones((3, 8, 8)), (0.5, 0.5, 4.0)), {}, "is blank", "Export"),
    "isotropic without axial slices": (
        lambda folder: volume(folder / "a.nii.gz", noise(9, 9, 9), (1.0, 1.0, 1.0), SAGITTAL),
        {},
        "are sagittal, not axial (spacing 1 x 1 x 1 mm)",
        "reformat the volume into axial slices",
    ),
    "sagittal volume": (
        lambda folder: volume(folder / "a.mha", noise(9, 9, 9), (0.6, 0.6, 4.0), SAGITTAL),
        {},
        "are sagittal, not axial",
        "axial series",
    ),
    "volume in micrometers": (
        lambda folder: volume(folder / "a.mha", noise(3, 9, 9), (500.0, 500.0, 4000.0)),
        {},
        "500 x 500 mm, outside 0.1-3 mm",
        "Correct it",
    ),
    "other spacing for a volume": (
        lambda folder: volume(folder / "a.mha", noise(3, 9, 9), (0.5, 0.5, 4.0)),
        {"spacing_mm": 0.4},
        "which differs from 0.4 mm",
        "Leave out --spacing-mm",
    ),
    "truncated volume": (
        lambda f: (volume(f / "a.nii", noise(3, 9, 9), (0.5, 0.5, 4.0)), (f / "a.nii").write_bytes(b"\0" * 400))[0],
        {},
        "truncated or damaged",
        "Export",
    ),
    "picture without spacing": (picture, {}, "no pixel spacing", "--spacing-mm"),
    "color picture": (
        lambda folder: picture(folder, np.random.default_rng(0).integers(0, 255, (8, 8, 3), dtype=np.uint8)),
        {"spacing_mm": 0.5},
        "is in color",
        "gray picture",
    ),
    "blank picture": (lambda f: picture(f, np.ones((8, 8), np.uint8)), {"spacing_mm": 0.5}, "is blank", "Export"),
    "turned picture": (turned_picture, {"spacing_mm": 0.5}, "(EXIF orientation 6)", "without EXIF orientation"),
    "two pictures": (lambda folder: [picture(folder)] * 2, {"spacing_mm": 0.5}, "2 files were passed", "one picture"),
    "mixed kinds": (lambda folder: [picture(folder), folder], {"spacing_mm": 0.5}, "passed together", "one after"),
    "given spacing 0": (picture, {"spacing_mm": 0.0}, "between 0.1 and 3 mm, got 0", "--spacing-mm"),
    "given spacing negative": (picture, {"spacing_mm": -0.5}, "got -0.5", "--spacing-mm"),
    "given spacing NaN": (picture, {"spacing_mm": float("nan")}, "got nan", "--spacing-mm"),
    "given spacing of centimeters": (picture, {"spacing_mm": 3.1}, "got 3.1", "--spacing-mm"),
}


@pytest.mark.parametrize(("make", "options", "problem", "repair"), CASES.values(), ids=CASES.keys())
def test_one_line_says_what_is_wrong_and_what_to_do(
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    make: Callable[[Path], Any],
    options: dict[str, Any],
    problem: str,
    repair: str,
) -> None:
    source = make(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    capfd.readouterr()
    with pytest.raises(InputError) as caught:
        open_study(source, **options)
    assert problem in caught.value.problem
    assert repair in caught.value.repair
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith(".")
    # Nothing but the error: no noise from the libraries below, no file left.
    assert capfd.readouterr() == ("", "")
    assert sorted(tmp_path.rglob("*")) == before
