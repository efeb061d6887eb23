from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK
from dicom_factory import SHAPE_JI, make_dataset, make_pixels, save, tilted_axial, write_enhanced, write_series
from numpy.typing import NDArray
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import JPEGLosslessSV1, RLELossless

from LumbarSegLib.errors import InputError
from LumbarSegLib.io.dicom_headers import scan_dicom
from LumbarSegLib.io.dicom_pixels import read_slices


def read(*paths: Path) -> NDArray[np.float32]:
    (series,) = scan_dicom(paths).series
    return read_slices(series.slices)


def bundled(name: str) -> Path:
    return Path(str(get_testdata_file(name, download=False)))


def jpeg_lossless_frame(pixels: NDArray[np.uint16], folder: Path) -> bytes:
    """Compress with GDCM: pydicom has no decoder for this syntax."""
    writer = SimpleITK.ImageFileWriter()
    writer.SetFileName(str(folder / "frame.dcm"))
    writer.SetUseCompression(True)
    writer.SetCompressor("JPEG")
    writer.Execute(SimpleITK.GetImageFromArray(pixels[np.newaxis]))
    written = pydicom.dcmread(folder / "frame.dcm")
    assert written.file_meta.TransferSyntaxUID == JPEGLosslessSV1
    return next(generate_frames(written.PixelData, number_of_frames=1))


def compress(path: Path, folder: Path) -> None:
    """Rewrite a file of one or more frames as lossless JPEG."""
    dataset = pydicom.dcmread(path)
    frames = dataset.pixel_array.reshape(-1, *SHAPE_JI)
    folder.mkdir()
    dataset.PixelData = encapsulate([jpeg_lossless_frame(frame, folder) for frame in frames])
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = JPEGLosslessSV1
    dataset.save_as(path)


def test_rescale_and_order(tmp_path: Path) -> None:
    first, second = write_series(tmp_path, 2, RescaleSlope=0.5, RescaleIntercept=-10.0)
    image = read(first, second)
    assert image.dtype == np.float32
    np.testing.assert_allclose(image, np.stack([make_pixels(100), make_pixels(101)]) * 0.5 - 10.0)


def test_values_beyond_single_precision_are_infinite(tmp_path: Path) -> None:
    paths = write_series(tmp_path, 1, RescaleSlope=1e37)
    assert np.isinf(read(*paths)).any()


def test_signed_values_and_bits_beyond_those_stored(tmp_path: Path) -> None:
    pixels = make_pixels(0).astype(np.int16) - 2048
    np.testing.assert_array_equal(read(save(make_dataset(pixels, (0, 0, 0)), tmp_path / "a.dcm"))[0], pixels)
    # An overlay in the unused upper bits (retired, still met) is no signal.
    overlaid = make_pixels(0) | np.uint16(0x8000)
    path = save(make_dataset(overlaid, (0, 0, 0), BitsStored=12, HighBit=11), tmp_path / "b.dcm")
    np.testing.assert_array_equal(read(path)[0], make_pixels(0))


@pytest.mark.parametrize("dtype", [np.uint16, np.int16])
def test_monochrome1_is_turned(tmp_path: Path, dtype: type) -> None:
    pixels = make_pixels(0).astype(dtype)
    path = save(make_dataset(pixels, (0, 0, 0), PhotometricInterpretation="MONOCHROME1"), tmp_path / "a.dcm")
    image = read(path)[0]
    highest = np.iinfo(np.uint16).max if dtype is np.uint16 else -1
    np.testing.assert_array_equal(image, highest - pixels.astype(np.int64))


@pytest.mark.parametrize("implicit", [True, False])
def test_without_meta_header(tmp_path: Path, implicit: bool) -> None:
    dataset = make_dataset(make_pixels(5), (0, 0, 0), SOPClassUID=None)
    dataset.save_as(tmp_path / "bare", implicit_vr=implicit, little_endian=True, enforce_file_format=False)
    np.testing.assert_array_equal(read(tmp_path / "bare")[0], make_pixels(5))


def test_rle(tmp_path: Path) -> None:
    (path,) = write_series(tmp_path, 1)
    dataset = pydicom.dcmread(path)
    dataset.compress(RLELossless, generate_instance_uid=False)
    dataset.save_as(path)
    np.testing.assert_array_equal(read(path)[0], make_pixels(100))


@pytest.mark.parametrize(
    "name",
    [
        "MR_small_RLE.dcm",
        "MR_small_bigendian.dcm",
        "MR_small_implicit.dcm",
        "MR_small_jp2klossless.dcm",
        "MR_small_jpeg_ls_lossless.dcm",
        "MR_small_padded.dcm",
    ],
)
def test_lossless_transfer_syntaxes_of_one_image_agree(name: str) -> None:
    np.testing.assert_array_equal(read(bundled(name)), read(bundled("MR_small.dcm")))


def test_jpeg_lossless_with_rescale(tmp_path: Path) -> None:
    (path,) = write_series(tmp_path, 1, RescaleSlope=2.0, RescaleIntercept=1.0)
    compress(path, tmp_path / "frames")
    np.testing.assert_array_equal(read(path)[0], make_pixels(100) * 2.0 + 1.0)


@pytest.mark.parametrize("is_compressed", [False, True])
def test_enhanced_multi_frame_applies_the_slope_of_each_frame(tmp_path: Path, is_compressed: bool) -> None:
    pixels = np.stack([make_pixels(k) for k in range(3)])
    path = write_enhanced(tmp_path / "a.dcm", pixels, [(0, 0, 4 * k) for k in range(3)], tilted_axial(5))
    if is_compressed:
        compress(path, tmp_path / "frames")
    np.testing.assert_array_equal(read(path), pixels * np.array([1.0, 2.0, 3.0])[:, None, None])


def test_missing_frames_are_refused(tmp_path: Path) -> None:
    pixels = np.stack([make_pixels(k) for k in range(3)])
    path = write_enhanced(tmp_path / "a.dcm", pixels, [(0, 0, 4 * k) for k in range(3)], tilted_axial(5))
    dataset = pydicom.dcmread(path)
    dataset.NumberOfFrames, dataset.PixelData = 2, pixels[:2].tobytes()
    dataset.save_as(path)
    with pytest.raises(InputError, match="cannot be read"):
        read(path)


@pytest.mark.parametrize("num_missing", [2, 300])
def test_truncated_pixels_are_refused(tmp_path: Path, num_missing: int) -> None:
    (path,) = write_series(tmp_path, 1)
    path.write_bytes(path.read_bytes()[:-num_missing])
    with pytest.raises(InputError, match=r"pixel data of .*1-0\.dcm cannot be read: the file is truncated"):
        read(path)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_truncated_compressed_pixels_are_refused(tmp_path: Path, share: float) -> None:
    (path,) = write_series(tmp_path, 1)
    header_bytes = path.stat().st_size - make_pixels(0).nbytes
    compress(path, tmp_path / "frames")
    content = path.read_bytes()
    path.write_bytes(content[: header_bytes + int(share * (len(content) - header_bytes))])
    with pytest.raises(InputError, match="cannot be read"):
        read(path)


@pytest.mark.parametrize("name", ["MR_small_jpeg_ls_lossless.dcm", "MR_small_jp2klossless.dcm", "MR_small_RLE.dcm"])
def test_corrupt_compressed_pixels_are_refused(tmp_path: Path, name: str) -> None:
    dataset = pydicom.dcmread(bundled(name))
    (frame,) = generate_frames(dataset.PixelData, number_of_frames=1)
    dataset.PixelData = encapsulate([bytes(len(frame))])
    dataset.save_as(tmp_path / "a.dcm")
    with pytest.raises(InputError, match="cannot be read"):
        read(tmp_path / "a.dcm")


@pytest.mark.parametrize("name", ["SC_rgb_jpeg.dcm", "SC_rgb_rle.dcm", "examples_palette.dcm"])
def test_color_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="is a color image"):
        read(bundled(name))
