"""The way through files: what is written, read back and measured again keeps areas and sides."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from LumbarSegLib import geometry
from LumbarSegLib.anatomy import BY_KEY
from LumbarSegLib.geometry import FloatArray
from LumbarSegLib.io import itk_grid
from LumbarSegLib.io.label_maps import write_label_map
from LumbarSegLib.io.segmentations import read_segmentation
from LumbarSegLib.measurement import measure_block
from LumbarSegLib.phantom.known_areas import Expectation, draw_known_blocks, known_geometries
from LumbarSegLib.phantom.known_areas.shapes import COUNTING_VARIANCE, NUM_DEVIATIONS
from LumbarSegLib.phantom.study import PhantomStudy, TrueSlice, write_phantom_study
from LumbarSegLib.selftest.checks import CaseResult, Check, check_slices
from LumbarSegLib.study_reading import open_study

#: Geometries that go through files: both handednesses, swapped axes, oblique, one slice, several blocks.
_THROUGH_FILES = (
    "stored as LPI, left-handed",
    "stored as RAS, right-handed",
    "stored as PLS, left-handed",
    "oblique about all three axes, left-handed",
    "one slice",
    "four blocks of differing tilt, axes and number of slices",
)

#: Orders of rows and columns in which the DICOM study is stored: name, and whether rows
#: are reversed, columns are reversed, both are swapped.
_DICOM_ORDERS = (
    ("as scanners store them", False, False, False),
    ("columns reversed", False, True, False),
    ("rows and columns swapped", True, False, True),
)

_SAME_IMAGE = Expectation(0.0, 0.0, "files keep every pixel")
_SAME_PLACE = Expectation(0.0, 0.001, "NIfTI states positions in single precision")
_SAME_DICOM_PLACE = Expectation(0.0, 0.01, "DICOM states positions in decimal digits")


def run_file_round_trips(folder: Path) -> Iterator[CaseResult]:
    """Write label maps and images as NIfTI and NRRD into an empty `folder`, read them back and measure them."""
    geometries = {each.name: each for each in known_geometries()}
    for number, name in enumerate(_THROUGH_FILES):
        blocks = draw_known_blocks(geometries[name])
        for suffix in (".nii.gz", ".nrrd"):
            images, label_maps = [], []
            for b, block in enumerate(blocks):
                stem = f"{number}-{b}"
                images.append(folder / f"{stem}-image{suffix}")
                label_maps.append(folder / f"{stem}-labels{suffix}")
                _write_image(images[-1], block.image, block.affine_ijk_to_ras)
                write_label_map(label_maps[-1], block.label_map, block.affine_ijk_to_ras)
            # From head to foot: the reader has to sort the blocks itself.
            study = open_study(images[::-1])
            checks: list[Check] = []
            for b, (block, read) in enumerate(zip(blocks, study.blocks, strict=True), start=1):
                segmentation = read_segmentation(label_maps[b - 1])
                labels = segmentation.layers[0].astype(np.uint8)
                for what, affine in (("image", read.affine_ijk_to_ras), ("labels", segmentation.affine_ijk_to_ras)):
                    distance = _corner_distance_mm(affine, block.affine_ijk_to_ras, block.label_map.shape)
                    checks.append(Check(str(b), f"displacement of the {what}", "mm", distance, _SAME_PLACE))
                checks.append(_check_pixels(str(b), read.image, block.image))
                measurements = measure_block(labels, read.affine_ijk_to_ras, image=read.image, fat_method="none")
                checks += check_slices(b, measurements, block.expected)
            yield CaseResult(f"{suffix} files: {name}", tuple(checks))


def run_dicom_round_trips(folder: Path) -> Iterator[CaseResult]:
    """Write synthetic DICOM studies below an empty `folder`, read them and measure their true label maps."""
    for number, (name, flip_rows, flip_columns, transpose) in enumerate(_DICOM_ORDERS):
        phantom = write_phantom_study(
            folder / str(number), seed=number, flip_rows=flip_rows, flip_columns=flip_columns, transpose=transpose
        )
        yield CaseResult(f"DICOM, three oblique blocks: {name}", tuple(_check_dicom(phantom)))


def _check_dicom(phantom: PhantomStudy) -> Iterator[Check]:
    study = open_study(phantom.folder)
    pixels = _stored_pixels(phantom.folder)
    for number, (truth, read) in enumerate(zip(phantom.blocks, study.blocks, strict=True), start=1):
        label_map = np.stack([each.label_map for each in truth.slices])
        distance = _corner_distance_mm(read.affine_ijk_to_ras, truth.affine_ijk_to_ras, label_map.shape)
        yield Check(str(number), "displacement of the image", "mm", distance, _SAME_DICOM_PLACE)
        stored = np.stack([pixels[each.sop_instance_uid] for each in truth.slices])
        yield _check_pixels(str(number), read.image, stored)
        expected = [_true_areas(each, read.affine_ijk_to_ras) for each in truth.slices]
        yield from check_slices(number, measure_block(label_map, read.affine_ijk_to_ras), expected)


def _true_areas(truth: TrueSlice, affine_ijk_to_ras: FloatArray) -> dict[str, Expectation]:
    """Areas of the phantom's outlines, whose length is counted in edges of pixels."""
    pixel_mm2 = float(np.linalg.norm(np.cross(affine_ijk_to_ras[:3, 0], affine_ijk_to_ras[:3, 1])))
    expected = {}
    for key, area in truth.areas_mm2.items():
        structure = key.removesuffix("_left").removesuffix("_right")
        outline_px = _num_pixel_edges(truth.label_map == BY_KEY[structure].index)
        tolerance = NUM_DEVIATIONS * float(np.sqrt(COUNTING_VARIANCE * outline_px)) * pixel_mm2
        reason = f"{NUM_DEVIATIONS:g} SD of counting pixel centers, {outline_px} px of outline"
        expected[f"{key}_area"] = Expectation(area, tolerance, reason)
    return expected


def _num_pixel_edges(mask: NDArray[np.bool_]) -> int:
    """Count the edges between pixels inside and outside: no fewer than the outline is pixels long."""
    return sum(int(np.count_nonzero(np.diff(mask, axis=axis))) for axis in (0, 1))


def _corner_distance_mm(affine: FloatArray, other_affine: FloatArray, shape_kji: tuple[int, ...]) -> float:
    """Return the largest distance between the corners of two grids in mm."""
    corners = np.array(list(itertools.product(*((0, count - 1) for count in shape_kji[::-1]))))
    difference = geometry.positions_ras_mm(affine, corners) - geometry.positions_ras_mm(other_affine, corners)
    return float(np.linalg.norm(difference, axis=1).max())


def _check_pixels(place: str, image: NDArray[np.float32], stored: NDArray[np.number]) -> Check:
    differing = image.size if image.shape != stored.shape else int(np.count_nonzero(image != stored))
    return Check(place, "pixels that differ", "", float(differing), _SAME_IMAGE)


def _write_image(path: Path, image: NDArray[np.float32], affine_ijk_to_ras: FloatArray) -> None:
    import SimpleITK  # slow to import

    itk_image = SimpleITK.GetImageFromArray(image)
    itk_grid.write_grid(itk_image, affine_ijk_to_ras)
    SimpleITK.WriteImage(itk_image, str(path), useCompression=True)


def _stored_pixels(folder: Path) -> dict[str, NDArray[np.number]]:
    """Return the pixels of every file as they are stored, by SOP Instance UID."""
    import pydicom  # slow to import

    datasets = (pydicom.dcmread(path) for path in sorted(folder.rglob("*.dcm")))
    return {str(dataset.SOPInstanceUID): dataset.pixel_array for dataset in datasets}
