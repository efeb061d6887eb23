"""Failures of the command-line module: one line on stderr, an exit code, and no output left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from cli_process import SCRIPT, allow_interrupts, oblique_flipped_block, run_cli, write_volume

from LumbarSegLib.io.study import Block


@pytest.fixture(scope="module")
def block(tmp_path_factory) -> Block:
    return oblique_flipped_block(tmp_path_factory.mktemp("phantom") / "study")


@pytest.fixture(scope="module")
def volume(block, tmp_path_factory) -> Path:
    return write_volume(tmp_path_factory.mktemp("volume") / "axial.nrrd", block)


BAD_INPUT = {
    "nothing": ([], "required: inputVolume, outputLabelMap"),
    "no output": (["{in}"], "required: outputLabelMap"),
    "unknown flag": (["--levles", "x.csv", "{in}", "{out}/a.nrrd"], "--levles"),
    "part of a flag": (["--meas={out}/b.csv", "{in}", "{out}/a.nrrd"], "--meas"),
    "no boolean": (["--overwrite=maybe", "{in}", "{out}/a.nrrd"], "must be true or false"),
    "missing volume": (["{out}/nowhere.nrrd", "{out}/a.nrrd"], "nowhere.nrrd"),
    "a line break in its name": (["{out}/no\nwhere.nrrd", "{out}/a.nrrd"], "no where.nrrd"),
    "no volume": (["{out}/mine.csv", "{out}/a.nrrd"], "no volume file"),
    "a folder": (["{out}", "{out}/a.nrrd"], "no volume file"),
    "blank volume": (["{blank}", "{out}/a.nrrd"], "blank"),
    "sagittal volume": (["{sagittal}", "{out}/a.nrrd"], "sagittal"),
    "format of the label map": (["{in}", "{out}/a.png"], ".nrrd"),
    "format of a table": (["--levels", "{out}/a.xlsx", "{in}", "{out}/a.nrrd"], ".csv, .tsv"),
    "folder of an output": (["{in}", "{out}/new/a.nrrd"], "does not exist"),
    "output exists": (["--levels", "{out}/mine.csv", "{in}", "{out}/a.nrrd"], "--overwrite"),
    "output exists, in words": (
        ["--overwrite", "false", "--levels", "{out}/mine.csv", "{in}", "{out}/a.nrrd"],
        "exists",
    ),
    "output is the input": (["--overwrite", "{in}", "{in}"], "is read"),
    "outputs are the same": (
        ["--levels", "{out}/a.csv", "--measurements", "{out}/a.csv", "{in}", "{out}/a.nrrd"],
        "same",
    ),
    "unknown device": (["--device", "gpu", "{in}", "{out}/a.nrrd"], "device auto"),
    "unknown precision": (["--precision", "half", "{in}", "{out}/a.nrrd"], "auto, full"),
    "missing weights": (["--weights", "{out}/net.safetensors", "{in}", "{out}/a.nrrd"], "net.safetensors"),
}


@pytest.mark.parametrize(("words", "message"), BAD_INPUT.values(), ids=BAD_INPUT)
def test_bad_input_is_one_line_and_leaves_nothing(volume, block, tmp_path, words, message):
    output = tmp_path / "out"
    output.mkdir()
    (output / "mine.csv").write_text("mine")
    blank = Block(np.ones((2, 40, 40), np.float32), block.affine_ijk_to_ras)
    on_its_side = Block(block.image, block.affine_ijk_to_ras[[2, 0, 1, 3]])
    places = {
        "in": volume,
        "out": output,
        "blank": write_volume(tmp_path / "blank.nrrd", blank),
        "sagittal": write_volume(tmp_path / "sagittal.nrrd", on_its_side),
    }
    before = volume.read_bytes()
    done = run_cli(*(word.format(**places) for word in words))
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("LumbarSegCLI: error: ")
    assert message in line
    assert "<filter-end>" not in done.stdout
    assert {path.name: path.read_text() for path in output.iterdir()} == {"mine.csv": "mine"}
    assert volume.read_bytes() == before


def test_without_torch_one_line_says_where_to_get_it(volume, tmp_path):
    (tmp_path / "torch.py").write_text("raise ModuleNotFoundError(\"No module named 'torch'\", name='torch')")
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    done = run_cli(volume, tmp_path / "labels.nrrd", env=environment)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "package torch is missing" in line
    assert "open the module LumbarSeg" in line
    assert not (tmp_path / "labels.nrrd").exists()


def test_a_fault_is_one_line_with_the_traceback_on_stdout(volume, tmp_path):
    """The disk is full when the second file is written."""
    (tmp_path / "labels.nrrd").write_text("of an earlier run")
    code = (
        "import errno, runpy, sys\n"
        "from LumbarSegLib.report import volume_result\n"
        "def full(path, rows): raise OSError(errno.ENOSPC, 'No space left on device', str(path))\n"
        "volume_result.write_csv = full\n"
        "sys.argv = sys.argv[1:]\n"
        "runpy.run_path(sys.argv[0], run_name='__main__')\n"
    )
    words = ["--overwrite", "--levels", tmp_path / "levels.csv", volume, tmp_path / "labels.nrrd"]
    done = subprocess.run([sys.executable, "-c", code, SCRIPT, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "No space left on device" in line
    assert "<filter-comment>Traceback" in done.stdout
    assert "<filter-end>" not in done.stdout
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"labels.nrrd": "of an earlier run"}


@pytest.mark.skipif(os.name != "posix", reason="sends POSIX signals")
@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_run_that_is_ended_leaves_nothing(block, tmp_path, sent):
    long_volume = write_volume(tmp_path / "long.nrrd", block, repeat=10)
    command = [sys.executable, SCRIPT, "--measurements", tmp_path / "a.csv", long_volume, tmp_path / "a.nrrd"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen(command, **pipes, preexec_fn=allow_interrupts)
    try:
        assert any("slice 1 of 30" in line for line in process.stdout)
        process.send_signal(sent)
        _, error = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    assert [path.name for path in tmp_path.iterdir()] == ["long.nrrd"]
    if sent == signal.SIGKILL:
        assert process.returncode == -signal.SIGKILL
    else:
        assert process.returncode == 130
        assert error == "LumbarSegCLI: error: interrupted; nothing was written.\n"


@pytest.mark.skipif(os.name != "posix", reason="closes a pipe early")
def test_a_client_that_goes_away_does_not_cost_the_result(volume, tmp_path):
    command = [sys.executable, SCRIPT, volume, tmp_path / "a.nrrd"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    process.stdout.close()
    error = process.stderr.read()
    process.stderr.close()
    assert process.wait() == 0, error
    assert error == ""
    assert (tmp_path / "a.nrrd").is_file()
