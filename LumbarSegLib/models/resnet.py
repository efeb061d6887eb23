"""ResNet encoder (He 2016, doi 10.1109/CVPR.2016.90) with torchvision's state-dict keys.

Notation: B batch, C channels, J rows, I columns of the input, both multiples of 32.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

#: Channels of the maps x0 ... x4, at 1/2, 1/4, 1/8, 1/16 and 1/32 of the input.
STAGE_CHANNELS = (64, 64, 128, 256, 512)

#: Blocks of layer1 ... layer4; both networks consist of `BasicBlock`.
RESNET18_DEPTHS = (2, 2, 2, 2)
RESNET34_DEPTHS = (3, 4, 6, 3)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions with a residual connection."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.relu = nn.ReLU(inplace=True)
        self.downsample: nn.Module | None = None
        if stride != 1 or in_channels != out_channels:
            self.downsample = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, 1, stride, bias=False), nn.BatchNorm2d(out_channels)
            )

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, J, I) -> (B, C', J / stride, I / stride)."""
        shortcut = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.bn2(self.conv2(x))
        result: Tensor = self.relu(x + shortcut)
        return result


def _layer(in_channels: int, out_channels: int, depth: int, stride: int) -> nn.Sequential:
    first = BasicBlock(in_channels, out_channels, stride)
    return nn.Sequential(first, *(BasicBlock(out_channels, out_channels, 1) for _ in range(depth - 1)))


class ResNetEncoder(nn.Module):
    """The convolutional part of ResNet-18 or -34, returning the map of every stage.

    Parameters
    ----------
    in_channels : int
        Channels of the input image; 1 for gray slices.
    depths : sequence of int
        `RESNET18_DEPTHS` or `RESNET34_DEPTHS`.
    """

    def __init__(self, in_channels: int = 1, depths: Sequence[int] = RESNET18_DEPTHS) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.layer1 = _layer(64, 64, depths[0], 1)
        self.layer2 = _layer(64, 128, depths[1], 2)
        self.layer3 = _layer(128, 256, depths[2], 2)
        self.layer4 = _layer(256, 512, depths[3], 2)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Map (B, C, J, I) to the five stages (see `STAGE_CHANNELS`)."""
        x0 = self.relu(self.bn1(self.conv1(image)))  # (B, 64, J/2, I/2)
        x1 = self.layer1(self.maxpool(x0))  # (B, 64, J/4, I/4)
        x2 = self.layer2(x1)  # (B, 128, J/8, I/8)
        x3 = self.layer3(x2)  # (B, 256, J/16, I/16)
        x4 = self.layer4(x3)  # (B, 512, J/32, I/32)
        return x0, x1, x2, x3, x4

    def load_torchvision(self, state_dict: Mapping[str, Tensor]) -> None:
        """Load the state dict of torchvision's `resnet18` or `resnet34`, strictly.

        Parameters
        ----------
        state_dict : mapping of str to Tensor
            With or without the classifier `fc`, which is dropped, and the
            counts of batches that norms have seen. A stem for
            several input channels is summed over them when this encoder takes
            one, which gives the response to a gray image copied to all of them.

        Raises
        ------
        RuntimeError
            If any other key is missing or left over, or a shape differs; names
            the first such key.
        """
        state = {key: value for key, value in state_dict.items() if not key.startswith("fc.")}
        stem = state.get("conv1.weight")
        if stem is not None and self.conv1.in_channels == 1 and stem.ndim == 4:
            state["conv1.weight"] = stem.sum(dim=1, keepdim=True)
        for key, own in self.state_dict().items():
            if key not in state:
                if key.endswith(".num_batches_tracked"):  # younger than torchvision's files
                    continue
                raise RuntimeError(f"{key} is missing.")
            if state[key].shape != own.shape:
                raise RuntimeError(f"{key} has the shape {tuple(state[key].shape)} instead of {tuple(own.shape)}.")
        left_over = [key for key in state if key not in self.state_dict()]
        if left_over:
            raise RuntimeError(f"{left_over[0]} is left over.")
        self.load_state_dict(state, strict=True)
