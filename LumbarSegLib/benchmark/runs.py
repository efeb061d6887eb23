"""One run of a benchmark: trained, or taken up again, then evaluated on the held-back slices."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from LumbarSegLib.anatomy import ANATOMIES
from LumbarSegLib.benchmark.plan import Run
from LumbarSegLib.errors import InputError
from LumbarSegLib.evaluation.evaluator import evaluate_slices
from LumbarSegLib.inference.checkpoint import load_checkpoint
from LumbarSegLib.inference.predictor import Predictor
from LumbarSegLib.io.labeled_slices import LabeledSlice
from LumbarSegLib.report.output_files import output_files
from LumbarSegLib.report.text_files import write_json_file
from LumbarSegLib.training.trainer import RESUME_NAME, Trainer, TrainingRun

_RESULT_NAME = "result.json"


@dataclass(frozen=True)
class BenchmarkData:
    """What all runs train on and are evaluated on.

    Parameters
    ----------
    name : str
        Of the folder.
    fold : str
        Its number in `splits.json`.
    train, validation : sequence of LabeledSlice
        Neither is empty.
    """

    name: str
    fold: str
    train: Sequence[LabeledSlice]
    validation: Sequence[LabeledSlice]


@dataclass(frozen=True)
class RunResult:
    """What a finished run has shown.

    Parameters
    ----------
    parameters : int
        Weights of the network.
    seconds_per_epoch : float
        Mean, validation included.
    seconds_per_slice : float
        Mean time to segment and compare one held-back slice.
    dice : dict of str to dict of str to (float or None)
        By slice and anatomy key; None where the reference lacks the class.
    """

    parameters: int
    seconds_per_epoch: float
    seconds_per_slice: float
    dice: dict[str, dict[str, float | None]]


def read_result(folder: Path) -> RunResult | None:
    """Read what a finished run has left in its folder; None if it has not finished.

    Raises
    ------
    InputError
        If the file is damaged.
    """
    path = folder / _RESULT_NAME
    if not path.is_file():
        return None
    try:
        return RunResult(**json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise InputError(f"{path} is damaged.", "Remove it, and the run is repeated.") from error


def train_or_resume(
    run: TrainingRun, folder: Path, on_epoch: Callable[[dict[str, Any]], None] | None = None
) -> tuple[Path, list[dict[str, Any]]]:
    """Train a run from where an earlier attempt left it.

    Parameters
    ----------
    run : TrainingRun
        What to train.
    folder : Path
        Of this run; made if it does not exist.
    on_epoch : callable, optional
        Called with the log's row after every epoch.

    Returns
    -------
    Path
        The checkpoint.
    list of dict
        The log's rows, those of the earlier attempt included.

    Raises
    ------
    InputError
        If the earlier attempt had other settings or is damaged, or the network
        needs a package that is not installed.
    """
    trainer = Trainer(run, folder)
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / RESUME_NAME).is_file():
        trainer.resume()
    checkpoint = trainer.fit(on_epoch)
    return checkpoint, trainer.rows


def carry_out(
    run: Run,
    data: BenchmarkData,
    folder: Path,
    device: torch.device,
    on_epoch: Callable[[dict[str, Any]], None] | None = None,
) -> RunResult:
    """Train a run from where an earlier attempt left it, evaluate it and write its result.

    An attempt that was killed between its last epoch and its result starts anew.

    Parameters
    ----------
    run : Run
        What to train.
    data : BenchmarkData
        Slices to train on and to evaluate.
    folder : Path
        Of this run; made if it does not exist.
    device : torch.device
        Where to train and to evaluate.
    on_epoch : callable, optional
        Called with the log's row after every epoch.

    Raises
    ------
    InputError
        If the earlier attempt had other settings or is damaged, or the network
        needs a package that is not installed.
    """
    training = TrainingRun(
        train=data.train,
        validation=data.validation,
        recipe=run.recipe,
        seed=run.seed,
        device=device,
        description={"data": data.name, "fold": data.fold},
        model_name=run.row.model_name,
    )
    checkpoint, rows = train_or_resume(training, folder, on_epoch)
    result = _evaluate(checkpoint, data.validation, device, float(np.mean([row["seconds"] for row in rows])))
    path = folder / _RESULT_NAME
    with output_files([path], inputs=[], overwrite=True) as partial:
        write_json_file(partial[path], asdict(result))
    return result


def _evaluate(path: Path, slices: Sequence[LabeledSlice], device: torch.device, seconds_per_epoch: float) -> RunResult:
    checkpoint = load_checkpoint(path)
    parameters = sum(each.numel() for each in checkpoint.model.parameters())
    # Full precision: a row must not differ by what its device computes in.
    predictor = Predictor(checkpoint, device, precision="full")
    evaluate_slices(predictor, slices[:1])  # the first one also pays for buffers and kernels
    start = time.perf_counter()
    overlaps = evaluate_slices(predictor, slices)
    seconds = time.perf_counter() - start
    keys = [anatomy.key for anatomy in ANATOMIES]
    dice = {each.name: {key: each.dice[key] if each.in_reference[key] else None for key in keys} for each in overlaps}
    return RunResult(parameters, seconds_per_epoch, seconds / len(slices), dice)
