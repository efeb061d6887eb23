"""The phantom suite: label maps of known areas straight into the measurement."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator, Sequence

from LumbarSegLib.measurement import SliceMeasurement, measure_block
from LumbarSegLib.phantom.known_areas import KnownBlock, KnownGeometry, draw_known_blocks, known_geometries
from LumbarSegLib.selftest.checks import CaseResult, Check, check_slices
from LumbarSegLib.selftest.pictures import draw_slice

#: Takes a block of known areas and a method to tell fat from muscle, and measures the block.
MeasureFunction = Callable[[KnownBlock, str], Sequence[SliceMeasurement]]

#: Fat takes a second a geometry to tell from muscle, and depends on signal, not on geometry.
_WITH_FAT = ("stored as LPI, left-handed", "stored as ARS, left-handed", "oblique about all three axes, right-handed")
_FAT_METHOD = "gmm3"


def measure_known(block: KnownBlock, fat_method: str) -> Sequence[SliceMeasurement]:
    """Measure a block as every command does."""
    return measure_block(block.label_map, block.affine_ijk_to_ras, image=block.image, fat_method=fat_method)


def fat_method_for(geometry: KnownGeometry) -> str:
    """Return how fat is told from muscle in a geometry: "none" in most, and everywhere without scikit-learn."""
    has_package = importlib.util.find_spec("sklearn") is not None
    return _FAT_METHOD if geometry.name in _WITH_FAT and has_package else "none"


def run_geometry(geometry: KnownGeometry, measure: MeasureFunction = measure_known) -> CaseResult:
    """Measure the blocks of one geometry.

    Parameters
    ----------
    geometry : KnownGeometry
        What to draw.
    measure : callable
        What is tested.

    Returns
    -------
    CaseResult
        With a picture of the first slice of the first block.
    """
    checks: list[Check] = []
    fat_method = fat_method_for(geometry)
    picture = b""
    for number, block in enumerate(draw_known_blocks(geometry), start=1):
        measurements = measure(block, fat_method)
        checks += check_slices(number, measurements, block.expected, with_fat=fat_method != "none")
        picture = picture or draw_slice(block.label_map[0], block.affine_ijk_to_ras, measurements[0].midline)
    return CaseResult(geometry.name, tuple(checks), picture)


def run_geometries(measure: MeasureFunction = measure_known) -> Iterator[CaseResult]:
    """Measure every geometry of the suite, one after the other."""
    for geometry in known_geometries():
        yield run_geometry(geometry, measure)
