"""Which device runs the network, and why."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import torch

from LumbarSegLib.errors import InputError

logger = logging.getLogger(__name__)

DEVICE_NAMES = ("auto", "cpu", "cuda", "mps")


@dataclass(frozen=True)
class DeviceChoice:
    """A device and the reason for it, for the log and the record of the run."""

    device: torch.device
    reason: str


def choose_device(name: str = "auto") -> DeviceChoice:
    """Choose the device that runs the network.

    Parameters
    ----------
    name : {"auto", "cpu", "cuda", "mps"}
        "auto" takes CUDA, then Apple's MPS, then the CPU. A CUDA device may
        carry an index ("cuda:1").

    Returns
    -------
    DeviceChoice

    Raises
    ------
    InputError
        If the name is unknown or the device is not there.
    """
    kind, colon, index = name.partition(":")
    if kind not in DEVICE_NAMES or (colon and not (kind == "cuda" and index.isdecimal())):
        raise InputError(
            f"Device must be one of {', '.join(DEVICE_NAMES)} or cuda:N, got {name!r}.", "Use --device auto."
        )
    if kind == "cpu":
        choice = DeviceChoice(torch.device("cpu"), "CPU asked for")
    elif kind == "cuda":
        choice = _cuda(name)
    elif kind == "mps":
        if not torch.backends.mps.is_available():
            raise InputError("Device mps is not available on this machine.", "Use --device auto or --device cpu.")
        choice = DeviceChoice(torch.device("mps"), "MPS asked for")
    else:
        choice = _auto()
    logger.info("Running on %s: %s.", choice.device, choice.reason)
    return choice


def _cuda(name: str) -> DeviceChoice:
    if not torch.cuda.is_available():
        raise InputError(
            f"Device {name} is not available: {_no_cuda_reason()}.", "Use --device auto or --device cpu, or repair it."
        )
    device = torch.device(name)
    if device.index is not None and device.index >= torch.cuda.device_count():
        raise InputError(
            f"Device {name} does not exist; this machine has {torch.cuda.device_count()} CUDA device(s).",
            "Use --device cuda:0.",
        )
    return DeviceChoice(device, f"CUDA asked for ({torch.cuda.get_device_name(device)})")


def _auto() -> DeviceChoice:
    if torch.cuda.is_available():
        return DeviceChoice(torch.device("cuda"), f"CUDA is available ({torch.cuda.get_device_name(0)})")
    if torch.backends.mps.is_available():
        return DeviceChoice(torch.device("mps"), "Apple MPS is available")
    return DeviceChoice(torch.device("cpu"), f"no GPU can be used: {_no_cuda_reason()}")


def _no_cuda_reason() -> str:
    if torch.version.cuda is None:
        return "this build of torch has no CUDA"
    return "torch finds no CUDA device or driver"
