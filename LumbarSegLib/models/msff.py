"""The MSFF network of Zhang et al. (ICMLC 2023, doi 10.1145/3587716.3587777).

A ResNet-18 encoder, a multi-scale feature fusion bottleneck of eight branches,
and a decoder that takes up the encoder's map at every scale.

Notation: B batch, C channels, J rows and I columns of the padded input,
j = J / 32 and i = I / 32 those of the bottleneck. Where the paper is silent the
choice is an argument of `MSFFConfig`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from LumbarSegLib.models.blocks import UpsamplingBlock, conv_norm_relu, initialize, upsampling_head
from LumbarSegLib.models.network import NetworkConfig, SegmentationNetwork
from LumbarSegLib.models.resnet import STAGE_CHANNELS, ResNetEncoder


@dataclass(frozen=True)
class MSFFConfig(NetworkConfig):
    """Everything that shapes the network; stored in the checkpoint."""

    #: Channels behind the 1x1 convolution of an atrous branch. The paper says
    #: "single channel", taken as a reduction; 1 is the literal reading.
    reduce: int = 128
    #: Channels that each atrous branch and the 1x1 branch give to the fusion.
    branch_channels: int = 128
    #: Dilation of the atrous branches; at stride 32 larger ones see only padding.
    rates: tuple[int, ...] = (1, 3, 5)
    #: Kernels of the average poolings, as in the paper.
    pool_kernels: tuple[int, ...] = (2, 3, 4, 5)
    #: Stride of the poolings; None takes the kernel.
    pool_stride: int | None = None
    #: Channels of each pooling branch.
    pool_channels: int = 32
    #: Also hand the input of the bottleneck on to the decoder.
    identity: bool = False
    #: False puts the identity in place of the fusion.
    bottleneck: bool = True
    #: Channels behind each decoder stage, coarse to fine.
    decoder_channels: tuple[int, int, int, int] = (256, 128, 64, 64)
    #: Channels of the two final 3x3 convolutions.
    head_channels: int = 32


@dataclass(frozen=True)
class MSFFNoBottleneckConfig(MSFFConfig):
    """The paper's "network without MSFF" (Table 3)."""

    bottleneck: bool = False


class AtrousBranch(nn.Module):
    """1x1 reduction, then an atrous depthwise-separable 3x3 convolution."""

    def __init__(self, in_channels: int, reduce: int, out_channels: int, rate: int) -> None:
        super().__init__()
        self.reduce = conv_norm_relu(in_channels, reduce)
        self.depthwise = nn.Conv2d(reduce, reduce, 3, padding=rate, dilation=rate, groups=reduce, bias=False)
        self.pointwise = conv_norm_relu(reduce, out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, j, i) -> (B, out_channels, j, i)."""
        result: Tensor = self.pointwise(self.depthwise(self.reduce(x)))
        return result


class PoolBranch(nn.Module):
    """Average pooling, 1x1 convolution and bilinear up-sampling to the input map."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int, stride: int | None) -> None:
        super().__init__()
        self.kernel = kernel
        self.stride = stride or kernel
        self.project = conv_norm_relu(in_channels, out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, j, i) -> (B, out_channels, j, i)."""
        rows, columns = x.shape[-2:]
        # Maps smaller than the kernel, and the rest at the border, are averaged over what there is.
        kernel = (min(self.kernel, rows), min(self.kernel, columns))
        pooled = F.avg_pool2d(x, kernel, self.stride, ceil_mode=True, count_include_pad=False)
        return F.interpolate(self.project(pooled), size=(rows, columns), mode="bilinear", align_corners=False)


class MSFFBottleneck(nn.Module):
    """Multi-scale feature fusion: atrous, 1x1 and pooling branches, concatenated."""

    def __init__(self, in_channels: int, config: MSFFConfig) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            [AtrousBranch(in_channels, config.reduce, config.branch_channels, rate) for rate in config.rates]
        )
        self.branches.append(conv_norm_relu(in_channels, config.branch_channels))
        self.branches.extend(
            PoolBranch(in_channels, config.pool_channels, kernel, config.pool_stride) for kernel in config.pool_kernels
        )
        self.identity = config.identity
        self.out_channels = (
            (len(config.rates) + 1) * config.branch_channels
            + len(config.pool_kernels) * config.pool_channels
            + (in_channels if config.identity else 0)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, j, i) -> (B, out_channels, j, i)."""
        maps = [branch(x) for branch in self.branches]
        if self.identity:
            maps.append(x)
        return torch.cat(maps, dim=1)


class MSFF(SegmentationNetwork):
    """The network.

    Parameters
    ----------
    config : MSFFConfig
        Sizes and the readings of the paper.
    """

    config: MSFFConfig

    def __init__(self, config: MSFFConfig | None = None) -> None:
        config = config or MSFFConfig()
        super().__init__(config)
        self.encoder = ResNetEncoder(config.in_channels)
        channels = STAGE_CHANNELS[-1]
        self.bottleneck: nn.Module = nn.Identity()
        if config.bottleneck:
            fusion = MSFFBottleneck(channels, config)
            self.bottleneck, channels = fusion, fusion.out_channels
        stages = []
        for out_channels, skip_channels in zip(config.decoder_channels, reversed(STAGE_CHANNELS[:-1]), strict=True):
            stages.append(UpsamplingBlock(channels, out_channels))
            channels = out_channels + skip_channels
        self.decoder = nn.ModuleList(stages)
        self.head = upsampling_head(channels, config.head_channels, config.num_classes)
        initialize(self)

    def padded_logits(self, image: Tensor) -> Tensor:
        """(B, in_channels, J, I) -> (B, num_classes, J, I)."""
        *skips, x = self.encoder(image)
        x = self.bottleneck(x)  # (B, 640, j, i)
        for stage, skip in zip(self.decoder, reversed(skips), strict=True):
            x = torch.cat([stage(x), skip], dim=1)  # doubles j and i, up to (B, 128, J/2, I/2)
        logits: Tensor = self.head(x)  # (B, num_classes, J, I)
        return logits
