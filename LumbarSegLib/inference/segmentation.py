"""From a study to label maps: the one path of the library, the command line and Slicer."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from LumbarSegLib.errors import InputError
from LumbarSegLib.geometry import AXIAL_MAX_TILT_DEG, axial_tilt_deg, spacing_kji_mm
from LumbarSegLib.inference.checkpoint import Checkpoint, load_checkpoint
from LumbarSegLib.inference.devices import DeviceChoice, choose_device
from LumbarSegLib.inference.plausibility import MAX_DISTANCE_MM
from LumbarSegLib.inference.predictor import Predictor, ProgressCallback
from LumbarSegLib.io.itk_grid import is_rectangular
from LumbarSegLib.io.study import Block, Study
from LumbarSegLib.measurement import AreaCalibration, PixelBounds
from LumbarSegLib.study_reading import open_study
from LumbarSegLib.study_reading.checks import check_pixels, resolve_spacing

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class BlockSegmentation:
    """The outlines of one block, on the block's own grid.

    Parameters
    ----------
    block : Block
        Image and geometry.
    label_map : (K, J, I) ndarray of uint8
        Values of `LumbarSegLib.anatomy`; 0 is background.
    probabilities : (K, C, J, I) ndarray of float16 or None
        Class probabilities, the background first; None unless asked for.
    bounds : PixelBounds
        What each class has at least and at most, by these probabilities.
    """

    block: Block
    label_map: NDArray[np.uint8]
    probabilities: NDArray[np.float16] | None
    bounds: PixelBounds

    @property
    def affine_ijk_to_ras(self) -> NDArray[np.float64]:
        """Voxel indices (i, j, k) to RAS millimeters, (4, 4)."""
        return self.block.affine_ijk_to_ras


@dataclass(frozen=True)
class StudySegmentation:
    """All blocks of a study and what produced their outlines.

    Parameters
    ----------
    study : Study
        What was read.
    blocks : tuple of BlockSegmentation
        In the study's order.
    weights_name, weights_sha256 : str
        The network.
    device : str
        Where the last slice ran.
    device_reason : str
        Why that device.
    number_format : str
        What the convolutions computed in, such as "float32".
    network_warnings : tuple of str
        What a reader has to know about the run of the network.
    area_calibration : AreaCalibration or None
        What the intervals of areas take; None if the weights have none.
    """

    study: Study
    blocks: tuple[BlockSegmentation, ...]
    weights_name: str
    weights_sha256: str
    device: str
    device_reason: str
    number_format: str
    network_warnings: tuple[str, ...] = ()
    area_calibration: AreaCalibration | None = None

    @property
    def warnings(self) -> tuple[str, ...]:
        """Everything a reader has to know: of reading and of the network."""
        return (*self.study.warnings, *self.network_warnings)


def segment(
    image_or_path: Study | Block | ArrayLike | str | Path | Sequence[str | Path],
    *,
    affine_ijk_to_ras: ArrayLike | None = None,
    series: str | None = None,
    spacing_mm: float | None = None,
    weights: str | Path | None = None,
    device: str = "auto",
    precision: str = "auto",
    flip_average: bool = False,
    keep_probabilities: bool = True,
) -> StudySegmentation:
    """Outline the seven anatomies in every slice of a study.

    Parameters
    ----------
    image_or_path : path, sequence of paths, Study, Block or (K, J, I) array
        A DICOM folder, volume files, one 2-D picture, or what is already read.
    affine_ijk_to_ras : (4, 4) array_like, optional
        Geometry of an array; required with one, see `LumbarSegLib.geometry`.
    series : str, optional
        UID of the DICOM series to take instead of choosing by the tags.
    spacing_mm : float, optional
        Pixel size in mm of a 2-D picture.
    weights : path, optional
        Another checkpoint than the one of the package.
    device : {"auto", "cpu", "cuda", "mps"}
        See `choose_device`.
    precision : {"auto", "full"}
        See `inference_precision`.
    flip_average : bool
        Average with the mirrored slice: twice the time, slightly steadier.
    keep_probabilities : bool
        Also return the class probabilities (16 bytes a pixel).

    Returns
    -------
    StudySegmentation

    Raises
    ------
    InputError
        If the input cannot be used; the message says how to repair it.

    Examples
    --------
    >>> import LumbarSegLib
    >>> result = LumbarSegLib.segment("study_folder")  # doctest: +SKIP
    >>> result.blocks[0].label_map.shape  # doctest: +SKIP
    (4, 512, 512)
    """
    study = _as_study(image_or_path, affine_ijk_to_ras, series, spacing_mm)
    checkpoint = load_checkpoint(None if weights is None else Path(weights))
    return segment_study(
        study,
        checkpoint,
        choose_device(device),
        precision=precision,
        flip_average=flip_average,
        keep_probabilities=keep_probabilities,
    )


def segment_study(
    study: Study,
    checkpoint: Checkpoint,
    device: DeviceChoice,
    *,
    precision: str = "auto",
    flip_average: bool = False,
    keep_probabilities: bool = False,
    progress: ProgressCallback | None = None,
) -> StudySegmentation:
    """Segment a study that has been read with a checkpoint that has been loaded.

    Parameters
    ----------
    study, checkpoint, device
        From `open_study`, `load_checkpoint` and `choose_device`.
    precision, flip_average, keep_probabilities
        See `segment`.
    progress : callable, optional
        Called with the number of slices just finished.

    Returns
    -------
    StudySegmentation
    """
    predictor = Predictor(checkpoint, device.device, precision=precision, flip_average=flip_average)
    blocks = []
    for block in study.blocks:
        label_map, confidence = predictor.predict_block(
            block.image, block.affine_ijk_to_ras, keep_probabilities=keep_probabilities, progress=progress
        )
        blocks.append(BlockSegmentation(block, label_map, confidence.probabilities, confidence.bounds))
    warnings = list(predictor.warnings)
    if predictor.num_removed:
        far = f"Outlines removed because they lay more than {MAX_DISTANCE_MM:g} mm from the spine"
        message = f"{far}: {predictor.num_removed}."
        logger.warning("%s", message)
        warnings.append(message)
    return StudySegmentation(
        study=study,
        blocks=tuple(blocks),
        weights_name=checkpoint.name,
        weights_sha256=checkpoint.sha256,
        device=str(predictor.device),
        device_reason=device.reason if predictor.device == device.device else f"{device.device} ran out of memory",
        number_format=predictor.number_format,
        network_warnings=tuple(warnings),
        area_calibration=checkpoint.area_calibration,
    )


def _as_study(
    source: Study | Block | ArrayLike | str | Path | Sequence[str | Path],
    affine_ijk_to_ras: ArrayLike | None,
    series: str | None,
    spacing_mm: float | None,
) -> Study:
    if _is_path(source):
        if affine_ijk_to_ras is not None:
            raise InputError("Files have a geometry of their own.", "Pass affine_ijk_to_ras with an array only.")
        return open_study(source, series=series, spacing_mm=spacing_mm)  # type: ignore[arg-type]
    if series is not None or spacing_mm is not None:
        raise InputError("series and spacing_mm are for files.", "Leave them out.")
    if isinstance(source, Study | Block):
        if affine_ijk_to_ras is not None:
            raise InputError("A study has a geometry of its own.", "Pass affine_ijk_to_ras with an array only.")
        return source if isinstance(source, Study) else Study(Path("array"), (source,))
    return Study(Path("array"), (_block_of_array(np.asarray(source), affine_ijk_to_ras),))


def _is_path(source: object) -> bool:
    if isinstance(source, str | Path):
        return True
    return isinstance(source, Sequence) and bool(source) and all(isinstance(each, str | Path) for each in source)


def _block_of_array(image: NDArray[np.generic], affine_ijk_to_ras: ArrayLike | None) -> Block:
    if affine_ijk_to_ras is None:
        raise InputError("An array has no geometry.", "Pass affine_ijk_to_ras, (4, 4), in mm.")
    affine = np.asarray(affine_ijk_to_ras, dtype=np.float64)
    if affine.shape != (4, 4) or not np.isfinite(affine).all() or abs(np.linalg.det(affine)) < 1e-9:
        raise InputError(f"affine_ijk_to_ras must be an invertible (4, 4) matrix, got {affine.tolist()}.", "Repair it.")
    if not is_rectangular(affine):
        raise InputError(
            "affine_ijk_to_ras is sheared; a label map on such a grid cannot be stored.", "Resample first."
        )
    if image.ndim != 3:
        raise InputError(f"The image must be a (K, J, I) array, got shape {image.shape}.", "Repair it.")
    tilt = axial_tilt_deg(affine)
    if tilt > AXIAL_MAX_TILT_DEG:
        raise InputError(
            f"The slices are {tilt:.0f} degrees off axial; at most {AXIAL_MAX_TILT_DEG:.0f} will do.",
            "Give axial slices, with K as the slice axis.",
        )
    _, row_mm, column_mm = spacing_kji_mm(affine)
    resolve_spacing((row_mm, column_mm), None, "the array")
    block = Block(np.asarray(image, dtype=np.float32), affine)
    check_pixels(block.image, "The array")
    return block
