"""Checkpoints: NAME.safetensors with the tensors, NAME.json with what they mean.

The JSON file names the network and its options, the preprocessing, the classes
and the SHA-256 of the tensors, so that nothing has to be guessed at loading.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from LumbarSegLib.anatomy import ANATOMIES, NUM_CLASSES
from LumbarSegLib.errors import InputError
from LumbarSegLib.measurement import AreaCalibration, AreaTerms
from LumbarSegLib.models import build_model
from LumbarSegLib.preprocessing import PreprocessingConfig

#: Version of the JSON layout.
FORMAT = 1

#: The weights that come with the package.
DEFAULT_WEIGHTS = Path(__file__).resolve().parents[1] / "weights" / "msff_axial_t2.safetensors"

#: Output channels of a network that was pretrained to restore images and outlines nothing.
PRETRAINING_CHANNELS = 1

_REPAIR = "Take the .safetensors and the .json file of one checkpoint, both unchanged and side by side."


@dataclass(frozen=True)
class Checkpoint:
    """A trained network and where it came from.

    Parameters
    ----------
    name : str
        Name for tables and records.
    sha256 : str
        Of the tensor file.
    model : torch.nn.Module
        On the CPU, in evaluation mode, float32.
    preprocessing : PreprocessingConfig
        What the network was trained with.
    training : mapping
        Recipe, fold, seed and validation figures, as far as stored.
    model_name : str, optional
        One of `LumbarSegLib.models.model_names`; None for a network that no file describes.
    area_calibration : AreaCalibration, optional
        What the intervals of areas take; None as long as `lumbarseg calibrate` has not found it.
    """

    name: str
    sha256: str
    model: nn.Module
    preprocessing: PreprocessingConfig
    training: Mapping[str, Any]
    model_name: str | None = None
    area_calibration: AreaCalibration | None = None


def _class_names(num_classes: int) -> list[str]:
    if num_classes == PRETRAINING_CHANNELS:
        return []
    names = ["background", *(anatomy.key for anatomy in ANATOMIES), "vertebral_body"]
    return names[:num_classes]


def save_checkpoint(
    path: Path,
    model: nn.Module,
    *,
    name: str,
    model_name: str,
    model_config: object,
    preprocessing: PreprocessingConfig,
    training: Mapping[str, Any],
) -> str:
    """Write a checkpoint; each file gets its final name only when complete.

    Convolutions are stored in half precision, norm statistics in full.

    Parameters
    ----------
    path : Path
        Ends in ".safetensors"; the JSON file takes its place beside it.
    model : torch.nn.Module
        The trained network.
    name : str
        What tables and records call these weights.
    model_name, model_config
        What `LumbarSegLib.models.build_model` needs to build it again.
    preprocessing : PreprocessingConfig
        What it was trained with.
    training : mapping
        Anything that JSON can hold: recipe, fold, seed, figures.

    Returns
    -------
    str
        SHA-256 of the tensor file.
    """
    tensors = {key: _storable(value) for key, value in model.state_dict().items()}
    payload = save(tensors)
    options = asdict(model_config)  # type: ignore[call-overload]
    sha256 = hashlib.sha256(payload).hexdigest()
    description = {
        "format": FORMAT,
        "name": name,
        "sha256": sha256,
        "classes": _class_names(options["num_classes"]),
        "model": {"name": model_name, "options": options},
        "preprocessing": asdict(preprocessing),
        "training": dict(training),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    for target, content in (
        (path, payload),
        (path.with_suffix(".json"), (json.dumps(description, indent=2) + "\n").encode()),
    ):
        temporary = target.with_name(target.name + ".partial")
        temporary.write_bytes(content)
        temporary.replace(target)
    return sha256


def _storable(value: Tensor) -> Tensor:
    value = value.detach().cpu().contiguous()
    # Running variances overflow or vanish in half precision; vectors are small anyway.
    return value.half() if value.is_floating_point() and value.ndim > 1 else value


def load_checkpoint(path: Path | None = None, *, to_train: bool = False) -> Checkpoint:
    """Read a checkpoint, verify its checksum and build its network.

    Parameters
    ----------
    path : Path, optional
        The .safetensors file; None takes the weights of the package.
    to_train : bool
        Only to train from: a pretrained network, which outlines nothing, will do.

    Returns
    -------
    Checkpoint

    Raises
    ------
    InputError
        If a file is missing or damaged, the checksum differs, the network was
        only pretrained and is not to be trained, the tensors do not fit the
        network that the JSON file describes, or that network needs a package
        that is not installed.
    """
    path = DEFAULT_WEIGHTS if path is None else Path(path)
    description = read_description(path)
    if not description["classes"] and not to_train:
        raise InputError(
            f"{path} is a pretrained network, which outlines nothing.", "Train from it: lumbarseg train --init FILE."
        )
    payload = path.read_bytes()
    sha256 = hashlib.sha256(payload).hexdigest()
    if sha256 != description["sha256"]:
        raise InputError(
            f"{path} does not have the checksum that {path.with_suffix('.json').name} states "
            f"({sha256[:12]}... instead of {str(description['sha256'])[:12]}...).",
            _REPAIR,
        )
    try:
        tensors = load(payload)
    except SafetensorError as error:
        raise InputError(f"{path} is not a safetensors file ({error}).", _REPAIR) from error
    try:
        model = build_model(description["model"]["name"], description["model"]["options"])
        preprocessing = PreprocessingConfig(**description["preprocessing"])
        model.load_state_dict({key: _loadable(value) for key, value in tensors.items()}, strict=True)
    except InputError:
        raise  # says itself what to install
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"{path} does not fit the network that its .json file describes: {reason}.", _REPAIR
        ) from error
    return Checkpoint(
        name=str(description["name"]),
        sha256=sha256,
        model=model.eval(),
        preprocessing=preprocessing,
        training=description.get("training", {}),
        model_name=description["model"]["name"],
        area_calibration=_area_calibration(description, path.with_suffix(".json")),
    )


def _area_calibration(description: Mapping[str, Any], sidecar: Path) -> AreaCalibration | None:
    if "area_calibration" not in description:
        return None
    try:
        stored = description["area_calibration"]
        terms = {
            key: AreaTerms(float(each["log_low"]), float(each["log_high"]), int(each["num_areas"]))
            for key, each in stored["terms"].items()
        }
        return AreaCalibration(float(stored["coverage"]), terms)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"The area_calibration of {sidecar} is malformed ({error}).", "Make it anew with 'lumbarseg calibrate'."
        ) from error


def _loadable(value: Tensor) -> Tensor:
    return value.float() if value.dtype == torch.float16 else value


def read_description(path: Path) -> dict[str, Any]:
    """Read the JSON file of a checkpoint; the tensors are not looked at.

    Parameters
    ----------
    path : Path
        The .safetensors file.

    Returns
    -------
    dict

    Raises
    ------
    InputError
        If a file is missing, or the JSON file is damaged or describes no network of this version.
    """
    if path.suffix != ".safetensors":
        raise InputError(f"Weights must be a .safetensors file, got {path}.", _REPAIR)
    sidecar = path.with_suffix(".json")
    for file in (path, sidecar):
        if not file.is_file():
            raise InputError(f"Weights file {file} does not exist.", _REPAIR)
    try:
        description = json.loads(sidecar.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{sidecar} is not a JSON file ({error}).", _REPAIR) from error
    if not isinstance(description, dict):
        raise InputError(f"{sidecar} does not describe a checkpoint.", _REPAIR)
    missing = {"format", "name", "sha256", "classes", "model", "preprocessing"} - set(description)
    if missing:
        raise InputError(f"{sidecar} lacks {', '.join(sorted(missing))}.", _REPAIR)
    if description["format"] != FORMAT:
        raise InputError(
            f"{sidecar} has format {description['format']}; this version reads format {FORMAT}.",
            "Update LumbarSeg or take weights made for this version.",
        )
    if description["classes"] not in [_class_names(n) for n in (PRETRAINING_CHANNELS, NUM_CLASSES, NUM_CLASSES + 1)]:
        raise InputError(
            f"{path} was trained for other classes: {', '.join(description['classes'])}.",
            f"Take weights for {', '.join(_class_names(NUM_CLASSES))}.",
        )
    return dict(description)
