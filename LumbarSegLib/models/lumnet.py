"""LumNet (Zhang 2019, doi 10.1007/978-3-030-35288-2_46), inferred from its abstract.

Public is no more than this: a VGG-11 encoder, skip connections, and in the
decoder an attention block that recalibrates the features that go in. Taken
here: the decoder that goes with VGG-11 in TernausNet (Iglovikov 2018,
arXiv:1801.05746) and squeeze-and-excitation (Hu 2018,
doi 10.1109/CVPR.2018.00745) in front of its stages. Figures of this network say
little about the published one.

Notation: B batch, C channels, J rows and I columns of the padded input.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from LumbarSegLib.models.blocks import conv_norm_relu, double_size, initialize
from LumbarSegLib.models.network import NetworkConfig, SegmentationNetwork
from LumbarSegLib.models.vgg import VGG11_DEPTHS, VGG_WIDTHS, vgg_stages


@dataclass(frozen=True)
class LumNetConfig(NetworkConfig):
    """Everything that shapes the network; stored in the checkpoint."""

    #: Channels behind the five stages of the encoder.
    widths: tuple[int, ...] = VGG_WIDTHS
    #: Channels inside each decoder stage, coarse to fine ...
    decoder_middle: tuple[int, ...] = (512, 512, 512, 256, 128)
    #: ... and behind it, where it has doubled the grid.
    decoder_channels: tuple[int, ...] = (256, 256, 128, 64, 32)
    #: Channels of an attention block's middle layer, as a fraction 1 / `squeeze` of what goes in.
    squeeze: int = 16


class ChannelAttention(nn.Module):
    """Weighs every channel by a gate in (0, 1) computed from the means of all channels."""

    def __init__(self, channels: int, squeeze: int) -> None:
        super().__init__()
        middle = max(channels // squeeze, 1)
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, middle, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(middle, channels, 1),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, j, i) -> (B, C, j, i)."""
        result: Tensor = x * self.gate(x)
        return result


class LumNet(SegmentationNetwork):
    """The network.

    Parameters
    ----------
    config : LumNetConfig
        Sizes.
    """

    config: LumNetConfig

    def __init__(self, config: LumNetConfig | None = None) -> None:
        config = config or LumNetConfig()
        super().__init__(config)
        self.encoder = vgg_stages(config.in_channels, config.widths, VGG11_DEPTHS)
        self.pool = nn.MaxPool2d(2)
        self.decoder = nn.ModuleList()
        channels = config.widths[-1]
        skips = reversed(config.widths)
        for middle, out_channels, skip in zip(config.decoder_middle, config.decoder_channels, skips, strict=True):
            self.decoder.append(
                nn.Sequential(
                    ChannelAttention(channels, config.squeeze),
                    conv_norm_relu(channels, middle, 3),
                    double_size(middle, out_channels),
                )
            )
            channels = out_channels + skip
        last = config.decoder_channels[-1]
        self.head = nn.Sequential(
            ChannelAttention(channels, config.squeeze),
            conv_norm_relu(channels, last, 3),
            nn.Conv2d(last, config.num_classes, 1),
        )
        initialize(self)

    def padded_logits(self, image: Tensor) -> Tensor:
        """(B, in_channels, J, I) -> (B, num_classes, J, I)."""
        x = image
        skips = []
        for stage in self.encoder:
            x = stage(x)
            skips.append(x)
            x = self.pool(x)
        for stage, skip in zip(self.decoder, reversed(skips), strict=True):
            x = torch.cat([stage(x), skip], dim=1)  # doubles the grid, up to (B, 96, J, I)
        logits: Tensor = self.head(x)
        return logits
