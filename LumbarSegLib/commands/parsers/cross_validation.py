"""The command that trains and evaluates on every fold."""

from __future__ import annotations

from pathlib import Path

from LumbarSegLib.commands.parsers.networks import MODELS
from LumbarSegLib.commands.parsers.shared import Subparsers, add_device, add_quiet


def add_cross_validate(commands: Subparsers) -> None:
    """Add `lumbarseg cross-validate`."""
    parser = commands.add_parser(
        "cross-validate",
        help="train on every fold and evaluate on what each holds back",
        description="Train a chain of recipes on every fold of DIR/splits.json, each stage from the weights of the one "
        "before, and write what the networks show on their own held-back slices to OUT/evaluation (needs the extra "
        "'train'). The same command again goes on where it was interrupted.",
    )
    parser.add_argument("--data", required=True, type=Path, metavar="DIR", help="labeled slices")
    parser.add_argument("--output", required=True, type=Path, metavar="OUT", help="folder for networks and figures")
    parser.add_argument(
        "--recipe",
        action="append",
        metavar="NAME|FILE.yaml",
        help="settings of a stage, as for train; once for each stage, in their order (default: best)",
    )
    parser.add_argument(
        "--epochs", type=int, nargs="+", metavar="N", help="other numbers of epochs, one for each --recipe"
    )
    parser.add_argument("--init", type=Path, metavar="FILE", help="start the first stages from another checkpoint")
    parser.add_argument("--folds", metavar="K,K", help="only these folds, such as 0,1 (default: all)")
    parser.add_argument("--model", default="msff", choices=MODELS, help="network (default: msff)")
    parser.add_argument("--seed", type=int, default=0, help="decides weights, order and augmentation")
    parser.add_argument("--flip-average", action="store_true", help="evaluate averaged with the mirrored slice")
    add_device(parser)
    add_quiet(parser)
