"""The child process: its events, its errors, its end, and nothing left behind."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
from panel_driving import PATIENCE_S, oblique_flipped_phantom

from LumbarSegLib.errors import InputError
from LumbarSegNodes import childProcess
from LumbarSegNodes.childProcess import LogLine, Progress, SegmentationJob, SegmentationOptions, SliceDone


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder that holds the temporary files of the jobs."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def volume(add_volume):
    phantom = oblique_flipped_phantom(2)
    return add_volume(phantom.image, phantom.affine_ijk_to_ras, "T2 <ax> & oblique")


def wait(job: SegmentationJob) -> list[childProcess.Event]:
    events, end = [], time.monotonic() + PATIENCE_S
    is_running = True
    while is_running:
        assert time.monotonic() < end
        is_running = job.isRunning
        events += job.poll()
        time.sleep(0.02)
    return events


def test_tells_every_slice_and_returns_a_label_map_on_the_volumes_grid(volume, folder: Path) -> None:
    job = SegmentationJob(volume, SegmentationOptions(device="cpu"))
    job.start()
    with pytest.raises(RuntimeError, match="not finished"):
        job.result()
    events = wait(job)
    assert [event for event in events if isinstance(event, SliceDone)] == [SliceDone(1, 2), SliceDone(2, 2)]
    assert [event.fraction for event in events if isinstance(event, Progress)] == [0.5, 1.0]
    log = "\n".join(event.text for event in events if isinstance(event, LogLine))
    assert "T2 <ax> & oblique" in log
    assert "CPU asked for" in log
    assert str(folder) not in log
    result = job.result()
    truth = oblique_flipped_phantom(2).label_map
    assert result.labelMap.shape == truth.shape
    assert result.labelMap.dtype == np.uint8
    assert np.mean(result.labelMap == truth) > 0.95
    assert result.device == "cpu (CPU asked for)"
    assert len(result.parameters["weightsSha256"]) == 64
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (SegmentationOptions(weightsPath=Path(__file__)), "Weights must be"),
        (SegmentationOptions(weightsPath=Path("nowhere.safetensors")), "nowhere.safetensors"),
        (SegmentationOptions(device="abacus"), "abacus"),
    ],
    ids=["no weights", "missing weights", "unknown device"],
)
def test_what_cannot_be_used_is_told_in_one_sentence(volume, folder: Path, options, problem: str) -> None:
    job = SegmentationJob(volume, options)
    job.start()
    wait(job)
    with pytest.raises(InputError, match=problem) as caught:
        job.result()
    assert not str(caught.value).startswith("LumbarSegCLI")
    assert list(folder.iterdir()) == []


def test_cancel_ends_the_process_within_a_second(volume, folder: Path) -> None:
    job = SegmentationJob(volume, SegmentationOptions())
    job.start()
    process_id = job.processId
    started = time.monotonic()
    job.cancel()
    assert time.monotonic() - started < 1.0
    assert not job.isRunning
    with pytest.raises(ProcessLookupError):
        os.kill(process_id, 0)
    with pytest.raises(RuntimeError, match="cancelled"):
        job.result()
    assert list(folder.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for the launcher is a shell script")
def test_cancel_ends_what_slicers_launcher_has_started(volume, tmp_path_factory, monkeypatch) -> None:
    launcher = tmp_path_factory.mktemp("bin") / "PythonSlicer"
    launcher.write_text(f'#!/bin/sh\n"{sys.executable}" "$@"\nexit $?\n', encoding="utf-8")
    launcher.chmod(0o755)
    monkeypatch.setenv("PATH", str(launcher.parent), prepend=os.pathsep)
    job = SegmentationJob(volume, SegmentationOptions())
    job.start()
    end = time.monotonic() + PATIENCE_S
    while not job.poll():  # the interpreter talks, so both processes are there
        assert time.monotonic() < end
        time.sleep(0.02)
    started = time.monotonic()
    job.cancel()
    assert time.monotonic() - started < 1.0
    # The interpreter would still hold the pipe that the job reads from.
    assert not job.isRunning


def test_a_job_that_is_dropped_leaves_no_files(volume, folder: Path) -> None:
    job = SegmentationJob(volume, SegmentationOptions())
    assert len(list(folder.iterdir())) == 1
    del job
    assert list(folder.iterdir()) == []


def test_a_child_that_dies_is_reported(volume, folder: Path) -> None:
    job = SegmentationJob(volume, SegmentationOptions())
    job.start()
    os.kill(job.processId, 9)
    wait(job)
    with pytest.raises(RuntimeError, match="memory"):
        job.result()
    assert list(folder.iterdir()) == []
