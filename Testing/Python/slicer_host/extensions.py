"""`PyTorchUtils`, `slicer.packaging` and `SampleData`: what a module asks of them is recorded.

Whether torch and other packages are installed is a switch of the test: a package that is hidden cannot be imported
or found, and comes back when the module has it installed.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from .scripted_module import ScriptedLoadableModuleLogic


@dataclass
class Installer:
    """What is hidden, what was asked for, and how installations end.

    Attributes
    ----------
    calls
        Name and keyword arguments of every request, in order.
    accepts
        Whether the user agrees where an installer itself asks.
    works
        Whether an installation ends well.
    """

    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    accepts: bool = True
    works: bool = True
    _hidden: dict[str, dict[str, Any]] = field(default_factory=dict)

    def hide(self, *packages: str) -> None:
        """Make packages look as if they were not installed."""
        for package in packages:
            names = [name for name in sys.modules if name == package or name.startswith(f"{package}.")]
            self._hidden[package] = {name: sys.modules.pop(name) for name in names}
            # None is what the import system takes for "not there".
            sys.modules[package] = None

    def show(self, *packages: str) -> None:
        """Give hidden packages back."""
        for package in packages:
            if package in self._hidden:
                del sys.modules[package]
                sys.modules.update(self._hidden.pop(package))

    def reset(self) -> None:
        """Give everything back and forget all requests."""
        self.show(*tuple(self._hidden))
        self.calls.clear()
        self.accepts = self.works = True

    def request(self, name: str, packages: list[str], asks: bool, **arguments: Any) -> bool:
        """Record a request and install, unless the user declines or it fails."""
        self.calls.append((name, arguments))
        if asks and not self.accepts:
            return False
        if not self.works:
            raise RuntimeError("The installation failed.")
        self.show(*packages)
        return True

    def is_installed(self, package: str) -> bool:
        """Tell whether a package is there and not hidden."""
        return package not in self._hidden


INSTALLER = Installer()


class PyTorchUtilsLogic(ScriptedLoadableModuleLogic):
    """The PyTorch extension's logic."""

    @staticmethod
    def torchInstalled() -> bool:
        return INSTALLER.is_installed("torch")

    def installTorch(
        self,
        askConfirmation: bool = False,
        forceComputationBackend: str | None = None,
        torchVersionRequirement: str | None = None,
        torchvisionVersionRequirement: str | None = None,
    ) -> Any:
        installed = INSTALLER.request(
            "installTorch",
            ["torch"],
            askConfirmation,
            askConfirmation=askConfirmation,
            forceComputationBackend=forceComputationBackend,
            torchVersionRequirement=torchVersionRequirement,
            torchvisionVersionRequirement=torchvisionVersionRequirement,
        )
        return self.torch if installed else None

    @property
    def torch(self) -> Any:
        return self.importTorch()

    def importTorch(self) -> Any:
        import torch

        return torch


def _package_names(requirements: str | list[str]) -> list[str]:
    entries = [requirements] if isinstance(requirements, str) else list(requirements)
    return [re.split(r"[<>=!~;\[ ]", str(entry).strip())[0] for entry in entries]


def pip_ensure(
    requirements: Any,
    constraints: Any = None,
    skip_packages: list[str] | None = None,
    prompt_install: bool = True,
    prompt_restart: bool = True,
    requester: str | None = None,
    skip_in_testing: bool = True,
    show_progress: bool = True,
) -> None:
    """Install what is missing."""
    missing = [name for name in _package_names(requirements) if not INSTALLER.is_installed(name)]
    if missing:
        INSTALLER.request(
            "pip_ensure", missing, prompt_install, requirements=requirements, prompt_install=prompt_install
        )


def pip_install(
    requirements: Any,
    constraints: Any = None,
    no_deps_requirements: Any = None,
    skip_packages: list[str] | None = None,
    blocking: bool = True,
    show_progress: bool = True,
    requester: str | None = None,
    logCallback: Any = None,
    completedCallback: Any = None,
) -> None:
    """Install packages without asking."""
    INSTALLER.request("pip_install", _package_names(requirements), False, requirements=requirements)


SAMPLE_SOURCES: list[dict[str, Any]] = []


class SampleDataLogic:
    """The Sample Data module's logic; registered sources are kept in SAMPLE_SOURCES."""

    @staticmethod
    def registerCustomSampleDataSource(
        category: str = "Custom",
        sampleName: Any = None,
        uris: Any = None,
        fileNames: Any = None,
        nodeNames: Any = None,
        customDownloader: Any = None,
        thumbnailFileName: Any = None,
        loadFileTypes: Any = None,
        loadFiles: Any = None,
        loadFileProperties: Any = None,
        checksums: Any = None,
        loadFileType: Any = None,
    ) -> None:
        SAMPLE_SOURCES.append({name: value for name, value in locals().items() if value is not None})


def make_modules() -> dict[str, ModuleType]:
    """Return the three modules by name."""
    torch_utils = ModuleType("PyTorchUtils")
    torch_utils.PyTorchUtilsLogic = PyTorchUtilsLogic
    packaging = ModuleType("slicer.packaging")
    packaging.pip_ensure = pip_ensure
    packaging.pip_install = pip_install
    sample_data = ModuleType("SampleData")
    sample_data.SampleDataLogic = SampleDataLogic
    return {"PyTorchUtils": torch_utils, "slicer.packaging": packaging, "SampleData": sample_data}
