"""Attention U-Net (Oktay 2018, arXiv:1804.03999), as MONAI's `AttentionUnet` builds it."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from LumbarSegLib.errors import missing_package
from LumbarSegLib.models.network import NetworkConfig, SegmentationNetwork


@dataclass(frozen=True)
class AttentionUNetConfig(NetworkConfig):
    """Everything that shapes the network; stored in the checkpoint."""

    #: Channels at the five resolutions; the decoder mirrors them.
    widths: tuple[int, ...] = (64, 128, 256, 512, 1024)


class AttentionUNet(SegmentationNetwork):
    """The network: gates weigh each map of the encoder before the decoder takes it up.

    MONAI halves the grid by strides instead of poolings and norms the merged
    maps slice by slice (instance norm).

    Parameters
    ----------
    config : AttentionUNetConfig
        Sizes.

    Raises
    ------
    InputError
        If MONAI is not installed.
    """

    config: AttentionUNetConfig
    grid_multiple = 16

    def __init__(self, config: AttentionUNetConfig | None = None) -> None:
        config = config or AttentionUNetConfig()
        super().__init__(config)
        self.network = _library_network(config)

    def padded_logits(self, image: Tensor) -> Tensor:
        """(B, in_channels, J, I) -> (B, num_classes, J, I)."""
        logits: Tensor = self.network(image)
        return logits


def _library_network(config: AttentionUNetConfig) -> nn.Module:
    try:
        from monai.networks.nets.attentionunet import AttentionUnet
    except ImportError as error:
        raise missing_package("MONAI", "The network attention_unet", extra="train") from error
    network: nn.Module = AttentionUnet(
        spatial_dims=2,
        in_channels=config.in_channels,
        out_channels=config.num_classes,
        channels=config.widths,
        strides=(2,) * (len(config.widths) - 1),
    )
    return network
