"""U-Net (Ronneberger 2015, doi 10.1007/978-3-319-24574-4_28), as MONAI's `BasicUNet` builds it."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from LumbarSegLib.errors import missing_package
from LumbarSegLib.models.network import NetworkConfig, SegmentationNetwork


@dataclass(frozen=True)
class UNetConfig(NetworkConfig):
    """Everything that shapes the network; stored in the checkpoint."""

    #: Channels at the five resolutions; the decoder mirrors them.
    widths: tuple[int, ...] = (64, 128, 256, 512, 1024)


class UNet(SegmentationNetwork):
    """The network with padded convolutions and, unlike in 2015, batch norms.

    Parameters
    ----------
    config : UNetConfig
        Sizes.

    Raises
    ------
    InputError
        If MONAI is not installed.
    """

    config: UNetConfig
    grid_multiple = 16

    def __init__(self, config: UNetConfig | None = None) -> None:
        config = config or UNetConfig()
        super().__init__(config)
        self.network = _library_network(config)

    def padded_logits(self, image: Tensor) -> Tensor:
        """(B, in_channels, J, I) -> (B, num_classes, J, I)."""
        logits: Tensor = self.network(image)
        return logits


def _library_network(config: UNetConfig) -> nn.Module:
    try:
        from monai.networks.nets.basic_unet import BasicUNet
    except ImportError as error:
        raise missing_package("MONAI", "The network unet", extra="train") from error
    network: nn.Module = BasicUNet(
        spatial_dims=2,
        in_channels=config.in_channels,
        out_channels=config.num_classes,
        # The sixth width is that of the last decoder stage.
        features=(*config.widths, config.widths[0]),
        act=("relu", {"inplace": True}),
        norm="batch",
        bias=False,  # the norm behind each convolution takes it away
    )
    return network
