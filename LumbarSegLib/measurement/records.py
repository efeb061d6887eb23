"""What measuring yields: frozen records, one per slice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from LumbarSegLib.geometry import FloatArray

Vector3 = tuple[float, float, float]


@dataclass(frozen=True)
class Measure:
    """One figure, or the reason why there is none.

    Parameters
    ----------
    key : str
        What is measured, without the unit (``psoas_left_area``).
    value : float or None
        None where the structure is absent; never 0 in its place.
    unit : str
        As written in column names: ``mm2``, ``mm``, ``deg``, ``percent``, ``fraction`` (0-1) or ``ratio``.
    reason : str
        Why `value` is None; empty otherwise.
    caveat : str
        What a reader of `value` has to know; empty where it is None or needs nothing said.
    interval : tuple of float, or None
        From where to where the true value lies in 90 % of slices (`with_intervals`).
    interval_reason : str
        Why an area that has a value has no interval, as far as that is known; empty otherwise.
    """

    key: str
    value: float | None
    unit: str
    reason: str = ""
    caveat: str = ""
    interval: tuple[float, float] | None = None
    interval_reason: str = ""

    @property
    def column(self) -> str:
        """Name of the table's column: key and unit (``psoas_left_area_mm2``), which a key may end in already."""
        return self.key if self.key.endswith(f"_{self.unit}") else f"{self.key}_{self.unit}"


@dataclass(frozen=True)
class Midline:
    """The line in a slice that parts the patient's right from the left.

    Parameters
    ----------
    point_ras_mm : tuple of float
        Position on the line, RAS.
    anterior_ras : tuple of float
        Unit vector along the line, in the slice plane, to the patient's front.
    right_ras : tuple of float
        Unit vector across the line, in the slice plane, to the patient's right.
    point_source : str
        Structure whose centroid is the point.
    direction_sources : tuple of str
        What the direction was found from; empty where it is the patient's
        antero-posterior axis for want of anything better.
    """

    point_ras_mm: Vector3
    anterior_ras: Vector3
    right_ras: Vector3
    point_source: str
    direction_sources: tuple[str, ...] = ()

    def distance_to_right_mm(self, positions_ras_mm: FloatArray) -> FloatArray:
        """Return how far (N, 3) RAS positions lie to the patient's right of the line, in mm, (N,)."""
        distance: FloatArray = (positions_ras_mm - np.array(self.point_ras_mm)) @ np.array(self.right_ras)
        return distance


@dataclass(frozen=True)
class Flag:
    """Something in a slice that makes its figures doubtful.

    Parameters
    ----------
    key : str
        What kind of thing, such as ``touches_border``.
    sentence : str
        What exactly.
    """

    key: str
    sentence: str


@dataclass(frozen=True)
class BandedArea:
    """Where the dural sac's area lies among published limits; no diagnosis.

    Parameters
    ----------
    band : str or None
        The limits around the area; None without an area.
    source : str
        Who published the limits.
    is_crossed : bool or None
        Whether the interval of the area crosses a limit; None without an interval.
    """

    band: str | None
    source: str
    is_crossed: bool | None


@dataclass(frozen=True)
class SliceMeasurement:
    """Everything measured in one slice, in the slice's own plane.

    Parameters
    ----------
    slice_index : int
        Position along the block's K axis, from 0 (tables count from 1).
    center_ras_mm : tuple of float
        RAS position of the slice's center.
    spacing_ji_mm : tuple of float
        Distance between pixel centers along rows (j) and columns (i).
    axial_tilt_deg : float
        Angle between the slice normal and the body's long axis.
    midline : Midline or None
        None where no structure shows where the midline is.
    measures : tuple of Measure
        In the order of the table's columns.
    notes : tuple of str
        What a reader has to know about this slice as a whole.
    disc_center_ras_mm : tuple of float or None
        RAS position of the centroid of the disc's outline; None without a disc.
    fat_method : str
        How fat was told from muscle, see `LumbarSegLib.measurement.fat`.
    flags : tuple of Flag
        What makes the figures doubtful, see `LumbarSegLib.measurement.quality`.
    sac_band : BandedArea or None
        None as long as nobody has chosen a table of limits.
    """

    slice_index: int
    center_ras_mm: Vector3
    spacing_ji_mm: tuple[float, float]
    axial_tilt_deg: float
    midline: Midline | None
    measures: tuple[Measure, ...]
    notes: tuple[str, ...] = ()
    disc_center_ras_mm: Vector3 | None = None
    fat_method: str = "none"
    flags: tuple[Flag, ...] = ()
    sac_band: BandedArea | None = None

    @property
    def remarks(self) -> tuple[str, ...]:
        """The notes and what has to be known about single figures, each once."""
        return tuple(dict.fromkeys((*self.notes, *(each.caveat for each in self.measures if each.caveat))))

    def __getitem__(self, key: str) -> Measure:
        """Return the measure called `key`.

        Raises
        ------
        KeyError
            No measure has that key.
        """
        for measure in self.measures:
            if measure.key == key:
                return measure
        raise KeyError(key)
