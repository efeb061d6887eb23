"""What a script sees of bad input: exit code 2, one line on stderr, nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from cli_process import allow_interrupts
from dicom_factory import CORONAL, SAGITTAL, T2_TAGS, write_series
from PIL import Image

from LumbarSegLib.cli import main
from LumbarSegLib.phantom.study import write_phantom_study
from LumbarSegLib.report import study_result

#: Every write to it fails.
FULL = Path("/dev/full")


def _sagittal_only(folder: Path) -> list[str]:
    write_series(folder, cosines=SAGITTAL, **T2_TAGS)
    return [str(folder)]


def _coronal_only(folder: Path) -> list[str]:
    write_series(folder, cosines=CORONAL, **T2_TAGS)
    return [str(folder)]


def _computed_tomography(folder: Path) -> list[str]:
    write_series(folder, **(T2_TAGS | {"Modality": "CT", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.2"}))
    return [str(folder)]


def _picture_without_spacing(folder: Path) -> list[str]:
    Image.fromarray(np.arange(4096, dtype=np.uint8).reshape(64, 64)).save(folder / "slice.png")
    return [str(folder / "slice.png")]


def _strange_device(folder: Path) -> list[str]:
    write_series(folder, **T2_TAGS)
    return [str(folder), "--device", "gpu"]


def _missing_weights(folder: Path) -> list[str]:
    write_series(folder, **T2_TAGS)
    return [str(folder), "--weights", str(folder / "net.safetensors")]


def _weights_with_wrong_checksum(folder: Path) -> list[str]:
    write_series(folder, **T2_TAGS)
    classes = '["background","dural_sac","ligamentum_flavum","psoas","multifidus","erector_spinae","lamina",'
    classes += '"intervertebral_disc"]'
    (folder / "net.safetensors").write_bytes(b"not what it was")
    description = f'{{"format":1,"name":"net","sha256":"00","classes":{classes},"model":{{}},"preprocessing":{{}}}}'
    (folder / "net.json").write_text(description)
    return [str(folder), "--weights", str(folder / "net.safetensors")]


CASES: dict[str, tuple[Callable[[Path], list[str]], str]] = {
    "no path": (lambda _: [""], "No input was given"),
    "missing path": (lambda folder: [str(folder / "nowhere")], "nowhere"),
    "line break in the name": (lambda folder: [str(folder / "a\nb")], "a b"),
    "empty folder": (lambda folder: [str(folder)], "is empty"),
    "sagittal only": (_sagittal_only, "sagittal"),
    "coronal only": (_coronal_only, "coronal"),
    "CT": (_computed_tomography, "CT"),
    "picture without spacing": (_picture_without_spacing, "--spacing-mm"),
    "unknown device": (_strange_device, "device auto"),
    "missing weights": (_missing_weights, "does not exist"),
    "wrong checksum": (_weights_with_wrong_checksum, "checksum"),
}


@pytest.mark.parametrize(("make", "message"), CASES.values(), ids=CASES.keys())
def test_bad_input(make, message, tmp_path, capsys):
    (tmp_path / "input").mkdir()
    arguments = make(tmp_path / "input")
    output = tmp_path / "results" / "out"
    assert main(["segment", *arguments, "--output", str(output), "--quiet"]) == 2
    captured = capsys.readouterr()
    (line,) = captured.err.strip().splitlines()
    assert line.startswith("lumbarseg: error: ")
    assert message in line
    assert captured.out == ""
    assert [each.name for each in tmp_path.iterdir()] == ["input"]


@pytest.mark.parametrize("arguments", [[], ["segment"], ["segment", "study"], ["dance"], ["demo", "--output"]], ids=str)
def test_wrong_usage_is_exit_code_2(arguments):
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 2


def test_help_does_not_wait_for_torch():
    code = "import sys; from LumbarSegLib.cli import main\ntry: main(['segment', '--help'])\nexcept SystemExit: pass\n"
    code += "sys.exit('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "--spacing-mm" in done.stdout


def test_a_file_in_place_of_the_output_is_kept(tmp_path, capsys):
    (tmp_path / "input").mkdir()
    write_series(tmp_path / "input", **T2_TAGS)
    output = tmp_path / "out"
    output.write_text("mine")
    assert main(["segment", str(tmp_path / "input"), "--output", str(output), "--overwrite"]) == 2
    assert "is a file" in capsys.readouterr().err
    assert output.read_text() == "mine"


@pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")
def test_a_full_disk_is_one_line(tmp_path, monkeypatch, capsys):
    """The picture goes to a device that is always full."""
    write_overview = study_result.write_overview
    monkeypatch.setattr(study_result, "write_overview", lambda _, *args, **named: write_overview(FULL, *args, **named))
    write_phantom_study(tmp_path / "input", seed=1)
    assert main(["segment", str(tmp_path / "input"), "--output", str(tmp_path / "out"), "--quiet"]) == 1
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert "No space left" in line
    assert [each.name for each in tmp_path.iterdir()] == ["input"]


@pytest.mark.skipif(os.name != "posix", reason="closes a pipe early")
def test_a_closed_pipe_is_no_traceback(tmp_path):
    code = "import sys; from LumbarSegLib.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, "demo", "--output", tmp_path / "demo", "--quiet"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    process.stdout.close()
    assert "Traceback" not in process.stderr.read()
    process.stderr.close()
    assert process.wait() == 1


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT to a process group")
def test_an_interrupt_leaves_nothing_behind(tmp_path):
    write_phantom_study(tmp_path / "input", seed=1)
    command = [sys.executable, "-m", "LumbarSegLib.cli", "segment", tmp_path / "input", "--output", tmp_path / "out"]
    options = {"stderr": subprocess.PIPE, "text": True, "start_new_session": True}
    process = subprocess.Popen(command, **options, preexec_fn=allow_interrupts)
    try:
        for line in process.stderr:
            if line.startswith("slice"):
                break
        assert any(each.name.endswith(".partial") for each in tmp_path.iterdir())
        os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    deadline = time.monotonic() + 5
    while len(list(tmp_path.iterdir())) > 1 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert process.returncode == 130
    assert [each.name for each in tmp_path.iterdir()] == ["input"]
