"""Networks, one file each, and the table that builds one from a configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from torch import nn

from LumbarSegLib.models.msff import MSFF, MSFFConfig

__all__ = ["MSFF", "MSFFConfig", "build_model"]

#: Name in a checkpoint's configuration -> (configuration, network).
_MODELS: dict[str, tuple[Any, Callable[[Any], nn.Module]]] = {"msff": (MSFFConfig, MSFF)}


def build_model(name: str, options: Mapping[str, Any]) -> nn.Module:
    """Build an untrained network from what a checkpoint stores.

    Parameters
    ----------
    name : str
        A key of the table, such as "msff".
    options : mapping
        Fields of the network's configuration; lists become tuples.

    Raises
    ------
    ValueError
        If the name or an option is unknown.
    """
    if name not in _MODELS:
        raise ValueError(f"model must be one of {sorted(_MODELS)}, got {name!r}.")
    config_class, model_class = _MODELS[name]
    known = {field.name for field in fields(config_class)}
    unknown = sorted(set(options) - known)
    if unknown:
        raise ValueError(f"options of {name} must be among {sorted(known)}, got {unknown}.")
    frozen = {key: tuple(value) if isinstance(value, list) else value for key, value in options.items()}
    return model_class(config_class(**frozen))
