"""The training loop: epochs, validation, checkpoints and resuming.

A run's folder holds `MODEL.safetensors` and `MODEL.json` (the network so far,
such as `msff.safetensors`; under a recipe with `patience` the best so far),
`log.csv` (one row an epoch) and, until the end, `resume.pt`.
"""

from __future__ import annotations

import csv
import hashlib
import logging
import pickle
import time
from collections.abc import Callable, Sequence
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
from LumbarSegLib.inference.predictor import Predictor
from LumbarSegLib.io.labeled_slices import LabeledSlice
from LumbarSegLib.losses import SegmentationLoss
from LumbarSegLib.models import SegmentationNetwork, model_names
from LumbarSegLib.training.batches import make_batches
from LumbarSegLib.training.data import mean_class_shares
from LumbarSegLib.training.initial_network import make_network
from LumbarSegLib.training.optimization import autocast, make_optimizer, make_scheduler
from LumbarSegLib.training.recipes import Recipe

logger = logging.getLogger(__name__)

RESUME_NAME = "resume.pt"
_LOG_NAME = "log.csv"

#: Everything that a run, of whichever network, writes into its folder.
RUN_FILES = (
    *(f"{name}{suffix}" for name in model_names() for suffix in (".safetensors", ".json")),
    RESUME_NAME,
    _LOG_NAME,
)


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
        Weights to start from, of the same network; None starts from random ones.
    model_name : str
        One of `LumbarSegLib.models.model_names`.
    """

    train: Sequence[LabeledSlice]
    validation: Sequence[LabeledSlice]
    recipe: Recipe
    seed: int
    device: torch.device
    description: dict[str, Any]
    initial: Checkpoint | None = None
    model_name: str = "msff"


class Trainer:
    """Trains the network of one run, resumable after every epoch.

    Parameters
    ----------
    run : TrainingRun
        Data and settings.
    directory : Path
        Where the checkpoint and the log go; exists when training starts.

    Raises
    ------
    InputError
        If the run is to start from the weights of another network, its network
        needs a package that is not installed, or its recipe has a `patience`
        and there is nothing to validate.
    """

    def __init__(self, run: TrainingRun, directory: Path) -> None:
        if run.recipe.patience and not run.validation:
            raise InputError(
                f"The recipe {run.recipe.name} stops early by validation slices, and there are none.",
                "Choose a fold that holds some back, or set patience to 0.",
            )
        self.run = run
        self.directory = directory
        recipe = run.recipe
        torch.manual_seed(run.seed)
        num_classes = NUM_CLASSES + recipe.vertebral_body
        model = make_network(run.model_name, num_classes, run.initial)
        self.model: SegmentationNetwork = model.to(run.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.source, self.augment = make_batches(run.train, recipe, run.seed, run.device)
        self.order, self.noise = self.source.generator, self.augment.generator
        background, *anatomies, body = mean_class_shares(run.train)
        self.mean_shares = [background + body, *anatomies]  # of what results distinguish
        shares = [background, *anatomies, body] if recipe.vertebral_body else self.mean_shares
        self.loss = SegmentationLoss(recipe.alpha, recipe.reference, shares, recipe.dice_weight)
        self.average: AveragedModel | None = None
        if recipe.average_decay:
            average = get_ema_multi_avg_fn(recipe.average_decay)  # type: ignore[no-untyped-call]
            self.average = AveragedModel(self.model, multi_avg_fn=average, use_buffers=True)
        self.optimizer = make_optimizer(self.model, recipe)
        self.scheduler = make_scheduler(self.optimizer, recipe, self.source.batches_per_epoch)
        self.epoch = 0
        self.rows: list[dict[str, Any]] = []

    def fit(self, on_epoch: Callable[[dict[str, Any]], None] | None = None) -> Path:
        """Train the remaining epochs, or until the recipe's patience is at an end.

        Parameters
        ----------
        on_epoch : callable, optional
            Called with the log's row after every epoch.

        Returns
        -------
        Path
            The checkpoint.
        """
        while self.epoch < self.run.recipe.epochs and not self._is_out_of_patience():
            start = time.perf_counter()
            loss = self._train_epoch()
            self.epoch += 1
            row = {"epoch": self.epoch, "loss": round(loss, 5), **self._validate()}
            row["seconds"] = round(time.perf_counter() - start, 1)
            self.rows.append(row)
            self._save()
            if on_epoch is not None:
                on_epoch(row)
        if self._is_out_of_patience():
            logger.info("Stopping after epoch %d; the network of epoch %d is kept.", self.epoch, self._best_epoch())
        (self.directory / RESUME_NAME).unlink(missing_ok=True)
        return self._checkpoint_path()

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
                f"{path} was made with another recipe, network, seed, device or data.", "Resume with the same settings."
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
            with autocast(self.run.device):
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

    def _best_epoch(self) -> int:
        """Return the first epoch of the highest mean Dice; the first of all while no class has been validated."""
        dice = [-1.0 if row["mean_dice"] is None else row["mean_dice"] for row in self.rows]
        return 1 + dice.index(max(dice))

    def _is_out_of_patience(self) -> bool:
        patience = self.run.recipe.patience
        return bool(patience and self.rows) and self.epoch - self._best_epoch() >= patience

    def _kept_model(self) -> nn.Module:
        """Return the network that is validated and written: the average where there is one."""
        kept: nn.Module = self.model if self.average is None else self.average.module
        return kept

    def _checkpoint_path(self) -> Path:
        return self.directory / f"{self.run.model_name}.safetensors"

    def _save(self) -> None:
        with (self.directory / _LOG_NAME).open("w", newline="", encoding="utf-8") as file:
            keys = ["epoch", "loss", "mean_dice", *(anatomy.key for anatomy in ANATOMIES), "seconds"]
            writer = csv.DictWriter(file, keys, restval="", lineterminator="\n")
            writer.writeheader()
            writer.writerows(self.rows)
        if not self.run.recipe.patience or self._best_epoch() == self.epoch:
            self._save_checkpoint()
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

    def _save_checkpoint(self) -> None:
        model_name, description = self.run.model_name, self.run.description
        save_checkpoint(
            self._checkpoint_path(),
            self._kept_model(),
            name=f"{model_name}-{description.get('data', 'data')}-fold-{description.get('fold', 'all')}",
            model_name=model_name,
            model_config=self.model.config,
            preprocessing=self.run.recipe.preprocessing,
            training={**self._settings(), "epochs_done": self.epoch, "validation": self.rows[-1]},
        )

    def _settings(self) -> dict[str, Any]:
        return {
            "recipe": asdict(self.run.recipe),
            "model": self.run.model_name,
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
