"""The synthetic volume: its grid, its truth, the same at every call."""

from __future__ import annotations

import numpy as np
import pytest

from LumbarSegLib import geometry
from LumbarSegLib.phantom.volume import draw_phantom_volume


def test_slices_lie_tilted_around_the_origin_in_reading_order():
    volume = draw_phantom_volume(3, tilt_deg=12.0)
    affine = volume.affine_ijk_to_ras
    assert volume.image.shape == volume.label_map.shape == (3, 320, 320)
    assert geometry.axial_tilt_deg(affine) == pytest.approx(12.0)
    assert geometry.spacing_kji_mm(affine) == pytest.approx((4.4, 0.625, 0.625))
    assert geometry.in_plane_orientation(affine) == geometry.InPlaneOrientation(False, False, False)
    np.testing.assert_allclose(geometry.slice_center_ras_mm(affine, (3, 320, 320), 1), 0.0, atol=1e-9)
    # The front of the tilted slices is nearer to the feet than the back.
    front, back = affine @ [160, 0, 1, 1], affine @ [160, 319, 1, 1]
    assert front[1] > back[1]
    assert front[2] < back[2]


def test_every_slice_shows_the_seven_anatomies_and_changes_slowly():
    volume = draw_phantom_volume(2)
    for label_map in volume.label_map:
        assert np.unique(label_map).tolist() == list(range(8))
    changed = np.mean(volume.label_map[0] != volume.label_map[1])
    assert 0.0 < changed < 0.1


def test_the_seed_decides_everything():
    first, again, other = draw_phantom_volume(1), draw_phantom_volume(1), draw_phantom_volume(1, seed=1)
    np.testing.assert_array_equal(first.image, again.image)
    assert not np.array_equal(first.image, other.image)


def test_no_slices_are_refused():
    with pytest.raises(ValueError, match="num_slices must be at least 1, got 0"):
        draw_phantom_volume(0)
