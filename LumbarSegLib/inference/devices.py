"""Which device runs the network, and why."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import torch

from LumbarSegLib.errors import InputError

logger = logging.getLogger(__name__)

DEVICE_NAMES = ("auto", "cpu", "cuda", "mps")
PRECISIONS = ("auto", "full")


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
            f"Device must be one of {', '.join(DEVICE_NAMES)} or cuda:N, got {name!r}.", "Use device auto."
        )
    if kind == "cpu":
        choice = DeviceChoice(torch.device("cpu"), "CPU asked for")
    elif kind == "cuda":
        choice = _cuda(name)
    elif kind == "mps":
        if not torch.backends.mps.is_available():
            raise InputError("Device mps is not available on this machine.", "Use device auto or cpu.")
        choice = DeviceChoice(torch.device("mps"), "MPS asked for")
    else:
        choice = _auto()
    logger.info("Running on %s: %s.", choice.device, choice.reason)
    return choice


def cpu_has_bfloat16() -> bool:
    """Whether the CPU multiplies bfloat16 in hardware (AVX-512 BF16): twice as fast as float32."""
    # Older torch cannot tell what the CPU has.
    capabilities: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(capabilities.get("avx512_bf16", False))


def inference_precision(device: torch.device, precision: str = "auto") -> torch.dtype:
    """Choose the number format of the network's convolutions.

    Parameters
    ----------
    device : torch.device
        Where the network runs.
    precision : {"auto", "full"}
        "full" is float32 everywhere. "auto" takes float16 on CUDA, bfloat16 on
        a CPU that has it, and float32 otherwise; areas then differ between
        machines in the last of three digits.

    Returns
    -------
    torch.dtype

    Raises
    ------
    InputError
        If `precision` is unknown.
    """
    if precision not in PRECISIONS:
        raise InputError(f"Precision must be one of {', '.join(PRECISIONS)}, got {precision!r}.", "Use auto.")
    if precision == "auto" and device.type == "cuda":
        return torch.float16
    if precision == "auto" and device.type == "cpu" and cpu_has_bfloat16():
        return torch.bfloat16
    return torch.float32


def _cuda(name: str) -> DeviceChoice:
    if not torch.cuda.is_available():
        raise InputError(
            f"Device {name} is not available: {_no_cuda_reason()}.", "Use device auto or cpu, or repair it."
        )
    device = torch.device(name)
    if device.index is not None and device.index >= torch.cuda.device_count():
        raise InputError(
            f"Device {name} does not exist; this machine has {torch.cuda.device_count()} CUDA device(s).",
            "Use device cuda:0.",
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
