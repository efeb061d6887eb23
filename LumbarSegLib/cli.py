"""The command line: `lumbarseg segment | demo | check-data | import-slices | train | evaluate | benchmark`.

This file parses arguments and turns errors into exit codes; the work is in
`LumbarSegLib.commands`, which is imported only once it is clear what to do.
"""

from __future__ import annotations

import argparse
import errno
import io
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from LumbarSegLib.errors import InputError
from LumbarSegLib.report.timing import Stopwatch
from LumbarSegLib.version import __version__

EXIT_OK = 0
EXIT_FAILURE = 1
EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130

#: The names of `LumbarSegLib.models.model_names`, written out: asking there would load torch.
_MODELS = ("fcn", "unet", "segnet", "attention_unet", "ce_net", "lumnet", "msff", "msff_no_bottleneck")

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
        0 done, 1 no room to write, 2 input that cannot be used (one line on
        stderr says how to repair it), 130 interrupted. Faults of the program
        keep their traceback.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # names of files hold what a terminal cannot show
            stream.reconfigure(errors="backslashreplace")
    options = _parser().parse_args(arguments)
    logging.basicConfig(
        level=logging.WARNING if options.quiet else logging.INFO, format="lumbarseg: %(message)s", stream=sys.stderr
    )
    try:
        _run(options)
    except InputError as error:
        # One line, whatever a file name or another library's message holds.
        sys.stderr.write(f"lumbarseg: error: {' '.join(str(error).split())}\n")
        return EXIT_BAD_INPUT
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
        if options.command == "train" and options.output:
            consequence = "go on with --resume"
        elif options.command == "benchmark":
            consequence = "go on with the same command"
        sys.stderr.write(f"lumbarseg: interrupted; {consequence}.\n")
        return EXIT_INTERRUPTED
    return EXIT_OK


def _run(options: argparse.Namespace) -> None:
    stopwatch = Stopwatch()
    if options.command == "segment":
        with stopwatch.part("import"):
            from LumbarSegLib.commands.segment import run_segment

        run_segment(options, stopwatch)
    elif options.command == "demo":
        with stopwatch.part("import"):
            from LumbarSegLib.commands.demo import run_demo

        run_demo(options, stopwatch)
    elif options.command == "check-data":
        from LumbarSegLib.commands.check_data import run_check_data

        run_check_data(options)
    elif options.command == "import-slices":
        from LumbarSegLib.commands.import_slices import run_import_slices

        run_import_slices(options)
    elif options.command == "train":
        from LumbarSegLib.commands.train import run_train

        run_train(options)
    elif options.command == "benchmark":
        from LumbarSegLib.commands.benchmark import run_benchmark

        run_benchmark(options)
    else:
        from LumbarSegLib.commands.evaluate import run_evaluate

        run_evaluate(options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lumbarseg",
        description="Outline and measure seven anatomies in axial T2-weighted lumbar MRI. Research use only.",
    )
    parser.add_argument("--version", action="version", version=f"lumbarseg {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_segment(commands)
    _add_demo(commands)
    _add_check_data(commands)
    _add_import_slices(commands)
    _add_train(commands)
    _add_evaluate(commands)
    _add_benchmark(commands)
    return parser


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", default="auto", help="auto (default), cpu, cuda, cuda:N or mps")
    _add_overwrite_and_quiet(parser)


def _add_overwrite_and_quiet(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--overwrite", action="store_true", help="replace an earlier result")
    parser.add_argument("--quiet", action="store_true", help="no progress, only warnings and errors")


def _add_inference(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--weights", type=Path, metavar="FILE", help="another checkpoint than the one of the package")
    parser.add_argument("--flip-average", action="store_true", help="average with the mirrored slice (twice the time)")
    parser.add_argument(
        "--precision", default="auto", choices=("auto", "full"), help="full: float32, the same on every machine"
    )


def _add_segment(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "segment",
        help="outline and measure one study",
        description="Read a study, outline seven anatomies slice by slice and write label maps, tables and a picture.",
    )
    parser.add_argument(
        "study",
        nargs="+",
        metavar="STUDY",
        help="a DICOM folder, NIfTI/NRRD/MHA files, or one picture (then --spacing-mm)",
    )
    parser.add_argument("--output", required=True, type=Path, metavar="OUT", help="folder for the result")
    parser.add_argument("--series", metavar="UID", help="take this series (or several, comma-separated)")
    parser.add_argument("--spacing-mm", type=float, metavar="X", help="pixel size in mm of a picture")
    _add_inference(parser)
    _add_common(parser)


def _add_demo(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "demo",
        help="run the main path on a synthetic study of known areas",
        description="Write a synthetic DICOM study, segment it and print measured beside true areas.",
    )
    parser.add_argument("--output", required=True, type=Path, metavar="OUT", help="folder for study and result")
    parser.add_argument("--seed", type=int, default=0, help="another number draws another study")
    parser.add_argument("--weights", type=Path, metavar="FILE", help="another checkpoint than the one of the package")
    _add_common(parser)


def _add_check_data(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "check-data",
        help="look for faults in a folder of labeled slices",
        description="Report what is wrong (exit code 2) or suspicious in DIR/images, DIR/labels, splits and index.",
    )
    parser.add_argument("data", type=Path, metavar="DIR", help="labeled slices")
    parser.add_argument("--output", type=Path, metavar="OUT", help="folder for tables and a sheet of the worst slices")
    _add_overwrite_and_quiet(parser)


def _add_import_slices(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "import-slices",
        help="turn an image and its outlines into labeled slices",
        description="Add the outlined slices of an axial image to DIR/images, DIR/labels and DIR/index.csv.",
    )
    parser.add_argument("image", type=Path, metavar="IMAGE", help="a NIfTI/NRRD/MHA file or a DICOM folder")
    parser.add_argument("outlines", type=Path, metavar="OUTLINES", help="a label map, or a .seg.nrrd of 3D Slicer")
    parser.add_argument("--data", required=True, type=Path, metavar="DIR", help="folder of labeled slices to add to")
    parser.add_argument("--name", help="first part of the slices' names, the patient's (default: that of IMAGE)")
    parser.add_argument(
        "--segment", action="append", default=[], metavar="NAME=ANATOMY", help="what a segment, or value, stands for"
    )
    parser.add_argument("--series", metavar="UID", help="of a DICOM folder, take this series")
    parser.add_argument("--quiet", action="store_true", help="no progress, only warnings and errors")


def _add_train(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "train",
        help="train the network on labeled slices",
        description="Train a network on DIR/images, DIR/labels and the folds of DIR/splits.json.",
    )
    parser.add_argument("--data", type=Path, metavar="DIR", help="labeled slices")
    place = parser.add_mutually_exclusive_group(required=True)
    place.add_argument("--output", type=Path, metavar="DIR", help="folder for checkpoint and log")
    place.add_argument("--preview", type=Path, metavar="FILE.png", help="only draw the first augmented samples")
    place.add_argument("--write-recipe", type=Path, metavar="FILE.yaml", help="only write the recipe, to be edited")
    parser.add_argument(
        "--recipe",
        default="best",
        metavar="NAME|FILE.yaml",
        help="settings: best (default), refine, fine, paper, or a file of your own",
    )
    parser.add_argument("--model", default="msff", choices=_MODELS, help="network (default: msff)")
    parser.add_argument("--init", type=Path, metavar="FILE", help="start from the weights of another checkpoint")
    parser.add_argument("--fold", default="0", metavar="K", help="fold to hold back, or 'all' to train on everything")
    parser.add_argument("--epochs", type=int, metavar="N", help="another number of epochs than the recipe's")
    parser.add_argument("--seed", type=int, default=0, help="decides weights, order and augmentation")
    parser.add_argument("--resume", action="store_true", help="go on with an unfinished run in --output")
    parser.add_argument("--tensorboard", action="store_true", help="also log for TensorBoard (extra 'train')")
    _add_common(parser)


def _add_evaluate(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "evaluate",
        help="compare a network with labeled slices",
        description="Print the Dice coefficient per slice and per class. --output writes it, distances of outlines, "
        "agreement of areas, calibration, and pictures of the worst slices (needs the extra 'train').",
    )
    parser.add_argument("--data", required=True, type=Path, metavar="DIR", help="labeled slices")
    parser.add_argument("--fold", default="0", metavar="K", help="fold whose held-back slices count, or 'all' slices")
    parser.add_argument("--spacing-mm", type=float, metavar="X", help="pixel size in mm where index.csv has none")
    _add_inference(parser)
    parser.add_argument("--output", type=Path, metavar="OUT", help="folder for the figures")
    _add_common(parser)


def _add_benchmark(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "benchmark",
        help="train and compare what a table of the paper compares",
        description="Train every row of a table under one recipe and write OUT/table-N.md and OUT/table-N.csv. "
        "The same command again goes on where it was interrupted.",
    )
    parser.add_argument("--data", required=True, type=Path, metavar="DIR", help="labeled slices")
    parser.add_argument(
        "--table",
        required=True,
        type=int,
        choices=(1, 2, 3),
        help="1: networks, 2: exponents of the size-adaptive loss, 3: with and without the bottleneck",
    )
    parser.add_argument("--output", required=True, type=Path, metavar="OUT", help="folder for tables and runs")
    parser.add_argument("--seeds", type=int, metavar="N", help="runs of each row (default: 3; 1 with --quick)")
    parser.add_argument("--epochs", type=int, metavar="N", help="another number of epochs than the recipe's")
    parser.add_argument(
        "--recipe", default="best", metavar="NAME|FILE.yaml", help="settings of all runs, as for train (default: best)"
    )
    parser.add_argument("--fold", default="0", metavar="K", help="fold whose held-back slices count (default: 0)")
    parser.add_argument(
        "--quick", action="store_true", help="half the resolution, few epochs, one seed: for two CPU cores"
    )
    parser.add_argument("--device", default="auto", help="auto (default), cpu, cuda, cuda:N or mps")
    parser.add_argument("--quiet", action="store_true", help="no progress, only warnings and errors")


if __name__ == "__main__":
    sys.exit(main())
