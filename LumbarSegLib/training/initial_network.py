"""The network that a run starts from: random, or with the weights of another run."""

from __future__ import annotations

from dataclasses import asdict

from torch import nn

from LumbarSegLib.errors import InputError
from LumbarSegLib.inference.checkpoint import Checkpoint
from LumbarSegLib.models import SegmentationNetwork, build_model


def make_network(model_name: str, num_classes: int, initial: Checkpoint | None) -> SegmentationNetwork:
    """Build a network for training.

    Parameters
    ----------
    model_name : str
        One of `LumbarSegLib.models.model_names`.
    num_classes : int
        Output channels, the background included.
    initial : Checkpoint or None
        Gives sizes and weights; one of the two may know the vertebral body and
        the other not. None takes the default sizes and random weights.

    Raises
    ------
    InputError
        If `initial` is another network, or the network needs a package that is
        not installed.
    """
    if initial is None:
        return build_model(model_name, {"num_classes": num_classes})
    if initial.model_name != model_name:
        raise InputError(
            f"The weights to start from ({initial.name}) are those of {initial.model_name}, not of {model_name}.",
            f"Train {initial.model_name}, or start from weights of {model_name}.",
        )
    options = asdict(initial.model.config)  # type: ignore[call-overload]
    network = build_model(model_name, {**options, "num_classes": num_classes})
    _take_over(network, initial.model)
    return network


def _take_over(network: nn.Module, initial: nn.Module) -> None:
    state = initial.state_dict()
    for key, fresh in network.state_dict().items():
        if state[key].shape != fresh.shape:  # an axis of classes; the vertebral body is the last
            shared = tuple(slice(min(sizes)) for sizes in zip(state[key].shape, fresh.shape, strict=True))
            taken = fresh.clone()
            taken[shared] = state[key][shared]
            state[key] = taken
    network.load_state_dict(state)
