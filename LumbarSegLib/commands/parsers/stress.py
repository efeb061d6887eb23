"""The command that disturbs slices."""

from __future__ import annotations

from pathlib import Path

from LumbarSegLib.commands.parsers.shared import Subparsers, add_common, add_held_back_slices, add_inference


def add_stress(commands: Subparsers) -> None:
    """Add `lumbarseg stress`."""
    parser = commands.add_parser(
        "stress",
        help="see how a network bears disturbed slices",
        description="Disturb labeled slices in several ways and degrees, and write how the Dice coefficient falls to "
        "OUT/stress.md, stress.csv and stress.png (needs the extra 'train').",
    )
    add_held_back_slices(parser)
    parser.add_argument("--kinds", metavar="A,B", help="only these disturbances, such as rotation,noise (default: all)")
    parser.add_argument("--output", required=True, type=Path, metavar="OUT", help="folder for the curves")
    add_inference(parser)
    add_common(parser)
