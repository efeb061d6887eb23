"""Weights for the encoder alone, as torchvision distributes them."""

from __future__ import annotations

import hashlib
import io
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from LumbarSegLib.errors import InputError
from LumbarSegLib.io.file_errors import cannot_be_read, reason_of

_REPAIR = "Take the resnet18 or resnet34 file of torchvision, as .pth or .safetensors."


@dataclass(frozen=True)
class EncoderWeights:
    """The tensors of a file and where they came from.

    Parameters
    ----------
    name : str
        Of the file.
    sha256 : str
        Of the file.
    tensors : mapping of str to Tensor
        Under torchvision's keys.
    """

    name: str
    sha256: str
    tensors: Mapping[str, Tensor]


def read_encoder_weights(path: Path) -> EncoderWeights:
    """Read a state dict; nothing but tensors is ever unpickled.

    Parameters
    ----------
    path : Path
        A .pth file of torch or a .safetensors file.

    Raises
    ------
    InputError
        If the file cannot be read, or holds anything but named tensors.
    """
    if path.suffix not in (".pth", ".safetensors"):
        raise InputError(f"Encoder weights must be a .pth or .safetensors file, got {path}.", _REPAIR)
    try:
        payload = path.read_bytes()
    except OSError as error:
        raise cannot_be_read(path, reason_of(error)) from error
    try:
        content: Any = (
            load(payload)
            if path.suffix == ".safetensors"
            else torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True)
        )
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as error:
        raise InputError(f"{path} is damaged, or holds more than tensors.", _REPAIR) from error
    if not isinstance(content, Mapping) or not all(isinstance(each, Tensor) for each in content.values()):
        raise InputError(f"{path} is no state dict of named tensors.", _REPAIR)
    return EncoderWeights(path.name, hashlib.sha256(payload).hexdigest(), content)
