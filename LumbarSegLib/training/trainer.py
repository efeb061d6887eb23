"""The training loop: epochs, validation, checkpoints and resuming.

A run's folder holds `MODEL.safetensors` and `MODEL.json` (the network so far,
such as `msff.safetensors`; under a recipe with `patience` the best so far),
`log.csv` (one row an epoch) and, until the end, `resume.pt`.

On several devices, every process runs this loop on its part of each batch; the
first one validates and writes.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from LumbarSegLib.anatomy import ANATOMIES, NUM_CLASSES
from LumbarSegLib.errors import InputError
from LumbarSegLib.evaluation.evaluator import evaluate_slices, summarize
from LumbarSegLib.inference.checkpoint import Checkpoint, save_checkpoint
from LumbarSegLib.inference.predictor import Predictor
from LumbarSegLib.losses import SegmentationLoss
from LumbarSegLib.models import SegmentationNetwork
from LumbarSegLib.training.batches import make_batches
from LumbarSegLib.training.data import mean_class_shares
from LumbarSegLib.training.engine import average_buffers, check_devices, gather, make_fabric
from LumbarSegLib.training.initial_network import make_network
from LumbarSegLib.training.optimization import autocast, make_optimizer, make_scheduler
from LumbarSegLib.training.run import TrainingRun
from LumbarSegLib.training.run_files import RESUME_NAME, RUN_FILES, read_resume_state, write_log, write_resume_state

if TYPE_CHECKING:
    from lightning_fabric import Fabric

__all__ = ["RESUME_NAME", "RUN_FILES", "Trainer", "TrainingRun"]

logger = logging.getLogger(__name__)

_LOG_COLUMNS = ("epoch", "loss", "mean_dice", *(anatomy.key for anatomy in ANATOMIES), "seconds")


class Trainer:
    """Trains the network of one run, resumable after every epoch.

    Parameters
    ----------
    run : TrainingRun
        Data and settings.
    directory : Path
        Where the checkpoint and the log go; exists when training starts.
    fabric : Fabric, optional
        Of this process, by `LumbarSegLib.training.engine.launch`; None trains
        on the run's device alone.

    Raises
    ------
    InputError
        If the run is to start from the weights of another network, its network
        or the engine needs a package that is not installed, the devices cannot
        share a batch, or its recipe has a `patience` and there is nothing to
        validate.
    """

    def __init__(self, run: TrainingRun, directory: Path, fabric: Fabric | None = None) -> None:
        if run.recipe.patience and not run.validation:
            raise InputError(
                f"The recipe {run.recipe.name} stops early by validation slices, and there are none.",
                "Choose a fold that holds some back, or set patience to 0.",
            )
        self.run = run
        self.directory = directory
        recipe = run.recipe
        check_devices(run.device, 1 if fabric is None else fabric.world_size, recipe.batch_size)
        self.fabric = fabric = make_fabric(run.device) if fabric is None else fabric
        self.source, self.augment = make_batches(
            run.train, recipe, run.seed, fabric.device, rank=fabric.global_rank, num_ranks=fabric.world_size
        )
        self.order, self.noise = self.source.generator, self.augment.generator
        background, *anatomies, body = mean_class_shares(run.train)
        self.mean_shares = [background + body, *anatomies]  # of what results distinguish
        shares = [background, *anatomies, body] if recipe.vertebral_body else self.mean_shares
        self.loss = SegmentationLoss(recipe.alpha, recipe.reference, shares, recipe.dice_weight)
        self.model = self._make_model()
        self.average: AveragedModel | None = None
        if recipe.average_decay:
            average = get_ema_multi_avg_fn(recipe.average_decay)  # type: ignore[no-untyped-call]
            self.average = AveragedModel(self.model, multi_avg_fn=average, use_buffers=True)
        optimizer = make_optimizer(self.model, recipe)
        self.scheduler = make_scheduler(optimizer, recipe, self.source.batches_per_epoch)
        self.network, self.optimizer = fabric.setup(self.model, optimizer)
        self.epoch = 0
        self.rows: list[dict[str, Any]] = []

    def _make_model(self) -> SegmentationNetwork:
        """Return the network that the run starts from, the same in every process."""
        run, fabric = self.run, self.fabric
        torch.manual_seed(run.seed)
        model: nn.Module = make_network(run.model_name, NUM_CLASSES + run.recipe.vertebral_body, run.initial)
        if fabric.world_size > 1 and fabric.device.type == "cuda":  # torch has none for the CPU
            model = nn.SyncBatchNorm.convert_sync_batchnorm(model)  # type: ignore[no-untyped-call]
        placed: SegmentationNetwork = model.to(fabric.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        return placed

    def fit(
        self,
        on_epoch: Callable[[dict[str, Any]], None] | None = None,
        on_batch: Callable[[], None] | None = None,
    ) -> Path:
        """Train the remaining epochs, or until the recipe's patience is at an end.

        Parameters
        ----------
        on_epoch : callable, optional
            Called with the log's row after every epoch, in the first process only.
        on_batch : callable, optional
            Called after every batch.

        Returns
        -------
        Path
            The checkpoint.
        """
        while self.epoch < self.run.recipe.epochs and not self._is_out_of_patience():
            start = time.perf_counter()
            loss = self._train_epoch(on_batch)
            self.epoch += 1
            row = {"epoch": self.epoch, "loss": round(loss, 5), **self._validate()}
            row["seconds"] = round(time.perf_counter() - start, 1)
            # All go on, or stop, by what the first process has measured.
            self.rows.append(self.fabric.broadcast(row))
            self._save()
            if on_epoch is not None and self.fabric.is_global_zero:
                on_epoch(row)
        if self._is_out_of_patience():
            logger.info("Stopping after epoch %d; the network of epoch %d is kept.", self.epoch, self._best_epoch())
        if self.fabric.is_global_zero:
            (self.directory / RESUME_NAME).unlink(missing_ok=True)
        return self._checkpoint_path()

    def resume(self) -> None:
        """Take up the run where `resume.pt` in the run's folder left it.

        Raises
        ------
        InputError
            If there is nothing to resume, or it was made under other settings.
        """
        state = read_resume_state(self.directory, self._settings(), self.fabric.device)
        self.model.load_state_dict(state["model"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])
        self.order.set_state(state["order"].cpu())
        self.noise.set_state(state["noise"][self.fabric.global_rank].cpu())
        self.epoch = state["epoch"]
        self.rows = state["rows"]
        logger.info("Resuming after epoch %d.", self.epoch)

    def _train_epoch(self, on_batch: Callable[[], None] | None) -> float:
        recipe, fabric = self.run.recipe, self.fabric
        # Dropout of networks that have it: resumable without a state, and another one in every process.
        torch.manual_seed(self.run.seed + self.epoch * fabric.world_size + fabric.global_rank)
        self.network.train()
        total = 0.0
        for images, labels in self.source.epoch():
            images, labels = self.augment(*fabric.to_device((images, labels)))
            with autocast(fabric.device):
                logits = self.network(images.contiguous(memory_format=torch.channels_last))
            loss = self.loss(logits, labels)
            self.optimizer.zero_grad(set_to_none=True)
            fabric.backward(loss)
            if recipe.gradient_clip:
                # A NaN is reported below, with what to do about it.
                fabric.clip_gradients(
                    self.network, self.optimizer, max_norm=recipe.gradient_clip, error_if_nonfinite=False
                )
            self.optimizer.step()
            self.scheduler.step()
            if fabric.world_size > 1:
                average_buffers(fabric, self.model)
            if self.average is not None:
                self.average.update_parameters(self.model)
            total += loss.item()
            if on_batch is not None:
                on_batch()
        mean = float(fabric.all_reduce(torch.tensor(total / self.source.batches_per_epoch, device=fabric.device)))
        if mean != mean:
            raise RuntimeError("The loss became NaN; lower the learning rate.")
        return mean

    def _validate(self) -> dict[str, float | None]:
        if not self.run.validation or not self.fabric.is_global_zero:
            return {}
        checkpoint = Checkpoint("validation", "", self._kept_model().eval(), self.run.recipe.preprocessing, {})
        summary = summarize(evaluate_slices(Predictor(checkpoint, self.fabric.device), self.run.validation))
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
        noise = gather(self.fabric, self.noise.get_state())  # every process draws its own
        if not self.fabric.is_global_zero:
            return
        write_log(self.directory, _LOG_COLUMNS, self.rows)
        if not self.run.recipe.patience or self._best_epoch() == self.epoch:
            self._save_checkpoint()
        state = {
            "settings": self._settings(),
            "model": self.model.state_dict(),
            "average": None if self.average is None else self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
            "order": self.order.get_state(),
            "noise": noise,
            "epoch": self.epoch,
            "rows": self.rows,
        }
        write_resume_state(self.directory, state)

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
        return self.run.settings(self.mean_shares, self.fabric.world_size)
