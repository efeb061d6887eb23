"""Each flag on outlines that earn it, and none on those that do not."""

from dataclasses import replace

import numpy as np
import pytest
from lumbar_ellipses import LUMBAR, Ellipse, axial_affine, draw

from LumbarSegLib.anatomy import BY_KEY
from LumbarSegLib.measurement import PixelBounds, measure_block, with_confidence_flags
from LumbarSegLib.measurement.quality import AREA_RANGE_MM2, MAX_PIECES, MIN_SURE_SHARE

AFFINE = axial_affine()


def _flags(drawn, change=lambda label_map: None):
    label_map = draw(AFFINE, drawn.values())
    change(label_map)
    (measured,) = measure_block(label_map, AFFINE)
    return measured.flags


def _with(name, ellipse):
    return LUMBAR | {name: ellipse}


def test_a_plain_slice_has_no_flag():
    assert _flags(LUMBAR) == ()


def test_every_structure_has_its_limits():
    assert set(MIN_SURE_SHARE) == set(AREA_RANGE_MM2) == set(MAX_PIECES) == set(BY_KEY)


@pytest.mark.parametrize("key", ["dural_sac", "psoas", "multifidus", "erector_spinae"])
def test_what_every_slice_has_is_missed(key):
    drawn = {name: each for name, each in LUMBAR.items() if each.structure != key}
    missing = [flag.sentence for flag in _flags(drawn) if flag.key == "missing_structure"]
    assert missing == [f"no {key} is outlined"]


def test_the_disc_and_one_of_ligament_and_lamina_may_be_missing():
    without_disc = {name: each for name, each in LUMBAR.items() if name != "intervertebral_disc"}
    without_ligament = {name: each for name, each in without_disc.items() if name != "ligamentum_flavum"}
    without_either = {name: each for name, each in without_ligament.items() if each.structure != "lamina"}
    assert _flags(without_disc) == _flags(without_ligament) == ()
    (flag,) = _flags(without_either)
    assert flag.sentence == "no ligamentum_flavum and lamina is outlined"


@pytest.mark.parametrize("edge", [(0, 0), (0, -1), (1, 0), (1, -1)], ids=["top", "bottom", "left", "right"])
def test_the_border_of_the_image(edge):
    axis, place = edge

    def paint(label_map, inner=0):
        line = np.moveaxis(label_map[0], axis, 0)[place + inner]
        line[150:153] = BY_KEY["erector_spinae"].index

    assert {flag.key for flag in _flags(LUMBAR, paint)} == {"touches_border"}
    assert _flags(LUMBAR, lambda label_map: paint(label_map, inner=-1 if place else 1)) == ()


def test_pieces_count_if_they_are_large_enough():
    second = Ellipse("dural_sac", (15, 8), (4, 4))  # 50 mm2, apart from the sac
    keys = [flag.key for flag in _flags(_with("second_sac", second))]
    assert "several_pieces" in keys
    speck = replace(second, half_axes=(1.5, 1.5))  # 7 mm2
    assert "several_pieces" not in [flag.key for flag in _flags(_with("second_sac", speck))]


def test_an_area_that_no_slice_has():
    keys = {flag.key for flag in _flags(_with("dural_sac", Ellipse("dural_sac", (0, 0), (2, 2))))}
    assert keys == {"implausible_area"}


def test_a_long_sac_and_a_hollow_one():
    (flag,) = _flags(_with("dural_sac", Ellipse("dural_sac", (0, 0), (14, 3.5))))
    assert (flag.key, "times as long as wide" in flag.sentence) == ("implausible_shape", True)
    bite = Ellipse("ligamentum_flavum", (0, -5), (5, 6))
    (flag,) = _flags(_with("bite", bite))
    assert flag.key == "implausible_shape"
    assert "convex hull" in flag.sentence


def test_shape_does_not_depend_on_the_pixels():
    """Three times as long in pixels, round in mm."""
    affine = axial_affine(spacing_kji_mm=(4.0, 1.2, 0.4))
    (measured,) = measure_block(draw(affine, LUMBAR.values()), affine)
    assert measured.flags == ()


def test_a_muscle_across_the_midline():
    bridge = Ellipse("multifidus", (0, -40), (12, 8))
    assert "crosses_midline" in {flag.key for flag in _flags(_with("bridge", bridge))}


def test_what_the_network_is_less_sure_of_than_usual():
    label_map = draw(AFFINE, LUMBAR.values(), slices=2)
    sure = label_map.copy()
    sure[1, :, ::4][label_map[1, :, ::4] == BY_KEY["dural_sac"].index] = 0  # three quarters remain
    bounds = PixelBounds(sure, np.zeros_like(sure))
    first, second = with_confidence_flags(measure_block(label_map, AFFINE), label_map, bounds)
    assert first.flags == ()
    (flag,) = second.flags
    assert flag.key == "low_confidence"
    assert "of the dural_sac have a probability of 0.95 or more; 82 % or more are usual" in flag.sentence
