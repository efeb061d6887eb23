"""Read the slices of a folder one by one and keep what the checks need of each."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from LumbarSegLib.anatomy import ANATOMIES, IGNORE_INDEX, VERTEBRAL_BODY_INDEX
from LumbarSegLib.dataset_checks.duplicates import compute_signature
from LumbarSegLib.dataset_checks.records import CLASS_KEYS, SliceFacts
from LumbarSegLib.geometry import radiological_affine
from LumbarSegLib.io.labeled_slices import LabeledSlice, read_slice
from LumbarSegLib.measurement import measure_block

_EIGHT_NEIGHBORS = np.ones((3, 3), dtype=bool)

#: What lies before what in a slice; compared by centroids.
_FRONT_TO_BACK = (
    ("intervertebral_disc", "dural_sac"),
    ("vertebral_body", "dural_sac"),
    ("dural_sac", "lamina"),
    ("psoas", "multifidus"),
)


def gather_facts(
    directory: Path, name: str, spacing_mm: float | None, plane: str, nominal_spacing_mm: float
) -> SliceFacts:
    """Read one slice and describe it.

    Parameters
    ----------
    directory : Path
        Labeled slices.
    name : str
        The id.
    spacing_mm : float or None
        Pixel size in mm, if it is known.
    plane : str
        See `LabeledSlice`.
    nominal_spacing_mm : float
        Stands in for an unknown pixel size where the midline is looked for.

    Raises
    ------
    InputError
        If the image or the label map cannot be used for training.
    """
    labeled = read_slice(directory, name, spacing_mm or nominal_spacing_mm, plane)
    masks = {key: labeled.label_map == index for index, key in CLASS_KEYS.items()}
    pixels = {key: int(np.count_nonzero(mask)) for key, mask in masks.items()}
    present = [key for key, count in pixels.items() if count]
    scale = 1.0 if spacing_mm is None else spacing_mm**2
    return SliceFacts(
        name=name,
        shape=labeled.label_map.shape,
        modes=(_mode(directory / "images" / f"{name}.png"), _mode(directory / "labels" / f"{name}.png")),
        spacing_mm=spacing_mm,
        plane=plane,
        label_values=tuple(np.unique(labeled.label_map).tolist()),
        num_gray_values=len(np.unique(labeled.image)),
        areas={key: pixels[key] * scale for key in present},
        sides=_side_areas(labeled, scale / labeled.spacing_mm**2),
        pieces={key: _piece_sizes(masks[key]) for key in present},
        at_border=tuple(key for key in present if _touches_border(masks[key])),
        is_upside_down=_is_upside_down({key: masks[key] for key in present}),
        sac_rim_in_column=_share_of_rim(masks["dural_sac"], masks["intervertebral_disc"] | masks["vertebral_body"]),
        image_digest=_digest(labeled.image),
        label_digest=_digest(labeled.label_map),
        signature=compute_signature(labeled.image),
        mirrored_signature=compute_signature(labeled.image[:, ::-1]),
    )


def _mode(path: Path) -> str:
    with Image.open(path) as picture:
        return str(picture.mode)


def _side_areas(labeled: LabeledSlice, area_scale: float) -> dict[str, tuple[float, float]]:
    """Areas of paired classes on the patient's left and right, parted as in a patient's result."""
    seven = np.where(np.isin(labeled.label_map, (VERTEBRAL_BODY_INDEX, IGNORE_INDEX)), 0, labeled.label_map)
    affine = radiological_affine((1.0, labeled.spacing_mm, labeled.spacing_mm))
    (measurement,) = measure_block(seven[None], affine)
    if measurement.midline is None:
        return {}
    sides = {}
    for anatomy in ANATOMIES:
        if anatomy.is_paired and measurement[f"{anatomy.key}_total_area"].value is not None:
            left, right = (measurement[f"{anatomy.key}_{side}_area"].value or 0.0 for side in ("left", "right"))
            sides[anatomy.key] = (left * area_scale, right * area_scale)
    return sides


def _piece_sizes(mask: NDArray[np.bool_]) -> tuple[int, ...]:
    components, _ = ndimage.label(mask, _EIGHT_NEIGHBORS)
    return tuple(sorted(np.bincount(components.ravel())[1:].tolist(), reverse=True))


def _touches_border(mask: NDArray[np.bool_]) -> bool:
    return bool(mask[[0, -1]].any() or mask[:, [0, -1]].any())


def _share_of_rim(inner: NDArray[np.bool_], outer: NDArray[np.bool_]) -> float:
    """Share of the pixels just around `inner` that belong to `outer`."""
    rim = ndimage.binary_dilation(inner, _EIGHT_NEIGHBORS) & ~inner
    return float(outer[rim].mean()) if rim.any() else 0.0


def _is_upside_down(masks: dict[str, NDArray[np.bool_]]) -> bool:
    """Whether most pairs of structures stand in the wrong order; row 0 is anterior."""
    rows = {key: float(np.nonzero(mask)[0].mean()) for key, mask in masks.items()}
    wrong = [rows[front] > rows[back] for front, back in _FRONT_TO_BACK if front in rows and back in rows]
    return sum(wrong) > len(wrong) / 2


def _digest(pixels: NDArray[np.generic]) -> str:
    return hashlib.sha256(f"{pixels.shape}".encode() + np.ascontiguousarray(pixels).tobytes()).hexdigest()
