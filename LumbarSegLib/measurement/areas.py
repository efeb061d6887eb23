"""All measures of the seven anatomies, slice by slice."""

from __future__ import annotations

from itertools import chain

import numpy as np
from numpy.typing import NDArray

from LumbarSegLib import geometry
from LumbarSegLib.anatomy import ANATOMIES
from LumbarSegLib.geometry import FloatArray
from LumbarSegLib.measurement.crossing import describe_crossings
from LumbarSegLib.measurement.diameters import sac_diameters
from LumbarSegLib.measurement.fat import FAT_METHODS
from LumbarSegLib.measurement.midline import find_midline
from LumbarSegLib.measurement.muscles import muscle_measures
from LumbarSegLib.measurement.parts import Part, area_of, left_right_total, measure_part, whole
from LumbarSegLib.measurement.pixels import SIDES, SlicePixels, outlined_pixels
from LumbarSegLib.measurement.quality import find_flags
from LumbarSegLib.measurement.records import Measure, Midline, SliceMeasurement, Vector3
from LumbarSegLib.measurement.sac_axis import correct_area, measure_tilt, no_tilt, sac_centroids
from LumbarSegLib.measurement.thickness import compute_thickness_mm

_MUSCLES = tuple(anatomy.key for anatomy in ANATOMIES if anatomy.is_paired)

_NO_MIDLINE = "no midline structure (dural sac, disc, lamina, ligamentum flavum) parts the sides"
_NOT_AXIAL = "the slices are not axial"
_SIDES_ASSUMED = "sides are assumed: the file does not state the patient's orientation"


def measure_block(
    label_map: NDArray[np.integer],
    affine_ijk_to_ras: FloatArray,
    *,
    image: NDArray[np.floating] | None = None,
    orientation_known: bool = True,
    fat_method: str = FAT_METHODS[0],
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
    image : (K, J, I) ndarray, optional
        Signal of the block; without it what rests on signal has no value.
    orientation_known : bool
        False where right and left rest on an assumption: a note says so.
    fat_method : {"gmm3", "gmm2", "otsu", "none"}
        How fat is told from muscle, see `LumbarSegLib.measurement.fat`.

    Returns
    -------
    tuple of SliceMeasurement
        One per slice.

    Raises
    ------
    ValueError
        `label_map` is not three-dimensional or holds other labels than 0-7,
        `image` has another shape, or `fat_method` is unknown.
    """
    if label_map.ndim != 3:
        raise ValueError(f"label_map must have the shape (K, J, I), got {label_map.shape}.")
    if label_map.size and not 0 <= int(label_map.min()) <= int(label_map.max()) <= len(ANATOMIES):
        raise ValueError(
            f"label_map must hold the labels 0-{len(ANATOMIES)}, got {label_map.min()} to {label_map.max()}. "
            "Set labels of other structures to 0 first."
        )
    if image is not None and image.shape != label_map.shape:
        raise ValueError(f"image must have the label map's shape {label_map.shape}, got {image.shape}.")
    if fat_method not in FAT_METHODS:
        raise ValueError(f"fat_method must be one of {', '.join(FAT_METHODS)}, got {fat_method!r}.")
    affine = np.asarray(affine_ijk_to_ras, dtype=np.float64)
    slices = [outlined_pixels(label_map, affine, k, image) for k in range(label_map.shape[0])]
    centroids = sac_centroids(slices)
    is_axial = geometry.plane_name(affine) == "axial"
    measurements = []
    for k, pixels in enumerate(slices):
        center = geometry.slice_center_ras_mm(affine, label_map.shape, k)
        midline = find_midline(pixels.labels, pixels.positions_ras_mm, affine) if is_axial else None
        tilt = measure_tilt(centroids, center, affine) if is_axial else no_tilt(_NOT_AXIAL)
        crossings = (
            {} if midline is None else {key: describe_crossings(key, pixels.of(key), midline) for key in _MUSCLES}
        )
        measurements.append(
            SliceMeasurement(
                slice_index=k,
                center_ras_mm=_vector3(center),
                spacing_ji_mm=geometry.spacing_kji_mm(affine)[1:],
                axial_tilt_deg=geometry.axial_tilt_deg(affine),
                midline=midline,
                measures=_measures(pixels, midline, _NO_MIDLINE if is_axial else _NOT_AXIAL, tilt, fat_method),
                notes=(*(() if orientation_known else (_SIDES_ASSUMED,)), *chain.from_iterable(crossings.values())),
                disc_center_ras_mm=_centroid(pixels.of("intervertebral_disc")),
                fat_method=fat_method,
                flags=find_flags(
                    pixels, label_map.shape[1:], [key for key, sentences in crossings.items() if sentences]
                ),
            )
        )
    return tuple(measurements)


def _measures(
    pixels: SlicePixels, midline: Midline | None, no_sides: str, tilt: Measure, fat_method: str
) -> tuple[Measure, ...]:
    """Return all measures of a slice: the sac first, then the muscles, then the rest."""
    disc = whole("intervertebral_disc", pixels)
    muscles = {key: left_right_total(key, pixels, midline, no_sides) for key in _MUSCLES}
    measures = _sac_measures(whole("dural_sac", pixels), midline, no_sides, tilt)
    for key, parts in muscles.items():
        measures += muscle_measures(key, parts, muscles["psoas"], disc, fat_method)
    measures += _ligament_measures(left_right_total("ligamentum_flavum", pixels, midline, no_sides))
    measures += [area_of("lamina", whole("lamina", pixels)), area_of("intervertebral_disc", disc)]
    return tuple(measures)


def _sac_measures(sac: Part, midline: Midline | None, no_sides: str, tilt: Measure) -> list[Measure]:
    if isinstance(sac, str):
        tilt = no_tilt(sac)
    area = area_of("dural_sac", sac)
    return [area, correct_area(area, tilt), tilt, *sac_diameters(sac, midline, no_sides)]


def _ligament_measures(parts: dict[str, Part]) -> list[Measure]:
    """Return the area in total and per side, and the greatest thickness per side."""

    def thickness_mm(pixels: SlicePixels) -> float:
        return compute_thickness_mm(pixels.cropped_mask(), geometry.spacing_kji_mm(pixels.affine_ijk_to_ras)[1:])

    key = "ligamentum_flavum"
    return [
        area_of(key, parts["total"]),
        *(area_of(f"{key}_{side}", parts[side]) for side in SIDES),
        *(measure_part(f"{key}_{side}_thickness", "mm", parts[side], thickness_mm) for side in SIDES),
    ]


def _centroid(pixels: SlicePixels) -> Vector3 | None:
    return _vector3(pixels.positions_ras_mm.mean(axis=0)) if len(pixels) else None


def _vector3(values: FloatArray) -> Vector3:
    return float(values[0]), float(values[1]), float(values[2])
