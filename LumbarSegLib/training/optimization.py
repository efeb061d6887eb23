"""What a recipe means by its optimizer and its schedule, and the precision that a device computes in."""

from __future__ import annotations

from contextlib import AbstractContextManager

import torch
from torch import nn

from LumbarSegLib.inference.devices import cpu_has_bfloat16
from LumbarSegLib.training.recipes import Recipe


def make_optimizer(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Return the optimizer of all parameters of `model`."""
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(
            model.parameters(), lr=recipe.learning_rate, momentum=0.9, weight_decay=recipe.weight_decay
        )
    # Norm statistics and biases are not to be pulled to zero.
    decayed = [each for each in model.parameters() if each.ndim > 1]
    free = [each for each in model.parameters() if each.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": recipe.weight_decay}, {"params": free, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=recipe.learning_rate)


def make_scheduler(
    optimizer: torch.optim.Optimizer, recipe: Recipe, batches_per_epoch: int
) -> torch.optim.lr_scheduler.LRScheduler:
    """Return the learning rate as a function of the step, over all epochs of the recipe."""
    steps = recipe.epochs * batches_per_epoch
    if recipe.schedule == "one_cycle":
        return torch.optim.lr_scheduler.OneCycleLR(
            optimizer, recipe.learning_rate, total_steps=steps, pct_start=0.15, final_div_factor=1e3
        )
    return torch.optim.lr_scheduler.MultiStepLR(optimizer, [round(0.8 * steps)], gamma=0.1)


def autocast(device: torch.device) -> AbstractContextManager[None]:
    """Use bfloat16 where the hardware has it: its range needs no loss scaling."""
    if device.type == "cuda" or (device.type == "cpu" and cpu_has_bfloat16()):
        return torch.autocast(device.type, torch.bfloat16)
    return torch.autocast("cpu", enabled=False)
