"""What all networks share: any size of slice in, logits of that size out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn
from torch.nn import functional as F

from LumbarSegLib.anatomy import NUM_CLASSES


@dataclass(frozen=True)
class NetworkConfig:
    """What every network has to know; stored in the checkpoint."""

    #: Output channels, the background included.
    num_classes: int = NUM_CLASSES
    #: Gray slices have one channel (the paper does not say).
    in_channels: int = 1


class SegmentationNetwork(nn.Module):
    """Base of the networks: pads slices to a multiple that suits them and crops the logits.

    A network sets `grid_multiple` and maps padded slices to logits in
    `padded_logits`.

    Parameters
    ----------
    config : NetworkConfig
        Everything that shapes the network.
    """

    #: Rows and columns that `padded_logits` takes are multiples of this.
    grid_multiple: ClassVar[int] = 32

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config

    def forward(self, image: Tensor) -> Tensor:
        """Map normalized slices to logits.

        Parameters
        ----------
        image : (B, in_channels, J, I) Tensor
            Any J, I >= 1; the border is replicated up to `grid_multiple`.

        Returns
        -------
        (B, num_classes, J, I) Tensor
        """
        rows, columns = image.shape[-2:]
        padding = (0, -columns % self.grid_multiple, 0, -rows % self.grid_multiple)
        logits = self.padded_logits(F.pad(image, padding, mode="replicate"))
        return logits[..., :rows, :columns]

    def padded_logits(self, image: Tensor) -> Tensor:
        """Map (B, in_channels, J, I), J and I multiples of `grid_multiple`, to (B, num_classes, J, I)."""
        raise NotImplementedError
