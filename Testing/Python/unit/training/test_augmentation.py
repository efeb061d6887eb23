"""Augmentation: what it may change, and what must stay together."""

from dataclasses import fields, replace

import pytest
import torch

from LumbarSegLib.anatomy import BY_KEY
from LumbarSegLib.preprocessing import PreprocessingConfig, normalize
from LumbarSegLib.training.augmentation import Augmenter
from LumbarSegLib.training.recipes import AugmentationConfig

SIZE = 128
SAC = BY_KEY["dural_sac"].index

#: Every transform switched off and the crop covering the whole slice.
NOTHING = replace(
    AugmentationConfig(),
    crop_pixels=SIZE,
    shift=0.0,
    scale=(1.0, 1.0),
    aspect=1.0,
    rotation_deg=0.0,
    shear=0.0,
    jitter_shift=0.0,
    jitter_scale=0.0,
    **{field.name: 0.0 for field in fields(AugmentationConfig) if field.name.endswith("_probability")},
)


def _batch(count: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    """Smooth slices in which every class is a band of its own brightness, labels at twice the resolution."""
    columns = torch.linspace(0, 8, 2 * SIZE + 1)[:-1]
    labels = columns.floor().to(torch.uint8).expand(count, 1, 2 * SIZE, -1).clone()
    images = (labels[..., ::2, ::2].float() + 1) / 8
    return images, labels


def _augment(config: AugmentationConfig, seed: int = 0, count: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    return Augmenter(config, PreprocessingConfig(), torch.Generator().manual_seed(seed))(*_batch(count))


def test_nothing_switched_on_changes_nothing():
    images, labels = _batch()
    augmented, targets = _augment(NOTHING)
    torch.testing.assert_close(augmented, normalize(images, PreprocessingConfig()), rtol=0, atol=1e-3)
    assert (targets == labels[:, 0, ::2, ::2]).all()


def test_same_seed_same_batch():
    first, second, other = (_augment(AugmentationConfig(), seed) for seed in (3, 3, 4))
    assert (first[0] == second[0]).all()
    assert (first[1] == second[1]).all()
    assert (first[0] != other[0]).any()


def test_everything_switched_on_stays_finite_and_labeled():
    always = replace(
        AugmentationConfig(),
        **{field.name: 1.0 for field in fields(AugmentationConfig) if field.name.endswith("_probability")},
    )
    images, labels = _augment(always, count=8)
    assert images.shape == (8, 1, 256, 256)
    assert labels.shape == (8, 256, 256)
    assert torch.isfinite(images).all()
    assert set(labels.unique().tolist()) <= set(range(8))
    assert labels.dtype == torch.int64


def test_geometry_moves_image_and_labels_together():
    moved = replace(NOTHING, rotation_deg=30.0, scale=(0.7, 1.4), shear=0.1, aspect=1.2, shift=0.2)
    moved = replace(moved, flip_probability=0.5, elastic_probability=1.0)
    config = PreprocessingConfig()
    augmenter = Augmenter(moved, config, torch.Generator().manual_seed(1))
    images, labels = _batch(8)
    grid = augmenter._grid(images, labels)
    inside = torch.nn.functional.grid_sample(images, grid, align_corners=False)[:, 0]
    augmenter.generator.manual_seed(1)
    _, targets = augmenter(images, labels)
    valid = (grid.abs() < 1).all(dim=-1)
    expected = (targets.float() + 1) / 8
    # Off the bands' borders, brightness names the class.
    agreement = ((inside - expected).abs() < 0.07)[valid].float().mean()
    assert float(agreement) > 0.9


@pytest.mark.parametrize("probability", [0.0, 1.0], ids=["air", "tissue"])
def test_outside_the_field_of_view_is_background(probability):
    config = replace(NOTHING, scale=(0.5, 0.5), surroundings_probability=probability)
    images, labels = _augment(config)
    assert (labels[:, : SIZE // 4 - 1] == 0).all()
    assert len(labels[:, SIZE // 4 + 1 : -SIZE // 4 - 1].unique()) == 8
    above = images[:, 0, : SIZE // 4 - 1]
    assert (float(above.std()) > 0.1) == bool(probability)


def test_flip_mirrors_left_and_right():
    _, straight = _augment(NOTHING)
    _, mirrored = _augment(replace(NOTHING, flip_probability=1.0))
    # Nearest neighbors of a band's border may fall to either side.
    assert (mirrored == straight.flip(-1)).float().mean() > 0.97


def _slice_with_sac() -> tuple[torch.Tensor, torch.Tensor]:
    y, x = torch.meshgrid(torch.linspace(-1, 1, 2 * SIZE), torch.linspace(-1, 1, 2 * SIZE), indexing="ij")
    labels = (((x - 0.1) ** 2 + (y + 0.2) ** 2) < 0.2**2).to(torch.uint8)[None, None] * SAC
    return 0.2 + 0.6 * labels[..., ::2, ::2].float(), labels


def test_narrowing_shrinks_the_sac_where_it_is():
    narrow = replace(NOTHING, narrowing_probability=1.0)
    areas = []
    for seed in range(8):
        augmenter = Augmenter(narrow, PreprocessingConfig(), torch.Generator().manual_seed(seed))
        _, targets = augmenter(*_slice_with_sac())
        rows, columns = torch.nonzero(targets[0] == SAC, as_tuple=True)
        areas.append(len(rows))
        assert float(columns.float().mean()) == pytest.approx(SIZE / 2 * 1.1, abs=1.5)
        assert float(rows.float().mean()) == pytest.approx(SIZE / 2 * 0.8, abs=1.5)
    full = float((_slice_with_sac()[1] == SAC).sum()) / 4
    assert min(areas) < 0.7 * full
    assert max(areas) <= 1.02 * full


def test_narrowing_leaves_slices_without_a_sac_alone():
    images, labels = _batch()
    labels = labels.masked_fill(labels == SAC, 0)
    config = replace(NOTHING, narrowing_probability=1.0)
    _, targets = Augmenter(config, PreprocessingConfig(), torch.Generator().manual_seed(0))(images, labels)
    assert (targets == labels[:, 0, ::2, ::2]).all()


def test_darkening_takes_signal_from_the_sac_only():
    images, labels = _slice_with_sac()
    augmenter = Augmenter(replace(NOTHING, sac_darkening_probability=1.0), PreprocessingConfig(), torch.Generator())
    darkened = augmenter._darken_sac(images, labels[:, 0, ::2, ::2].long())
    sac = labels[:, :, ::2, ::2] == SAC
    assert darkened[sac].mean() < images[sac].mean()
    corner = (..., slice(0, 20), slice(0, 20))
    assert (darkened[corner] == images[corner]).all()
