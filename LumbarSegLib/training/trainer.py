"""The training loop: epochs, validation, checkpoints and resuming.

A run's folder holds `msff.safetensors` and `msff.json` (the network so far),
`log.csv` (one row an epoch) and, until the end, `resume.pt`.
"""

from __future__ import annotations

import csv
import hashlib
import logging
import pickle
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from LumbarSegLib.anatomy import ANATOMIES, NUM_CLASSES
from LumbarSegLib.errors import InputError
from LumbarSegLib.evaluation.evaluator import evaluate_slices, summarize
from LumbarSegLib.inference.checkpoint import Checkpoint, save_checkpoint
from LumbarSegLib.inference.devices import cpu_has_bfloat16
from LumbarSegLib.inference.predictor import Predictor
from LumbarSegLib.io.labeled_slices import LabeledSlice
from LumbarSegLib.losses import SegmentationLoss
from LumbarSegLib.models import MSFF, MSFFConfig
from LumbarSegLib.training.augmentation import Augmenter
from LumbarSegLib.training.data import (
    BatchSource,
    make_phantoms,
    mean_class_shares,
    prepare,
    without_vertebral_bodies,
)
from LumbarSegLib.training.recipes import Recipe

logger = logging.getLogger(__name__)

CHECKPOINT_NAME = "msff.safetensors"
RESUME_NAME = "resume.pt"
_LOG_NAME = "log.csv"

#: Everything that a run writes into its folder.
RUN_FILES = (CHECKPOINT_NAME, "msff.json", RESUME_NAME, _LOG_NAME)

#: Different phantoms in one run; augmentation varies them further.
_NUM_PHANTOMS = 96


@dataclass(frozen=True)
class TrainingRun:
    """What a run trains on and under which settings.

    Parameters
    ----------
    train, validation : sequence of LabeledSlice
        `validation` may be empty.
    recipe : Recipe
        Everything about the optimization.
    seed : int
        Decides initial weights, order, augmentation and phantoms.
    device : torch.device
        Where the network trains.
    description : dict
        Stored in the checkpoint: data, fold and the like.
    initial : Checkpoint, optional
        Weights to start from; None starts from random ones.
    """

    train: Sequence[LabeledSlice]
    validation: Sequence[LabeledSlice]
    recipe: Recipe
    seed: int
    device: torch.device
    description: dict[str, Any]
    initial: Checkpoint | None = None


class Trainer:
    """Trains the MSFF network of one run, resumable after every epoch.

    Parameters
    ----------
    run : TrainingRun
        Data and settings.
    directory : Path
        Where the checkpoint and the log go; exists.
    """

    def __init__(self, run: TrainingRun, directory: Path) -> None:
        self.run = run
        self.directory = directory
        recipe = run.recipe
        torch.manual_seed(run.seed)
        num_classes = NUM_CLASSES + recipe.vertebral_body
        model = MSFF(MSFFConfig(num_classes=num_classes))
        if run.initial is not None:
            _start_from(model, run.initial.model)
        self.model: MSFF = model.to(run.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.order = torch.Generator().manual_seed(run.seed)
        self.noise = torch.Generator(run.device).manual_seed(run.seed + 1)
        self.augment = Augmenter(recipe.augmentation, recipe.preprocessing, self.noise)
        self.mean_shares = mean_class_shares(without_vertebral_bodies(run.train))
        train = run.train if recipe.vertebral_body else without_vertebral_bodies(run.train)
        shares = mean_class_shares(train, num_classes)
        self.loss = SegmentationLoss(recipe.alpha, recipe.reference, shares, recipe.dice_weight)
        phantoms = make_phantoms(_NUM_PHANTOMS if recipe.phantom_share else 0, run.seed)
        self.source = BatchSource(
            prepare(train, recipe.preprocessing), prepare(phantoms, recipe.preprocessing), recipe, self.order
        )
        self.average: AveragedModel | None = None
        if recipe.average_decay:
            average = get_ema_multi_avg_fn(recipe.average_decay)  # type: ignore[no-untyped-call]
            self.average = AveragedModel(self.model, multi_avg_fn=average, use_buffers=True)
        self.optimizer = _make_optimizer(self.model, recipe)
        self.scheduler = _make_scheduler(self.optimizer, recipe, self.source.batches_per_epoch)
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
            row = {"epoch": self.epoch, "loss": round(loss, 5), **self._validate()}
            row["seconds"] = round(time.perf_counter() - start, 1)
            self.rows.append(row)
            self._save()
            if on_epoch is not None:
                on_epoch(row)
        (self.directory / RESUME_NAME).unlink(missing_ok=True)
        return self.directory / CHECKPOINT_NAME

    def resume(self) -> None:
        """Take up the run where `resume.pt` in the run's folder left it.

        Raises
        ------
        InputError
            If there is nothing to resume, or it was made under other settings.
        """
        path = self.directory / RESUME_NAME
        if not path.is_file():
            raise InputError(f"{self.directory} holds no unfinished run.", "Start one in another folder.")
        try:
            state = torch.load(path, map_location=self.run.device, weights_only=True)
        except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
            raise InputError(f"{path} is damaged.", "Start anew with --overwrite.") from error
        if state["settings"] != self._settings():
            raise InputError(
                f"{path} was made with another recipe, seed, device or data.", "Resume with the same settings."
            )
        self.model.load_state_dict(state["model"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])
        self.order.set_state(state["order"].cpu())
        self.noise.set_state(state["noise"].cpu())
        self.epoch = state["epoch"]
        self.rows = state["rows"]
        logger.info("Resuming after epoch %d.", self.epoch)

    def _train_epoch(self) -> float:
        recipe = self.run.recipe
        self.model.train()
        total = 0.0
        for images, labels in self.source.epoch():
            images, labels = self.augment(images.to(self.run.device), labels.to(self.run.device))
            with _autocast(self.run.device):
                logits: Tensor = self.model(images.contiguous(memory_format=torch.channels_last))
            loss = self.loss(logits, labels)
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            if recipe.gradient_clip:
                nn.utils.clip_grad_norm_(self.model.parameters(), recipe.gradient_clip)
            self.optimizer.step()
            self.scheduler.step()
            if self.average is not None:
                self.average.update_parameters(self.model)
            total += loss.item()
        mean = total / self.source.batches_per_epoch
        if mean != mean:
            raise RuntimeError("The loss became NaN; lower the learning rate.")
        return mean

    def _validate(self) -> dict[str, float | None]:
        if not self.run.validation:
            return {}
        checkpoint = Checkpoint("validation", "", self._kept_model().eval(), self.run.recipe.preprocessing, {})
        summary = summarize(evaluate_slices(Predictor(checkpoint, self.run.device), self.run.validation))
        figures = {"mean_dice": summary["mean_dice"], **summary["dice"]}
        return {key: None if value is None else round(value, 4) for key, value in figures.items()}

    def _kept_model(self) -> nn.Module:
        """Return the network that is validated and written: the average where there is one."""
        kept: nn.Module = self.model if self.average is None else self.average.module
        return kept

    def _save(self) -> None:
        with (self.directory / _LOG_NAME).open("w", newline="", encoding="utf-8") as file:
            keys = ["epoch", "loss", "mean_dice", *(anatomy.key for anatomy in ANATOMIES), "seconds"]
            writer = csv.DictWriter(file, keys, restval="", lineterminator="\n")
            writer.writeheader()
            writer.writerows(self.rows)
        save_checkpoint(
            self.directory / CHECKPOINT_NAME,
            self._kept_model(),
            name=f"msff-{self.run.description.get('data', 'data')}-fold-{self.run.description.get('fold', 'all')}",
            model_name="msff",
            model_config=self.model.config,
            preprocessing=self.run.recipe.preprocessing,
            training={**self._settings(), "epochs_done": self.epoch, "validation": self.rows[-1]},
        )
        state = {
            "settings": self._settings(),
            "model": self.model.state_dict(),
            "average": None if self.average is None else self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
            "order": self.order.get_state(),
            "noise": self.noise.get_state(),
            "epoch": self.epoch,
            "rows": self.rows,
        }
        temporary = self.directory / (RESUME_NAME + ".partial")
        torch.save(state, temporary)
        temporary.replace(self.directory / RESUME_NAME)

    def _settings(self) -> dict[str, Any]:
        return {
            "recipe": asdict(self.run.recipe),
            "seed": self.run.seed,
            "device": self.run.device.type,
            "num_train": len(self.run.train),
            "num_validation": len(self.run.validation),
            "slices_sha256": hashlib.sha256(
                "\n".join(each.name for each in (*self.run.train, *self.run.validation)).encode()
            ).hexdigest(),
            "mean_class_shares": self.mean_shares,
            "initial_weights": None
            if self.run.initial is None
            else {"name": self.run.initial.name, "sha256": self.run.initial.sha256},
            **self.run.description,
        }


def _start_from(model: nn.Module, initial: nn.Module) -> None:
    """Take over the weights of `initial`, also where only one of the two knows the vertebral body."""
    state = initial.state_dict()
    for key, fresh in model.state_dict().items():
        if key in state and state[key].shape[1:] == fresh.shape[1:] and state[key].shape != fresh.shape:
            shared = min(len(fresh), len(state[key]))  # output channels: the vertebral body is the last
            state[key] = torch.cat([state[key][:shared], fresh[shared:]])
    model.load_state_dict(state)


def _make_optimizer(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(
            model.parameters(), lr=recipe.learning_rate, momentum=0.9, weight_decay=recipe.weight_decay
        )
    if recipe.optimizer == "adamw":
        # Norm statistics and biases are not to be pulled to zero.
        decayed = [each for each in model.parameters() if each.ndim > 1]
        free = [each for each in model.parameters() if each.ndim <= 1]
        groups = [{"params": decayed, "weight_decay": recipe.weight_decay}, {"params": free, "weight_decay": 0.0}]
        return torch.optim.AdamW(groups, lr=recipe.learning_rate)
    raise ValueError(f"optimizer must be 'adamw' or 'sgd', got {recipe.optimizer!r}.")


def _make_scheduler(
    optimizer: torch.optim.Optimizer, recipe: Recipe, batches_per_epoch: int
) -> torch.optim.lr_scheduler.LRScheduler:
    steps = recipe.epochs * batches_per_epoch
    if recipe.schedule == "one_cycle":
        return torch.optim.lr_scheduler.OneCycleLR(
            optimizer, recipe.learning_rate, total_steps=steps, pct_start=0.15, final_div_factor=1e3
        )
    if recipe.schedule == "step":
        return torch.optim.lr_scheduler.MultiStepLR(optimizer, [round(0.8 * steps)], gamma=0.1)
    raise ValueError(f"schedule must be 'one_cycle' or 'step', got {recipe.schedule!r}.")


def _autocast(device: torch.device) -> AbstractContextManager[None]:
    """Use bfloat16 where the hardware has it: its range needs no loss scaling."""
    if device.type == "cuda" or (device.type == "cpu" and cpu_has_bfloat16()):
        return torch.autocast(device.type, torch.bfloat16)
    return torch.autocast("cpu", enabled=False)
