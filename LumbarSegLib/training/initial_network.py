"""The network that a run starts from: random, or with the weights of another run or of an encoder."""

from __future__ import annotations

from dataclasses import asdict

from torch import nn

from LumbarSegLib.errors import InputError
from LumbarSegLib.inference.checkpoint import PRETRAINING_CHANNELS, Checkpoint
from LumbarSegLib.models import SegmentationNetwork, build_model
from LumbarSegLib.models.resnet import ResNetEncoder
from LumbarSegLib.training.encoder_weights import EncoderWeights


def make_network(model_name: str, num_classes: int, initial: Checkpoint | EncoderWeights | None) -> SegmentationNetwork:
    """Build a network for training.

    Parameters
    ----------
    model_name : str
        One of `LumbarSegLib.models.model_names`.
    num_classes : int
        Output channels, the background included.
    initial : Checkpoint, EncoderWeights or None
        A checkpoint gives sizes and weights; one of the two may know the vertebral body and
        the other not. Of a pretrained network, the layer that gave its image
        is left out. Otherwise the sizes are the default ones, and random all
        weights but those of an encoder that is given.

    Raises
    ------
    InputError
        If `initial` is another network or does not fit the encoder, or the
        network needs a package that is not installed.
    """
    if initial is None or isinstance(initial, EncoderWeights):
        network = build_model(model_name, {"num_classes": num_classes})
        if initial is not None:
            _load_encoder(network, model_name, initial)
        return network
    if initial.model_name != model_name:
        raise InputError(
            f"The weights to start from ({initial.name}) are those of {initial.model_name}, not of {model_name}.",
            f"Train {initial.model_name}, or start from weights of {model_name}.",
        )
    options = asdict(initial.model.config)  # type: ignore[call-overload]
    network = build_model(model_name, {**options, "num_classes": num_classes})
    _take_over(network, initial.model, classes=options["num_classes"] != PRETRAINING_CHANNELS)
    return network


def _load_encoder(network: SegmentationNetwork, model_name: str, weights: EncoderWeights) -> None:
    encoder = getattr(network, "encoder", None)
    if not isinstance(encoder, ResNetEncoder):
        raise InputError(
            f"{model_name} has no ResNet encoder for {weights.name}.", "Train msff, msff_no_bottleneck or ce_net."
        )
    try:
        encoder.load_torchvision(weights.tensors)
    except RuntimeError as error:
        raise InputError(
            f"{weights.name} does not fit the encoder of {model_name}: {error}",
            "Take torchvision's resnet18 for msff and msff_no_bottleneck, resnet34 for ce_net.",
        ) from error


def _take_over(network: nn.Module, initial: nn.Module, *, classes: bool) -> None:
    state = initial.state_dict()
    for key, fresh in network.state_dict().items():
        if state[key].shape != fresh.shape:  # an axis of classes; the vertebral body is the last
            taken = fresh.clone()
            if classes:
                shared = tuple(slice(min(sizes)) for sizes in zip(state[key].shape, fresh.shape, strict=True))
                taken[shared] = state[key][shared]
            state[key] = taken
    network.load_state_dict(state)
