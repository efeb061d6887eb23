"""ResNet-18 encoder (He 2016, doi 10.1109/CVPR.2016.90) with torchvision's state-dict keys.

Notation: B batch, C channels, J rows, I columns of the input, both multiples of 32.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

#: Channels of the maps x0 ... x4, at 1/2, 1/4, 1/8, 1/16 and 1/32 of the input.
STAGE_CHANNELS = (64, 64, 128, 256, 512)


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


class ResNet18Encoder(nn.Module):
    """The convolutional part of ResNet-18, returning the map of every stage.

    Parameters
    ----------
    in_channels : int
        Channels of the input image; 1 for gray slices.
    """

    def __init__(self, in_channels: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.layer1 = nn.Sequential(BasicBlock(64, 64, 1), BasicBlock(64, 64, 1))
        self.layer2 = nn.Sequential(BasicBlock(64, 128, 2), BasicBlock(128, 128, 1))
        self.layer3 = nn.Sequential(BasicBlock(128, 256, 2), BasicBlock(256, 256, 1))
        self.layer4 = nn.Sequential(BasicBlock(256, 512, 2), BasicBlock(512, 512, 1))

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Map (B, C, J, I) to the five stages (see `STAGE_CHANNELS`)."""
        x0 = self.relu(self.bn1(self.conv1(image)))  # (B, 64, J/2, I/2)
        x1 = self.layer1(self.maxpool(x0))  # (B, 64, J/4, I/4)
        x2 = self.layer2(x1)  # (B, 128, J/8, I/8)
        x3 = self.layer3(x2)  # (B, 256, J/16, I/16)
        x4 = self.layer4(x3)  # (B, 512, J/32, I/32)
        return x0, x1, x2, x3, x4

    def load_torchvision(self, state_dict: Mapping[str, Tensor]) -> None:
        """Load the state dict of torchvision's `resnet18`, strictly.

        Parameters
        ----------
        state_dict : mapping of str to Tensor
            With or without the classifier `fc`, which is dropped. A stem for
            several input channels is summed over them when this encoder takes
            one, which gives the response to a gray image copied to all of them.

        Raises
        ------
        RuntimeError
            If any other key is missing or left over, or a shape differs.
        """
        state = {key: value for key, value in state_dict.items() if not key.startswith("fc.")}
        stem = state.get("conv1.weight")
        if stem is not None and self.conv1.in_channels == 1 and stem.shape[1] != 1:
            state["conv1.weight"] = stem.sum(dim=1, keepdim=True)
        self.load_state_dict(state, strict=True)


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
