"""Install what the network needs, after asking: PyTorch through its extension, and safetensors."""

from __future__ import annotations

import importlib
import importlib.util

import slicer
from slicer.i18n import tr as _

from LumbarSegLib.errors import InputError

# As in the library's own list of requirements.
_TORCH_VERSIONS = ">=2.5"
_SAFETENSORS = "safetensors>=0.4.3"


def missingPackages() -> list[str]:
    """Return which of torch and safetensors Slicer's Python does not have; imports neither."""
    return [name for name in ("torch", "safetensors") if importlib.util.find_spec(name) is None]


def ensureInstalled() -> bool:
    """Install what is missing, if the user agrees.

    Returns
    -------
    bool
        True where nothing is missing any more; False where the user declined,
        and then nothing was changed.

    Raises
    ------
    InputError
        If PyTorch is missing and so is the extension that installs it, or the
        installation failed.
    """
    missing = missingPackages()
    if not missing:
        return True
    torchInstaller = _torchInstaller() if "torch" in missing else None
    if not slicer.util.confirmOkCancelDisplay(explanation(missing), windowTitle=_("Install packages?")):
        return False
    if torchInstaller is not None:
        torchInstaller.installTorch(askConfirmation=False, torchVersionRequirement=_TORCH_VERSIONS)
    if "safetensors" in missing:
        _installSafetensors()
    importlib.invalidate_caches()
    if missing := missingPackages():
        raise InputError(
            _("{packages} could not be installed.").format(packages=_(" and ").join(missing)),
            _("Check the internet connection and the application log, then press Apply again."),
        )
    return True


def explanation(missing: list[str]) -> str:
    """Say what would be installed, how large it is and how long it takes."""
    if "torch" not in missing:
        return _(
            "LumbarSeg needs the Python package safetensors (less than 1 MB), which reads the network's weights. "
            "It is downloaded once into this copy of Slicer.\n\nInstall it now?"
        )
    return _(
        "LumbarSeg needs PyTorch, which runs the neural network. It is downloaded once, together with the small "
        "package safetensors, into this copy of Slicer.\n\n"
        "Download: about 200 MB for computers without an NVIDIA GPU, 2 to 3 GB with one; "
        "about twice that on the disk.\n"
        "Time: some minutes, more on a slow connection. Slicer cannot be used meanwhile.\n\n"
        "Your images stay on this computer.\n\nInstall now?"
    )


def _torchInstaller():
    """Return the logic of the PyTorch extension."""
    try:
        import PyTorchUtils
    except ModuleNotFoundError as error:
        raise InputError(
            _("LumbarSeg needs the PyTorch extension, which is not installed."),
            _("Install 'PyTorch' in the Extensions Manager, restart Slicer and press Apply again."),
        ) from error
    return PyTorchUtils.PyTorchUtilsLogic()


def _installSafetensors() -> None:
    # The user has agreed already, so neither asks again.
    try:
        from slicer.packaging import pip_ensure
    except ModuleNotFoundError:  # Slicer 5.10
        slicer.util.pip_install(_SAFETENSORS)
    else:
        pip_ensure(_SAFETENSORS, prompt_install=False, requester="LumbarSeg")
