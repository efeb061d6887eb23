"""Slices of one block through the network, in batches, back on their own grid.

Notation: K slices of J rows and I columns as scanned, C classes, H and W rows
and columns of the working grid (see `LumbarSegLib.preprocessing`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from LumbarSegLib.anatomy import NUM_CLASSES, VERTEBRAL_BODY_INDEX
from LumbarSegLib.errors import InputError
from LumbarSegLib.geometry import in_plane_orientation, spacing_kji_mm
from LumbarSegLib.inference.checkpoint import Checkpoint
from LumbarSegLib.inference.devices import inference_precision
from LumbarSegLib.inference.plausibility import remove_far_components
from LumbarSegLib.measurement import PixelBounds, bound_pixels
from LumbarSegLib.measurement.area_intervals import without_removed_pieces
from LumbarSegLib.models.fusion import fuse_norms
from LumbarSegLib.preprocessing import Box, body_box, normalize, remove_offset, to_native_grid, to_working_grid

logger = logging.getLogger(__name__)

#: Slices that a GPU takes at once; a CPU is fastest with few.
GPU_BATCH_SIZE = 16
CPU_BATCH_SIZE = 2

#: Called with the number of slices finished since the last call.
ProgressCallback = Callable[[int], None]


@dataclass(frozen=True)
class BlockConfidence:
    """How sure the network is of a block, on the block's own grid.

    Parameters
    ----------
    bounds : PixelBounds
        What each class has at least and at most, without outlines far from the spine.
    probabilities : (K, C, J, I) ndarray of float16 or None
        As the network gives them; None unless asked for.
    """

    bounds: PixelBounds
    probabilities: NDArray[np.float16] | None


@dataclass(frozen=True)
class _PreparedSlices:
    """The slices of a block as the network takes them, and the way back to their grid."""

    normalized: Tensor  # (K, 1, h, w), cut to the body
    box: Box
    working_size: tuple[int, int]
    native_size: tuple[int, int]


class Predictor:
    """A network on a device, ready for blocks of slices.

    Parameters
    ----------
    checkpoint : Checkpoint
        Network and its preprocessing.
    device : torch.device
        Where it runs at first; see `warnings` for what became of it.
    flip_average : bool
        Average the probabilities with those of the mirrored slice.
    precision : {"auto", "full"}
        See `inference_precision`.
    batch_size : int, optional
        Slices at once; None chooses by the device.
    logit_offset : (C,) Tensor, optional
        Added to the logits, see `LumbarSegLib.losses.area_correcting_offset`.

    Attributes
    ----------
    warnings : list of str
        What a reader has to know, such as a fall back to the CPU.
    num_removed : int
        Outlines taken back so far because they lay too far from the spine.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        device: torch.device,
        *,
        flip_average: bool = False,
        precision: str = "auto",
        batch_size: int | None = None,
        logit_offset: Tensor | None = None,
    ) -> None:
        if batch_size is not None and batch_size < 1:
            raise ValueError(f"batch_size must be >= 1, got {batch_size}.")
        self.preprocessing = checkpoint.preprocessing
        self.flip_average = flip_average
        self.logit_offset = logit_offset
        self.precision = precision
        inference_precision(device, precision)  # an unknown one is refused here
        self.device = device
        self.batch_size = batch_size or (CPU_BATCH_SIZE if device.type == "cpu" else GPU_BATCH_SIZE)
        model = fuse_norms(checkpoint.model.eval())
        self.model: nn.Module = model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.warnings: list[str] = []
        self.num_removed = 0

    @property
    def number_format(self) -> str:
        """What the convolutions compute in on the present device, such as "float32"."""
        return str(inference_precision(self.device, self.precision)).removeprefix("torch.")

    def predict_block(
        self,
        image: NDArray[np.generic],
        affine_ijk_to_ras: NDArray[np.float64],
        *,
        keep_probabilities: bool = False,
        progress: ProgressCallback | None = None,
    ) -> tuple[NDArray[np.uint8], BlockConfidence]:
        """Segment the slices of a block.

        Slices are first turned into radiological reading order, so that any
        order of the array's axes gives the same result.

        Parameters
        ----------
        image : (K, J, I) ndarray
            Signal, finite.
        affine_ijk_to_ras : (4, 4) ndarray
            Geometry of the block, axial.
        keep_probabilities : bool
            Also return the class probabilities (16 bytes a pixel).
        progress : callable, optional
            Called with the number of slices just finished.

        Returns
        -------
        label_map : (K, J, I) ndarray of uint8
            Values of `LumbarSegLib.anatomy`, without outlines far from the
            spine (`remove_far_components`).
        confidence : BlockConfidence
        """
        orientation = in_plane_orientation(affine_ijk_to_ras)
        upright = np.ascontiguousarray(orientation.apply(np.asarray(image, dtype=np.float32)))
        _, spacing_j, spacing_i = spacing_kji_mm(affine_ijk_to_ras)
        slices = self._prepare(upright, orientation.apply_spacing((spacing_j, spacing_i)))
        labels, sure, possible = np.empty((3, *upright.shape), dtype=np.uint8)
        kept: list[NDArray[np.float16]] = []
        first = 0
        while first < len(upright):
            last = min(first + self.batch_size, len(upright))
            try:
                label, probabilities = self._predict_batch(slices, first, last)
            except RuntimeError as error:
                if not _is_out_of_memory(error):
                    raise
                self._reduce_load(error)
                continue
            # Only the bounds are kept of all slices: they take an eighth of the memory of the probabilities.
            bounds = bound_pixels(probabilities)
            labels[first:last], sure[first:last], possible[first:last] = label, bounds.sure, bounds.possible
            if keep_probabilities:
                kept.append(probabilities.astype(np.float16))
            if progress is not None:
                progress(last - first)
            first = last
        labels, sure, possible = (np.ascontiguousarray(orientation.undo(each)) for each in (labels, sure, possible))
        label_map, num_removed = remove_far_components(labels, affine_ijk_to_ras)
        self.num_removed += num_removed
        return label_map, BlockConfidence(
            without_removed_pieces(PixelBounds(sure, possible), labels, label_map),
            np.ascontiguousarray(orientation.undo(np.concatenate(kept))) if keep_probabilities else None,
        )

    def _prepare(self, upright: NDArray[np.float32], spacing_ji_mm: tuple[float, float]) -> _PreparedSlices:
        """Resample and normalize on the CPU, so that every device sees the same numbers."""
        images = remove_offset(torch.from_numpy(upright)[:, None])  # (K, 1, J, I)
        images = to_working_grid(images, spacing_ji_mm, self.preprocessing)  # (K, 1, H, W)
        box = body_box(images, self.preprocessing)
        normalized = box.crop(normalize(images, self.preprocessing))  # (K, 1, h, w)
        rows, columns = upright.shape[-2:]
        return _PreparedSlices(normalized, box, (images.shape[-2], images.shape[-1]), (rows, columns))

    def _predict_batch(
        self, slices: _PreparedSlices, first: int, last: int
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        with torch.inference_mode():
            images = slices.normalized[first:last].to(self.device, memory_format=torch.channels_last)
            logits = slices.box.uncrop(self._averaged_logits(images), slices.working_size)  # (B, C, H, W)
            logits = to_native_grid(logits, slices.native_size)  # (B, C, J, I)
            label = _argmax(logits).cpu().numpy()
            probabilities = logits.softmax(dim=1).cpu().numpy()
        return label, probabilities

    def _averaged_logits(self, images: Tensor) -> Tensor:
        logits = self._logits(images)
        if self.flip_average:
            mirrored = self._logits(images.flip(-1)).flip(-1)
            # Averaging on the working grid keeps the resampling single and last.
            logits = torch.logaddexp(logits.log_softmax(dim=1), mirrored.log_softmax(dim=1))
        if self.logit_offset is not None:
            logits = logits + self.logit_offset.to(logits.device)[:, None, None]
        return logits

    def _logits(self, images: Tensor) -> Tensor:
        with self._autocast():
            logits: Tensor = self.model(images)
        return _without_vertebral_body(logits.float())

    def _autocast(self) -> AbstractContextManager[None]:
        dtype = inference_precision(self.device, self.precision)
        return torch.autocast(self.device.type, dtype, enabled=dtype != torch.float32)

    def _reduce_load(self, error: RuntimeError) -> None:
        if self.batch_size > 1:
            self.batch_size //= 2
            message = f"out of memory on {self.device}; going on with batches of {self.batch_size}"
        elif self.device.type != "cpu":
            message = f"out of memory on {self.device} even for one slice; going on on the CPU"
            self.device = torch.device("cpu")
            self.batch_size = CPU_BATCH_SIZE
            self.model = self.model.to(self.device)
        else:
            raise InputError(
                "A single slice does not fit into memory.", "Close other programs, or use smaller slices."
            ) from error
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        logger.warning("%s", message)
        self.warnings.append(message)


def _without_vertebral_body(logits: Tensor) -> Tensor:
    """Count the probability of a vertebral body, where the network knows it, as background."""
    if logits.shape[1] == NUM_CLASSES:
        return logits
    background = torch.logaddexp(logits[:, :1], logits[:, VERTEBRAL_BODY_INDEX:])
    return torch.cat([background, logits[:, 1:NUM_CLASSES]], dim=1)


def _argmax(logits: Tensor) -> Tensor:
    """Return the first largest class of (B, C, J, I) as uint8 (B, J, I).

    The same as `Tensor.argmax`, which on a CPU takes four times as long along
    an outer axis.
    """
    best = logits[:, 0].clone()
    label = torch.zeros(best.shape, dtype=torch.uint8, device=logits.device)
    for index in range(1, logits.shape[1]):
        larger = logits[:, index] > best
        label.masked_fill_(larger, index)
        torch.maximum(best, logits[:, index], out=best)
    return label


def _is_out_of_memory(error: RuntimeError) -> bool:
    """Whether memory ran out: CUDA has a class for it, the CPU, MPS and cuDNN only have words."""
    text = str(error).lower()
    return isinstance(error, torch.OutOfMemoryError) or "out of memory" in text or "alloc" in text
