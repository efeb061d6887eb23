"""Convolutional stages of the VGG networks (Simonyan 2015, arXiv:1409.1556), with batch norms.

VGG, FCN and (as far as known) LumNet were published without norms, but started
from ImageNet weights. From random ones they learn faster with norms.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from LumbarSegLib.models.blocks import conv_norm_relu

#: Convolutions of the five stages; a 2x2 max pooling follows each stage.
VGG11_DEPTHS = (1, 1, 2, 2, 2)
VGG16_DEPTHS = (2, 2, 3, 3, 3)

#: Channels behind the five stages.
VGG_WIDTHS = (64, 128, 256, 512, 512)


def vgg_stages(in_channels: int, widths: Sequence[int], depths: Sequence[int]) -> nn.ModuleList:
    """Return the stages without the poolings between them.

    Parameters
    ----------
    in_channels : int
        Channels of the image.
    widths, depths : sequence of int
        Channels behind each stage and its number of 3x3 convolutions.
    """
    stages = nn.ModuleList()
    for width, depth in zip(widths, depths, strict=True):
        stages.append(
            nn.Sequential(*(conv_norm_relu(in_channels if n == 0 else width, width, 3) for n in range(depth)))
        )
        in_channels = width
    return stages
