"""A synthetic lumbar study in DICOM files, with the truth about its axial T2 slices.

Beside the axial T2 series it holds an axial T1 and a sagittal T2 series, as
studies do, so that a reader has to choose.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from LumbarSegLib import anatomy, geometry
from LumbarSegLib.errors import InputError
from LumbarSegLib.geometry import InPlaneOrientation
from LumbarSegLib.phantom import raster, shapes
from LumbarSegLib.phantom.canvas import Grid, Pose
from LumbarSegLib.phantom.dicom_images import Series, write_image
from LumbarSegLib.phantom.shapes import SideShape, SliceShape
from LumbarSegLib.phantom.slices import PhantomSlice, draw_phantom_slice

FloatArray = NDArray[np.float64]

_SLICES_PER_BLOCK = 3
_SLICE_THICKNESS_MM = 4.0
_SLICE_DISTANCE_MM = 4.4

# Streams of random numbers, see `_random`.
_ANATOMY, _NOISE, _TEXTURE, _SAGITTAL = range(4)


@dataclass(frozen=True)
class _Plan:
    """Where a block lies: turned about the R-L axis, then about the A-P axis."""

    center_lps_mm: tuple[float, float, float]
    tilt_deg: float
    coronal_deg: float


# L5/S1, L4/5 and L3/4 of a lordotic spine: the lowest plane drops toward the front.
_PLANS = (
    _Plan((2.0, 14.0, -38.0), 20.0, 2.0),
    _Plan((0.0, 2.0, 0.0), 5.0, 0.0),
    _Plan((-2.0, 0.0, 36.0), -8.0, -3.0),
)


@dataclass(frozen=True)
class TrueSlice:
    """The truth about one stored slice.

    Parameters
    ----------
    sop_instance_uid : str
        Identifies the file's slice.
    areas_mm2 : dict of str to float
        As in `LumbarSegLib.phantom.slices.PhantomSlice`.
    label_map : (J, I) ndarray of uint8
        On the stored grid.
    """

    sop_instance_uid: str
    areas_mm2: dict[str, float]
    label_map: NDArray[np.uint8]


@dataclass(frozen=True)
class TrueBlock:
    """The truth about parallel slices.

    Parameters
    ----------
    affine_ijk_to_ras : (4, 4) ndarray
        Of the stored grid; see `LumbarSegLib.geometry`.
    slices : tuple of TrueSlice
        From caudal to cranial.
    """

    affine_ijk_to_ras: FloatArray
    slices: tuple[TrueSlice, ...]


@dataclass(frozen=True)
class PhantomStudy:
    """A study on disk and the truth about it.

    Parameters
    ----------
    folder : Path
        Holds a folder of files for each series.
    study_uid, series_uid : str
        Of the study, of its axial T2 series.
    blocks : tuple of TrueBlock
        From caudal to cranial.
    """

    folder: Path
    study_uid: str
    series_uid: str
    blocks: tuple[TrueBlock, ...]


def write_phantom_study(
    folder: Path,
    *,
    seed: int = 0,
    shape_ji: tuple[int, int] = (320, 320),
    spacing_mm: float = 0.625,
    flip_rows: bool = False,
    flip_columns: bool = False,
    transpose: bool = False,
) -> PhantomStudy:
    """Write a synthetic study: axial T2 in three oblique blocks of three slices, axial T1, sagittal T2.

    The same seed gives the same files. The muscles of the patient's right are
    clearly smaller than those of the left.

    Parameters
    ----------
    folder : Path
        Made where missing.
    seed : int
        Decides anatomy, signal, noise and identifiers.
    shape_ji : tuple of int
        Rows and columns of the axial slices in reading order.
    spacing_mm : float
        Pixel spacing of the axial slices.
    flip_rows, flip_columns, transpose : bool
        How the axes of the axial slices are stored: the flips first, then the
        transposition. The orientation tags follow, so that the patient's sides stay true.

    Returns
    -------
    PhantomStudy

    Raises
    ------
    InputError
        If `folder` has content already.
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} is not an empty folder.", "Name a new or empty folder for the phantom.")
    t2 = Series(seed, 2, "T2 TSE ax", 3800.0, 100.0, _SLICE_THICKNESS_MM, _SLICE_DISTANCE_MM)
    t1 = Series(seed, 3, "T1 SE ax", 520.0, 11.0, _SLICE_THICKNESS_MM, _SLICE_DISTANCE_MM)
    for series in (t2, t1):
        _series_folder(folder, series).mkdir(parents=True)
    _write_sagittal(folder, seed)
    orientation = InPlaneOrientation(transpose=transpose, flip_rows=flip_rows, flip_columns=flip_columns)
    grid = Grid(shape_ji, spacing_mm, Pose(rotation_deg=1.5, shift_mm=(3.0, 4.0)))
    blocks = []
    for index, (plan, block) in enumerate(zip(_PLANS, _draw_blocks(seed, grid), strict=True)):
        affine_lps = _stored_affine_lps(plan, grid, orientation)
        truths = []
        for k, drawn in enumerate(block):
            # Scanners often count from the head down: number and position run against each other.
            instance = (len(_PLANS) - index) * _SLICES_PER_BLOCK - k
            slice_affine = affine_lps.copy()
            slice_affine[:3, 3] += k * affine_lps[:3, 2]
            for series, image in ((t2, drawn.image), (t1, _as_t1(drawn))):
                path = _series_folder(folder, series) / f"{instance:04d}.dcm"
                write_image(path, series, instance, orientation.undo(image), slice_affine)
            label_map = np.ascontiguousarray(orientation.undo(drawn.label_map))
            truths.append(TrueSlice(t2.instance_uid(instance), drawn.areas_mm2, label_map))
        blocks.append(TrueBlock(geometry.lps_to_ras(affine_lps), tuple(truths)))
    return PhantomStudy(folder, t2.study_uid, t2.uid, tuple(blocks))


def _series_folder(folder: Path, series: Series) -> Path:
    return folder / f"series-{series.number}"


def _draw_blocks(seed: int, grid: Grid) -> list[list[PhantomSlice]]:
    """Draw the slices of every block: one patient, slowly changing from slice to slice."""
    rng = _random(seed, _ANATOMY)
    patient = shapes.draw_slice_shape(rng)
    noise_rng = _random(seed, _NOISE)
    blocks = []
    for _ in _PLANS:
        start = shapes.blend(patient, shapes.draw_slice_shape(rng), 0.5)
        end = shapes.blend(start, shapes.draw_slice_shape(rng), 0.3)
        block = []
        for k in range(_SLICES_PER_BLOCK):
            shape = _with_weak_right(shapes.blend(start, end, k / (_SLICES_PER_BLOCK - 1)))
            # The same textures throughout, since it is one patient in one coil.
            block.append(draw_phantom_slice(shape, grid, _random(seed, _TEXTURE), noise_rng))
        blocks.append(block)
    return blocks


def _random(seed: int, stream: int) -> np.random.Generator:
    """Return a generator of its own for one purpose.

    The study must not show the network what it was trained on: phantoms for
    training come from `default_rng([seed, number])`, and `default_rng(seed)`
    is the same as `default_rng([seed, 0])`. A spawned stream equals none of these.
    """
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(stream,)))


def _with_weak_right(shape: SliceShape) -> SliceShape:
    def reach(side: SideShape, factor: float) -> SideShape:
        return replace(
            side,
            psoas_width=side.psoas_width * factor,
            multifidus_width=side.multifidus_width * factor,
            erector_width=side.erector_width * factor,
        )

    # Both sides from one, so that chance cannot even out the difference.
    return replace(shape, left=reach(shape.left, 1.05), right=reach(shape.left, 0.85))


def _stored_affine_lps(plan: _Plan, grid: Grid, orientation: InPlaneOrientation) -> FloatArray:
    """Return the (4, 4) affine of a block on the stored grid, in DICOM's patient frame."""
    tilt, turn = np.radians(plan.tilt_deg), np.radians(plan.coronal_deg)
    about_ap = np.array([[np.cos(turn), 0, np.sin(turn)], [0, 1, 0], [-np.sin(turn), 0, np.cos(turn)]])
    edge_i = about_ap @ [1.0, 0.0, 0.0] * grid.spacing_mm
    edge_j = about_ap @ [0.0, np.cos(tilt), np.sin(tilt)] * grid.spacing_mm
    normal = np.cross(edge_i, edge_j) / grid.spacing_mm**2
    rows, columns = grid.shape_ji
    center = np.asarray(plan.center_lps_mm) - (_SLICES_PER_BLOCK - 1) / 2 * _SLICE_DISTANCE_MM * normal
    if orientation.flip_columns:
        edge_i = -edge_i
    if orientation.flip_rows:
        edge_j = -edge_j
    if orientation.transpose:
        edge_i, edge_j, rows, columns = edge_j, edge_i, columns, rows
    affine = np.eye(4)
    affine[:3, :3] = np.column_stack([edge_i, edge_j, normal * _SLICE_DISTANCE_MM])
    affine[:3, 3] = center - (columns - 1) / 2 * edge_i - (rows - 1) / 2 * edge_j
    return affine


def _as_t1(drawn: PhantomSlice) -> NDArray[np.float32]:
    """Return the slice with the fluid of the dural sac dark, as T1 weighting shows it."""
    sac = drawn.label_map == anatomy.BY_KEY["dural_sac"].index
    return np.where(sac, np.float32(0.25) * drawn.image, drawn.image)


def _write_sagittal(folder: Path, seed: int) -> None:
    """Write a coarse sagittal T2 series: vertebrae, discs and the canal between fat."""
    series = Series(seed, 1, "T2 TSE sag", 3500.0, 105.0, 4.0, 4.4)
    _series_folder(folder, series).mkdir(parents=True)
    size, spacing_mm = 192, 1.25
    count = 5
    rng = _random(seed, _SAGITTAL)

    def box(left: float, top: float, right: float, bottom: float) -> NDArray[np.float32]:
        corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
        return raster.coverage(corners / spacing_mm, (size, size))

    signal = 2000 * box(20, 0, 190, 240) + 1800 * box(128, 0, 140, 240) - 1200 * box(90, 0, 126, 240)
    for top in np.arange(10, 230, 36):
        signal -= 400 * box(90, float(top), 126, float(top) + 9)
    for index in range(count):
        affine = np.eye(4)
        affine[:3, 0] = (0.0, spacing_mm, 0.0)
        affine[:3, 1] = (0.0, 0.0, -spacing_mm)
        affine[:3, 3] = ((index - (count - 1) / 2) * 4.4, -108.0, size * spacing_mm / 2)
        noisy = np.abs(signal + 40 * rng.standard_normal(signal.shape))
        write_image(_series_folder(folder, series) / f"{index + 1:04d}.dcm", series, index + 1, noisy, affine)
