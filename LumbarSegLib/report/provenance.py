"""Who made a segmentation, and what it may be used for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from LumbarSegLib.version import __version__

#: Who made a label map.
Source = Literal["model", "edited", "given"]

_NO_WEIGHTS = "the outlines were given; no network is known to have made them"

#: Stands on every result.
RESEARCH_USE_NOTICE = "Research use only; not for diagnosis"


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Where the label maps of a study come from.

    Parameters
    ----------
    source : {"model", "edited", "given"}
        Whether a person has changed the network's label maps, or they came
        from elsewhere.
    weights_name : str
        Name of the network's weights; empty where none is known.
    weights_sha256 : str
        Hash of the weights' file; empty where none is known.
    software_version : str
        Version of LumbarSeg.
    """

    source: Source = "model"
    weights_name: str
    weights_sha256: str
    software_version: str = __version__

    @property
    def weights_in_words(self) -> str:
        """The name of the weights, and what has become of their outlines."""
        if not self.weights_name:
            return "none, the outlines were given"
        return self.weights_name if self.source == "model" else f"{self.weights_name}; outlines {self.source}"

    @property
    def absent_weights(self) -> dict[str, str]:
        """Why there are no weights, by the name of what is absent; empty where there are."""
        return {} if self.weights_name else {"weights": _NO_WEIGHTS}
