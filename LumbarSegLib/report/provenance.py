"""Who made a segmentation, and what it may be used for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from LumbarSegLib.version import __version__

#: Stands on every result.
RESEARCH_USE_NOTICE = "Research use only; not for diagnosis"


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Where the label maps of a study come from.

    Parameters
    ----------
    source : {"model", "edited"}
        Whether a person has changed the label maps.
    weights_name : str
        Name of the network's weights.
    weights_sha256 : str
        Hash of the weights' file.
    software_version : str
        Version of LumbarSeg.
    """

    source: Literal["model", "edited"] = "model"
    weights_name: str
    weights_sha256: str
    software_version: str = __version__
