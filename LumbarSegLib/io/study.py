"""What reading yields: a study made of blocks of parallel, evenly spaced slices."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from LumbarSegLib import geometry
from LumbarSegLib.io.dicom_records import DicomSeries


@dataclass(frozen=True)
class Block:
    """Parallel, evenly spaced slices on one grid.

    Parameters
    ----------
    image : (K, J, I) ndarray of float32
        Signal in the units of the file (after rescale slope and intercept).
    affine_ijk_to_ras : (4, 4) ndarray of float64
        See `LumbarSegLib.geometry`.
    slice_thickness_mm : float or None
        From the tags; None where the file does not say.
    orientation_known : bool
        False for a plain picture: its sides are an assumption.
    slice_distance_known : bool
        False for a volume file without spacing: its step along k is an assumption.
    series_uid, series_description : str
        Empty where the file has none.
    slice_sources : tuple of str
        Per slice, the file (or file and frame) that it came from; named from
        the folder on that was read, where it lies below it. Empty if the block
        was not read.
    """

    image: NDArray[np.float32]
    affine_ijk_to_ras: NDArray[np.float64]
    slice_thickness_mm: float | None = None
    orientation_known: bool = True
    slice_distance_known: bool = True
    series_uid: str = ""
    series_description: str = ""
    slice_sources: tuple[str, ...] = ()

    @property
    def spacing_kji_mm(self) -> tuple[float, float, float]:
        """Voxel spacing (k, j, i) in mm."""
        return geometry.spacing_kji_mm(self.affine_ijk_to_ras)

    @property
    def slice_distance_mm(self) -> float | None:
        """Distance of the centers of neighboring slices in mm; None for a single slice or an assumed step."""
        return self.spacing_kji_mm[0] if self.slice_distance_known and self.image.shape[0] > 1 else None

    @property
    def slice_gap_mm(self) -> float | None:
        """Empty space between neighboring slices in mm; None for a single slice or unknown thickness or distance."""
        if self.slice_thickness_mm is None or self.slice_distance_mm is None:
            return None
        return self.slice_distance_mm - self.slice_thickness_mm


@dataclass(frozen=True)
class Study:
    """One examination, read.

    Parameters
    ----------
    source : Path
        The folder or file that was read (the first of several).
    blocks : tuple of Block
        Ordered from caudal to cranial by the center of the block.
    series_choice : str
        One sentence: which series was taken and why.
    warnings : tuple of str
        What a reader has to know (missing slices, assumed sides, ...).
    sagittal_series : tuple of DicomSeries
        Headers of the sagittal MR series in the same coordinate system.
    """

    source: Path
    blocks: tuple[Block, ...]
    series_choice: str = ""
    warnings: tuple[str, ...] = field(default=())
    sagittal_series: tuple[DicomSeries, ...] = field(default=())
