"""Print the Dice coefficient per class on phantom slices that no training run has seen."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from LumbarSegLib.anatomy import ANATOMIES
from LumbarSegLib.evaluation.evaluator import evaluate_slices, summarize
from LumbarSegLib.inference.checkpoint import load_checkpoint
from LumbarSegLib.inference.devices import choose_device
from LumbarSegLib.inference.predictor import Predictor
from LumbarSegLib.io.labeled_slices import LabeledSlice
from LumbarSegLib.phantom.slices import make_phantom_slice

#: Training draws phantoms from small seeds; these lie far from them.
FIRST_SEED = 1_000_000


def main() -> None:
    """Draw the phantoms, segment them and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=50, help="number of slices (default: 50)")
    parser.add_argument("--weights", type=Path, help="another checkpoint than the one of the package")
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    predictor = Predictor(load_checkpoint(options.weights), choose_device(options.device).device)
    slices = []
    for number in range(options.count):
        phantom = make_phantom_slice(np.random.default_rng(FIRST_SEED + number), shape_ji=(384, 384), spacing_mm=0.5)
        slices.append(LabeledSlice(f"phantom-{number}", phantom.image, phantom.label_map, phantom.spacing_mm))
    summary = summarize(evaluate_slices(predictor, slices))
    for anatomy in ANATOMIES:
        worst = summary["worst"][anatomy.key]
        print(f"{anatomy.name:<22}{summary['dice'][anatomy.key]:7.4f}   worst {worst['dice']:.3f} ({worst['slice']})")
    print(f"{'mean of the classes':<22}{summary['mean_dice']:7.4f}   over {options.count} slices")


if __name__ == "__main__":
    main()
