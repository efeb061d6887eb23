"""What the commands that examine a network have in common: network, slices, and what a reader has to know."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from LumbarSegLib.commands.data import choose_slices
from LumbarSegLib.errors import InputError
from LumbarSegLib.evaluation.units import MILLIMETERS, PIXELS, Units
from LumbarSegLib.inference.checkpoint import Checkpoint, load_checkpoint
from LumbarSegLib.inference.devices import choose_device
from LumbarSegLib.inference.predictor import Predictor
from LumbarSegLib.io.labeled_slices import LabeledSlice, read_index, read_slices
from LumbarSegLib.study_reading.checks import check_given_spacing
from LumbarSegLib.training.recipes import BEST

#: Of a pixel size that neither the data nor the user states.
ASSUMED = "assumed"

#: What that means for a reader of the figures.
ASSUMED_NOTE = "the data state no pixel size, so that lengths and areas are in pixels."


@dataclass(frozen=True)
class EvaluationSetup:
    """A network and the slices to examine it on.

    Parameters
    ----------
    predictor : Predictor
        The network.
    slices : list of LabeledSlice
        At least one.
    units : Units
        `PIXELS` where the slices' pixel size is only assumed.
    context : mapping
        Weights, fold, data and settings, JSON-ready.
    """

    predictor: Predictor
    slices: list[LabeledSlice]
    units: Units
    context: Mapping[str, Any]

    @property
    def were_seen(self) -> bool:
        """Whether the network was trained on some of the slices."""
        trained_on = self.context["trained_on"]
        same_split = trained_on["fold"] == self.context["fold"] != "all"
        return bool(trained_on["data"] == self.context["data"] and not same_split)

    @property
    def notes(self) -> list[str]:
        """What a reader of the figures has to know first."""
        notes = []
        if self.context["spacing_source"] == ASSUMED:
            notes.append(ASSUMED_NOTE)
        if self.were_seen:
            notes.append("the weights were trained on some of these slices, which says nothing about other ones.")
        return notes


def set_up_evaluation(options: argparse.Namespace) -> EvaluationSetup:
    """Read slices and network as `--data`, `--fold`, `--spacing-mm`, `--device` and those of inference say.

    Raises
    ------
    InputError
        If the data, the weights or the device cannot be used.
    """
    check_given_spacing(options.spacing_mm)
    train, held_back = choose_slices(options.data, options.fold)
    names = train if options.fold == "all" else held_back
    if not names:
        raise InputError(f"Fold {options.fold} of {options.data} holds back no slices.", "Repair splits.json.")
    checkpoint = load_checkpoint(options.weights)
    device = choose_device(options.device)
    spacing_mm = _nominal_spacing_mm(checkpoint, options.spacing_mm)
    predictor = Predictor(checkpoint, device.device, precision=options.precision, flip_average=options.flip_average)
    slices = read_slices(options.data, names, spacing_mm)
    spacing_source = find_spacing_source(options.data, options.spacing_mm)
    context = {
        "weights": checkpoint.name,
        "weights_sha256": checkpoint.sha256,
        "data": options.data.resolve().name,
        "fold": options.fold,
        "trained_on": {"data": checkpoint.training.get("data"), "fold": checkpoint.training.get("fold")},
        "nominal_spacing_mm": spacing_mm,
        "spacing_source": spacing_source,
        "flip_average": options.flip_average,
        "device": str(device.device),
        "number_format": predictor.number_format,
    }
    return EvaluationSetup(predictor, slices, PIXELS if spacing_source == ASSUMED else MILLIMETERS, context)


def find_spacing_source(directory: Path, asked_mm: float | None) -> str:
    """Name what states the pixel size; `read_slices` has checked that it does so for all slices or none."""
    if any(entry.spacing_mm is not None for entry in read_index(directory).values()):
        return "index.csv"
    return ASSUMED if asked_mm is None else "--spacing-mm"


def _nominal_spacing_mm(checkpoint: Checkpoint, asked_mm: float | None) -> float:
    if asked_mm is not None:
        return asked_mm
    return float(checkpoint.training.get("recipe", {}).get("nominal_spacing_mm", BEST.nominal_spacing_mm))
