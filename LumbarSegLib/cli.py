"""The command line: `lumbarseg COMMAND`.

This file turns errors into exit codes. What commands take stands in
`LumbarSegLib.commands.parsers`; the work is in the other modules of
`LumbarSegLib.commands`, imported only once it is clear what to do.
"""

from __future__ import annotations

import argparse
import errno
import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from LumbarSegLib.commands.parsers import add_commands
from LumbarSegLib.commands.progress import start_logging
from LumbarSegLib.errors import CheckFailure, InputError
from LumbarSegLib.report.timing import Stopwatch
from LumbarSegLib.version import __version__

EXIT_OK = 0
EXIT_FAILURE = 1
EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130

#: Commands that write down how long their parts took.
_TIMED_COMMANDS = ("segment", "measure", "demo")

#: The disk's fault, not the program's.
_NO_PLACE_TO_WRITE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    arguments : sequence of str, optional
        Without the program's name; None takes those of the process.

    Returns
    -------
    int
        0 done, 1 no room to write or a check that failed, 2 input that cannot be used (one line on
        stderr says how to repair it), 130 interrupted. Faults of the program
        keep their traceback.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # names of files hold what a terminal cannot show
            stream.reconfigure(errors="backslashreplace")
    options = _parser().parse_args(arguments)
    start_logging(quiet=options.quiet)
    try:
        _run(options)
    except InputError as error:
        # One line, whatever a file name or another library's message holds.
        sys.stderr.write(f"lumbarseg: error: {' '.join(str(error).split())}\n")
        return EXIT_BAD_INPUT
    except CheckFailure as failure:
        sys.stderr.write(f"lumbarseg: {failure}\n")
        return EXIT_FAILURE
    except BrokenPipeError:
        # Whoever read our output (a pager, `head`) has closed it; there is no one left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILURE
    except OSError as error:
        if error.errno not in _NO_PLACE_TO_WRITE:
            raise
        place = f": {error.filename}" if error.filename else ""
        sys.stderr.write(f"lumbarseg: error: {error.strerror}{place}. Free space or write elsewhere.\n")
        return EXIT_FAILURE
    except KeyboardInterrupt:
        consequence = "nothing was written"
        if options.command in ("train", "pretrain") and options.output:
            consequence = "go on with --resume"
        elif options.command in ("benchmark", "cross-validate"):
            consequence = "go on with the same command"
        sys.stderr.write(f"lumbarseg: interrupted; {consequence}.\n")
        return EXIT_INTERRUPTED
    return EXIT_OK


def _run(options: argparse.Namespace) -> None:
    """Carry out `lumbarseg NAME`: `run_NAME` of `LumbarSegLib.commands.NAME`, with "_" for "-"."""
    stopwatch = Stopwatch()
    name = options.command.replace("-", "_")
    with stopwatch.part("import"):
        command = getattr(import_module(f"LumbarSegLib.commands.{name}"), f"run_{name}")
    if options.command in _TIMED_COMMANDS:
        command(options, stopwatch)
    else:
        command(options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lumbarseg",
        description="Outline and measure seven anatomies in axial T2-weighted lumbar MRI. Research use only.",
    )
    parser.add_argument("--version", action="version", version=f"lumbarseg {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    add_commands(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
