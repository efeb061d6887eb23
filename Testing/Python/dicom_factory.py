"""Small DICOM files for tests, written with pydicom; every tag can be set or taken away."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import EnhancedMRImageStorage, ExplicitVRLittleEndian, MRImageStorage

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
SAGITTAL = (0.0, 1.0, 0.0, 0.0, 0.0, -1.0)
CORONAL = (1.0, 0.0, 0.0, 0.0, 0.0, -1.0)

SHAPE_JI = (20, 24)
SPACING_MM = 0.5
STEP_MM = 4.4

#: Tags that make a series axial T2 of the lumbar spine.
T2_TAGS: dict[str, Any] = {
    "SeriesDescription": "t2_tse_tra",
    "ScanningSequence": "SE",
    "EchoTime": 100.0,
    "RepetitionTime": 3500.0,
}


def tilted_axial(degrees: float) -> tuple[float, ...]:
    """Return Image Orientation (Patient) of an axial slice turned about the left-right axis."""
    angle = np.radians(degrees)
    return (1.0, 0.0, 0.0, 0.0, float(np.cos(angle)), float(np.sin(angle)))


def normal_of(cosines: Sequence[float]) -> NDArray[np.float64]:
    return np.cross(cosines[:3], cosines[3:])


def make_pixels(seed: int, shape_ji: tuple[int, int] = SHAPE_JI) -> NDArray[np.uint16]:
    return np.random.default_rng(seed).integers(0, 4096, shape_ji, dtype=np.uint16)


def make_dataset(
    pixels: NDArray[np.generic], position_mm: Sequence[float], cosines: Sequence[float] = AXIAL, **tags: Any
) -> Dataset:
    """Return one MR image; a tag given as None is left out."""
    dataset = Dataset()
    dataset.SOPClassUID = MRImageStorage
    dataset.SOPInstanceUID = f"1.2.3.{abs(hash((tuple(np.round(position_mm, 3)), pixels.tobytes()))) % 10**12}"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.FrameOfReferenceUID = "1.2.1", "1.2.1.1", "1.2.9"
    dataset.Modality, dataset.SeriesNumber, dataset.SliceThickness = "MR", 1, 4.0
    dataset.ImageOrientationPatient, dataset.ImagePositionPatient = list(cosines), [float(p) for p in position_mm]
    dataset.PixelSpacing = [SPACING_MM, SPACING_MM]
    _add_pixels(dataset, pixels)
    for keyword, value in tags.items():
        if value is not None:
            setattr(dataset, keyword, value)
        elif keyword in dataset:
            delattr(dataset, keyword)
    return dataset


def save(dataset: Dataset, path: Path) -> Path:
    """Write a dataset with preamble and meta header, explicit little endian."""
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.get("SOPClassUID", MRImageStorage)
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.save_as(path, enforce_file_format=True)
    return path


def write_series(
    folder: Path,
    num_slices: int = 3,
    *,
    number: int = 1,
    cosines: Sequence[float] = AXIAL,
    first_position_mm: Sequence[float] = (-6.0, -5.0, 0.0),
    step_mm: float = STEP_MM,
    **tags: Any,
) -> list[Path]:
    """Write a stack of slices along the normal; series UID "1.2.1.NUMBER" unless given in `tags`."""
    tags = {"SeriesInstanceUID": f"1.2.1.{number}", "SeriesNumber": number} | tags
    paths = []
    for k in range(num_slices):
        position = np.asarray(first_position_mm) + k * step_mm * normal_of(cosines)
        dataset = make_dataset(make_pixels(100 * number + k), position, cosines, InstanceNumber=k + 1, **tags)
        paths.append(save(dataset, folder / f"{number}-{k}.dcm"))
    return paths


def write_enhanced(
    path: Path, pixels: NDArray[np.uint16], positions_mm: Sequence[Sequence[float]], cosines: Sequence[float]
) -> Path:
    """Write an enhanced multi-frame MR image: T2 spin echo, one rescale slope per frame (1, 2, ...)."""
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = EnhancedMRImageStorage, "1.2.3.77"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.FrameOfReferenceUID = "1.2.1", "1.2.1.7", "1.2.9"
    dataset.Modality, dataset.SeriesNumber, dataset.NumberOfFrames = "MR", 7, len(pixels)
    dataset.EchoPulseSequence = "SPIN"
    shared = _nested("PixelMeasuresSequence", PixelSpacing=[SPACING_MM, SPACING_MM], SliceThickness=4.0)
    shared.update(_nested("PlaneOrientationSequence", ImageOrientationPatient=list(cosines)))
    shared.update(_nested("MREchoSequence", EffectiveEchoTime=100.0))
    shared.update(_nested("MRTimingAndRelatedParametersSequence", RepetitionTime=3500.0))
    dataset.SharedFunctionalGroupsSequence = [shared]
    frames = []
    for k, position in enumerate(positions_mm):
        frame = _nested("PlanePositionSequence", ImagePositionPatient=[float(p) for p in position])
        frame.update(_nested("PixelValueTransformationSequence", RescaleSlope=k + 1.0, RescaleIntercept=0.0))
        frames.append(frame)
    dataset.PerFrameFunctionalGroupsSequence = frames
    _add_pixels(dataset, pixels)
    return save(dataset, path)


def _nested(sequence: str, **values: Any) -> Dataset:
    item, outer = Dataset(), Dataset()
    for keyword, value in values.items():
        setattr(item, keyword, value)
    setattr(outer, sequence, [item])
    return outer


def _add_pixels(dataset: Dataset, pixels: NDArray[np.generic]) -> None:
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.Rows, dataset.Columns = pixels.shape[-2:]
    dataset.BitsAllocated = dataset.BitsStored = 8 * pixels.dtype.itemsize
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = int(pixels.dtype.kind == "i")
    dataset.PixelData = pixels.tobytes()
