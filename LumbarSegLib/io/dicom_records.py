"""What the headers of a DICOM study say, as plain records without pydicom types.

Notation: positions and directions are LPS (left, posterior, superior positive),
as DICOM writes them; i runs along a row (DICOM's "row direction"), j down a column.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from LumbarSegLib import geometry
from LumbarSegLib.geometry import FloatArray

Vector = tuple[float, float, float]

#: The plane of most of a series' images; "mixed" when no plane has the majority.
SeriesPlane = Literal["axial", "coronal", "sagittal", "mixed", "unknown"]


@dataclass(frozen=True)
class SlicePlacement:
    """Where one slice lies, from Image Position and Image Orientation (Patient).

    Parameters
    ----------
    position_lps_mm : tuple of float
        Center of the first pixel.
    direction_i_lps, direction_j_lps : tuple of float
        Unit vectors of increasing column and of increasing row.
    """

    position_lps_mm: Vector
    direction_i_lps: Vector
    direction_j_lps: Vector

    @property
    def normal_lps(self) -> FloatArray:
        """Unit normal (3,) that points to the patient's head."""
        normal = np.cross(self.direction_i_lps, self.direction_j_lps)
        normal = normal / np.linalg.norm(normal)
        result: FloatArray = -normal if normal[2] < 0 else normal
        return result

    def affine_ijk_to_ras(self, spacing_ji_mm: tuple[float, float], step_mm: float) -> FloatArray:
        """Affine (4, 4) of a stack that begins at this slice and steps `step_mm` to the head."""
        affine_lps = np.eye(4)
        affine_lps[:3, 0] = np.multiply(self.direction_i_lps, spacing_ji_mm[1])
        affine_lps[:3, 1] = np.multiply(self.direction_j_lps, spacing_ji_mm[0])
        affine_lps[:3, 2] = self.normal_lps * step_mm
        affine_lps[:3, 3] = self.position_lps_mm
        return geometry.lps_to_ras(affine_lps)

    @property
    def plane(self) -> Literal["axial", "coronal", "sagittal"]:
        """The anatomical plane of the slice (`geometry.plane_name`)."""
        return geometry.plane_name(self.affine_ijk_to_ras((1.0, 1.0), 1.0))


@dataclass(frozen=True)
class DicomSlice:
    """One image, or one frame of a multi-frame image.

    Parameters
    ----------
    path : Path
        The file.
    frame : int or None
        Index of the frame, from 0; None in a single-frame file.
    sop_instance_uid : str
        Empty where the file has none.
    shape_ji : tuple of int
        Rows and columns.
    placement : SlicePlacement or None
        None where the file does not say where the slice lies.
    spacing_ji_mm : tuple of float or None
        Distance of the rows and of the columns.
    thickness_mm : float or None
    echo_time_ms : float or None
    acquisition_number, temporal_position : int or None
        What tells repeated images of one position apart, besides the echo time.
    rescale_slope, rescale_intercept : float
        Signal = stored value * slope + intercept.
    """

    path: Path
    frame: int | None
    sop_instance_uid: str
    shape_ji: tuple[int, int]
    placement: SlicePlacement | None
    spacing_ji_mm: tuple[float, float] | None
    thickness_mm: float | None = None
    echo_time_ms: float | None = None
    acquisition_number: int | None = None
    temporal_position: int | None = None
    rescale_slope: float = 1.0
    rescale_intercept: float = 0.0

    @property
    def source(self) -> str:
        """The file, with the frame (from 1, as DICOM counts) where it has several."""
        return str(self.path) if self.frame is None else f"{self.path} (frame {self.frame + 1})"


@dataclass(frozen=True)
class SeriesTags:
    """What a series says about itself; texts are empty and numbers None where a tag is absent.

    Parameters
    ----------
    uid : str
        Series Instance UID.
    number : int or None
    description, protocol, sequence_name : str
    study_uid, study_description, study_date : str
    frame_of_reference_uid : str
        Series that share it share one coordinate system.
    modality, body_part : str
    plane : str
        See `SeriesPlane`.
    num_images : int
        Images, each frame counted.
    image_type, scanning_sequence, scan_options : tuple of str
        Upper-case values. Enhanced MR attributes are given in classic terms
        (SE, GR, IR, EP; FS).
    echo_times_ms : tuple of float
        The different echo times, ascending.
    repetition_time_ms, inversion_time_ms : float or None
    """

    uid: str
    number: int | None = None
    description: str = ""
    protocol: str = ""
    sequence_name: str = ""
    study_uid: str = ""
    study_description: str = ""
    study_date: str = ""
    frame_of_reference_uid: str = ""
    modality: str = ""
    body_part: str = ""
    plane: SeriesPlane = "unknown"
    num_images: int = 0
    image_type: tuple[str, ...] = ()
    scanning_sequence: tuple[str, ...] = ()
    scan_options: tuple[str, ...] = ()
    echo_times_ms: tuple[float, ...] = ()
    repetition_time_ms: float | None = None
    inversion_time_ms: float | None = None


@dataclass(frozen=True)
class DicomSeries:
    """A series: its tags and its images."""

    tags: SeriesTags
    slices: tuple[DicomSlice, ...]


@dataclass(frozen=True)
class DamagedFile:
    """An empty file, or a DICOM file whose header breaks off; the UID is empty where it is lost."""

    path: Path
    series_uid: str


@dataclass(frozen=True)
class RefusedFile:
    """A file or folder that the operating system does not let us read, and why."""

    path: Path
    reason: str


@dataclass(frozen=True)
class DicomScan:
    """All series among the files that were scanned, by series number, and what could not be scanned."""

    series: tuple[DicomSeries, ...]
    damaged: tuple[DamagedFile, ...]
    refused: tuple[RefusedFile, ...] = ()
