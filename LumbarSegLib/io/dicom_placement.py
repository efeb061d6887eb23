"""From Image Position and Image Orientation (Patient) to a placement with perpendicular axes."""

from __future__ import annotations

import math
from operator import mul

import numpy as np

from LumbarSegLib.geometry import FloatArray
from LumbarSegLib.io.dicom_records import SlicePlacement, Vector
from LumbarSegLib.io.dicom_tags import Tags

#: Direction cosines come with at least three digits; vectors off by more are no cosines.
COSINE_TOLERANCE = 0.01


def read_placement(tags: Tags) -> SlicePlacement | None:
    """Return where a slice lies, or None if its tags do not say or contradict themselves.

    Parameters
    ----------
    tags : Tags
        Of one image or frame.

    Returns
    -------
    SlicePlacement or None
        Its directions are perpendicular unit vectors, however the cosines are rounded.
    """
    position, cosines = tags.numbers("ImagePositionPatient"), tags.numbers("ImageOrientationPatient")
    if len(position) != 3 or len(cosines) != 6:
        return None
    along_i, along_j = _unit_vector(cosines[:3]), _unit_vector(cosines[3:])
    if along_i is None or along_j is None or abs(sum(map(mul, along_i, along_j))) > COSINE_TOLERANCE:
        return None
    return SlicePlacement((position[0], position[1], position[2]), *_perpendicular(along_i, along_j))


def _unit_vector(values: tuple[float, ...]) -> Vector | None:
    length = math.hypot(*values)
    if abs(length - 1.0) > COSINE_TOLERANCE:
        return None
    return values[0] / length, values[1] / length, values[2] / length


def _perpendicular(first: Vector, second: Vector) -> tuple[Vector, Vector]:
    """Turn two unit vectors away from each other, both by the same angle, until they are perpendicular.

    Their sum and their difference are the diagonals of a rhombus, which are
    perpendicular; made equally long, they are those of a square.
    """
    diagonals = np.add(first, second), np.subtract(first, second)
    half_sum, half_difference = (diagonal / (math.sqrt(2.0) * np.linalg.norm(diagonal)) for diagonal in diagonals)
    return _vector(half_sum + half_difference), _vector(half_sum - half_difference)


def _vector(values: FloatArray) -> Vector:
    return float(values[0]), float(values[1]), float(values[2])
