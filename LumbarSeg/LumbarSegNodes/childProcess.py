"""Segment in a child process, so that Slicer's window never waits for the network.

The child is the command-line module's script. What it reads and writes lies in
a folder of its own that goes with the job: ending the child leaves nothing behind.
"""

from __future__ import annotations

import contextlib
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from xml.sax.saxutils import unescape

import numpy as np

import LumbarSegLib
from LumbarSegLib.errors import InputError
from LumbarSegLib.io.label_maps import read_label_map
from LumbarSegNodes import volumes
from LumbarSegNodes.grids import affineFromVolume, shapeFromVolume

_SCRIPT_NAME = "LumbarSegCLI.py"
_ERROR_PREFIX = "LumbarSegCLI: error: "

_PROGRESS = re.compile(r"<filter-progress>([0-9.]+)</filter-progress>")
_COMMENT = re.compile(r"<filter-comment>(.*)</filter-comment>")
_SLICE = re.compile(r"slice (\d+) of (\d+)")
_OTHER_TAG = re.compile(r"</?filter-[a-z]+>.*")


@dataclass(frozen=True)
class SegmentationOptions:
    """How to segment.

    Parameters
    ----------
    device : {"auto", "cpu", "cuda", "mps"}
        Where the network runs.
    weightsPath : Path or None
        File of the network's weights; None for those that come with LumbarSeg.
    precision : {"auto", "full"}
        Number format of the network.
    flipAverage : bool
        Average with the result of the mirrored slices.
    """

    device: str = "auto"
    weightsPath: Path | None = None
    precision: str = "auto"
    flipAverage: bool = False


@dataclass(frozen=True)
class Progress:
    """Share of the work that is done, 0-1."""

    fraction: float


@dataclass(frozen=True)
class SliceDone:
    """The slice that was finished last, counted from 1, and how many there are."""

    number: int
    count: int


@dataclass(frozen=True)
class LogLine:
    """What the child said."""

    text: str


Event = Progress | SliceDone | LogLine


@dataclass(frozen=True)
class SegmentationResult:
    """What the child found.

    Parameters
    ----------
    labelMap : (K, J, I) ndarray of uint8
        On the volume's grid.
    parameters : dict of str to str
        What the child returned: weightsName, weightsSha256, deviceUsed, deviceReason, ...
    """

    labelMap: np.ndarray
    parameters: dict[str, str]

    @property
    def device(self) -> str:
        """Which device ran, and why."""
        return f"{self.parameters['deviceUsed']} ({self.parameters['deviceReason']})"

    @property
    def warnings(self) -> list[str]:
        """What a reader of the result has to know."""
        return [text for text in self.parameters.get("warnings", "").split("; ") if text]


class SegmentationJob:
    """One run of the command-line module's script on one volume.

    Parameters
    ----------
    volumeNode : vtkMRMLScalarVolumeNode
        Read by `start` only; the job keeps it to say what the result belongs to.
    options : SegmentationOptions
    """

    def __init__(self, volumeNode, options: SegmentationOptions) -> None:
        self.volumeNode = volumeNode
        self._volumeName: str = volumeNode.GetName()
        self._options = options
        self._folder = Path(tempfile.mkdtemp(prefix="LumbarSeg-"))
        # Also when a caller drops the job without asking for the result.
        self._removeFolder = weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._errorLines: list[str] = []
        self._process: subprocess.Popen[str] | None = None
        self._readers: list[threading.Thread] = []
        self._isCancelled = False
        self._grid: tuple[object, ...] = ()

    def start(self) -> None:
        """Write the volume and start the child.

        Raises
        ------
        RuntimeError
            If the script of the command-line module is not there.
        OSError
            If the volume cannot be written or the child cannot be started.
        """
        try:
            volumes.writeVolume(self.volumeNode, self._volumePath)
            self._grid = _gridOf(self.volumeNode)
            self._process = subprocess.Popen(  # noqa: S603 - our own script, no shell
                self._command(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                errors="replace",
                env=_childEnvironment(),
                **_ownProcessGroup(),
            )
        except BaseException:
            self._removeFolder()
            raise
        self._readers = [
            threading.Thread(target=self._readOutput, args=(self._process.stdout,), daemon=True),
            threading.Thread(target=self._readErrors, args=(self._process.stderr,), daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    @property
    def isRunning(self) -> bool:
        """Whether events may still come; False only after the last one is there to be polled."""
        return any(reader.is_alive() for reader in self._readers) or (
            self._process is not None and self._process.poll() is None
        )

    @property
    def isVolumeAsStarted(self) -> bool:
        """Whether the volume still lies on the grid that was segmented."""
        return _gridOf(self.volumeNode) == self._grid

    @property
    def processId(self) -> int | None:
        """Identifier of the child; None before `start`."""
        return None if self._process is None else self._process.pid

    def poll(self) -> list[Event]:
        """Return what has happened since the last call; never waits."""
        events = []
        with contextlib.suppress(queue.Empty):
            while True:
                events.append(self._events.get_nowait())
        return events

    def cancel(self) -> None:
        """End the child and all it has started, and forget what it wrote."""
        self._isCancelled = True
        if self._process is not None:
            _killTree(self._process)
            for reader in self._readers:
                reader.join(timeout=0.5)
        self._removeFolder()

    def result(self) -> SegmentationResult:
        """Return what the child found; the job's files are gone afterwards.

        Raises
        ------
        InputError
            If the child refused the volume, the weights or the device.
        RuntimeError
            If the job was cancelled, is still running, or the child failed.
        """
        if self._process is None or self.isRunning:
            raise RuntimeError("The job is not finished yet: wait until isRunning is False.")
        if self._isCancelled:
            raise RuntimeError("The job was cancelled.")
        try:
            self._raiseForExitCode(self._process.returncode)
            labelMap, _ = read_label_map(self._labelMapPath)
            parameters = self._parametersPath.read_text(encoding="utf-8")
            return SegmentationResult(labelMap, _parseParameters(self._inUserWords(parameters)))
        finally:
            self._removeFolder()

    @property
    def _volumePath(self) -> Path:
        return self._folder / "volume.nrrd"

    @property
    def _labelMapPath(self) -> Path:
        return self._folder / "labels.nrrd"

    @property
    def _parametersPath(self) -> Path:
        return self._folder / "returned.txt"

    def _command(self) -> list[str]:
        options = self._options
        command = [_pythonExecutable(), str(findScript()), str(self._volumePath), str(self._labelMapPath)]
        command += ["--device", options.device, "--precision", options.precision]
        command += ["--flipAverage", "true" if options.flipAverage else "false"]
        if options.weightsPath is not None:
            command += ["--weights", str(options.weightsPath)]
        return [*command, "--returnparameterfile", str(self._parametersPath)]

    def _readOutput(self, stream: IO[str]) -> None:
        with stream:
            for line in stream:
                for event in _parseLine(self._inUserWords(line.strip())):
                    self._events.put(event)

    def _readErrors(self, stream: IO[str]) -> None:
        with stream:
            for line in stream:
                if text := self._inUserWords(line.strip()).removeprefix(_ERROR_PREFIX):
                    self._errorLines.append(text)
                    self._events.put(LogLine(text))

    def _inUserWords(self, text: str) -> str:
        """Return the text with the volume's name in place of its temporary file."""
        return text.replace(str(self._volumePath), self._volumeName)

    def _raiseForExitCode(self, code: int) -> None:
        if code == 0:
            return
        lastLine = self._errorLines[-1] if self._errorLines else ""
        if code == 2 and lastLine:
            raise InputError(lastLine, "Nothing in the scene was changed.")
        if not lastLine:
            lastLine = f"The segmentation ended unexpectedly (exit code {code}); perhaps memory ran out."
        raise RuntimeError(lastLine)


def findScript() -> Path:
    """Return the command-line module's script, in an installed extension or in a checkout.

    Raises
    ------
    RuntimeError
        If it is not there.
    """
    moduleFolder = Path(__file__).resolve().parents[1]
    places = [moduleFolder.parent / folder / _SCRIPT_NAME for folder in ("cli-modules", "LumbarSegCLI")]
    for place in places:
        if place.is_file():
            return place
    raise RuntimeError(f"{_SCRIPT_NAME} is missing; looked for {' and '.join(map(str, places))}.")


def _gridOf(volumeNode) -> tuple[object, ...]:
    return shapeFromVolume(volumeNode), affineFromVolume(volumeNode).tobytes()


def _pythonExecutable() -> str:
    # Slicer's own interpreter needs its launcher, which Slicer puts on the PATH.
    return shutil.which("PythonSlicer") or sys.executable


def _childEnvironment() -> dict[str, str]:
    """Return the environment in which the child imports the same library as this process."""
    library = str(Path(LumbarSegLib.__file__).resolve().parents[1])
    path = os.pathsep.join(filter(None, [library, os.environ.get("PYTHONPATH", "")]))
    return {**os.environ, "PYTHONPATH": path, "PYTHONUTF8": "1"}


def _ownProcessGroup() -> dict[str, object]:
    """Return the options that let `_killTree` reach the child's own children (the launcher starts the interpreter)."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


def _killTree(process: subprocess.Popen[str]) -> None:
    # No grace: the child writes nowhere but in the job's folder.
    if sys.platform == "win32":
        command = ["taskkill", "/F", "/T", "/PID", str(process.pid)]
        subprocess.run(command, capture_output=True, check=False)  # noqa: S603
    elif process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=0.5)


def _parseLine(line: str) -> list[Event]:
    """Return the events in one line of the child's output; see the progress protocol of Slicer's execution model."""
    if match := _PROGRESS.search(line):
        return [Progress(float(match[1]))]
    if match := _COMMENT.search(line):
        text = unescape(match[1])
        if numbers := _SLICE.fullmatch(text):
            return [SliceDone(int(numbers[1]), int(numbers[2]))]
        return [LogLine(text)]
    if not line or _OTHER_TAG.match(line):
        return []
    return [LogLine(line)]


def _parseParameters(text: str) -> dict[str, str]:
    """Read lines of the form ``key = value``."""
    pairs = (line.partition("=") for line in text.splitlines())
    return {key.strip(): value.strip() for key, separator, value in pairs if separator}
