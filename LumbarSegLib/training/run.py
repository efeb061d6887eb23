"""What a training run is made of."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch

from LumbarSegLib.inference.checkpoint import Checkpoint
from LumbarSegLib.io.labeled_slices import LabeledSlice
from LumbarSegLib.training.encoder_weights import EncoderWeights
from LumbarSegLib.training.recipes import Recipe


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
        Where the network trains; of several devices, only their kind counts.
    description : dict
        Stored in the checkpoint: data, fold and the like.
    initial : Checkpoint or EncoderWeights, optional
        Weights to start from, of the same network or for its encoder alone;
        None starts from random ones.
    model_name : str
        One of `LumbarSegLib.models.model_names`.
    """

    train: Sequence[LabeledSlice]
    validation: Sequence[LabeledSlice]
    recipe: Recipe
    seed: int
    device: torch.device
    description: dict[str, Any]
    initial: Checkpoint | EncoderWeights | None = None
    model_name: str = "msff"

    def settings(self, mean_class_shares: Sequence[float], devices: int) -> dict[str, Any]:
        """Return what a resumed run has to agree in, and what the checkpoint tells of its training.

        Parameters
        ----------
        mean_class_shares : sequence of float
            Of the slices to train on, of every class that results distinguish.
        devices : int
            Number of devices that share a batch.
        """
        return {
            "recipe": asdict(self.recipe),
            "model": self.model_name,
            "seed": self.seed,
            "device": self.device.type,
            "devices": devices,
            "num_train": len(self.train),
            "num_validation": len(self.validation),
            "slices_sha256": hashlib.sha256(
                "\n".join(each.name for each in (*self.train, *self.validation)).encode()
            ).hexdigest(),
            "mean_class_shares": mean_class_shares,
            "initial_weights": None
            if self.initial is None
            else {"name": self.initial.name, "sha256": self.initial.sha256},
            **self.description,
        }
