"""``run.json``: what ran on what, so that a result can be repeated and trusted.

It names files, versions, settings and geometry, and no more of the patient
than the paths that the user gave.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path

from LumbarSegLib import geometry
from LumbarSegLib.io.study import Block, Study
from LumbarSegLib.report.provenance import RESEARCH_USE_NOTICE, Provenance
from LumbarSegLib.report.text_files import write_json_file

#: Raised when a reader of the record would have to change.
SCHEMA_VERSION = 1

_PACKAGES = ("torch", "numpy", "SimpleITK", "pydicom")


def run_record(
    study: Study,
    provenance: Provenance,
    *,
    started_at: datetime,
    device: str,
    device_reason: str,
    settings: Mapping[str, object],
    timings_s: Mapping[str, float],
    warnings: Sequence[str] = (),
) -> dict[str, object]:
    """Collect the record of a run.

    Parameters
    ----------
    study : Study
        What was read.
    provenance : Provenance
        Weights and version.
    started_at : datetime
        Start of the run, with its time zone.
    device, device_reason : str
        What the network ran on, and why.
    settings : mapping
        Options of the run; values that JSON can hold.
    timings_s : mapping of str to float
        Seconds per part.
    warnings : sequence of str
        Warnings beside those of the study.

    Returns
    -------
    dict
        For `write_run_record`.

    Raises
    ------
    ValueError
        `started_at` has no time zone.
    """
    if started_at.tzinfo is None:
        raise ValueError("started_at must have a time zone, got none. Use datetime.now(timezone.utc).")
    return {
        "program": "LumbarSeg",
        "schema_version": SCHEMA_VERSION,
        "notice": RESEARCH_USE_NOTICE,
        "started_at": started_at.astimezone(timezone.utc).isoformat(timespec="seconds"),
        "versions": {
            "LumbarSeg": provenance.software_version,
            "python": platform.python_version(),
            **{name: _version(name) for name in _PACKAGES},
        },
        "platform": platform.platform(),
        "weights": {"name": provenance.weights_name, "sha256": provenance.weights_sha256},
        "device": {"name": device, "reason": device_reason},
        "settings": dict(settings),
        "timings_s": {part: round(seconds, 3) for part, seconds in timings_s.items()},
        "input": {"path": str(study.source), "series_choice": study.series_choice},
        "blocks": [_block_record(number, block) for number, block in enumerate(study.blocks, start=1)],
        "warnings": [*study.warnings, *warnings],
    }


def write_run_record(path: Path, record: Mapping[str, object]) -> None:
    """Write the record as JSON (UTF-8).

    Parameters
    ----------
    path : Path
        File to write.
    record : mapping
        From `run_record`.
    """
    write_json_file(path, record)


def _block_record(number: int, block: Block) -> dict[str, object]:
    return {
        "block": number,
        "series_uid": block.series_uid,
        "series_description": block.series_description,
        "shape_kji": list(block.image.shape),
        "affine_ijk_to_ras": block.affine_ijk_to_ras.tolist(),
        "spacing_kji_mm": list(block.spacing_kji_mm),
        "slice_thickness_mm": block.slice_thickness_mm,
        "slice_gap_mm": block.slice_gap_mm,
        "tilt_from_axial_deg": geometry.axial_tilt_deg(block.affine_ijk_to_ras) if block.orientation_known else None,
        "orientation_known": block.orientation_known,
        "slice_sources": list(block.slice_sources),
    }


def _version(package: str) -> str | None:
    """Version of an installed package, without importing it; None if it is missing."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
