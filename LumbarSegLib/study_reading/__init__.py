"""Read a study: find the files, choose the series, stack the slices into blocks.

`opening.open_study` is the way in; `LumbarSegLib.io` does the reading of files.
"""

from __future__ import annotations

from LumbarSegLib.study_reading.opening import open_study

__all__ = ["open_study"]
