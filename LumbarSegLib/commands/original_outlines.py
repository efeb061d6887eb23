"""The outlines that a network made, to set corrected ones beside them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from LumbarSegLib.commands.progress import slice_progress
from LumbarSegLib.errors import InputError
from LumbarSegLib.io.label_maps import write_label_map
from LumbarSegLib.io.study import Block, Study
from LumbarSegLib.report.audit import OutlineFile
from LumbarSegLib.report.result_folder import ModelOutlines, label_map_files, read_model_outlines, sha256_of
from LumbarSegLib.study_reading.block_outlines import BlockOutlines, read_block_outlines

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class OriginalOutlines:
    """Outlines of every block as they were before a person came to them.

    Parameters
    ----------
    label_maps : sequence of (K, J, I) ndarray of uint8
        By block.
    files : sequence of OutlineFile
        Where each was read from; empty if a network has just made them.
    weights_name, weights_sha256 : str
        The network; empty where it is not known.
    device, device_reason : str
        What the network ran on just now, and why.
    """

    label_maps: Sequence[NDArray[np.uint8]]
    files: Sequence[OutlineFile] = ()
    weights_name: str = ""
    weights_sha256: str = ""
    device: str = "none"
    device_reason: str = "no network ran"

    def write(self, folder: Path, blocks: Sequence[Block]) -> list[OutlineFile]:
        """Write the label maps beside the corrected ones and return where each block's can be found."""
        written = []
        for number, (block, label_map) in enumerate(zip(blocks, self.label_maps, strict=True), start=1):
            path = folder / f"original_block-{number:02d}.nii.gz"
            write_label_map(path, label_map, block.affine_ijk_to_ras)
            written.append(OutlineFile(path.name, sha256_of(path)))
        return list(self.files) or written


def original_from(path: Path, blocks: Sequence[Block], chosen: Sequence[int]) -> OriginalOutlines:
    """Read the original outlines from a label map or a result folder.

    Parameters
    ----------
    path : Path
        A folder may hold more blocks than are wanted.
    blocks : sequence of Block
        All of the study.
    chosen : sequence of int
        Which blocks are wanted, from 0.

    Raises
    ------
    InputError
        If they cannot be read, or a block has none.
    """
    folder = path if path.is_dir() else path.parent
    files = label_map_files(path) if path.is_dir() else [path]
    if not files:
        raise InputError(f"{path} holds no label maps of lumbarseg segment.", "Pass its output folder, or a label map.")
    found = read_block_outlines(files, blocks, {})
    wanted = [found[index] for index in chosen]
    complete = [each for each in wanted if each is not None]
    if len(complete) < len(wanted):
        missing = chosen[wanted.index(None)] + 1
        raise InputError(f"{path} has no outlines of block {missing}.", "Pass the folder with those of all blocks.")
    return _original(complete, read_model_outlines(folder))


def original_beside(
    folder: Path, record: ModelOutlines, blocks: Sequence[Block], chosen: Sequence[int]
) -> OriginalOutlines | None:
    """Return the outlines that `lumbarseg segment` left in a folder; None, with a warning, if they have changed.

    `blocks` and `chosen` are those of `original_from`.
    """
    changed = [name for name in record.sha256 if not record.is_untouched(folder / name)]
    if changed:
        logger.warning(
            "No comparison with the network's outlines: %s changed since lumbarseg segment wrote it. "
            "Add --against-model to outline the image again.",
            folder / changed[0],
        )
        return None
    return original_from(folder, blocks, chosen)


def original_by_network(study: Study, device: str, *, quiet: bool) -> OriginalOutlines:
    """Outline a study with the installed weights.

    Raises
    ------
    InputError
        If the weights or the device cannot be used.
    """
    # Only here: everything else of this command does without torch, which takes seconds to load.
    from LumbarSegLib.inference.checkpoint import load_checkpoint
    from LumbarSegLib.inference.devices import choose_device
    from LumbarSegLib.inference.segmentation import segment_study

    checkpoint = load_checkpoint(None)
    with slice_progress(sum(len(block.image) for block in study.blocks), quiet=quiet) as progress:
        segmentation = segment_study(study, checkpoint, choose_device(device), progress=progress)
    return OriginalOutlines(
        [each.label_map for each in segmentation.blocks],
        weights_name=segmentation.weights_name,
        weights_sha256=segmentation.weights_sha256,
        device=segmentation.device,
        device_reason=segmentation.device_reason,
    )


def _original(outlines: Sequence[BlockOutlines], record: ModelOutlines | None) -> OriginalOutlines:
    label_maps = [each.label_map for each in outlines]
    files = [OutlineFile(str(each.path), sha256_of(each.path)) for each in outlines]
    if record is None or not all(record.is_untouched(each.path) for each in outlines):
        return OriginalOutlines(label_maps, files)
    return OriginalOutlines(label_maps, files, record.weights_name, record.weights_sha256)
