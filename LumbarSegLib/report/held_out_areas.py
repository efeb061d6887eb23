"""The areas in the folder of an evaluation, read back to calibrate intervals with them."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from LumbarSegLib.anatomy import BY_KEY
from LumbarSegLib.errors import InputError
from LumbarSegLib.evaluation.agreement import AreaPair
from LumbarSegLib.evaluation.area_calibration import HeldOutArea
from LumbarSegLib.evaluation.area_pairs import SIDE_KEYS
from LumbarSegLib.measurement.area_intervals import side_key

_REPAIR = "Give the folder that 'lumbarseg evaluate --output' or 'cross-validate' has written."

#: What the calibration calls each class of the tables: left and right sides share their terms.
_CALIBRATED_AS = {key: key for key in BY_KEY} | {key: side_key(key.rpartition("_")[0]) for key in SIDE_KEYS}


def read_held_out_areas(folders: Sequence[Path]) -> tuple[dict[str, list[HeldOutArea]], list[dict[str, Any]], str]:
    """Read the areas of evaluations whose networks had not seen the slices.

    Parameters
    ----------
    folders : sequence of Path
        Each as `lumbarseg evaluate --output` or `lumbarseg cross-validate` write it.

    Returns
    -------
    areas : dict of str to list of HeldOutArea
        By the keys of `AreaCalibration`; those of sides only where the
        evaluation could part them.
    sources : list of dict
        Weights, data and fold of each folder.
    left_out : {"fold", "folder", "slice"}
        What the groups are: the folds, where each folder tells them; else the
        folders, if there are several; else single slices.

    Raises
    ------
    InputError
        If a folder is no evaluation, or its network was trained on the slices.
    """
    tables = [_read_table(folder) for folder in folders]
    sources = [_read_source(folder) for folder in folders]
    folds = [_read_folds(folder) for folder in folders]
    left_out = "fold" if all(folds) else "folder" if len(folders) > 1 else "slice"
    areas: dict[str, list[HeldOutArea]] = defaultdict(list)
    for number, rows in enumerate(tables):
        for row in rows:
            name = row["slice"]
            group = {"fold": f"{number}/{folds[number].get(name)}", "folder": str(number), "slice": name}[left_out]
            areas[_CALIBRATED_AS[row["class"]]].append(HeldOutArea(group, _pair(row)))
    return dict(areas), sources, left_out


def _read_table(folder: Path) -> list[dict[str, str]]:
    """Return the rows of both tables of areas, the columns without their unit."""
    rows = []
    for name in ("areas_per_slice.csv", "side_areas_per_slice.csv"):
        path = folder / name
        if name.startswith("side") and not path.is_file():
            continue
        try:
            with path.open(encoding="utf-8", newline="") as file:
                table = [
                    {key.removesuffix("_px").removesuffix("_mm2"): cell for key, cell in row.items()}
                    for row in csv.DictReader(file)
                ]
            for row in table:
                _pair(row)
                _CALIBRATED_AS[row["class"]]
        except OSError as error:
            raise InputError(f"{path} cannot be read ({error.strerror}).", _REPAIR) from error
        except (KeyError, ValueError, AttributeError, TypeError, csv.Error) as error:
            raise InputError(f"{path} is not a table of areas ({error}).", _REPAIR) from error
        rows += table
    return rows


def _pair(row: Mapping[str, str]) -> AreaPair:
    predicted, reference = (float(row[key]) if row[key] else None for key in ("predicted", "reference"))
    return AreaPair(predicted, reference, (float(row["interval_low"]), float(row["interval_high"])))


def _read_source(folder: Path) -> dict[str, Any]:
    path = folder / "evaluation.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        trained_on = content.get("trained_on")  # a cross-validation, whose folds hold slices back, has none
        source = {key: content[key] for key in ("weights", "data", "fold")}
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}).", _REPAIR) from error
    except (KeyError, ValueError, AttributeError, TypeError) as error:
        raise InputError(f"{path} is not the record of an evaluation ({error}).", _REPAIR) from error
    if trained_on and trained_on["data"] == source["data"] and not trained_on["fold"] == source["fold"] != "all":
        raise InputError(
            f"{folder} holds figures of slices that the network was trained on.",
            "Evaluate the network of a fold on what that fold holds back.",
        )
    return source


def _read_folds(folder: Path) -> dict[str, str]:
    """Return the fold of each slice, if the folder is that of a cross-validation."""
    path = folder / "slices.csv"
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        return {row["slice"]: row["fold"] for row in csv.DictReader(file)}
