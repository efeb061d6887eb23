"""run.json says what ran on what."""

import json
import platform
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
from lumbar_study import PROVENANCE, make_study

from LumbarSegLib.phantom.study import write_phantom_study
from LumbarSegLib.report.run_record import run_record, write_run_record
from LumbarSegLib.study_reading import open_study

NOON_IN_BERN = datetime(2026, 7, 1, 12, 0, tzinfo=timezone(timedelta(hours=2)))


def _record(study=None, **changes):
    study = study or make_study()[0]
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
    assert second["orientation_known"] is False


def test_names_that_are_not_utf8_are_written_as_what_python_calls_them(tmp_path):
    study, _, _ = make_study()
    blocks = (replace(study.blocks[0], slice_sources=("M\udcfcller.dcm", "Müller.dcm")), study.blocks[1])
    study = replace(study, source=Path("in/M\udcfcller"), blocks=blocks)
    write_run_record(tmp_path / "run.json", _record(study))
    record = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))
    assert record["input"]["path"] == str(study.source)
    assert record["blocks"][0]["slice_sources"] == ["M\udcfcller.dcm", "Müller.dcm"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_told_with_the_name_of_the_file(tmp_path):
    (tmp_path / "run.json").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left") as caught:
        write_run_record(tmp_path / "run.json", _record())
    assert caught.value.filename == str(tmp_path / "run.json")


def test_files_of_a_study_are_named_as_they_will_be_found(tmp_path):
    """A study may be read in a folder that gets its name later; the record names nothing of that folder."""
    folder = tmp_path / ".out.12ab34cd.partial" / "study"
    write_phantom_study(folder, seed=1, shape_ji=(160, 160), spacing_mm=1.2)
    record = _record(replace(open_study(folder), source=Path("study")))
    assert record["blocks"][0]["slice_sources"][0] == str(Path("series-2", "0009.dcm"))
    assert "partial" not in json.dumps(record)


def test_what_an_unknown_orientation_leaves_open_is_null():
    study, _, _ = make_study()
    tilted = replace(study.blocks[1], orientation_known=True)
    assert _record(replace(study, blocks=(tilted,)))["blocks"][0]["tilt_from_axial_deg"] == pytest.approx(20)
    assert _record()["blocks"][1]["tilt_from_axial_deg"] is None


def test_refuses_a_time_without_a_zone():
    with pytest.raises(ValueError, match="time zone"):
        _record(started_at=datetime(2026, 7, 1))
