"""The interval of every area of a slice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from LumbarSegLib import geometry
from LumbarSegLib.anatomy import ANATOMIES, Anatomy
from LumbarSegLib.geometry import FloatArray
from LumbarSegLib.measurement.area_intervals import AreaCalibration, PixelBounds, side_key
from LumbarSegLib.measurement.records import Measure, Midline, SliceMeasurement

#: Anatomies whose sides have an area of their own.
SIDED = tuple(each for each in ANATOMIES if each.is_paired or each.key == "ligamentum_flavum")

NOT_CALIBRATED = "the weights carry no calibration of areas (lumbarseg calibrate)"
_TOO_FEW = "too few held-out slices to calibrate"


@dataclass(frozen=True)
class _Area:
    """One area of the table: of an anatomy, whole or of a side."""

    anatomy: Anatomy
    side: str | None

    @property
    def measure_key(self) -> str:
        part = self.side or ("total" if self.anatomy.is_paired else None)
        return "_".join(word for word in (self.anatomy.key, part, "area") if word)

    @property
    def calibration_key(self) -> str:
        return side_key(self.anatomy.key) if self.side else self.anatomy.key


_AREAS = {
    area.measure_key: area
    for anatomy in ANATOMIES
    for area in (_Area(anatomy, side) for side in ((None, "left", "right") if anatomy in SIDED else (None,)))
}

_SAC, _CORRECTED_SAC, _SMALLEST_SAC = "dural_sac_area", "dural_sac_corrected_area", "smallest_dural_sac_area"

#: Measures that can have an interval.
INTERVAL_MEASURES = frozenset({*_AREAS, _CORRECTED_SAC, _SMALLEST_SAC})


def area_key(measure_key: str) -> str | None:
    """Return which of the keys of `AreaCalibration` speaks of a measure; None for what is no outlined area."""
    if measure_key in (_CORRECTED_SAC, _SMALLEST_SAC):
        measure_key = _SAC
    area = _AREAS.get(measure_key)
    return None if area is None else area.calibration_key


def with_intervals(
    slices: Sequence[SliceMeasurement],
    bounds: PixelBounds,
    affine_ijk_to_ras: FloatArray,
    calibration: AreaCalibration | None,
) -> tuple[SliceMeasurement, ...]:
    """Give every area its interval, or the reason why it has none.

    The area of a side has the bounds that lie on that side of the midline of
    the outlines: the midline itself is taken as certain.

    Parameters
    ----------
    slices : sequence of SliceMeasurement
        All slices of a block, as `measure_block` gives them.
    bounds : PixelBounds
        Of the network that outlined them, on the grid of the block.
    affine_ijk_to_ras : (4, 4) ndarray
        See `LumbarSegLib.geometry`.
    calibration : AreaCalibration or None
        Of that network. Without, there are no intervals: what the bounds
        alone hold is not known.

    Returns
    -------
    tuple of SliceMeasurement
    """
    affine = np.asarray(affine_ijk_to_ras, dtype=np.float64)
    return tuple(_with_intervals(each, bounds, affine, calibration) for each in slices)


def right_of_midline(
    midline: Midline, affine_ijk_to_ras: FloatArray, shape_ji: tuple[int, int], k: int
) -> NDArray[np.bool_]:
    """Return which pixels of slice `k` lie to the patient's right of the midline, (J, I)."""
    rows, columns = np.indices(shape_ji).reshape(2, -1)
    indices_ijk = np.stack([columns, rows, np.full_like(rows, k)], axis=1)
    positions = geometry.positions_ras_mm(affine_ijk_to_ras, indices_ijk)
    return (midline.distance_to_right_mm(positions) > 0).reshape(shape_ji)


def _with_intervals(
    measured: SliceMeasurement, bounds: PixelBounds, affine: FloatArray, calibration: AreaCalibration | None
) -> SliceMeasurement:
    if calibration is None:
        return replace(measured, measures=tuple(_without_interval(each, NOT_CALIBRATED) for each in measured.measures))
    k = measured.slice_index
    _, rows, columns = bounds.sure.shape
    parts: dict[str | None, NDArray[np.bool_]] = {None: np.ones((rows, columns), dtype=bool)}
    if measured.midline is not None:
        is_right = right_of_midline(measured.midline, affine, (rows, columns), k)
        parts |= {"left": ~is_right, "right": is_right}
    pixel_area_mm2 = geometry.pixel_area_mm2(affine)

    def add_interval(measure: Measure) -> Measure:
        area = _AREAS.get(measure.key)
        if area is None or measure.value is None:
            return measure
        low, high = (
            float(np.count_nonzero(mask & parts[area.side])) * pixel_area_mm2
            for mask in (bounds.is_sure(area.anatomy.index, k), bounds.is_possible(area.anatomy.index, k))
        )
        interval = calibration.interval(area.calibration_key, measure.value, low, high)
        if interval is None:
            return _without_interval(measure, _TOO_FEW)
        return replace(measure, interval=interval)

    measures = {each.key: add_interval(each) for each in measured.measures}
    if _CORRECTED_SAC in measures:
        measures[_CORRECTED_SAC] = _scaled(measures[_SAC], measures[_CORRECTED_SAC])
    return replace(measured, measures=tuple(measures.values()))


def _scaled(area: Measure, corrected: Measure) -> Measure:
    """Give a corrected area the interval of the area, corrected by the same factor: the tilt is taken as certain."""
    if area.value is None or corrected.value is None or area.interval is None:
        return replace(corrected, interval_reason=area.interval_reason if corrected.value is not None else "")
    factor = corrected.value / area.value
    return replace(corrected, interval=(area.interval[0] * factor, area.interval[1] * factor))


def _without_interval(measure: Measure, reason: str) -> Measure:
    if measure.key not in INTERVAL_MEASURES or measure.value is None:
        return measure
    return replace(measure, interval_reason=reason)
