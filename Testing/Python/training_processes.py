"""What tests let several training processes do; they find it by the name of this module."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from LumbarSegLib.errors import InputError
from LumbarSegLib.training.engine import average_buffers
from LumbarSegLib.training.recipes import BEST, AugmentationConfig
from LumbarSegLib.training.trainer import RESUME_NAME, Trainer, TrainingRun

#: Two steps an epoch on eight slices; small enough for processes that share a core.
SHARED_RECIPE = replace(
    BEST,
    epochs=2,
    batch_size=4,
    phantom_share=0.0,
    average_decay=0.9,
    augmentation=replace(AugmentationConfig(), crop_pixels=32),
    preprocessing=replace(BEST.preprocessing, pixel_size_mm=6.0),
)


def train(fabric: Fabric, run: TrainingRun, directory: Path, die_after_epoch: int = 0) -> None:
    """Train on, after an epoch possibly only until a kill -9; every process writes how it ends to rank-N.pt."""
    trainer = Trainer(run, directory, fabric)
    if (directory / RESUME_NAME).exists():
        trainer.resume()
    fabric.barrier()

    def on_epoch(row: dict[str, Any]) -> None:
        if row["epoch"] == die_after_epoch:
            os.kill(os.getpid(), signal.SIGKILL)

    trainer.fit(on_epoch)
    assert trainer.average is not None
    end = {
        "model": dict(trainer.model.state_dict()),
        "average": dict(trainer.average.module.state_dict()),
        "rows": trainer.rows,
    }
    torch.save(end, directory / f"rank-{fabric.global_rank}.pt")


def gradient_and_statistics(fabric: Fabric, images: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Return the gradient of a convolution, and a mean of batch norm, from this process's part of `images`."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3, affine=False, momentum=1.0))
    convolve, norm = model
    network, _ = fabric.setup(model, torch.optim.SGD(model.parameters(), lr=1.0))
    norm.eval()  # its mean would depend on how the images are shared
    fabric.backward(network(images[fabric.global_rank :: fabric.world_size]).square().mean())
    gradient = convolve.weight.grad.numpy().copy()
    norm.train()
    with torch.no_grad():
        network(images[fabric.global_rank :: fabric.world_size])
        average_buffers(fabric, model)
    return gradient, norm.running_mean.numpy()


def fail(fabric: Fabric, kind: str) -> None:
    """Fail in the second process, while the first one waits for it."""
    if fabric.global_rank == 1:
        if kind == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        raise InputError("A problem.", "A repair.") if kind == "input" else RuntimeError("no such luck")
    fabric.barrier()
