"""Commands that outline and measure studies."""

from __future__ import annotations

from pathlib import Path

from LumbarSegLib.commands.parsers.shared import (
    Subparsers,
    add_bands,
    add_common,
    add_fat_method,
    add_inference,
    add_lowest_level,
    add_overwrite_and_quiet,
    add_segment_meanings,
)


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
    add_lowest_level(parser)
    add_fat_method(parser)
    add_bands(parser)
    add_inference(parser)
    add_common(parser)


def add_measure(commands: Subparsers) -> None:
    """Add `lumbarseg measure`."""
    parser = commands.add_parser(
        "measure",
        help="measure given or corrected outlines of a study",
        description="Measure outlines of any source on the image that they belong to, write the tables that segment "
        "writes, and set corrected outlines beside those of the network.",
    )
    parser.add_argument(
        "--image", nargs="+", required=True, metavar="STUDY", help="what segment takes: a DICOM folder or image files"
    )
    parser.add_argument(
        "--segmentation",
        nargs="+",
        required=True,
        action="extend",
        type=Path,
        metavar="FILE",
        help="label maps or .seg.nrrd of 3D Slicer, or the folder that segment wrote; a file goes before a folder",
    )
    parser.add_argument("--output", required=True, type=Path, metavar="OUT", help="folder for the result")
    against = parser.add_mutually_exclusive_group()
    against.add_argument(
        "--against",
        type=Path,
        metavar="FILE",
        help="the network's own outlines, a label map or the folder that segment wrote, to compare with "
        "(default: those of the folder that --segmentation is or lies in)",
    )
    against.add_argument(
        "--against-model", action="store_true", help="compare with what the installed weights outline now"
    )
    add_segment_meanings(parser)
    parser.add_argument("--series", metavar="UID", help="of a DICOM folder, take this series")
    parser.add_argument("--spacing-mm", type=float, metavar="X", help="pixel size in mm of a picture")
    add_lowest_level(parser)
    add_fat_method(parser)
    add_bands(parser)
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


def add_selftest(commands: Subparsers) -> None:
    """Add `lumbarseg selftest`."""
    parser = commands.add_parser(
        "selftest",
        help="check on shapes of known area that this installation measures correctly",
        description="Measure shapes of known area in every geometry, through files and DICOM, and verify the weights. "
        "Exit code 1 if a check fails.",
    )
    parser.add_argument("--output", type=Path, metavar="FILE.html", help="page with every check, to print and keep")
    parser.add_argument(
        "--with-network", action="store_true", help="also segment a synthetic study with the installed weights"
    )
    add_overwrite_and_quiet(parser)


def add_compare(commands: Subparsers) -> None:
    """Add `lumbarseg compare`."""
    parser = commands.add_parser(
        "compare",
        help="compare two examinations of one patient",
        description="Match the levels of two results and write every change beside the measurement error that held-out "
        "slices showed. Research use only.",
    )
    parser.add_argument("first", type=Path, metavar="A", help="result of the earlier examination (segment or measure)")
    parser.add_argument("second", type=Path, metavar="B", help="result of the later examination")
    parser.add_argument("--output", required=True, type=Path, metavar="OUT", help="folder for tables and page")
    parser.add_argument(
        "--weights", type=Path, metavar="FILE", help="checkpoint that outlined A and B, if not that of the package"
    )
    add_overwrite_and_quiet(parser)
