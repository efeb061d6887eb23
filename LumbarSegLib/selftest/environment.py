"""What a self-test ran on: versions, and whether the weights are as they were published."""

from __future__ import annotations

import importlib.util
import platform
from dataclasses import dataclass
from importlib import metadata

from LumbarSegLib.errors import InputError
from LumbarSegLib.version import __version__

_PACKAGES = ("numpy", "scipy", "SimpleITK", "pydicom", "Pillow", "torch")


@dataclass(frozen=True)
class WeightsCheck:
    """The installed weights.

    Parameters
    ----------
    name, sha256 : str
        Empty if they could not be read.
    problem : str
        Why they cannot be used; empty if their checksum is right and the network takes them.
    note : str
        Why they were not checked; empty if they were.
    """

    name: str = ""
    sha256: str = ""
    problem: str = ""
    note: str = ""

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong with the weights."""
        return not self.problem

    @property
    def verdict(self) -> str:
        """One sentence."""
        return self.problem or self.note or f"{self.name}: checksum verified, SHA-256 {self.sha256}"


def versions() -> dict[str, str]:
    """Return the versions of LumbarSeg, Python and the packages that measuring uses, and the platform."""
    found = {"LumbarSeg": __version__, "Python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "not installed"
    return {**found, "Platform": platform.platform()}


def check_weights() -> WeightsCheck:
    """Load the installed weights, which verifies their checksum."""
    if importlib.util.find_spec("torch") is None:
        return WeightsCheck(note="not checked: torch is not installed, so that nothing can be segmented here")
    from LumbarSegLib.inference.checkpoint import load_checkpoint  # torch is slow to import

    try:
        checkpoint = load_checkpoint()
    except InputError as error:
        return WeightsCheck(problem=str(error))
    return WeightsCheck(checkpoint.name, checkpoint.sha256)
