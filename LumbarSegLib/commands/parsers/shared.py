"""Options that several commands take."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TypeAlias

#: What `add_subparsers` returns; argparse has no public name for it.
Subparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def add_common(parser: argparse.ArgumentParser) -> None:
    """Add `--device`, `--overwrite` and `--quiet`."""
    parser.add_argument("--device", default="auto", help="auto (default), cpu, cuda, cuda:N or mps")
    add_overwrite_and_quiet(parser)


def add_overwrite_and_quiet(parser: argparse.ArgumentParser) -> None:
    """Add `--overwrite` and `--quiet`."""
    parser.add_argument("--overwrite", action="store_true", help="replace an earlier result")
    parser.add_argument("--quiet", action="store_true", help="no progress, only warnings and errors")


def add_fat_method(parser: argparse.ArgumentParser) -> None:
    """Add `--fat-method`."""
    parser.add_argument(
        "--fat-method",
        default="gmm3",
        choices=("gmm3", "gmm2", "otsu", "none"),
        help="how fat is told from muscle: Gaussian mixture of three (default) or two components, Otsu's threshold, "
        "or not at all",
    )


def add_bands(parser: argparse.ArgumentParser) -> None:
    """Add `--bands`, with the names of `LumbarSegLib.measurement.BAND_TABLES`."""
    parser.add_argument(
        "--bands",
        choices=("schonstrom", "steurer", "lim"),
        help="also say between which published limits the area of the dural sac lies; no diagnosis (default: none)",
    )


def add_segment_meanings(parser: argparse.ArgumentParser) -> None:
    """Add `--segment`."""
    parser.add_argument(
        "--segment", action="append", default=[], metavar="NAME=ANATOMY", help="what a segment, or value, stands for"
    )


def add_inference(parser: argparse.ArgumentParser) -> None:
    """Add what every command that runs a network takes."""
    parser.add_argument("--weights", type=Path, metavar="FILE", help="another checkpoint than the one of the package")
    parser.add_argument("--flip-average", action="store_true", help="average with the mirrored slice (twice the time)")
    parser.add_argument(
        "--precision", default="auto", choices=("auto", "full"), help="full: float32, the same on every machine"
    )
