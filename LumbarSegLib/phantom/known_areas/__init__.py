"""Label maps whose areas are known without counting pixels, in every geometry that measuring has to bear."""

from LumbarSegLib.phantom.known_areas.cases import KnownBlock, draw_known_blocks
from LumbarSegLib.phantom.known_areas.expectations import Expectation
from LumbarSegLib.phantom.known_areas.geometries import KnownGeometry, known_geometries

__all__ = ["Expectation", "KnownBlock", "KnownGeometry", "draw_known_blocks", "known_geometries"]
