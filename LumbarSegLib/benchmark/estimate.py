"""How long runs will take, from one timed training step of each network."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace

import torch

from LumbarSegLib.anatomy import NUM_CLASSES
from LumbarSegLib.benchmark.plan import Run
from LumbarSegLib.benchmark.runs import BenchmarkData
from LumbarSegLib.evaluation.evaluator import evaluate_slices
from LumbarSegLib.inference.checkpoint import Checkpoint
from LumbarSegLib.inference.predictor import Predictor
from LumbarSegLib.losses import SegmentationLoss
from LumbarSegLib.models import SegmentationNetwork
from LumbarSegLib.training.batches import make_batches
from LumbarSegLib.training.data import without_vertebral_bodies
from LumbarSegLib.training.initial_network import make_network
from LumbarSegLib.training.optimization import autocast, make_optimizer


def estimate_seconds(runs: Iterable[Run], data: BenchmarkData, device: torch.device) -> float:
    """Estimate how long the runs take, every one from its first epoch to its last.

    Parameters
    ----------
    runs : iterable of Run
        Of one recipe but for the exponent of the loss, which costs no time.
    data : BenchmarkData
        What they train on; at least a batch.
    device : torch.device
        Where they train.

    Returns
    -------
    float
        In seconds.

    Raises
    ------
    InputError
        If a network needs a package that is not installed.
    """
    per_epoch: dict[str, float] = {}
    total = 0.0
    for run in runs:
        name = run.row.model_name
        if name not in per_epoch:
            per_epoch[name] = _seconds_per_epoch(run, data, device)
        total += run.recipe.epochs * per_epoch[name]
    return total


def _seconds_per_epoch(run: Run, data: BenchmarkData, device: torch.device) -> float:
    recipe = run.recipe
    model = make_network(run.row.model_name, NUM_CLASSES + recipe.vertebral_body, None)
    model = model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    batches = int(len(data.train) * (1 + recipe.phantom_share)) // recipe.batch_size
    training = batches * _seconds_per_step(run, model, data, device)
    checkpoint = Checkpoint("estimate", "", model.eval(), recipe.preprocessing, {})
    predictor = Predictor(checkpoint, device)
    evaluate_slices(predictor, data.validation[:1])
    start = time.perf_counter()
    evaluate_slices(predictor, data.validation[:1])
    return training + len(data.validation) * (time.perf_counter() - start)


def _seconds_per_step(run: Run, model: SegmentationNetwork, data: BenchmarkData, device: torch.device) -> float:
    """Time a step as the trainer makes it, the second of two: the first also pays for buffers and kernels."""
    recipe = run.recipe
    train = data.train[: recipe.batch_size]
    source, augment = make_batches(
        without_vertebral_bodies(train), replace(recipe, phantom_share=0.0), run.seed, device
    )
    loss_of = SegmentationLoss(recipe.alpha, dice_weight=recipe.dice_weight)
    optimizer = make_optimizer(model, recipe)
    model.train()
    seconds = 0.0
    for _ in range(2):
        start = time.perf_counter()
        ((images, labels),) = source.epoch()
        images, labels = augment(images.to(device), labels.to(device))
        with autocast(device):
            logits = model(images.contiguous(memory_format=torch.channels_last))
        loss = loss_of(logits, labels)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        loss.item()  # waits for the device
        seconds = time.perf_counter() - start
    return seconds
