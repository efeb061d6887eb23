"""FCN-8s on VGG-16 (Long 2015, doi 10.1109/CVPR.2015.7298965).

Notation: B batch, C classes, J rows and I columns of the padded input.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from LumbarSegLib.models.blocks import conv_norm_relu, initialize
from LumbarSegLib.models.network import NetworkConfig, SegmentationNetwork
from LumbarSegLib.models.vgg import VGG16_DEPTHS, VGG_WIDTHS, vgg_stages


@dataclass(frozen=True)
class FCNConfig(NetworkConfig):
    """Everything that shapes the network; stored in the checkpoint."""

    #: Channels behind the five stages of the encoder.
    widths: tuple[int, ...] = VGG_WIDTHS
    #: Channels of fc6 and fc7; the paper has 4096 (134 M parameters).
    fc_width: int = 512
    #: Share of the channels of fc6 and fc7 that training leaves out, as in VGG-16.
    dropout: float = 0.5


class FCN(SegmentationNetwork):
    """The network: class scores of three scales, added up from the coarsest.

    The first convolution pads by one pixel, not by the paper's 100: slices come
    padded to a multiple of 32 already, so that the scales fit without cropping.

    Parameters
    ----------
    config : FCNConfig
        Sizes.
    """

    config: FCNConfig

    def __init__(self, config: FCNConfig | None = None) -> None:
        config = config or FCNConfig()
        super().__init__(config)
        self.stages = vgg_stages(config.in_channels, config.widths, VGG16_DEPTHS)
        self.pool = nn.MaxPool2d(2)
        self.classifier = nn.Sequential(
            conv_norm_relu(config.widths[-1], config.fc_width, 7),
            nn.Dropout2d(config.dropout),
            conv_norm_relu(config.fc_width, config.fc_width),
            nn.Dropout2d(config.dropout),
        )
        classes = config.num_classes
        self.score_fc7 = nn.Conv2d(config.fc_width, classes, 1)
        self.score_pool4 = nn.Conv2d(config.widths[3], classes, 1)
        self.score_pool3 = nn.Conv2d(config.widths[2], classes, 1)
        self.double_fc7 = nn.ConvTranspose2d(classes, classes, 4, 2, 1, bias=False)
        self.double_pool4 = nn.ConvTranspose2d(classes, classes, 4, 2, 1, bias=False)
        initialize(self)
        for double in (self.double_fc7, self.double_pool4):
            _make_bilinear(double)
        for score in (self.score_fc7, self.score_pool4, self.score_pool3):
            # A fan of only `classes` outputs would start the logits in the tens.
            nn.init.xavier_normal_(score.weight)

    def padded_logits(self, image: Tensor) -> Tensor:
        """(B, in_channels, J, I) -> (B, C, J, I)."""
        pooled = []
        x = image
        for stage in self.stages:
            x = self.pool(stage(x))
            pooled.append(x)
        _, _, pool3, pool4, pool5 = pooled
        scores = self.double_fc7(self.score_fc7(self.classifier(pool5)))  # (B, C, J/16, I/16)
        scores = self.double_pool4(scores + self.score_pool4(pool4))  # (B, C, J/8, I/8)
        scores = scores + self.score_pool3(pool3)
        # The last step is fixed to bilinear interpolation in the paper, too.
        return F.interpolate(scores, scale_factor=8, mode="bilinear", align_corners=False)


def _make_bilinear(double: nn.ConvTranspose2d) -> None:
    """Let a transposed 4x4 convolution of stride 2 start as bilinear interpolation of each channel."""
    slope = torch.tensor([0.25, 0.75, 0.75, 0.25], device=double.weight.device)
    with torch.no_grad():
        double.weight.zero_()
        for channel in range(double.in_channels):
            double.weight[channel, channel] = torch.outer(slope, slope)
