"""What is known of a slice, and what a check found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from LumbarSegLib.anatomy import ANATOMIES, VERTEBRAL_BODY_INDEX

#: "error": training or evaluation refuses it, or its figures would be wrong;
#: "warning": suspicious, look at it; "note": worth knowing.
Severity = Literal["error", "warning", "note"]

#: Key of every label that is drawn, by its value.
CLASS_KEYS: dict[int, str] = {
    **{anatomy.index: anatomy.key for anatomy in ANATOMIES},
    VERTEBRAL_BODY_INDEX: "vertebral_body",
}


@dataclass(frozen=True)
class Finding:
    """One thing that a check found.

    Parameters
    ----------
    severity : {"error", "warning", "note"}
        See `Severity`.
    check : str
        Which check, in a word or two, such as "area outlier".
    reason : str
        What was found, with the figures; the slice is named in `slices` if there is only one.
    slices : tuple of str
        Ids of the slices concerned; empty if it is about the folder.
    structure : str
        Key of the class concerned, or empty.
    weight : float
        How far beyond the limit, as a multiple of it: 1 where there is no measure.
    """

    severity: Severity
    check: str
    reason: str
    slices: tuple[str, ...] = ()
    structure: str = ""
    weight: float = 1.0


@dataclass(frozen=True)
class SliceFacts:
    """What the checks need to know of one slice that could be read.

    Parameters
    ----------
    name : str
        The id.
    shape : tuple of int
        Rows and columns.
    modes : tuple of str
        Pillow's modes of the image and of the label map: bit depth and kind.
    spacing_mm : float or None
        Pixel size in mm; None if the folder does not state it.
    plane : str
        See `LabeledSlice`.
    label_values : tuple of int
        Values of the label map.
    num_gray_values : int
        Different gray values of the image; 1 if it is blank.
    areas : dict of str to float
        Area of each class that is there, in mm2, or in pixels without `spacing_mm`.
    sides : dict of str to (float, float)
        For paired classes that are there: areas on the patient's left and
        right, 0 where there is nothing; left out where no midline can be found.
    pieces : dict of str to tuple of int
        Pixels of each connected piece of a class, the largest first.
    at_border : tuple of str
        Classes that touch the edge of the image.
    is_upside_down : bool
        Whether what lies in front of the dural sac is drawn behind it.
    sac_rim_in_column : float
        Share (0-1) of the pixels around the dural sac that belong to a disc or
        vertebral body; 0 without a sac.
    image_digest, label_digest : str
        SHA-256 of size and pixel values.
    signature : (N,) ndarray of float32
        For near-duplicates, see `LumbarSegLib.dataset_checks.duplicates`.
    mirrored_signature : (N,) ndarray of float32
        The same of the mirrored image.
    """

    name: str
    shape: tuple[int, int]
    modes: tuple[str, str]
    spacing_mm: float | None
    plane: str
    label_values: tuple[int, ...]
    num_gray_values: int
    areas: dict[str, float]
    sides: dict[str, tuple[float, float]]
    pieces: dict[str, tuple[int, ...]]
    at_border: tuple[str, ...]
    is_upside_down: bool
    sac_rim_in_column: float
    image_digest: str
    label_digest: str
    signature: NDArray[np.float32]
    mirrored_signature: NDArray[np.float32]
