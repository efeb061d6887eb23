"""SegNet on VGG-16 (Badrinarayanan 2017, doi 10.1109/TPAMI.2016.2644615).

Notation: B batch, C channels, J rows and I columns of the padded input.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional as F

from LumbarSegLib.models.blocks import conv_norm_relu, initialize
from LumbarSegLib.models.network import NetworkConfig, SegmentationNetwork
from LumbarSegLib.models.vgg import VGG16_DEPTHS, VGG_WIDTHS, vgg_stages


@dataclass(frozen=True)
class SegNetConfig(NetworkConfig):
    """Everything that shapes the network; stored in the checkpoint."""

    #: Channels behind the five stages of the encoder; the decoder mirrors them.
    widths: tuple[int, ...] = VGG_WIDTHS


class SegNet(SegmentationNetwork):
    """The network: its decoder puts values back to where the encoder's poolings took them.

    Parameters
    ----------
    config : SegNetConfig
        Sizes.
    """

    config: SegNetConfig

    def __init__(self, config: SegNetConfig | None = None) -> None:
        config = config or SegNetConfig()
        super().__init__(config)
        self.encoder = vgg_stages(config.in_channels, config.widths, VGG16_DEPTHS)
        # The last convolution of all gives the logits, bare of norm and rectifier.
        logits = nn.Conv2d(config.widths[0], config.num_classes, 3, padding=1)
        stages = [_mirrored_stage(config.widths[0], logits, VGG16_DEPTHS[0])]
        for target, width, depth in zip(config.widths[:-1], config.widths[1:], VGG16_DEPTHS[1:], strict=True):
            stages.append(_mirrored_stage(width, conv_norm_relu(width, target, 3), depth))
        self.decoder = nn.ModuleList(reversed(stages))
        initialize(self)

    def padded_logits(self, image: Tensor) -> Tensor:
        """(B, in_channels, J, I) -> (B, num_classes, J, I)."""
        x = image
        all_indices = []
        for stage in self.encoder:
            x, indices = F.max_pool2d(stage(x), 2, return_indices=True)  # halves J and I
            all_indices.append(indices)
        for stage, indices in zip(self.decoder, reversed(all_indices), strict=True):
            x = stage(F.max_unpool2d(x, indices, [2, 2]))  # doubles them
        return x


def _mirrored_stage(width: int, last: nn.Module, depth: int) -> nn.Sequential:
    """Return as many convolutions as the encoder's stage has, ending with `last`, which narrows."""
    return nn.Sequential(*(conv_norm_relu(width, width, 3) for _ in range(depth - 1)), last)
