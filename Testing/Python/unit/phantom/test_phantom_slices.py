"""Phantom slices: areas that are true, the same slice for the same seed, a signal like T2."""

from __future__ import annotations

import numpy as np
import pytest

from LumbarSegLib import anatomy
from LumbarSegLib.phantom.canvas import Grid, Pose
from LumbarSegLib.phantom.outlines import make_outlines
from LumbarSegLib.phantom.shapes import draw_slice_shape
from LumbarSegLib.phantom.slices import PhantomSlice, draw_phantom_slice, make_phantom_slice


def counted_areas_mm2(phantom: PhantomSlice) -> dict[str, float]:
    """Return the area of the pixels of each anatomy, both sides together."""
    counts = np.bincount(phantom.label_map.ravel(), minlength=anatomy.NUM_CLASSES)
    return {entry.key: counts[entry.index] * phantom.spacing_mm**2 for entry in anatomy.ANATOMIES}


def true_areas_mm2(phantom: PhantomSlice) -> dict[str, float]:
    """Return the true areas, both sides together."""
    totals = {entry.key: 0.0 for entry in anatomy.ANATOMIES}
    for key, area in phantom.areas_mm2.items():
        totals[key.removesuffix("_left").removesuffix("_right")] += area
    return totals


def perimeters_mm(seed: int, pose: Pose) -> dict[str, float]:
    """Return the length of the outlines of each anatomy, both sides together."""
    totals = {entry.key: 0.0 for entry in anatomy.ANATOMIES}
    for key, parts in make_outlines(draw_slice_shape(np.random.default_rng(seed))).items():
        length = sum(np.linalg.norm(np.roll(part, -1, axis=0) - part, axis=1).sum() for part in parts)
        totals[key.removesuffix("_left").removesuffix("_right")] += pose.scale * length
    return totals


def phantom_of(seed: int, pose: Pose, shape_ji: tuple[int, int], spacing_mm: float) -> PhantomSlice:
    shape = draw_slice_shape(np.random.default_rng(seed))
    return make_phantom_slice(np.random.default_rng(seed), shape_ji, spacing_mm, shape=shape, pose=pose)


@pytest.mark.parametrize("seed", range(5))
def test_pixels_agree_with_the_true_areas(seed):
    pose = Pose(rotation_deg=3.0 * (seed - 2), shift_mm=(1.3 * seed, -0.7 * seed), scale=0.9 + 0.04 * seed)
    phantom = phantom_of(seed, pose, (320, 320), 0.6)
    perimeters = perimeters_mm(seed, pose)
    counted, true = counted_areas_mm2(phantom), true_areas_mm2(phantom)
    for key, perimeter in perimeters.items():
        # A pixel on the border is counted whole or not at all: half a pixel of error
        # everywhere, all of one sign, is the worst that a border can do.
        assert counted[key] == pytest.approx(true[key], abs=0.5 * phantom.spacing_mm * perimeter), key


@pytest.mark.parametrize("spacing_mm", [0.6, 0.3, 0.15])
def test_pixels_converge_to_the_true_areas(spacing_mm):
    pose = Pose(rotation_deg=4.0)
    count = round(192 / spacing_mm)
    phantom = phantom_of(1, pose, (count, count), spacing_mm)
    true, perimeters = true_areas_mm2(phantom), perimeters_mm(1, pose)
    for key, counted in counted_areas_mm2(phantom).items():
        # Each of n border pixels is off by a chance part of itself, -1/2 to 1/2, deviation
        # sqrt(1/12); together sqrt(n / 12) pixels. Four deviations, which shrink with spacing^1.5.
        tolerance = 4 * spacing_mm**2 * np.sqrt(perimeters[key] / spacing_mm / 12)
        assert counted == pytest.approx(true[key], abs=tolerance), key


def test_areas_do_not_depend_on_the_pixels():
    pose = Pose(rotation_deg=-5.0, scale=1.05)
    coarse = phantom_of(2, pose, (200, 200), 1.0)
    fine = phantom_of(2, pose, (400, 400), 0.5)
    assert coarse.areas_mm2 == pytest.approx(fine.areas_mm2, rel=1e-9)


def test_areas_scale_with_the_patient():
    small = phantom_of(2, Pose(scale=0.8), (320, 320), 0.7)
    large = phantom_of(2, Pose(scale=1.0), (320, 320), 0.7)
    for key, area in large.areas_mm2.items():
        assert small.areas_mm2[key] == pytest.approx(0.64 * area)


def test_areas_end_where_the_slice_ends():
    # Shifted by 60 mm the lateral muscles leave the slice.
    pose = Pose(shift_mm=(60.0, 0.0))
    whole, cut = phantom_of(3, pose, (320, 420), 0.6), phantom_of(3, pose, (320, 320), 0.6)
    assert cut.areas_mm2["erector_spinae_left"] < 0.7 * whole.areas_mm2["erector_spinae_left"]
    assert cut.areas_mm2["erector_spinae_right"] == pytest.approx(whole.areas_mm2["erector_spinae_right"])
    true, perimeters = true_areas_mm2(cut), perimeters_mm(3, pose)
    for key, counted in counted_areas_mm2(cut).items():
        assert counted == pytest.approx(true[key], abs=0.5 * cut.spacing_mm * perimeters[key]), key


def test_the_same_seed_gives_the_same_slice():
    first, second = (make_phantom_slice(np.random.default_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(first.image, second.image)
    np.testing.assert_array_equal(first.label_map, second.label_map)
    assert first.areas_mm2 == second.areas_mm2


def test_another_seed_gives_another_slice():
    first, second = (make_phantom_slice(np.random.default_rng(seed)) for seed in (7, 8))
    assert not np.array_equal(first.label_map, second.label_map)


def test_patient_left_is_image_right():
    phantom = make_phantom_slice(np.random.default_rng(4))
    columns = {}
    for entry in anatomy.ANATOMIES:
        columns[entry.key] = np.nonzero(phantom.label_map == entry.index)[1]
    middle = columns["intervertebral_disc"].mean()
    for key in ("psoas", "erector_spinae"):
        left = np.count_nonzero(columns[key] > middle) * phantom.spacing_mm**2
        assert left == pytest.approx(phantom.areas_mm2[f"{key}_left"], rel=0.05)


@pytest.mark.parametrize("seed", range(6))
def test_anatomy_has_human_sizes(seed):
    areas = phantom_of(seed, Pose(), (320, 320), 0.6).areas_mm2
    limits = {
        "dural_sac": (30, 300),
        "ligamentum_flavum": (40, 200),
        "lamina": (150, 600),
        "intervertebral_disc": (900, 2400),
        "psoas": (300, 2400),
        "multifidus": (250, 1500),
        "erector_spinae": (500, 2600),
    }
    for key, area in areas.items():
        low, high = limits[key.removesuffix("_left").removesuffix("_right")]
        assert low < area < high, key


def test_image_has_the_contrasts_of_t2():
    # Fluid and fat are bright, muscle, disc border and ligament dark, air black: on
    # average, since single slices have bright discs, fatty muscles or narrow sacs.
    medians = {entry.key: [] for entry in anatomy.ANATOMIES}
    for seed in range(8):
        phantom = make_phantom_slice(np.random.default_rng(seed))
        assert phantom.image.dtype == np.float32
        assert np.isfinite(phantom.image).all()
        assert phantom.image.min() >= 0
        fat = np.percentile(phantom.image, 98)
        assert np.median(phantom.image[-4:]) < 0.15 * fat
        for entry in anatomy.ANATOMIES:
            medians[entry.key].append(np.median(phantom.image[phantom.label_map == entry.index]) / fat)
    mean = {key: np.mean(values) for key, values in medians.items()}
    assert mean["dural_sac"] > 0.5
    for dark in ("psoas", "multifidus", "erector_spinae", "ligamentum_flavum", "intervertebral_disc"):
        assert mean[dark] < 0.5 * mean["dural_sac"], dark
    assert mean["ligamentum_flavum"] < mean["lamina"] < mean["dural_sac"]


def test_texture_does_not_depend_on_noise():
    # Two slices of one patient share the tissue and differ in the scanner's noise.
    shape, grid = draw_slice_shape(np.random.default_rng(0)), Grid((320, 320), 0.6, Pose())
    first, second = (
        draw_phantom_slice(shape, grid, np.random.default_rng(1), np.random.default_rng(noise)) for noise in (2, 3)
    )
    difference = first.image - second.image
    assert difference.std() > 0
    assert np.corrcoef(first.image.ravel(), second.image.ravel())[0, 1] > 0.98


def test_a_slice_too_small_for_the_anatomy_is_refused():
    with pytest.raises(ValueError, match="must cover 150 mm both ways"):
        make_phantom_slice(np.random.default_rng(0), (128, 128), 0.5)
