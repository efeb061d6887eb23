"""The errors of areas that stand in the JSON file of weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from LumbarSegLib.errors import InputError
from LumbarSegLib.inference.checkpoint import DEFAULT_WEIGHTS, read_description
from LumbarSegLib.measurement.area_errors import AreaError


@dataclass(frozen=True)
class WeightsErrors:
    """Which weights, and what is known of their errors.

    Parameters
    ----------
    sha256 : str
        Of the tensor file, as its JSON file states it.
    errors : mapping of str to AreaError
        By the keys of `AreaCalibration`; empty as long as `lumbarseg calibrate` has not found them.
    """

    sha256: str
    errors: Mapping[str, AreaError]


def read_area_errors(weights: Path | None = None) -> WeightsErrors:
    """Read the errors; the tensors are not looked at.

    Parameters
    ----------
    weights : Path, optional
        The .safetensors file; None takes the weights of the package.

    Returns
    -------
    WeightsErrors

    Raises
    ------
    InputError
        If the files of the checkpoint are missing, damaged or malformed.
    """
    path = DEFAULT_WEIGHTS if weights is None else weights
    description = read_description(path)
    try:
        stored = description.get("area_calibration", {}).get("errors", {})
        errors = {
            key: AreaError(float(each["log_sd"]), int(each["num_areas"]), float(each["pairs_within"]))
            for key, each in stored.items()
        }
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"The errors of areas in {path.with_suffix('.json')} are malformed ({error}).",
            "Make them anew with 'lumbarseg calibrate'.",
        ) from error
    return WeightsErrors(str(description["sha256"]), errors)
