"""Parts that several networks are made of.

Notation: B batch, C channels, j rows and i columns of the map that goes in.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


def conv_norm_relu(in_channels: int, out_channels: int, kernel: int = 1) -> nn.Sequential:
    """Return a convolution that keeps the grid, a batch norm and a rectifier."""
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(inplace=True),
    )


def double_size(in_channels: int, out_channels: int) -> nn.Sequential:
    """Return a 3x3 transposed convolution of stride 2, a batch norm and a rectifier."""
    return nn.Sequential(
        nn.ConvTranspose2d(in_channels, out_channels, 3, 2, 1, output_padding=1, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(inplace=True),
    )


class UpsamplingBlock(nn.Module):
    """1x1 convolution to a quarter of the channels, 3x3 transposed with stride 2, 1x1 convolution."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        middle = in_channels // 4
        self.reduce = conv_norm_relu(in_channels, middle)
        self.upsample = double_size(middle, middle)
        self.expand = conv_norm_relu(middle, out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, j, i) -> (B, out_channels, 2j, 2i)."""
        result: Tensor = self.expand(self.upsample(self.reduce(x)))
        return result


def upsampling_head(in_channels: int, middle_channels: int, num_classes: int) -> nn.Sequential:
    """Return the end of a network that works at half the resolution: 4x4 transposed, two 3x3 convolutions."""
    return nn.Sequential(
        nn.ConvTranspose2d(in_channels, middle_channels, 4, 2, 1, bias=False),
        nn.BatchNorm2d(middle_channels),
        nn.ReLU(inplace=True),
        conv_norm_relu(middle_channels, middle_channels, 3),
        nn.Conv2d(middle_channels, num_classes, 3, padding=1),
    )


def initialize(module: nn.Module) -> None:
    """Initialize the convolutions of `module` after He 2015 and its norms to identity."""
    for child in module.modules():
        if isinstance(child, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.kaiming_normal_(child.weight, mode="fan_out", nonlinearity="relu")
            if child.bias is not None:
                nn.init.zeros_(child.bias)
        elif isinstance(child, nn.BatchNorm2d):
            with torch.no_grad():
                child.weight.fill_(1.0)
                child.bias.zero_()
