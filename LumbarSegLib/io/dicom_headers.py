"""Scan files for DICOM images and turn their headers into records.

Only headers are read, and of them only the tags named here. Classic and
enhanced multi-frame images give the same records (DICOM PS3.3 C.7.6.16).
"""

from __future__ import annotations

import logging
import struct
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.uid import UID

from LumbarSegLib.io.dicom_placement import read_placement
from LumbarSegLib.io.dicom_records import (
    DamagedFile,
    DicomScan,
    DicomSeries,
    DicomSlice,
    RefusedFile,
    SeriesPlane,
    SeriesTags,
)
from LumbarSegLib.io.dicom_tags import Tags, pydicom_tolerance
from LumbarSegLib.io.file_errors import refusal

logger = logging.getLogger(__name__)

#: Everything that the scan looks at.
_KEYWORDS = (
    "AcquisitionNumber",
    "BodyPartExamined",
    "Columns",
    "EchoPlanarPulseSequence",
    "EchoPulseSequence",
    "EchoTime",
    "FrameOfReferenceUID",
    "ImageOrientationPatient",
    "ImagePositionPatient",
    "ImageType",
    "InversionTime",
    "Modality",
    "NumberOfFrames",
    "PerFrameFunctionalGroupsSequence",
    "PixelSpacing",
    "ProtocolName",
    "PulseSequenceName",
    "RepetitionTime",
    "RescaleIntercept",
    "RescaleSlope",
    "Rows",
    "SOPClassUID",
    "SOPInstanceUID",
    "ScanOptions",
    "ScanningSequence",
    "SequenceName",
    "SeriesDescription",
    "SeriesInstanceUID",
    "SeriesNumber",
    "SharedFunctionalGroupsSequence",
    "SliceThickness",
    "SpectrallySelectedSuppression",
    "StudyDate",
    "StudyDescription",
    "StudyInstanceUID",
    "TemporalPositionIdentifier",
)

#: What pydicom raises on a header that breaks off or makes no sense.
_HEADER_ERRORS = (
    InvalidDicomError,
    OSError,
    EOFError,
    struct.error,
    zlib.error,
    ValueError,
    KeyError,
    AttributeError,
    TypeError,
    NotImplementedError,
)

#: Group of the first element of a file without a preamble (0002 or 0008, little endian).
_FIRST_GROUPS = (b"\x02\x00", b"\x08\x00")

_ECHO_PULSE_TO_CLASSIC = {"SPIN": ("SE",), "GRADIENT": ("GR",), "BOTH": ("SE", "GR")}


@dataclass(frozen=True)
class _File:
    """The tags of a file (of its first frame) and one record per frame."""

    tags: Tags
    slices: tuple[DicomSlice, ...]


def scan_dicom(files: Iterable[Path]) -> DicomScan:
    """Read the headers of all DICOM images among `files`.

    Parameters
    ----------
    files : iterable of Path
        Any files; those that are not DICOM images are passed over.

    Returns
    -------
    DicomScan
    """
    found: dict[str, list[_File]] = {}
    damaged: list[DamagedFile] = []
    refused: list[RefusedFile] = []
    with pydicom_tolerance():
        for path in files:
            try:
                dataset = _read_header(path)
                file = None if dataset is None else _read_file(path, dataset)
            except _HEADER_ERRORS as error:
                logger.debug("%s: %s", path, error)
                if reason := refusal(error):
                    refused.append(RefusedFile(path, reason))
                else:
                    damaged.append(DamagedFile(path, ""))
                continue
            if dataset is None or file is None:
                continue
            tags = Tags(dataset)
            uid = tags.text("SeriesInstanceUID") or f"series number {tags.text('SeriesNumber') or 'unknown'}"
            if all(file.slices[0].shape_ji):
                found.setdefault(uid, []).append(file)
            elif _should_be_an_image(dataset):
                damaged.append(DamagedFile(path, uid))
        series = [_series(uid, parts) for uid, parts in found.items()]
    series.sort(key=lambda item: (item.tags.number is None, item.tags.number or 0, item.tags.uid))
    return DicomScan(tuple(series), tuple(damaged), tuple(refused))


def is_dicom(path: Path) -> bool:
    """Whether the file begins as a DICOM file does, with or without the 128-byte preamble."""
    head = _read_head(path)
    return _has_preamble(head) or head[:2] in _FIRST_GROUPS


def _read_head(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(132)


def _has_preamble(head: bytes) -> bool:
    return head[128:] == b"DICM"


def _read_header(path: Path) -> Dataset | None:
    """Return the header of a DICOM file, None for another file; raise if it is damaged."""
    head = _read_head(path)
    if not head:
        raise EOFError("The file is empty.")
    if _has_preamble(head):
        return _parse_header(path)
    if head[:2] not in _FIRST_GROUPS:
        return None
    # Two bytes prove little: without a preamble only a whole image header counts.
    try:
        dataset = _parse_header(path)
    except _HEADER_ERRORS:
        return None
    return dataset if "Rows" in dataset else None


def _parse_header(path: Path) -> Dataset:
    return pydicom.dcmread(path, force=True, stop_before_pixels=True, specific_tags=list(_KEYWORDS))


def _should_be_an_image(dataset: Dataset) -> bool:
    """Whether a header without rows and columns has lost them (a DICOMDIR or a report never had any)."""
    file_meta = getattr(dataset, "file_meta", Dataset())
    sop_class = Tags(dataset, file_meta).text("SOPClassUID", "MediaStorageSOPClassUID")
    return not sop_class or "Image Storage" in UID(sop_class).name


def _read_file(path: Path, dataset: Dataset) -> _File:
    per_frame = dataset.get("PerFrameFunctionalGroupsSequence")
    if not per_frame:
        tags = Tags(dataset)
        # A multi-frame file without functional groups has one position for all of its frames: none.
        is_placed = (tags.integer("NumberOfFrames") or 1) == 1
        return _File(tags, (_slice(path, None, tags, is_placed=is_placed),))
    shared = _flat_groups((dataset.get("SharedFunctionalGroupsSequence") or [Dataset()])[0])
    frames = [Tags(_flat_groups(groups), shared, dataset) for groups in per_frame]
    return _File(frames[0], tuple(_slice(path, k, tags, is_placed=True) for k, tags in enumerate(frames)))


def _flat_groups(groups: Dataset) -> Dataset:
    """Put the attributes of all functional groups of one frame into one dataset."""
    flat = Dataset()
    for element in groups:
        if element.VR == "SQ" and element.value:
            flat.update(element.value[0])
    return flat


def _slice(path: Path, frame: int | None, tags: Tags, *, is_placed: bool) -> DicomSlice:
    spacing = tags.numbers("PixelSpacing")
    slope = tags.number("RescaleSlope")
    return DicomSlice(
        path=path,
        frame=frame,
        sop_instance_uid=tags.text("SOPInstanceUID"),
        shape_ji=(tags.integer("Rows") or 0, tags.integer("Columns") or 0),
        placement=read_placement(tags) if is_placed else None,
        spacing_ji_mm=(spacing[0], spacing[1]) if len(spacing) == 2 else None,
        thickness_mm=tags.number("SliceThickness") or None,
        echo_time_ms=tags.number("EffectiveEchoTime", "EchoTime") or None,
        acquisition_number=tags.integer("FrameAcquisitionNumber", "AcquisitionNumber"),
        temporal_position=tags.integer("TemporalPositionIndex", "TemporalPositionIdentifier"),
        rescale_slope=slope if slope else 1.0,
        rescale_intercept=tags.number("RescaleIntercept") or 0.0,
    )


def _series(uid: str, files: Sequence[_File]) -> DicomSeries:
    slices = tuple(item for file in files for item in file.slices)
    return DicomSeries(_series_tags(uid, files[0].tags, slices), slices)


def _series_tags(uid: str, tags: Tags, slices: tuple[DicomSlice, ...]) -> SeriesTags:
    scanning_sequence, scan_options = _sequence_in_classic_terms(tags)
    return SeriesTags(
        uid=uid,
        number=tags.integer("SeriesNumber"),
        description=tags.text("SeriesDescription"),
        protocol=tags.text("ProtocolName"),
        sequence_name=tags.text("PulseSequenceName", "SequenceName"),
        study_uid=tags.text("StudyInstanceUID"),
        study_description=tags.text("StudyDescription"),
        study_date=tags.text("StudyDate"),
        frame_of_reference_uid=tags.text("FrameOfReferenceUID"),
        modality=tags.text("Modality").upper(),
        body_part=tags.text("BodyPartExamined"),
        plane=_plane_of_most(slices),
        num_images=len(slices),
        image_type=tags.texts("FrameType", "ImageType"),
        scanning_sequence=scanning_sequence,
        scan_options=scan_options,
        echo_times_ms=tuple(sorted({item.echo_time_ms for item in slices if item.echo_time_ms is not None})),
        repetition_time_ms=tags.number("RepetitionTime") or None,
        inversion_time_ms=tags.number("InversionTimes", "InversionTime") or None,
    )


def _sequence_in_classic_terms(tags: Tags) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return Scanning Sequence and Scan Options, translated from enhanced MR where it is that."""
    scanning_sequence, scan_options = tags.texts("ScanningSequence"), tags.texts("ScanOptions")
    scanning_sequence += _ECHO_PULSE_TO_CLASSIC.get(tags.text("EchoPulseSequence").upper(), ())
    if tags.text("InversionRecovery").upper() == "YES":
        scanning_sequence += ("IR",)
    if tags.text("EchoPlanarPulseSequence").upper() == "YES":
        scanning_sequence += ("EP",)
    if tags.text("SpectrallySelectedSuppression").upper().startswith("FAT"):
        scan_options += ("FS",)
    return scanning_sequence, scan_options


def _plane_of_most(slices: tuple[DicomSlice, ...]) -> SeriesPlane:
    planes = Counter(item.placement.plane for item in slices if item.placement is not None)
    if not planes:
        return "unknown"
    plane, count = planes.most_common(1)[0]
    return plane if 2 * count > planes.total() else "mixed"
