"""Distances between outlines: by hand, and against distance transforms of scipy."""

import subprocess
import sys

import numpy as np
import pytest
from scipy import ndimage

from LumbarSegLib.anatomy import IGNORE_INDEX
from LumbarSegLib.evaluation.surface import compute_surface_agreement

SIZE = 64


def disc(row: float, column: float, radius: float) -> np.ndarray:
    rows, columns = np.mgrid[:SIZE, :SIZE]
    return (rows - row) ** 2 + (columns - column) ** 2 <= radius**2


def labels(**masks: np.ndarray) -> np.ndarray:
    result = np.zeros((SIZE, SIZE), dtype=np.uint8)
    for index, mask in masks.items():
        result[mask] = int(index.removeprefix("c"))
    return result


def test_shifted_bars_by_hand():
    """A bar one pixel wide is its own outline; the other lies three pixels below."""
    reference, prediction = labels(), labels()
    reference[10, 20:40] = 3
    prediction[13, 20:40] = 3
    found = compute_surface_agreement(prediction, reference, 0.5, 1.0)["psoas"]
    assert found.hausdorff_95 == pytest.approx(1.5)
    assert found.mean_distance == pytest.approx(1.5)
    assert found.surface_dice == 0.0
    assert compute_surface_agreement(prediction, reference, 0.5, 1.5)["psoas"].surface_dice == 1.0


def test_against_distance_transforms():
    """The same definitions without MONAI, for masks that touch the edge of nothing."""
    reference, prediction, pixel = disc(30, 30, 14), disc(32, 33, 11) | disc(50, 50, 3), 0.7
    found = compute_surface_agreement(labels(c4=prediction), labels(c4=reference), pixel, 1.0)["multifidus"]
    outlines = [mask & ~ndimage.binary_erosion(mask) for mask in (prediction, reference)]
    to_other = [
        ndimage.distance_transform_edt(~there, sampling=pixel)[here] for here, there in (outlines, outlines[::-1])
    ]
    both = np.concatenate(to_other)
    assert found.hausdorff_95 == pytest.approx(max(np.percentile(each, 95) for each in to_other), rel=1e-5)
    assert found.mean_distance == pytest.approx(both.mean(), rel=1e-5)
    assert found.surface_dice == pytest.approx((both <= 1.0).mean(), rel=1e-5)


def test_equal_outlines():
    mask = labels(c1=disc(20, 20, 5))
    found = compute_surface_agreement(mask, mask, 1.0, 2.0)["dural_sac"]
    assert (found.hausdorff_95, found.mean_distance, found.surface_dice) == (0, 0, 1)


def test_a_class_that_one_side_lacks_has_no_distance():
    reference = labels(c1=disc(20, 20, 5), c2=disc(40, 20, 5))
    prediction = labels(c1=disc(20, 20, 5), c3=disc(40, 50, 5))
    found = compute_surface_agreement(prediction, reference, 1.0, 2.0)
    assert {key for key, value in found.items() if value is not None} == {"dural_sac"}
    assert len(found) == 7


def test_unlabeled_pixels_belong_to_nothing():
    """What the network draws where nobody has labeled does not count against it."""
    reference = labels(c1=disc(20, 20, 5))
    reference[:, 40:] = IGNORE_INDEX
    prediction = labels(c1=disc(20, 20, 5) | disc(20, 50, 8), c2=disc(50, 50, 5))
    found = compute_surface_agreement(prediction, reference, 1.0, 2.0)
    assert found["dural_sac"].hausdorff_95 == 0
    assert found["ligamentum_flavum"] is None


def test_shapes_must_agree():
    with pytest.raises(ValueError, match="must have shape"):
        compute_surface_agreement(np.zeros((2, 2), np.uint8), np.zeros((3, 3), np.uint8), 1.0, 1.0)


def test_without_monai_one_line_names_the_extra(tmp_path):
    code = (
        "import sys; sys.modules['monai'] = None\n"
        "from LumbarSegLib.cli import main\n"
        f"sys.exit(main(['evaluate', '--data', 'nowhere', '--output', {str(tmp_path / 'out')!r}]))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1
    assert "MONAI" in result.stderr
    assert "'.[train]'" in result.stderr
