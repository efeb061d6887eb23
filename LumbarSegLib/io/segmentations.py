"""Read what others have outlined: label maps, and segmentations as 3D Slicer saves them.

A `.seg.nrrd` of 3D Slicer names its segments in the header and keeps segments
that overlap in several layers. A plain label map has one layer and no names.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from LumbarSegLib.errors import InputError
from LumbarSegLib.geometry import FloatArray
from LumbarSegLib.io import itk_grid
from LumbarSegLib.io.volume_files import check_name, sheared_volume
from LumbarSegLib.io.volume_headers import damaged_volume, inspect_volume_header

if TYPE_CHECKING:
    import SimpleITK

_MAX_VALUE = np.iinfo(np.uint16).max

#: More than this many values are signal, not labels.
_MAX_SEGMENTS = 256

#: Segments that LumbarSeg's module has made say in this tag which anatomy they hold.
_ANATOMY_TAG = "LumbarSeg.Anatomy"


@dataclass(frozen=True)
class Segment:
    """One outlined structure.

    Parameters
    ----------
    name : str
        As the file calls it; the value, if it has no names.
    layer, value : int
        Where the structure is: voxels of this layer with this value.
    anatomy_key : str
        What LumbarSeg's module says of the structure; empty if another program made it.
    """

    name: str
    layer: int
    value: int
    anatomy_key: str = ""


@dataclass(frozen=True)
class Segmentation:
    """Outlined structures on a grid of their own, which need not cover the image.

    Parameters
    ----------
    layers : (L, K, J, I) ndarray of uint16
        One layer, or several where structures overlap.
    affine_ijk_to_ras : (4, 4) ndarray
        In mm.
    segments : tuple of Segment
        What the values mean; nothing but these counts.
    """

    layers: NDArray[np.uint16]
    affine_ijk_to_ras: FloatArray
    segments: tuple[Segment, ...]


def read_segmentation(path: Path) -> Segmentation:
    """Read a label map or a segmentation of 3D Slicer.

    Parameters
    ----------
    path : Path
        NIfTI (.nii, .nii.gz), NRRD (.nrrd, .seg.nrrd, .nhdr) or MetaImage (.mha, .mhd).

    Raises
    ------
    InputError
        If the file cannot be read, is no volume, has axes that are not
        perpendicular, or holds other values than the whole numbers of labels.
    """
    import SimpleITK  # slow to import

    check_name(path)
    inspect_volume_header(path)
    try:
        image = SimpleITK.ReadImage(str(path))
    except RuntimeError as error:
        if "orthonormal" in str(error):
            raise sheared_volume(path) from error
        raise damaged_volume(path) from error
    if image.GetDimension() == 2:
        image = SimpleITK.JoinSeries(image)
    if image.GetDimension() != 3:
        raise InputError(f"{path} has {image.GetDimension()} axes.", "Pass outlines of one volume.")
    values = SimpleITK.GetArrayFromImage(image)
    if image.GetNumberOfComponentsPerPixel() == 1:
        values = values[..., np.newaxis]
    layers = np.moveaxis(values, -1, 0)  # (L, K, J, I)
    if not ((layers >= 0) & (layers <= _MAX_VALUE) & (layers == np.round(layers))).all():
        raise InputError(f"{path} holds other values than those of labels.", "Pass outlines, not an image.")
    layers = layers.astype(np.uint16)
    segments = _named_segments(image) or _values_as_segments(layers, path)
    if any(each.layer >= len(layers) for each in segments):
        raise damaged_volume(path)
    affine_ijk_to_ras = itk_grid.read_grid(image)
    if not itk_grid.is_rectangular(affine_ijk_to_ras):
        raise sheared_volume(path)
    return Segmentation(layers, affine_ijk_to_ras, segments)


def _named_segments(image: SimpleITK.Image) -> tuple[Segment, ...]:
    """Return what the header of a `.seg.nrrd` says; nothing for other files."""
    header = {key: image.GetMetaData(key) for key in image.GetMetaDataKeys() if key.startswith("Segment")}
    segments = []
    number = 0
    while f"Segment{number}_LabelValue" in header:
        start = f"Segment{number}_"
        tags = dict(tag.partition(":")[::2] for tag in header.get(f"{start}Tags", "").split("|"))
        segments.append(
            Segment(
                name=header.get(f"{start}Name", str(number)),
                layer=int(header.get(f"{start}Layer", "0")),
                value=int(header[f"{start}LabelValue"]),
                anatomy_key=tags.get(_ANATOMY_TAG, ""),
            )
        )
        number += 1
    return tuple(segments)


def _values_as_segments(layers: NDArray[np.uint16], path: Path) -> tuple[Segment, ...]:
    if len(layers) != 1:
        raise InputError(f"{path} has several values per voxel.", "Pass a label map, or a .seg.nrrd of 3D Slicer.")
    values = [int(value) for value in np.unique(layers) if value]
    if len(values) > _MAX_SEGMENTS:
        raise InputError(f"{path} holds {len(values)} different values.", "Pass outlines, not an image.")
    return tuple(Segment(str(value), 0, value) for value in values)
