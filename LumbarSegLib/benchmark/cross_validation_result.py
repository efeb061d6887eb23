"""Every held-back slice by the network that has not seen it, and the figures of all of them together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from LumbarSegLib.anatomy import ANATOMIES
from LumbarSegLib.benchmark.cross_validation import CrossValidation
from LumbarSegLib.errors import InputError
from LumbarSegLib.evaluation.assessment import SliceAssessment, assess_slices, bootstrap_mean_dice
from LumbarSegLib.evaluation.evaluator import summarize
from LumbarSegLib.evaluation.units import Units
from LumbarSegLib.inference.checkpoint import load_checkpoint
from LumbarSegLib.inference.predictor import Predictor
from LumbarSegLib.io.labeled_slices import LabeledSlice
from LumbarSegLib.report.evaluation_result import write_evaluation
from LumbarSegLib.report.markdown import NONE, bracketed, fixed, markdown_table
from LumbarSegLib.report.tables import Cell, write_csv

#: Of each fold, of the folds' mean and of all slices.
_FIGURES = ("mean_dice", "mean_dice_without_endplate_discs", *(anatomy.key for anatomy in ANATOMIES))


@dataclass(frozen=True)
class FoldResult:
    """What the network of a fold shows on its held-back slices.

    Parameters
    ----------
    fold : int
        Its number in `splits.json`.
    weights_sha256 : str
        Of the network.
    slices : sequence of LabeledSlice
        The held-back ones.
    assessed : sequence of SliceAssessment
        Of these slices.
    """

    fold: int
    weights_sha256: str
    slices: Sequence[LabeledSlice]
    assessed: Sequence[SliceAssessment]


def evaluate_fold(
    validation: CrossValidation, fold: int, weights: Path, units: Units, device: torch.device, *, flip_average: bool
) -> FoldResult:
    """Segment and measure what a fold holds back.

    Parameters
    ----------
    validation : CrossValidation
        Where the slices are.
    fold : int
        Its number in `splits.json`.
    weights : Path
        Checkpoint of its network.
    units : Units
        `PIXELS` where the slices' pixel size is only assumed.
    device : torch.device
        Where the network runs, in full precision: figures must not differ by
        what a device computes in.
    flip_average : bool
        Average the probabilities with those of the mirrored slice.

    Raises
    ------
    InputError
        If the network is that of another fold, or MONAI is not installed.
    """
    checkpoint = load_checkpoint(weights)
    trained_on = checkpoint.training.get("fold")
    if trained_on != str(fold):  # a folder that was copied or renamed
        raise InputError(
            f"{weights} is the network of fold {trained_on}, not of fold {fold}.",
            f"Remove {weights.parents[1]}, and the fold is trained.",
        )
    predictor = Predictor(checkpoint, device, precision="full", flip_average=flip_average)
    slices = validation.held_back(fold)
    return FoldResult(fold, checkpoint.sha256, slices, assess_slices(predictor, slices, units))


def write_cross_validation(
    directory: Path, results: Sequence[FoldResult], units: Units, context: Mapping[str, Any], notes: Sequence[str]
) -> None:
    """Write the evaluation of all folds' slices together, `folds.csv` and `slices.csv`.

    Parameters
    ----------
    directory : Path
        Exists and is empty.
    results : sequence of FoldResult
        By fold, at least one.
    units : Units
        The same as at the evaluation.
    context, notes
        As `write_evaluation`; the figures of the folds are added as `folds`.
    """
    rows = [_fold_row(result) for result in results]
    over_folds = {key: _over_folds([row[key] for row in rows]) for key in _FIGURES}
    write_evaluation(
        directory,
        [each for result in results for each in result.slices],
        [each for result in results for each in result.assessed],
        units,
        {**context, "folds": rows, "over_folds": over_folds},
        notes,
        sections=_sections(results, over_folds),
    )
    write_csv(directory / "folds.csv", rows)
    write_csv(
        directory / "slices.csv",
        [
            {"slice": each.name, "plane": each.plane, "fold": result.fold, "weights_sha256": result.weights_sha256}
            for result in results
            for each in result.slices
        ],
    )


def _fold_row(result: FoldResult) -> dict[str, Cell]:
    mean = bootstrap_mean_dice([each.overlap for each in result.assessed])
    return {
        "fold": result.fold,
        "num_slices": len(result.slices),
        "mean_dice_low": _rounded(mean.low),
        "mean_dice_high": _rounded(mean.high),
        **{key: _rounded(value) for key, value in _figures(result.assessed).items()},
        "weights_sha256": result.weights_sha256,
    }


def _figures(assessed: Sequence[SliceAssessment]) -> dict[str, float | None]:
    """Return the mean Dice of the classes, with and without discs on endplates, and that of each class."""
    summary = summarize([each.overlap for each in assessed])
    without = summary.get("without_endplate_discs", {"mean_dice": None})["mean_dice"]  # None: no planes are known
    values = [summary["mean_dice"], without, *summary["dice"].values()]
    return dict(zip(_FIGURES, values, strict=True))


def _over_folds(values: Sequence[Cell]) -> dict[str, float | None]:
    """Return mean and standard deviation (n - 1) of a figure over the folds that have it."""
    present = [float(value) for value in values if value is not None]
    return {
        "mean": _rounded(float(np.mean(present))) if present else None,
        "sd": _rounded(float(np.std(present, ddof=1))) if len(present) > 1 else None,
    }


def _sections(results: Sequence[FoldResult], over_folds: Mapping[str, Mapping[str, float | None]]) -> list[str]:
    pooled = [each for result in results for each in result.assessed]
    cells = {key: fixed(each["mean"], 4) + _deviation(each["sd"]) for key, each in over_folds.items()}
    rows: list[list[str | int]] = [
        *(_line(str(result.fold), result.assessed) for result in results),
        ["Mean ± SD of the folds", "", *cells.values()],
        _line("All slices", pooled),
    ]
    names = [anatomy.name for anatomy in ANATOMIES]
    return [
        "## Fold by fold",
        markdown_table(["Fold", "Slices", "Mean DSC", "Without discs on endplates", *names], rows),
        "Each slice once, by the network of the fold that holds it back; mean over the slices, then over the classes. "
        "Without discs on endplates: the disc's mean leaves out slices through an endplate, where what is outlined is "
        f"partly bone ({NONE} where no planes are known). All other figures on this page are over all slices together.",
    ]


def _line(name: str, assessed: Sequence[SliceAssessment]) -> list[str | int]:
    mean, *others = _figures(assessed).values()
    interval = bootstrap_mean_dice([each.overlap for each in assessed])
    return [name, len(assessed), bracketed(mean, interval.low, interval.high, 4), *(fixed(each, 4) for each in others)]


def _deviation(value: float | None) -> str:
    return "" if value is None else f" ± {value:.4f}"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 5)
