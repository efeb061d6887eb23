"""Levels, as cells of a table and as parts of a tree (JSON)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from LumbarSegLib.io.study import Block
from LumbarSegLib.measurement import LevelName, LevelSummary, SliceMeasurement, summarize_study

if TYPE_CHECKING:
    from LumbarSegLib.report.tables import Cell


def blocks_with_levels(
    blocks: Sequence[Block], measurements: Sequence[Sequence[SliceMeasurement]], lowest_level: LevelName
) -> Iterator[tuple[int, Block, Sequence[SliceMeasurement], tuple[LevelSummary, ...]]]:
    """Yield the number of each block, from 1, the block, its slices and its levels."""
    orientation_known = all(block.orientation_known for block in blocks)
    levels = summarize_study(measurements, lowest_level, orientation_known=orientation_known)
    for number, (block, slices, of_block) in enumerate(zip(blocks, measurements, levels, strict=True), start=1):
        yield number, block, slices, of_block


def level_cells(level: LevelSummary) -> dict[str, Cell]:
    """Return what a level is called, why, and which slices it is."""
    return {
        **level_name_cells(level),
        "level_source": level.name.source,
        "level_confidence": level.name.confidence,
        "level_reason": level.name.reason,
        "first_slice": level.first_index + 1,
        "last_slice": level.last_index + 1,
    }


def level_name_cells(level: LevelSummary | None) -> dict[str, Cell]:
    """Return number and name of the level of a slice; None for a slice outside of all."""
    if level is None:
        return {"level": None, "level_name": None}
    return {"level": level.number, "level_name": level.name.text}


def smallest_sac_slice(level: LevelSummary) -> int | None:
    """Return the number of the slice with the smallest dural sac."""
    return None if level.smallest_sac is None else level.smallest_sac.slice_index + 1
