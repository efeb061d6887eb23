"""Areas of the seven anatomies, slice by slice."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from LumbarSegLib import geometry
from LumbarSegLib.anatomy import ANATOMIES, Anatomy
from LumbarSegLib.geometry import FloatArray
from LumbarSegLib.measurement.midline import find_midline
from LumbarSegLib.measurement.records import Measure, Midline, SliceMeasurement

#: Order of the measures in a row: the sac first, then the muscles, then the rest.
_MEASURED = tuple(sorted(ANATOMIES, key=lambda anatomy: (anatomy.key != "dural_sac", not anatomy.is_paired)))

_NO_MIDLINE = "no midline structure (dural sac, disc, lamina, ligamentum flavum) parts the sides"
_NOT_AXIAL = "the slices are not axial"
_SIDES_ASSUMED = "sides are assumed: the file does not state the patient's orientation"


def measure_block(
    label_map: NDArray[np.integer], affine_ijk_to_ras: FloatArray, *, orientation_known: bool = True
) -> tuple[SliceMeasurement, ...]:
    """Measure every slice of a block in the slice's own plane.

    An area is the number of pixels times the area of a pixel. Structures in
    pairs are measured per patient side, parted by the spine's midline (see
    `find_midline`), and in total. What is absent has no value but a reason.

    Parameters
    ----------
    label_map : (K, J, I) ndarray of int
        0 background, 1-7 as in `LumbarSegLib.anatomy`.
    affine_ijk_to_ras : (4, 4) ndarray
        See `LumbarSegLib.geometry`.
    orientation_known : bool
        False where right and left rest on an assumption: a note says so.

    Returns
    -------
    tuple of SliceMeasurement
        One per slice, areas in mm2.

    Raises
    ------
    ValueError
        `label_map` is not three-dimensional or holds other labels than 0-7.
    """
    if label_map.ndim != 3:
        raise ValueError(f"label_map must have the shape (K, J, I), got {label_map.shape}.")
    if label_map.size and not 0 <= int(label_map.min()) <= int(label_map.max()) <= len(ANATOMIES):
        raise ValueError(
            f"label_map must hold the labels 0-{len(ANATOMIES)}, got {label_map.min()} to {label_map.max()}. "
            "Set labels of other structures to 0 first."
        )
    affine = np.asarray(affine_ijk_to_ras, dtype=np.float64)
    return tuple(_measure_slice(label_map, affine, k, orientation_known) for k in range(label_map.shape[0]))


def _measure_slice(
    label_map: NDArray[np.integer], affine: FloatArray, k: int, orientation_known: bool
) -> SliceMeasurement:
    rows, columns = np.nonzero(label_map[k])
    labels = label_map[k][rows, columns]
    positions = geometry.positions_ras_mm(affine, np.stack([columns, rows, np.full_like(rows, k)], axis=1))
    is_axial = geometry.plane_name(affine) == "axial"
    midline = find_midline(labels, positions, affine) if is_axial else None
    measures: list[Measure] = []
    for anatomy in _MEASURED:
        if anatomy.is_paired:
            no_sides = _NO_MIDLINE if is_axial else _NOT_AXIAL
            measures += _paired_areas(anatomy, positions[labels == anatomy.index], midline, affine, no_sides)
        else:
            pixels = int(np.count_nonzero(labels == anatomy.index))
            measures.append(_area(f"{anatomy.key}_area", pixels, affine, f"no {anatomy.key} pixels in the slice"))
    center = geometry.slice_center_ras_mm(affine, label_map.shape, k)
    return SliceMeasurement(
        slice_index=k,
        center_ras_mm=(float(center[0]), float(center[1]), float(center[2])),
        spacing_ji_mm=geometry.spacing_kji_mm(affine)[1:],
        axial_tilt_deg=geometry.axial_tilt_deg(affine),
        midline=midline,
        measures=tuple(measures),
        notes=() if orientation_known else (_SIDES_ASSUMED,),
    )


def _paired_areas(
    anatomy: Anatomy, positions: FloatArray, midline: Midline | None, affine: FloatArray, no_sides: str
) -> list[Measure]:
    """Areas on the patient's left, on the right, and together."""
    absent = f"no {anatomy.key} pixels in the slice"
    total = _area(f"{anatomy.key}_total_area", len(positions), affine, absent)
    if total.value is None or midline is None:
        reason = no_sides if total.value is not None else absent
        return [*(Measure(f"{anatomy.key}_{side}_area", None, "mm2", reason) for side in ("left", "right")), total]
    pixels_right = int(np.count_nonzero(midline.distance_to_right_mm(positions) > 0))
    pixels = {"left": len(positions) - pixels_right, "right": pixels_right}
    return [
        *(
            _area(f"{anatomy.key}_{side}_area", count, affine, f"no {anatomy.key} pixels on the patient's {side}")
            for side, count in pixels.items()
        ),
        total,
    ]


def _area(key: str, pixels: int, affine: FloatArray, absent: str) -> Measure:
    if pixels == 0:
        return Measure(key, None, "mm2", absent)
    return Measure(key, pixels * geometry.pixel_area_mm2(affine), "mm2")
