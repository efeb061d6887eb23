"""Running the command-line module of Slicer as a process of its own, on volumes written for it."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import SimpleITK

from LumbarSegLib.io import itk_grid
from LumbarSegLib.io.study import Block
from LumbarSegLib.phantom.study import write_phantom_study
from LumbarSegLib.study_reading import open_study

SCRIPT = Path(__file__).resolve().parents[2] / "LumbarSegCLI" / "LumbarSegCLI.py"


def run_cli(*words: object, script: Path = SCRIPT, **options: object) -> subprocess.CompletedProcess[str]:
    """Run the module; options go to `subprocess.run`."""
    command = [sys.executable, script, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


def allow_interrupts() -> None:
    """For `preexec_fn`: a shell's background job ignores SIGINT, and what it starts would as well."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def write_volume(path: Path, block: Block, repeat: int = 1) -> Path:
    """Write the slices of a block, all of them `repeat` times."""
    image = SimpleITK.GetImageFromArray(np.concatenate([block.image] * repeat))
    itk_grid.write_grid(image, block.affine_ijk_to_ras)
    SimpleITK.WriteImage(image, str(path))
    return path


def oblique_flipped_block(folder: Path) -> Block:
    """Return tilted phantom slices, stored from head to foot and from left to right: a left-handed grid."""
    phantom = write_phantom_study(folder, seed=3, flip_columns=True)
    block = open_study(phantom.folder).blocks[0]
    downward = block.affine_ijk_to_ras @ np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, -1, 2], [0, 0, 0, 1]])
    return Block(block.image[::-1], downward)
