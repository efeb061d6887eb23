"""Pretraining: a network learns to restore damaged images, without labels.

A run's folder holds `MODEL.safetensors` and `MODEL.json` (the network so far),
`log.csv` (one row an epoch) and, until the end, `resume.pt`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from LumbarSegLib.errors import InputError
from LumbarSegLib.inference.checkpoint import PRETRAINING_CHANNELS, save_checkpoint
from LumbarSegLib.models import SegmentationNetwork, build_model
from LumbarSegLib.training.data import BatchSource, TrainingSlice, collate
from LumbarSegLib.training.optimization import autocast, make_optimizer, make_scheduler
from LumbarSegLib.training.pretraining_corruption import Corrupter
from LumbarSegLib.training.pretraining_data import UnlabeledImages
from LumbarSegLib.training.pretraining_recipe import PretrainingRecipe
from LumbarSegLib.training.run_files import RESUME_NAME, read_resume_state, write_log, write_resume_state

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class PretrainingRun:
    """What a run learns from and under which settings.

    Parameters
    ----------
    images : UnlabeledImages
        To learn from and to measure on.
    recipe : PretrainingRecipe
        Everything about damage and optimization.
    seed : int
        Decides initial weights, order and damage.
    device : torch.device
        Where the network trains.
    description : dict
        Stored in the checkpoint: data and the like.
    model_name : str
        One of `LumbarSegLib.models.model_names`.
    """

    images: UnlabeledImages
    recipe: PretrainingRecipe
    seed: int
    device: torch.device
    description: dict[str, Any]
    model_name: str = "msff"


@dataclass(frozen=True)
class Restoration:
    """What the network makes of damaged images, each (B, 1, H, W) on the CPU.

    Parameters
    ----------
    damaged, restored, target : (B, 1, H, W) float32 Tensor
        What the network got, what it gave, what it should have given.
    """

    damaged: Tensor
    restored: Tensor
    target: Tensor


class Pretrainer:
    """Pretrains the network of one run, resumable after every epoch.

    Parameters
    ----------
    run : PretrainingRun
        Data and settings.
    directory : Path
        Where the checkpoint and the log go; exists when training starts.

    Raises
    ------
    InputError
        If there are fewer images than a batch, or the network needs a package
        that is not installed.
    """

    def __init__(self, run: PretrainingRun, directory: Path) -> None:
        recipe = run.recipe
        if len(run.images.train) < recipe.batch_size:
            raise InputError(
                f"{len(run.images.train)} images to learn from are fewer than a batch of {recipe.batch_size}.",
                "Add images.",
            )
        self.run = run
        self.directory = directory
        torch.manual_seed(run.seed)
        model = build_model(run.model_name, {"num_classes": PRETRAINING_CHANNELS})
        self.model: SegmentationNetwork = model.to(run.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.order = torch.Generator().manual_seed(run.seed)
        self.noise = torch.Generator(run.device).manual_seed(run.seed + 1)
        self.source = BatchSource(run.images.train, (), recipe.optimization, self.order)
        self.corrupter = Corrupter(recipe, self.noise)
        self.optimizer = make_optimizer(self.model, recipe.optimization)
        self.scheduler = make_scheduler(self.optimizer, recipe.optimization, self.source.batches_per_epoch)
        self.epoch = 0
        self.rows: list[dict[str, Any]] = []

    def fit(self, on_epoch: Callable[[dict[str, Any]], None] | None = None) -> Path:
        """Train the remaining epochs.

        Parameters
        ----------
        on_epoch : callable, optional
            Called with the log's row after every epoch.

        Returns
        -------
        Path
            The checkpoint.
        """
        while self.epoch < self.run.recipe.epochs:
            start = time.perf_counter()
            loss = self._train_epoch()
            self.epoch += 1
            row = {"epoch": self.epoch, "loss": round(loss, 5), "validation_loss": round(self._validate(), 5)}
            row["seconds"] = round(time.perf_counter() - start, 1)
            self.rows.append(row)
            self._save()
            if on_epoch is not None:
                on_epoch(row)
        (self.directory / RESUME_NAME).unlink(missing_ok=True)
        return self._checkpoint_path()

    def restore(self, count: int) -> Restoration:
        """Damage the first `count` held-back images, the same way each time, and restore them."""
        parts = []
        for damaged, target, _ in self._held_back_batches(count):
            parts.append((damaged, self._forward(damaged), target))
        return Restoration(*(torch.cat(each).cpu() for each in zip(*parts, strict=True)))

    def resume(self) -> None:
        """Take up the run where `resume.pt` in the run's folder left it.

        Raises
        ------
        InputError
            If there is nothing to resume, or it was made under other settings.
        """
        state = read_resume_state(self.directory, self._settings(), self.run.device)
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])
        self.order.set_state(state["order"].cpu())
        self.noise.set_state(state["noise"].cpu())
        self.epoch = state["epoch"]
        self.rows = state["rows"]
        logger.info("Resuming after epoch %d.", self.epoch)

    def _train_epoch(self) -> float:
        device = self.run.device
        self.model.train()
        total = 0.0
        for images, labels in self.source.epoch():
            damaged, target, weights = self.corrupter.corrupt(images.to(device), labels.to(device))
            loss = _mean_absolute_error(self._predict(damaged), target, weights)
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            if self.run.recipe.gradient_clip:
                nn.utils.clip_grad_norm_(self.model.parameters(), self.run.recipe.gradient_clip)
            self.optimizer.step()
            self.scheduler.step()
            total += loss.item()
        mean = total / self.source.batches_per_epoch
        if mean != mean:
            raise RuntimeError("The loss became NaN; lower the learning rate.")
        return mean

    def _predict(self, damaged: Tensor) -> Tensor:
        with autocast(self.run.device):
            restored: Tensor = self.model(damaged.contiguous(memory_format=torch.channels_last))
        return restored.float()

    @torch.no_grad()
    def _forward(self, damaged: Tensor) -> Tensor:
        self.model.eval()
        return self._predict(damaged)

    def _held_back_batches(self, count: int) -> list[tuple[Tensor, Tensor, Tensor]]:
        """Damage the first `count` held-back images as in every epoch: what is measured does not vary."""
        device, recipe = self.run.device, self.run.recipe
        corrupter = Corrupter(recipe, torch.Generator(device).manual_seed(self.run.seed + 2))
        batches = [collate(chosen) for chosen in _chunks(self.run.images.held_back[:count], recipe.batch_size)]
        return [corrupter.corrupt(images.to(device), labels.to(device)) for images, labels in batches]

    def _validate(self) -> float:
        batches = self._held_back_batches(len(self.run.images.held_back))
        losses = [
            _mean_absolute_error(self._forward(damaged), target, weights).item() * len(damaged)
            for damaged, target, weights in batches
        ]
        return sum(losses) / len(self.run.images.held_back)

    def _checkpoint_path(self) -> Path:
        return self.directory / f"{self.run.model_name}.safetensors"

    def _save(self) -> None:
        write_log(self.directory, list(self.rows[0]), self.rows)
        save_checkpoint(
            self._checkpoint_path(),
            self.model,
            name=f"{self.run.model_name}-pretrained-{self.run.description.get('data', 'data')}",
            model_name=self.run.model_name,
            model_config=self.model.config,
            preprocessing=self.run.recipe.preprocessing,
            training={**self._settings(), "epochs_done": self.epoch, "validation": self.rows[-1]},
        )
        state = {
            "settings": self._settings(),
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
            "order": self.order.get_state(),
            "noise": self.noise.get_state(),
            "epoch": self.epoch,
            "rows": self.rows,
        }
        write_resume_state(self.directory, state)

    def _settings(self) -> dict[str, Any]:
        return {
            "pretraining": asdict(self.run.recipe),
            "model": self.run.model_name,
            "seed": self.run.seed,
            "device": self.run.device.type,
            "num_train": len(self.run.images.train),
            "num_held_back": len(self.run.images.held_back),
            "images_sha256": self.run.images.sha256,
            **self.run.description,
        }


def _mean_absolute_error(restored: Tensor, target: Tensor, weights: Tensor) -> Tensor:
    return ((restored - target).abs() * weights).sum() / weights.sum().clamp_min(1.0)


def _chunks(slices: Sequence[TrainingSlice], size: int) -> list[Sequence[TrainingSlice]]:
    return [slices[first : first + size] for first in range(0, len(slices), size)]
