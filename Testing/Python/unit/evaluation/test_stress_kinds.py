"""What each disturbance does to image and labels, against what can be computed by hand."""

from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from scipy.optimize import brentq

from LumbarSegLib.anatomy import BY_KEY
from LumbarSegLib.evaluation import stress_kinds as kinds
from LumbarSegLib.evaluation.stress import disturb
from LumbarSegLib.io.labeled_slices import LabeledSlice
from LumbarSegLib.preprocessing import PreprocessingConfig
from LumbarSegLib.training.augmentation import Augmenter
from LumbarSegLib.training.recipes import AugmentationConfig

SIZE = 128
RADIUS = 20.0
SAC, MUSCLE, DISC = (BY_KEY[key].index for key in ("dural_sac", "multifidus", "intervertebral_disc"))
DOWN, RIGHT = np.indices((SIZE, SIZE)) - (SIZE - 1) / 2
FROM_CENTER = np.hypot(DOWN, RIGHT)

KINDS = {each.key: each for each in kinds.DISTURBANCES}


def drawn() -> LabeledSlice:
    """A sac in the middle, a muscle right of it, a disc above; bright fat around, air in the corners."""
    label_map = np.zeros((SIZE, SIZE), dtype=np.uint8)
    label_map[np.hypot(DOWN, RIGHT - 45) < 12] = MUSCLE
    label_map[np.hypot(DOWN + 40, RIGHT) < 10] = DISC
    label_map[FROM_CENTER < RADIUS] = SAC
    signal = np.array([180.0, 200, 0, 0, 40, 0, 0, 100])[label_map]
    signal[FROM_CENTER > 62] = 0
    return LabeledSlice("drawn", (signal + 5).astype(np.float32), label_map, 0.5)


def muscle_center(labeled: LabeledSlice) -> np.ndarray:
    return np.argwhere(labeled.label_map == MUSCLE).mean(axis=0)


@pytest.mark.parametrize("kind", kinds.DISTURBANCES, ids=lambda kind: kind.key)
def test_every_level_changes_more_than_the_one_before(kind):
    plain, tells_size = drawn(), kind.key in ("larger", "smaller")
    versions = [disturb(plain, kind, level) for level in kind.levels[1:]]
    if tells_size:
        changes = [abs(np.log(each.spacing_mm / plain.spacing_mm)) for each in versions]
    elif kind.key == "rotation":  # whose images soon have nothing in common any more
        changes = [np.hypot(*(muscle_center(each) - muscle_center(plain))) for each in versions]
    else:
        changes = [np.abs(each.image - plain.image).mean() for each in versions]
    assert all(before < after for before, after in zip([0, *changes], changes, strict=False))
    moves_labels = kind.key in ("rotation", "narrowing", "stenosis")
    for each in versions:
        assert (each.spacing_mm != plain.spacing_mm) == tells_size
        assert (each.image.dtype, each.label_map.dtype) == (np.float32, np.uint8)
        assert each.image.shape == plain.image.shape
        assert np.isfinite(each.image).all()
        assert (each.label_map != plain.label_map).any() == moves_labels
        assert (each.image == plain.image).all() == tells_size
    assert (drawn().image == plain.image).all()


def test_quarter_turn():
    turned = kinds.rotate(drawn(), 90)
    np.testing.assert_allclose(turned.image, np.rot90(drawn().image), atol=1e-3)
    assert (turned.label_map == np.rot90(drawn().label_map)).all()


def test_a_turn_moves_labels_with_the_image_and_blackens_what_was_outside():
    turned = kinds.rotate(drawn(), 30)
    row, column = muscle_center(turned) - (SIZE - 1) / 2
    # From the right of the center, 45 pixels away, counterclockwise: upwards.
    assert row == pytest.approx(-45 * np.sin(np.radians(30)), abs=0.5)
    assert column == pytest.approx(45 * np.cos(np.radians(30)), abs=0.5)
    inside = turned.image[np.hypot(DOWN + 22.5, RIGHT - 39) < 10]
    assert inside.max() < 60
    white = replace(drawn(), image=np.where(FROM_CENTER < 1, 5, 50).astype(np.float32))
    assert kinds.rotate(white, 45).image[0, 0] == 5


@pytest.mark.parametrize("strength", [0.2, 0.6, 1.0])
def test_narrowing_shrinks_the_sac_as_its_formula_says(strength):
    narrowed = kinds.narrow_canal(drawn(), strength)
    share = brentq(lambda r: r * (1 + strength * np.exp(-(r**2) / 2)) - 1, 0, 1)
    area = np.count_nonzero(narrowed.label_map == SAC)
    # Half a pixel along the edge.
    assert area == pytest.approx(np.pi * (share * RADIUS) ** 2, abs=np.pi * RADIUS)
    assert area < np.count_nonzero(drawn().label_map == SAC)
    # The image went along: the sac is bright, what was drawn in comes from outside it.
    assert narrowed.image[FROM_CENTER < share * RADIUS - 2].min() > 200
    drawn_in = (FROM_CENTER > share * RADIUS + 2) & (FROM_CENTER < 0.8 * RADIUS)
    assert np.abs(narrowed.image - 185)[drawn_in].max(initial=0) < 1
    far = FROM_CENTER > 4 * RADIUS
    assert (narrowed.label_map == drawn().label_map)[far].all()


def test_narrowing_is_that_of_training():
    off = {field.name: 0.0 for field in fields(AugmentationConfig) if field.name.endswith("_probability")}
    config = replace(
        AugmentationConfig(),
        **(off | {"narrowing_probability": 1.0}),
        crop_pixels=SIZE,
        shift=0.0,
        scale=(1.0, 1.0),
        aspect=1.0,
        rotation_deg=0.0,
        shear=0.0,
        narrowing_strength=1.0,
    )
    plain, count = drawn(), 6
    image = torch.from_numpy(plain.image)[None, None].expand(count, -1, -1, -1) / 255
    fine = torch.from_numpy(np.kron(plain.label_map, np.ones((2, 2), dtype=np.uint8)))[None, None]
    augmenter = Augmenter(config, PreprocessingConfig(), torch.Generator().manual_seed(0))
    _, labels = augmenter(image, fine.expand(count, -1, -1, -1))

    def area(label_map) -> int:
        return int((label_map == SAC).sum())

    areas = [area(each) for each in labels]
    assert max(areas) > 1.5 * min(areas)
    strengths = np.linspace(0, 1, 101)
    versions = [kinds.narrow_canal(plain, strength).label_map for strength in strengths]
    for expected in labels.numpy():
        best = min(versions, key=lambda label_map: abs(area(label_map) - area(expected)))
        # Nearest neighbors of a finer label map: borders may differ by a pixel.
        assert (best != expected).mean() < 0.01


def test_a_slice_without_a_sac_keeps_its_canal():
    plain = replace(drawn(), label_map=np.zeros((SIZE, SIZE), dtype=np.uint8))
    assert (kinds.narrow_canal(plain, 1.0).image == plain.image).all()


def test_gamma_keeps_black_and_white():
    image = np.array([[10.0, 60, 110]], dtype=np.float32)
    changed = kinds.change_gamma(replace(drawn(), image=image), 2.0)
    np.testing.assert_allclose(changed.image, [[10, 35, 110]], atol=1e-4)


def test_noise_is_rician():
    rng = np.random.default_rng(0)
    image = np.zeros((200, 200), dtype=np.float32)
    image[:100] = 1000
    noisy = kinds.add_noise(replace(drawn(), image=image), 0.05, rng).image
    assert noisy[:100].std() == pytest.approx(50, rel=0.03)
    assert noisy[100:].mean() == pytest.approx(50 * np.sqrt(np.pi / 2), rel=0.03)  # Rayleigh


def test_the_name_decides_the_noise():
    first, again, other = (disturb(replace(drawn(), name=name), KINDS["noise"], 0.08).image for name in ("a", "a", "b"))
    assert (first == again).all()
    assert (first != other).any()


def test_blur_has_its_width():
    image = np.zeros((SIZE, SIZE), dtype=np.float32)
    image[64, 64] = 1
    blurred = kinds.blur(replace(drawn(), image=image), 2.0).image
    assert (blurred * (np.arange(SIZE) - 64) ** 2).sum() == pytest.approx(4, rel=0.02)


def test_lower_resolution_loses_fine_lines_only():
    columns = np.arange(SIZE)
    coarse, fine = (100 + 50 * np.cos(2 * np.pi * columns / period) for period in (16, 4))
    for wave, kept in ((coarse, True), (fine, False)):
        image = np.tile(wave, (SIZE, 1)).astype(np.float32)
        result = kinds.lower_resolution(replace(drawn(), image=image), 3.0).image
        expected = image if kept else np.full_like(image, 100)
        np.testing.assert_allclose(result, expected, atol=1e-2)


def test_bias_field_has_its_ratio():
    image = np.full((SIZE, SIZE), 100, dtype=np.float32)
    image[0, 0] = 0  # a magnitude image begins at 0
    field = kinds.add_bias_field(replace(drawn(), image=image), 4.0, np.random.default_rng(0)).image.ravel()[1:]
    assert field.max() / field.min() == pytest.approx(4, rel=0.02)


def test_t1_contrast():
    plain, result = drawn(), kinds.turn_to_t1(drawn(), 1.0)
    muscle = np.median(result.image[plain.label_map == MUSCLE]) - 5
    sac = np.median(result.image[FROM_CENTER < RADIUS - 4]) - 5
    fat = result.image[plain.image == 185].max() - 5
    assert muscle / fat > 1.5 * 40 / 180
    assert sac == pytest.approx(0.7 * muscle, rel=0.01)
    assert result.image.min() == 5


def test_a_stenosis_is_narrow_and_gray():
    narrowed, stenosis = kinds.narrow_canal(drawn(), 0.5), kinds.make_stenosis(drawn(), 0.5)
    assert (narrowed.label_map == stenosis.label_map).all()
    middle = (SIZE // 2, SIZE // 2)
    assert stenosis.image[middle] - 5 == pytest.approx(0.7 * (narrowed.image[middle] - 5), rel=0.01)
    outside = FROM_CENTER > RADIUS + 6
    np.testing.assert_allclose(stenosis.image[outside], narrowed.image[outside], atol=1e-3)
