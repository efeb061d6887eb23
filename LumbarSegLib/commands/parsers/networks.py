"""Commands that train, compare and examine networks."""

from __future__ import annotations

from pathlib import Path

from LumbarSegLib.commands.parsers.shared import (
    Subparsers,
    add_common,
    add_device,
    add_held_back_slices,
    add_inference,
    add_overwrite_and_quiet,
    add_quiet,
)

#: The names of `LumbarSegLib.models.model_names`, written out: asking there would load torch.
MODELS = ("fcn", "unet", "segnet", "attention_unet", "ce_net", "lumnet", "msff", "msff_no_bottleneck")


def add_train(commands: Subparsers) -> None:
    """Add `lumbarseg train`."""
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
        help="settings: best (default), coarse, refine, fine, paper, or a file of your own",
    )
    parser.add_argument("--model", default="msff", choices=MODELS, help="network (default: msff)")
    start = parser.add_mutually_exclusive_group()
    start.add_argument("--init", type=Path, metavar="FILE", help="start from the weights of another checkpoint")
    start.add_argument(
        "--encoder-weights", type=Path, metavar="FILE", help="start from torchvision's resnet18 (ce_net: resnet34) file"
    )
    parser.add_argument("--fold", default="0", metavar="K", help="fold to hold back, or 'all' to train on everything")
    parser.add_argument("--epochs", type=int, metavar="N", help="another number of epochs than the recipe's")
    parser.add_argument("--seed", type=int, default=0, help="decides weights, order and augmentation")
    parser.add_argument("--resume", action="store_true", help="go on with an unfinished run in --output")
    parser.add_argument("--tensorboard", action="store_true", help="also log for TensorBoard (extra 'train')")
    parser.add_argument("--devices", type=int, default=1, metavar="N", help="GPUs, or CPU processes, to share batches")
    add_common(parser)


def add_pretrain(commands: Subparsers) -> None:
    """Add `lumbarseg pretrain`."""
    parser = commands.add_parser(
        "pretrain",
        help="let the network restore damaged images, without labels",
        description="Train a network to restore damaged images; `lumbarseg train --init` starts from its weights. "
        "Labels are never read.",
    )
    parser.add_argument(
        "--images",
        required=True,
        action="append",
        metavar="DIR[=MM]",
        help="folder of gray PNG files (or its images/) and their pixel size in mm (default: 0.38); may be repeated",
    )
    parser.add_argument("--output", required=True, type=Path, metavar="OUT", help="folder for checkpoint and log")
    parser.add_argument("--recipe", default="restore", metavar="NAME", help="settings (default: restore)")
    parser.add_argument("--model", default="msff", choices=MODELS, help="network (default: msff)")
    parser.add_argument("--epochs", type=int, metavar="N", help="another number of epochs than the recipe's")
    parser.add_argument("--seed", type=int, default=0, help="decides weights, order and damage")
    parser.add_argument("--resume", action="store_true", help="go on with an unfinished run in --output")
    add_common(parser)


def add_evaluate(commands: Subparsers) -> None:
    """Add `lumbarseg evaluate`."""
    parser = commands.add_parser(
        "evaluate",
        help="compare a network with labeled slices",
        description="Print the Dice coefficient per slice and per class. --output writes it, distances of outlines, "
        "agreement of areas, calibration, and pictures of the worst slices (needs the extra 'train').",
    )
    add_held_back_slices(parser)
    add_inference(parser)
    parser.add_argument("--output", type=Path, metavar="OUT", help="folder for the figures")
    add_common(parser)


def add_benchmark(commands: Subparsers) -> None:
    """Add `lumbarseg benchmark`."""
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
    add_device(parser)
    add_quiet(parser)


def add_calibrate(commands: Subparsers) -> None:
    """Add `lumbarseg calibrate`."""
    parser = commands.add_parser(
        "calibrate",
        help="find out how wide the intervals of areas must be",
        description="Widen the intervals that the class probabilities give to what slices show that the networks had "
        "not seen, and write this into a copy of the JSON file of the weights.",
    )
    parser.add_argument(
        "--evaluation",
        required=True,
        nargs="+",
        type=Path,
        metavar="OUT",
        help="folders of 'evaluate --output', one for each fold, or OUT/evaluation of 'cross-validate'",
    )
    parser.add_argument(
        "--weights", required=True, type=Path, metavar="FILE", help="checkpoint of the same recipe, to be calibrated"
    )
    parser.add_argument(
        "--output", required=True, type=Path, metavar="FILE.json", help="may be the JSON file of --weights itself"
    )
    add_overwrite_and_quiet(parser)
