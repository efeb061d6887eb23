"""A small measured study of two blocks, for everything that is written from one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from lumbar_ellipses import LUMBAR, axial_affine, draw, turn_about

from LumbarSegLib.io.study import Block, Study
from LumbarSegLib.measurement import SliceMeasurement, measure_block
from LumbarSegLib.report.provenance import Provenance

PROVENANCE = Provenance(weights_name="msff-test", weights_sha256="ab" * 32, software_version="9.8.7")


def make_block(label_map: np.ndarray, affine: np.ndarray, **fields: object) -> Block:
    """Block whose signal rises from the background through the labels."""
    return Block(image=label_map.astype(np.float32) * 100 + 50, affine_ijk_to_ras=affine, **fields)


def make_study() -> tuple[Study, list[np.ndarray], list[tuple[SliceMeasurement, ...]]]:
    """Return a study with its label maps and measurements.

    Block 1 has two slices without a left psoas; block 2 is a tilted, empty,
    single slice of unknown thickness.
    """
    ellipses = [ellipse for name, ellipse in LUMBAR.items() if name != "psoas_left"]
    upright = axial_affine(spacing_kji_mm=(4.4, 0.7, 1 / 3))
    tilted = axial_affine(spacing_kji_mm=(4.0, 0.5, 0.5), turn=turn_about(0, 20))
    label_maps = [draw(upright, ellipses, slices=2, spine_turn_deg=7), np.zeros((1, 200, 180), dtype=np.uint8)]
    blocks = (
        make_block(
            label_maps[0],
            upright,
            slice_thickness_mm=4.0,
            series_uid="1.2.3",
            series_description='Wirbelsäule "T2", axial',
            slice_sources=("a.dcm", "b.dcm"),
        ),
        make_block(label_maps[1], tilted, orientation_known=False),
    )
    measurements = [
        measure_block(label_map, block.affine_ijk_to_ras, orientation_known=block.orientation_known)
        for block, label_map in zip(blocks, label_maps, strict=True)
    ]
    study = Study(Path("in/study"), blocks, "Series 6 is the only axial T2 series.", ("Sides of block 2 are assumed.",))
    return study, label_maps, measurements
