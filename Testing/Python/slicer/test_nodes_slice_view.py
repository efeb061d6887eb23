"""The slice view that Slicer's own classes draw of a segmentation."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from LumbarSegLib.anatomy import ANATOMIES

#: Widest difference to a segment's color that pixels of its outline may have.
COLOR_TOLERANCE = 12


def test_outlines_in_their_colors_lie_where_the_anatomy_is(tmp_path: Path) -> None:
    script = Path(__file__).with_name("render_slice_view.py")
    subprocess.run([sys.executable, str(script), str(tmp_path / "view.png")], check=True, timeout=120)
    view = np.asarray(Image.open(tmp_path / "view.png").convert("RGB")).astype(int)
    assert view.shape == (720, 720, 3)
    centers = {}
    for anatomy in ANATOMIES:
        rows, columns = np.nonzero((np.abs(view - anatomy.color) <= COLOR_TOLERANCE).all(axis=-1))
        assert len(rows) > 50, anatomy.name
        centers[anatomy.key] = (np.mean(rows), np.mean(columns))
    # The front is at the top: from disc to sac to lamina to the muscles of the back.
    from_front = ["intervertebral_disc", "dural_sac", "lamina", "multifidus"]
    assert sorted(from_front, key=lambda key: centers[key][0]) == from_front
    # Both sides of a muscle have an outline, as far from the middle.
    rows, columns = np.nonzero((np.abs(view - ANATOMIES[2].color) <= COLOR_TOLERANCE).all(axis=-1))
    middle = centers["dural_sac"][1]
    assert (columns < middle - 60).sum() > 50
    assert (columns > middle + 60).sum() > 50
    # The image lies below: gray pixels of many values.
    gray = view[(view[..., 0] == view[..., 1]) & (view[..., 1] == view[..., 2])][:, 0]
    assert len(np.unique(gray)) > 100
