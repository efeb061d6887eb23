"""Commands that outline and measure studies."""

from __future__ import annotations

from pathlib import Path

from LumbarSegLib.commands.parsers.shared import Subparsers, add_common, add_inference


def add_segment(commands: Subparsers) -> None:
    """Add `lumbarseg segment`."""
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
    add_inference(parser)
    add_common(parser)


def add_demo(commands: Subparsers) -> None:
    """Add `lumbarseg demo`."""
    parser = commands.add_parser(
        "demo",
        help="run the main path on a synthetic study of known areas",
        description="Write a synthetic DICOM study, segment it and print measured beside true areas.",
    )
    parser.add_argument("--output", required=True, type=Path, metavar="OUT", help="folder for study and result")
    parser.add_argument("--seed", type=int, default=0, help="another number draws another study")
    parser.add_argument("--weights", type=Path, metavar="FILE", help="another checkpoint than the one of the package")
    add_common(parser)
