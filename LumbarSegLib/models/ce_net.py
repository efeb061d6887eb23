"""CE-Net (Gu 2019, doi 10.1109/TMI.2019.2903562), written from the paper.

A ResNet-34 encoder, dense atrous convolution (DAC) and residual multi-kernel
pooling (RMP) as context extractor, and a decoder with additive skips.

Notation: B batch, C channels, J rows and I columns of the padded input,
j = J / 32 and i = I / 32 those of the context extractor.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from LumbarSegLib.models.blocks import UpsamplingBlock, initialize, upsampling_head
from LumbarSegLib.models.network import NetworkConfig, SegmentationNetwork
from LumbarSegLib.models.resnet import RESNET34_DEPTHS, STAGE_CHANNELS, ResNetEncoder


@dataclass(frozen=True)
class CENetConfig(NetworkConfig):
    """Everything that shapes the network; stored in the checkpoint."""

    #: Dilation of the atrous convolutions that the branches are cascades of.
    rates: tuple[int, int, int] = (1, 3, 5)
    #: Kernels and strides of the max poolings.
    pool_kernels: tuple[int, ...] = (2, 3, 5, 6)
    #: Channels behind the last decoder stage; the others end with those of their skip.
    decoder_channels: int = 64
    #: Channels between the last two convolutions.
    head_channels: int = 32


class DenseAtrousConvolution(nn.Module):
    """Four cascades of atrous convolutions, added to what goes in.

    Their fields of view are 3, 7, 9 and 19 pixels. Whether they share their
    convolutions the paper leaves open; here they do, which gives the network
    29 M parameters instead of 38 M.
    """

    def __init__(self, channels: int, rates: Sequence[int]) -> None:
        super().__init__()
        first, second, third = (nn.Conv2d(channels, channels, 3, padding=rate, dilation=rate) for rate in rates)
        self.first, self.second, self.third = first, second, third
        self.project = nn.Conv2d(channels, channels, 1)

    def branches(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Map (B, C, j, i) to the four branches, each of that shape, from the nearest to the widest view."""
        near = self.first(x)
        wide = self.second(near)
        return (
            F.relu(near),
            F.relu(self.project(self.second(x))),
            F.relu(self.project(wide)),
            F.relu(self.project(self.third(wide))),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, j, i) -> (B, C, j, i)."""
        near, second, third, widest = self.branches(x)
        return x + near + second + third + widest


class ResidualMultiKernelPooling(nn.Module):
    """Max poolings of several sizes, each reduced to one channel, beside what goes in."""

    def __init__(self, channels: int, kernels: Sequence[int]) -> None:
        super().__init__()
        self.kernels = kernels
        self.project = nn.Conv2d(channels, 1, 1)
        self.out_channels = channels + len(kernels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, j, i) -> (B, C + number of kernels, j, i)."""
        size = x.shape[-2:]
        maps = [x]
        for kernel in self.kernels:
            # Maps smaller than the kernel, and the rest at the border, are pooled over what there is.
            pooled = F.max_pool2d(x, (min(kernel, size[0]), min(kernel, size[1])), kernel, ceil_mode=True)
            maps.append(F.interpolate(self.project(pooled), size=size, mode="bilinear", align_corners=False))
        return torch.cat(maps, dim=1)


class CENet(SegmentationNetwork):
    """The network.

    Parameters
    ----------
    config : CENetConfig
        Sizes.
    """

    config: CENetConfig

    def __init__(self, config: CENetConfig | None = None) -> None:
        config = config or CENetConfig()
        super().__init__(config)
        self.encoder = ResNetEncoder(config.in_channels, RESNET34_DEPTHS)
        channels = STAGE_CHANNELS[-1]
        self.dac = DenseAtrousConvolution(channels, config.rates)
        self.rmp = ResidualMultiKernelPooling(channels, config.pool_kernels)
        channels = self.rmp.out_channels
        self.decoder = nn.ModuleList()
        # Skips come from x3, x2 and x1; the stem's x0 has none.
        for out_channels in (*reversed(STAGE_CHANNELS[1:-1]), config.decoder_channels):
            self.decoder.append(UpsamplingBlock(channels, out_channels))
            channels = out_channels
        self.head = upsampling_head(channels, config.head_channels, config.num_classes)
        initialize(self)

    def padded_logits(self, image: Tensor) -> Tensor:
        """(B, in_channels, J, I) -> (B, num_classes, J, I)."""
        _, *skips, x = self.encoder(image)
        x = self.rmp(self.dac(x))  # (B, 516, j, i)
        *stages, last = self.decoder
        for stage, skip in zip(stages, reversed(skips), strict=True):
            x = stage(x) + skip  # doubles j and i
        logits: Tensor = self.head(last(x))  # from (B, 64, J/2, I/2)
        return logits
