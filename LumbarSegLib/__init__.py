"""LumbarSeg: seven anatomies of the lumbar spine, outlined and measured.

Importing the package is cheap: torch is loaded when `segment` is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from LumbarSegLib.errors import InputError
from LumbarSegLib.version import __version__

if TYPE_CHECKING:
    from LumbarSegLib.inference.segmentation import BlockSegmentation, StudySegmentation, segment

__all__ = ["BlockSegmentation", "InputError", "StudySegmentation", "__version__", "segment"]


def __getattr__(name: str) -> Any:
    if name in ("BlockSegmentation", "StudySegmentation", "segment"):
        from LumbarSegLib.inference import segmentation

        return getattr(segmentation, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
