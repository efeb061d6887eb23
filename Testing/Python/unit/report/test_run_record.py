"""run.json says what ran on what."""

import json
import platform
from datetime import datetime, timedelta, timezone
from importlib import metadata

import numpy as np
import pytest
from lumbar_study import PROVENANCE, make_study

from LumbarSegLib.report.run_record import run_record, write_run_record

NOON_IN_BERN = datetime(2026, 7, 1, 12, 0, tzinfo=timezone(timedelta(hours=2)))


def _record(**changes):
    study, _, _ = make_study()
    arguments = {
        "started_at": NOON_IN_BERN,
        "device": "cpu",
        "device_reason": "no GPU was found",
        "settings": {"flip_averaging": False},
        "timings_s": {"read": 0.12345},
        "warnings": ["slow disk"],
    }
    return run_record(study, PROVENANCE, **(arguments | changes))


def test_survives_the_way_to_disk(tmp_path):
    record = _record()
    write_run_record(tmp_path / "run.json", record)
    assert json.loads((tmp_path / "run.json").read_text(encoding="utf-8")) == record


def test_content():
    record = _record()
    study, _, _ = make_study()
    assert record["started_at"] == "2026-07-01T10:00:00+00:00"
    assert record["versions"] == {
        "LumbarSeg": "9.8.7",
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in ("torch", "numpy", "SimpleITK", "pydicom")},
    }
    assert record["weights"] == {"name": "msff-test", "sha256": "ab" * 32}
    assert record["device"] == {"name": "cpu", "reason": "no GPU was found"}
    assert record["settings"] == {"flip_averaging": False}
    assert record["timings_s"] == {"read": 0.123}
    assert record["input"]["series_choice"] == "Series 6 is the only axial T2 series."
    assert record["warnings"] == ["Sides of block 2 are assumed.", "slow disk"]
    first, second = record["blocks"]
    assert first["shape_kji"] == list(study.blocks[0].image.shape)
    assert np.array_equal(first["affine_ijk_to_ras"], study.blocks[0].affine_ijk_to_ras)
    assert first["slice_sources"] == ["a.dcm", "b.dcm"]
    assert first["slice_gap_mm"] == pytest.approx(0.4)
    assert second["slice_thickness_mm"] is None
    assert second["tilt_from_axial_deg"] == pytest.approx(20)
    assert second["orientation_known"] is False


def test_refuses_a_time_without_a_zone():
    with pytest.raises(ValueError, match="time zone"):
        _record(started_at=datetime(2026, 7, 1))
