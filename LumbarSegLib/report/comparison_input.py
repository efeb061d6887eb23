"""A result folder, read back for a comparison."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from LumbarSegLib.errors import InputError
from LumbarSegLib.measurement import LevelName, Measure
from LumbarSegLib.measurement.comparison_records import Examination, ExaminedLevel
from LumbarSegLib.report.measurement_tree import SCHEMA_VERSION

_FILE = "measurements.json"
_REPAIR = "Give a folder that 'lumbarseg segment' or 'lumbarseg measure' of this version has written."


def read_examination(folder: Path) -> Examination:
    """Read what a comparison takes.

    A disc that several blocks show has the figures of the block that shows it in most slices.

    Parameters
    ----------
    folder : Path
        As `lumbarseg segment` or `lumbarseg measure` write it.

    Returns
    -------
    Examination

    Raises
    ------
    InputError
        If it is no such folder, or one of another version.
    """
    path = folder / _FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        version = content["schema_version"]
        if version != SCHEMA_VERSION:
            raise InputError(f"{path} has the layout {version}; this version reads {SCHEMA_VERSION}.", _REPAIR)
        return _examination(content)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}).", _REPAIR) from error
    except InputError:
        raise
    except (KeyError, ValueError, AttributeError, TypeError, IndexError) as error:
        raise InputError(f"{path} is not the result of a measurement ({error!r}).", _REPAIR) from error


def _examination(content: Mapping[str, Any]) -> Examination:
    blocks, provenance = content["blocks"], content["provenance"]
    levels: dict[int, ExaminedLevel] = {}
    for block in blocks:
        for level in block["levels"]:
            read = _level(block, level)
            if read.number not in levels or read.num_slices > levels[read.number].num_slices:
                levels[read.number] = read
    return Examination(
        series=tuple(dict.fromkeys((each["series_uid"], each["series_description"]) for each in blocks)),
        source=provenance["source"],
        weights_name=provenance["weights_name"] or "",
        weights_sha256=provenance["weights_sha256"] or "",
        software_version=provenance["software_version"],
        levels=tuple(levels[number] for number in sorted(levels)),
    )


def _level(block: Mapping[str, Any], level: Mapping[str, Any]) -> ExaminedLevel:
    of_slice = block["slices"][level["slice"] - 1]
    midline = of_slice["midline"]
    has_sac = midline is not None and midline["point_source"] == "dural_sac"
    key = "smallest_dural_sac_area"
    return ExaminedLevel(
        number=level["level"],
        name=LevelName(
            level["level_name"], level["level_source"], level["level_confidence"], level["level_reason"] or ""
        ),
        block=block["block"],
        slice_number=of_slice["slice"],
        num_slices=level["last_slice"] - level["first_slice"] + 1,
        measures=tuple(_measure(*each) for each in ((key, level[key]), *of_slice["measures"].items())),
        sac_ras_mm=tuple(midline["point_ras_mm"]) if has_sac else None,
        slice_thickness_mm=block["slice_thickness_mm"],
        spacing_ji_mm=(of_slice["spacing_j_mm"], of_slice["spacing_i_mm"]),
        tilt_deg=of_slice["tilt_from_axial_deg"],
        fat_method=of_slice["fat_method"],
        orientation_known=of_slice["position_s_mm"] is not None,
        doubts=tuple(flag["sentence"] for flag in of_slice["flags"]),
    )


def _measure(key: str, tree: Mapping[str, Any]) -> Measure:
    return Measure(key, tree["value"], tree["unit"], tree["reason"] or "", tree["caveat"] or "")
