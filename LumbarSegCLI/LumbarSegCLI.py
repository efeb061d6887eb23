#!/usr/bin/env python-real
"""LumbarSeg as a command-line module of 3D Slicer: a volume file to a label map and tables.

Slicer's batch mode, its module panel and other clients of the Slicer execution
model run this file; ``--xml`` tells them how. It takes the same path through
`LumbarSegLib` as ``lumbarseg segment``. Nothing but the standard library is
imported before it is clear what to do.
"""

from __future__ import annotations

import argparse
import html
import importlib.util
import io
import logging
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

NAME = "LumbarSegCLI"

EXIT_OK = 0
EXIT_FAILURE = 1
EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130

#: The description that `--xml` prints.
DESCRIPTION = Path(__file__).with_suffix(".xml")

#: Slicer gives these flags bare, other clients with a value after them.
BOOLEAN_FLAGS = ("--flipAverage", "--overwrite")
BOOLEAN_VALUES = {"true": True, "True": True, "1": True, "false": False, "False": False, "0": False}


class UsageError(Exception):
    """Arguments that do not fit the description."""


class Progress:
    """Slicer's progress protocol: tags on stdout, each at once and on a line of its own."""

    def __init__(self) -> None:
        self._started_at = time.monotonic()
        self._num_done = 0

    def start(self, comment: str) -> None:
        """Say that the work begins."""
        self._write("<filter-start>")
        self._write(f"<filter-name>{NAME}</filter-name>")
        self.comment(comment)
        self._write("</filter-start>")

    def comment(self, text: str) -> None:
        """Say something to the reader; each line becomes a comment."""
        for line in text.splitlines():
            self._write(f"<filter-comment>{html.escape(line, quote=False)}</filter-comment>")

    def slices_done(self, finished: int, total: int) -> None:
        """Say that `finished` more of `total` slices are done."""
        for _ in range(finished):
            self._num_done += 1
            self._write(f"<filter-progress>{self._num_done / total:.4g}</filter-progress>")
            self.comment(f"slice {self._num_done} of {total}")

    def end(self) -> None:
        """Say that everything is done."""
        self._write("<filter-end>")
        self._write(f"<filter-name>{NAME}</filter-name>")
        self._write(f"<filter-time>{time.monotonic() - self._started_at:.2f}</filter-time>")
        self._write("</filter-end>")

    def _write(self, line: str) -> None:
        try:
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
        except BrokenPipeError:  # a client that went away must not cost the result
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class CommentHandler(logging.Handler):
    """Passes what the library logs on as comments: stderr is for the one line of a failure."""

    def __init__(self, progress: Progress) -> None:
        super().__init__(logging.INFO)
        self.progress = progress

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        self.progress.comment(self.format(record))


def main(arguments: Sequence[str] | None = None) -> int:
    """Answer ``--xml``, or segment a volume.

    Parameters
    ----------
    arguments : sequence of str, optional
        Without the program's name; None takes those of the process.

    Returns
    -------
    int
        0 done, 1 failed, 2 input that cannot be used, 130 interrupted. One line
        on stderr says why; then no output is there.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    if "--xml" in arguments:
        sys.stdout.buffer.write(DESCRIPTION.read_bytes())
        sys.stdout.flush()
        return EXIT_OK
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # names of files hold what a console cannot show
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    progress = Progress()
    logging.basicConfig(level=logging.INFO, handlers=[CommentHandler(progress)], format="%(message)s")
    logging.captureWarnings(True)
    find_library()
    try:
        return run(parse(arguments), progress)
    except UsageError as error:
        return fail(str(error), EXIT_BAD_INPUT)
    except ModuleNotFoundError as error:
        return fail(
            f"The Python package {error.name} is missing. In 3D Slicer, open the module LumbarSeg once and let it "
            "install what it needs; elsewhere, pip install lumbarseg.",
            EXIT_FAILURE,
        )
    except KeyboardInterrupt:
        return fail("interrupted; nothing was written.", EXIT_INTERRUPTED)
    except Exception as error:
        logging.exception("This is a fault of the program or of the machine:")
        return fail(f"{type(error).__name__}: {error}", EXIT_FAILURE)


def fail(message: str, exit_code: int) -> int:
    """Write one line to stderr, whatever a file name or another library's message holds."""
    sys.stderr.write(f"{NAME}: error: {' '.join(message.split())}\n")
    return exit_code


def find_library() -> None:
    """Let `LumbarSegLib` be imported: from where it is installed, else from where it lies near this file."""
    if importlib.util.find_spec("LumbarSegLib") is not None:
        return
    here = Path(__file__).resolve().parent
    # The root of a checkout; the folder of Slicer's scripted modules beside that of command-line modules.
    for folder in (here.parent, here.parent / "qt-scripted-modules"):
        if (folder / "LumbarSegLib").is_dir():
            sys.path.append(str(folder))
            return


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Understand the arguments of a run.

    Raises
    ------
    UsageError
        They do not fit the description.
    """
    parser = _Parser(
        prog=NAME,
        allow_abbrev=False,
        description="Outline and measure seven anatomies in an axial T2-weighted volume. Research use only.",
    )
    parser.add_argument("inputVolume", type=Path, help="volume file, such as .nrrd or .nii.gz")
    parser.add_argument("outputLabelMap", type=Path, help="label map to write: .nrrd, .nii or .nii.gz")
    parser.add_argument("--measurements", type=_optional_path, metavar="FILE", help="table per slice: .csv or .tsv")
    parser.add_argument("--levels", type=_optional_path, metavar="FILE", help="table per level: .csv or .tsv")
    parser.add_argument("--lowestLevel", default="", metavar="NAME", help="of the lowest disc, such as L5-S1")
    parser.add_argument("--device", default="auto", help="auto (default), cpu, cuda, cuda:N or mps")
    parser.add_argument("--weights", type=_optional_path, metavar="FILE", help="another checkpoint than the usual one")
    parser.add_argument("--precision", default="auto", help="auto (default), or full: float32 on every machine")
    parser.add_argument("--flipAverage", type=_boolean, default=False, help="average with the mirrored slice")
    parser.add_argument("--overwrite", type=_boolean, default=False, help="replace outputs that exist")
    parser.add_argument("--returnparameterfile", type=_optional_path, metavar="FILE", help="facts about the run")
    parser.add_argument("--xml", action="store_true", help="print the description of this module and stop")
    return parser.parse_args(_with_boolean_values(arguments))


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}. --help lists the arguments.")


def _optional_path(text: str) -> Path | None:
    """Clients give an empty text where nothing was chosen."""
    return Path(text) if text else None


def _boolean(text: str) -> bool:
    if text not in BOOLEAN_VALUES:
        raise argparse.ArgumentTypeError(f"must be true or false, got {text!r}")
    return BOOLEAN_VALUES[text]


def _with_boolean_values(arguments: Sequence[str]) -> list[str]:
    """Join boolean flags with the values after them, and give bare ones the value true."""
    joined: list[str] = []
    for argument in arguments:
        if joined and joined[-1] in BOOLEAN_FLAGS:
            if argument in BOOLEAN_VALUES:
                joined[-1] += f"={argument}"
                continue
            joined[-1] += "=true"
        joined.append(argument)
    if joined and joined[-1] in BOOLEAN_FLAGS:
        joined[-1] += "=true"
    return joined


def run(options: argparse.Namespace, progress: Progress) -> int:
    """Segment and measure one volume as the options say."""
    from LumbarSegLib.errors import InputError
    from LumbarSegLib.measurement import UNNAMED, level_named_by_user
    from LumbarSegLib.report.output_files import output_files
    from LumbarSegLib.report.volume_result import VolumeFiles, open_volume, write_volume_result

    try:
        progress.start(f"Outlining seven anatomies in {options.inputVolume}")
        lowest_level = level_named_by_user(options.lowestLevel) if options.lowestLevel else UNNAMED
        files = VolumeFiles(options.outputLabelMap, options.measurements, options.levels, options.returnparameterfile)
        inputs = [path for path in (options.inputVolume, options.weights) if path is not None]
        with output_files(files.paths, inputs=inputs, overwrite=options.overwrite) as write_to:
            study = open_volume(options.inputVolume)
            num_slices = len(study.blocks[0].image)

            # torch takes seconds to import: what is wrong with the files is said before.
            from LumbarSegLib.inference.checkpoint import load_checkpoint
            from LumbarSegLib.inference.devices import choose_device
            from LumbarSegLib.inference.segmentation import segment_study

            segmentation = segment_study(
                study,
                load_checkpoint(options.weights),
                choose_device(options.device),
                precision=options.precision,
                flip_average=options.flipAverage,
                progress=lambda finished: progress.slices_done(finished, num_slices),
            )
            write_volume_result(segmentation, files, write_to, lowest_level)
    except InputError as error:
        return fail(str(error), EXIT_BAD_INPUT)
    progress.end()
    return EXIT_OK


if __name__ == "__main__":
    # Being asked to end is handled like Ctrl-C: clean up, say so, and go.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
