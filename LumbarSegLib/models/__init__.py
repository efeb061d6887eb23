"""Networks, one file each, and the table that builds one from a configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from LumbarSegLib.models.attention_unet import AttentionUNet, AttentionUNetConfig
from LumbarSegLib.models.ce_net import CENet, CENetConfig
from LumbarSegLib.models.fcn import FCN, FCNConfig
from LumbarSegLib.models.lumnet import LumNet, LumNetConfig
from LumbarSegLib.models.msff import MSFF, MSFFConfig, MSFFNoBottleneckConfig
from LumbarSegLib.models.network import NetworkConfig, SegmentationNetwork
from LumbarSegLib.models.segnet import SegNet, SegNetConfig
from LumbarSegLib.models.unet import UNet, UNetConfig

__all__ = ["MSFF", "MSFFConfig", "NetworkConfig", "SegmentationNetwork", "build_model", "model_names"]

#: Name on the command line and in a checkpoint -> (configuration, network).
_MODELS: dict[str, tuple[Any, Callable[[Any], SegmentationNetwork]]] = {
    "fcn": (FCNConfig, FCN),
    "unet": (UNetConfig, UNet),
    "segnet": (SegNetConfig, SegNet),
    "attention_unet": (AttentionUNetConfig, AttentionUNet),
    "ce_net": (CENetConfig, CENet),
    "lumnet": (LumNetConfig, LumNet),
    "msff": (MSFFConfig, MSFF),
    "msff_no_bottleneck": (MSFFNoBottleneckConfig, MSFF),
}


def model_names() -> tuple[str, ...]:
    """Return the names that `build_model` knows, in the order of the paper's tables."""
    return tuple(_MODELS)


def build_model(name: str, options: Mapping[str, Any]) -> SegmentationNetwork:
    """Build an untrained network from what a checkpoint stores.

    Parameters
    ----------
    name : str
        One of `model_names`.
    options : mapping
        Fields of the network's configuration; lists become tuples.

    Raises
    ------
    ValueError
        If the name or an option is unknown.
    InputError
        If the network needs a package that is not installed.
    """
    if name not in _MODELS:
        raise ValueError(f"model must be one of {', '.join(_MODELS)}, got {name!r}.")
    config_class, model_class = _MODELS[name]
    known = {field.name for field in fields(config_class)}
    unknown = sorted(set(options) - known)
    if unknown:
        raise ValueError(f"options of {name} must be among {sorted(known)}, got {unknown}.")
    frozen = {key: tuple(value) if isinstance(value, list) else value for key, value in options.items()}
    return model_class(config_class(**frozen))
