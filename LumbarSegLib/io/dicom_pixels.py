"""Decode the pixels of DICOM slices.

pydicom decodes what it can; compressions that it has no decoder for go to
GDCM, which SimpleITK brings along, so that no further package is needed.
"""

from __future__ import annotations

import logging
import struct
import tempfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import generate_frames
from pydicom.errors import InvalidDicomError
from pydicom.uid import (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
    SecondaryCaptureImageStorage,
    generate_uid,
)

from LumbarSegLib.errors import InputError
from LumbarSegLib.io.dicom_records import DicomSlice
from LumbarSegLib.io.dicom_tags import pydicom_tolerance
from LumbarSegLib.io.file_errors import cannot_be_read, refusal

logger = logging.getLogger(__name__)

#: What pydicom and Pillow raise on pixel data that they cannot decode.
_DECODING_ERRORS = (
    InvalidDicomError,
    OSError,
    EOFError,
    struct.error,
    zlib.error,
    RuntimeError,
    ValueError,
    KeyError,
    AttributeError,
    TypeError,
    NotImplementedError,
)

#: The attributes that GDCM needs to decode a pixel stream.
_PIXEL_KEYWORDS = (
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
)

_JPEG_START, _JPEG_END = b"\xff\xd8\xff", b"\xff\xd9"


def read_slices(slices: Sequence[DicomSlice]) -> NDArray[np.float32]:
    """Read the pixels of slices of one shape.

    Parameters
    ----------
    slices : sequence of DicomSlice
        At least one.

    Returns
    -------
    (K, J, I) ndarray of float32
        Signal after rescale slope and intercept, MONOCHROME1 turned so that
        larger values are brighter.

    Raises
    ------
    InputError
        If a file may not be read, is truncated or damaged, in color, or
        compressed in a way that neither pydicom nor GDCM decodes.
    """
    stored_by_file: dict[Path, NDArray[np.generic]] = {}
    planes = []
    for item in slices:
        if item.path not in stored_by_file:
            stored_by_file[item.path] = _read_stored_values(item.path)
        stored = stored_by_file[item.path]
        frame = item.frame or 0
        if frame >= len(stored):
            raise _unreadable(item.path)
        with np.errstate(over="ignore", invalid="ignore"):  # what overflows is infinite, and checked as such
            planes.append(stored[frame].astype(np.float32) * item.rescale_slope + item.rescale_intercept)
    return np.stack(planes).astype(np.float32)


def _read_stored_values(path: Path) -> NDArray[np.generic]:
    """Return the frames (F, J, I) of a file as stored, larger values brighter."""
    with pydicom_tolerance():
        try:
            dataset = pydicom.dcmread(path, force=True)
            _state_transfer_syntax(dataset)
            is_grey = dataset.SamplesPerPixel == 1 and dataset.PhotometricInterpretation != "PALETTE COLOR"
        except _DECODING_ERRORS as error:
            if reason := refusal(error):
                raise cannot_be_read(path, reason) from error
            raise _unreadable(path) from error
        if not is_grey:
            raise InputError(f"{path} is a color image.", "Pass the original gray images of the scanner.")
        try:
            stored = dataset.pixel_array
        except _DECODING_ERRORS as error:
            if not _holds_whole_jpegs(dataset):
                raise _unreadable(path) from error
            logger.info("pydicom cannot decode %s (%s); trying GDCM", path, dataset.file_meta.TransferSyntaxUID.name)
            stored = _decode_with_gdcm(dataset, path)
    stored = stored.reshape(-1, *stored.shape[-2:])
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        # Mirror the stored range: 0..2^n - 1, or -2^(n - 1)..2^(n - 1) - 1 if signed.
        lowest_plus_highest = -1 if dataset.PixelRepresentation == 1 else 2**dataset.BitsStored - 1
        stored = lowest_plus_highest - stored.astype(np.int64)
    return stored


def _state_transfer_syntax(dataset: pydicom.FileDataset) -> None:
    """Fill in the transfer syntax of a file without a meta header, which is never compressed."""
    if "TransferSyntaxUID" not in dataset.file_meta:
        is_implicit, _ = dataset.original_encoding
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if is_implicit else ExplicitVRLittleEndian


def _holds_whole_jpegs(dataset: pydicom.FileDataset) -> bool:
    """Whether every frame is a JPEG stream from its first to its last marker.

    The compressions without a decoder in pydicom (JPEG-LS, lossless and
    12-bit JPEG) have these markers. GDCM crashes on streams without them.
    """
    if not dataset.file_meta.TransferSyntaxUID.is_compressed or "PixelData" not in dataset:
        return False
    try:
        frames = list(generate_frames(dataset.PixelData, number_of_frames=_num_frames(dataset)))
    except (ValueError, struct.error):
        return False
    # A stream of odd length is padded with one zero byte.
    return all(frame.startswith(_JPEG_START) and _JPEG_END in frame[-4:] for frame in frames)


def _num_frames(dataset: pydicom.FileDataset) -> int:
    return int(dataset.get("NumberOfFrames") or 1)


def _decode_with_gdcm(dataset: pydicom.FileDataset, path: Path) -> NDArray[np.generic]:
    """Decode compressed pixel data through SimpleITK.

    GDCM gets a file with nothing but the pixels, because it would apply a
    rescale slope by its own rules, which differ for enhanced multi-frame images.
    """
    import SimpleITK  # slow to import and rarely needed

    bare = Dataset()
    for keyword in (*_PIXEL_KEYWORDS, "PixelData"):
        if keyword in dataset:
            bare.add(dataset[keyword])
    bare.PhotometricInterpretation = "MONOCHROME2"
    bare.SOPClassUID = SecondaryCaptureImageStorage
    if _num_frames(dataset) > 1:
        bare.SOPClassUID = MultiFrameGrayscaleWordSecondaryCaptureImageStorage
        bare.NumberOfFrames = _num_frames(dataset)
    bare.SOPInstanceUID = generate_uid()
    bare.file_meta = FileMetaDataset()
    bare.file_meta.TransferSyntaxUID = dataset.file_meta.TransferSyntaxUID
    bare.file_meta.MediaStorageSOPClassUID = bare.SOPClassUID
    bare.file_meta.MediaStorageSOPInstanceUID = bare.SOPInstanceUID
    with tempfile.TemporaryDirectory() as folder:
        bare_path = Path(folder) / "pixels.dcm"
        try:
            bare.save_as(bare_path, enforce_file_format=True)
            decoded: NDArray[np.generic] = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(bare_path)))
        except (RuntimeError, ValueError) as error:
            raise _unreadable(path) from error
    return decoded


def _unreadable(path: Path) -> InputError:
    return InputError(
        f"The pixel data of {path} cannot be read: the file is truncated, damaged or compressed in an unknown way.",
        "Export the series again, uncompressed.",
    )
