"""Commands that make and check folders of labeled slices."""

from __future__ import annotations

from pathlib import Path

from LumbarSegLib.commands.parsers.shared import Subparsers, add_overwrite_and_quiet, add_quiet, add_segment_meanings


def add_check_data(commands: Subparsers) -> None:
    """Add `lumbarseg check-data`."""
    parser = commands.add_parser(
        "check-data",
        help="look for faults in a folder of labeled slices",
        description="Report what is wrong (exit code 2) or suspicious in DIR/images, DIR/labels, splits and index.",
    )
    parser.add_argument("data", type=Path, metavar="DIR", help="labeled slices")
    parser.add_argument("--output", type=Path, metavar="OUT", help="folder for tables and a sheet of the worst slices")
    add_overwrite_and_quiet(parser)


def add_import_slices(commands: Subparsers) -> None:
    """Add `lumbarseg import-slices`."""
    parser = commands.add_parser(
        "import-slices",
        help="turn an image and its outlines into labeled slices",
        description="Add the outlined slices of an axial image to DIR/images, DIR/labels and DIR/index.csv.",
    )
    parser.add_argument("image", type=Path, metavar="IMAGE", help="a NIfTI/NRRD/MHA file or a DICOM folder")
    parser.add_argument("outlines", type=Path, metavar="OUTLINES", help="a label map, or a .seg.nrrd of 3D Slicer")
    parser.add_argument("--data", required=True, type=Path, metavar="DIR", help="folder of labeled slices to add to")
    parser.add_argument("--name", help="first part of the slices' names, the patient's (default: that of IMAGE)")
    add_segment_meanings(parser)
    parser.add_argument("--series", metavar="UID", help="of a DICOM folder, take this series")
    add_quiet(parser)
