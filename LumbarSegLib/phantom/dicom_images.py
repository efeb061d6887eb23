"""Writes one synthetic MR slice as a DICOM file (PS3.3 A.4, MR Image IOD)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, MRImageStorage, generate_uid

FloatArray = NDArray[np.float64]

PATIENT_ID = "PHANTOM"


@dataclass(frozen=True)
class Series:
    """What the slices of a series have in common; the identifiers follow from `seed` and `number`.

    Parameters
    ----------
    seed : int
        Of the study.
    number : int
        Series number.
    description : str
        Series description.
    repetition_time_ms, echo_time_ms : float
        Of the spin echo.
    slice_thickness_mm, slice_distance_mm : float
        Thickness, and distance of slice centers.
    """

    seed: int
    number: int
    description: str
    repetition_time_ms: float
    echo_time_ms: float
    slice_thickness_mm: float
    slice_distance_mm: float

    @property
    def study_uid(self) -> str:
        """Study instance UID."""
        return _uid(self.seed, "study")

    @property
    def uid(self) -> str:
        """Series instance UID."""
        return _uid(self.seed, "series", self.number)

    def instance_uid(self, instance: int) -> str:
        """Return the SOP instance UID of a slice."""
        return _uid(self.seed, "series", self.number, "instance", instance)


def _uid(*parts: object) -> str:
    return str(generate_uid(entropy_srcs=[PATIENT_ID, *(str(part) for part in parts)]))


def write_image(
    path: Path, series: Series, instance: int, image: NDArray[np.floating], affine_ij_to_lps: FloatArray
) -> None:
    """Write a slice.

    Parameters
    ----------
    path : Path
        New file in an existing folder.
    series : Series
        What it belongs to.
    instance : int
        Instance number, from 1.
    image : (J, I) ndarray
        Signal, 0-65535; stored rounded.
    affine_ij_to_lps : (4, 4) ndarray
        Indices (i, j, 0, 1) to millimeters in DICOM's patient frame; the third column is unused.
    """
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = MRImageStorage
    meta.MediaStorageSOPInstanceUID = UID(series.instance_uid(instance))
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID = MRImageStorage
    dataset.SOPInstanceUID = series.instance_uid(instance)
    dataset.InstanceNumber = instance
    _set_study(dataset, series)
    _set_acquisition(dataset, series)
    _set_plane(dataset, affine_ij_to_lps)
    _set_pixels(dataset, image)
    dataset.save_as(path, enforce_file_format=True)


def _set_study(dataset: FileDataset, series: Series) -> None:
    dataset.PatientName = PATIENT_ID
    dataset.PatientID = PATIENT_ID
    dataset.PatientBirthDate = ""
    dataset.PatientSex = ""
    dataset.StudyInstanceUID = series.study_uid
    dataset.StudyID = str(series.seed)
    dataset.StudyDate = "20000101"
    dataset.StudyTime = "120000"
    dataset.StudyDescription = "Synthetic lumbar spine"
    dataset.AccessionNumber = ""
    dataset.ReferringPhysicianName = ""
    dataset.SeriesInstanceUID = series.uid
    dataset.SeriesNumber = series.number
    dataset.SeriesDescription = series.description
    dataset.Modality = "MR"
    dataset.Manufacturer = "LumbarSegLib phantom"
    dataset.FrameOfReferenceUID = _uid(series.seed, "frame of reference")
    dataset.PositionReferenceIndicator = ""
    dataset.PatientPosition = "HFS"
    dataset.BodyPartExamined = "LSPINE"


def _set_acquisition(dataset: FileDataset, series: Series) -> None:
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "M", "SE"]
    dataset.ScanningSequence = "SE"
    dataset.SequenceVariant = "SK"
    dataset.ScanOptions = ""
    dataset.MRAcquisitionType = "2D"
    dataset.MagneticFieldStrength = 1.5
    dataset.RepetitionTime = series.repetition_time_ms
    dataset.EchoTime = series.echo_time_ms
    dataset.EchoTrainLength = 15
    dataset.FlipAngle = 90
    dataset.SliceThickness = series.slice_thickness_mm
    dataset.SpacingBetweenSlices = series.slice_distance_mm


def _set_plane(dataset: FileDataset, affine_ij_to_lps: FloatArray) -> None:
    edge_i, edge_j = affine_ij_to_lps[:3, 0], affine_ij_to_lps[:3, 1]
    spacing_i, spacing_j = float(np.linalg.norm(edge_i)), float(np.linalg.norm(edge_j))
    cosines = np.concatenate([edge_i / spacing_i, edge_j / spacing_j])
    # A decimal string holds 16 characters.
    dataset.ImageOrientationPatient = [f"{value:.10f}" for value in cosines]
    dataset.ImagePositionPatient = [f"{value:.8f}" for value in affine_ij_to_lps[:3, 3]]
    dataset.PixelSpacing = [f"{spacing_j:.8f}", f"{spacing_i:.8f}"]


def _set_pixels(dataset: FileDataset, image: NDArray[np.floating]) -> None:
    pixels = np.clip(np.rint(image), 0, 65535).astype("<u2")
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.BitsAllocated = 16
    dataset.BitsStored = 16
    dataset.HighBit = 15
    dataset.PixelRepresentation = 0
    upper = float(np.percentile(pixels, 99))
    dataset.WindowCenter = round(upper / 2)
    dataset.WindowWidth = max(round(upper), 1)
    dataset.PixelData = pixels.tobytes()
