"""What CTest and the workflow run inside Slicer: the self-test of the module, found by name."""

from LumbarSeg import LumbarSegTest

__all__ = ["LumbarSegTest"]
