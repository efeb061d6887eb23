"""Options that several commands take."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TypeAlias

#: What `add_subparsers` returns; argparse has no public name for it.
Subparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def add_common(parser: argparse.ArgumentParser) -> None:
    """Add `--device`, `--overwrite` and `--quiet`."""
    add_device(parser)
    add_overwrite_and_quiet(parser)


def add_overwrite_and_quiet(parser: argparse.ArgumentParser) -> None:
    """Add `--overwrite` and `--quiet`."""
    parser.add_argument("--overwrite", action="store_true", help="replace an earlier result")
    add_quiet(parser)


def add_device(parser: argparse.ArgumentParser) -> None:
    """Add `--device`."""
    parser.add_argument("--device", default="auto", help="auto (default), cpu, cuda, cuda:N or mps")


def add_quiet(parser: argparse.ArgumentParser) -> None:
    """Add `--quiet`."""
    parser.add_argument("--quiet", action="store_true", help="no progress, only warnings and errors")


def add_held_back_slices(parser: argparse.ArgumentParser) -> None:
    """Add `--data`, `--fold` and `--spacing-mm`, of commands that look at slices which a network has not seen."""
    parser.add_argument("--data", required=True, type=Path, metavar="DIR", help="labeled slices")
    parser.add_argument("--fold", default="0", metavar="K", help="fold whose held-back slices count, or 'all' slices")
    parser.add_argument("--spacing-mm", type=float, metavar="X", help="pixel size in mm where index.csv has none")


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


def add_lowest_level(parser: argparse.ArgumentParser) -> None:
    """Add `--lowest-level`."""
    parser.add_argument(
        "--lowest-level",
        default="auto",
        metavar="NAME",
        help="name of the lowest outlined disc, such as L5-S1 or L6-S1; auto (default): from the sagittal series "
        "of the study, where it allows; none: name no level",
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
