"""What is known of two examinations that are compared."""

from __future__ import annotations

from dataclasses import dataclass

from LumbarSegLib.measurement.level_names import LevelName
from LumbarSegLib.measurement.records import Measure, Vector3


@dataclass(frozen=True)
class ExaminedLevel:
    """One disc of one examination, with the figures of the slice that stands for it.

    Parameters
    ----------
    number : int
        Position among the levels, from 1 at the patient's foot upward.
    name : LevelName
        What it is called, and why.
    block, slice_number : int
        Where its slice is, both from 1.
    num_slices : int
        Of the level, among which the smallest dural sac was looked for.
    measures : tuple of Measure
        Of that slice, with the smallest dural sac of the level.
    sac_ras_mm : tuple of float or None
        Centroid of the dural sac in that slice; None without a sac or without known orientation.
    slice_thickness_mm : float or None
        As the file states it.
    spacing_ji_mm : tuple of float
        Distance of pixel centers along rows and columns.
    tilt_deg : float or None
        Of the slice against the body's axial plane; None without known orientation.
    fat_method : str
        How fat was told from muscle.
    orientation_known : bool
        False where the patient's sides are an assumption.
    doubts : tuple of str
        The flags of the slice, in sentences, and what else makes its figures doubtful.
    """

    number: int
    name: LevelName
    block: int
    slice_number: int
    num_slices: int
    measures: tuple[Measure, ...]
    sac_ras_mm: Vector3 | None
    slice_thickness_mm: float | None
    spacing_ji_mm: tuple[float, float]
    tilt_deg: float | None
    fat_method: str
    orientation_known: bool = True
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Examination:
    """One result folder, as far as it is compared.

    Parameters
    ----------
    series : tuple of tuple of str
        Unique identifier and description of each series that was measured; identifiers may be empty.
    source : str
        Of the outlines: ``model``, ``edited`` by a person, or ``given`` from elsewhere.
    weights_name, weights_sha256 : str
        Of the network; empty if none is known.
    software_version : str
        Of LumbarSeg.
    levels : tuple of ExaminedLevel
        From the foot to the head, each disc once.
    """

    series: tuple[tuple[str, str], ...]
    source: str
    weights_name: str
    weights_sha256: str
    software_version: str
    levels: tuple[ExaminedLevel, ...]

    @property
    def series_uids(self) -> frozenset[str]:
        """Identifiers of the series that have one."""
        return frozenset(uid for uid, _ in self.series if uid)
