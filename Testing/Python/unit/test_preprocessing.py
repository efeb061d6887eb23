"""Resampling and normalization shared by training and inference."""

import numpy as np
import pytest
import torch

from LumbarSegLib.preprocessing import (
    BODY_MARGIN_MM,
    Box,
    PreprocessingConfig,
    body_box,
    normalize,
    remove_offset,
    to_native_grid,
    to_working_grid,
    working_size,
)

CONFIG = PreprocessingConfig(pixel_size_mm=0.6)


def test_working_grid_covers_the_same_field_of_view():
    assert working_size((512, 256), (0.3, 1.2), CONFIG) == (256, 512)
    image = torch.arange(512.0)[None, None, :, None].expand(1, 1, 512, 512)
    working = to_working_grid(image, (0.3, 0.3), CONFIG)
    assert working.shape == (1, 1, 256, 256)
    # The centers of the coarse pixels lie between two fine ones: 0.5, 2.5, ...
    torch.testing.assert_close(working[0, 0, 10:-10, 5], torch.arange(256.0)[10:-10] * 2 + 0.5, rtol=0, atol=1e-3)


def test_back_on_the_native_grid_nothing_has_moved():
    j, i = torch.meshgrid(torch.arange(200.0), torch.arange(170.0), indexing="ij")
    image = (torch.exp(-((j - 80) ** 2 + (i - 60) ** 2) / 800.0))[None, None]
    back = to_native_grid(to_working_grid(image, (0.4, 0.9), CONFIG), (200, 170))
    weights = back[0, 0] / back.sum()
    # A hundredth of a pixel: an offset of half a pixel between the grids would be fifty times that.
    assert float((weights * j).sum()) == pytest.approx(float((image[0, 0] * j).sum() / image.sum()), abs=0.01)
    assert float((weights * i).sum()) == pytest.approx(float((image[0, 0] * i).sum() / image.sum()), abs=0.01)


def test_normalization_forgets_gain_and_the_amount_of_air():
    rng = np.random.default_rng(0)
    tissue = torch.tensor(rng.uniform(200, 1000, (1, 1, 64, 64)), dtype=torch.float32)
    padded = torch.nn.functional.pad(tissue, (0, 0, 0, 32))  # a third more of air
    plain = normalize(tissue, CONFIG)
    torch.testing.assert_close(normalize(tissue * 7.5, CONFIG), plain, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(normalize(padded, CONFIG)[..., :64, :], plain, rtol=0, atol=0.2)
    assert abs(float(plain.median())) < 0.1


@pytest.mark.parametrize("offset", [-1000.0, 0.0, 500.0])
def test_an_offset_of_the_signal_is_forgotten(offset):
    image = torch.rand(2, 1, 64, 64) * 1000
    image[..., :20, :] *= 0.01  # air
    plain = normalize(remove_offset(image), CONFIG)
    torch.testing.assert_close(normalize(remove_offset(image + offset), CONFIG), plain, rtol=0, atol=1e-3)


@pytest.mark.parametrize("values", [{"pixel_size_mm": 0.0}, {"air_share": 1.0}, {"clip": -1.0}], ids=str)
def test_impossible_settings_are_refused(values):
    with pytest.raises(ValueError, match="must be"):
        PreprocessingConfig(**values)


def test_bright_outliers_do_not_change_the_scale():
    torch.manual_seed(0)
    image = torch.rand(1, 1, 64, 64) + 1
    spiked = image.clone()
    spiked[0, 0, 0, :5] = 1e5
    difference = (normalize(spiked, CONFIG) - normalize(image, CONFIG))[0, 0, 1:].abs().max()
    assert float(difference) < 0.05
    assert float(normalize(spiked, CONFIG).max()) == CONFIG.clip


@pytest.mark.parametrize("size", [(1, 1), (3, 200)])
def test_constant_slices_become_zero(size):
    assert torch.count_nonzero(normalize(torch.full((2, 1, *size), 42.0), CONFIG)) == 0


def test_a_slice_does_not_depend_on_its_neighbors():
    batch = torch.rand(4, 1, 40, 50) * torch.tensor([1.0, 10.0, 100.0, 1000.0])[:, None, None, None]
    alone = torch.cat([normalize(each[None], CONFIG) for each in batch])
    torch.testing.assert_close(normalize(batch, CONFIG), alone)


def test_body_box_leaves_a_margin_of_air_and_no_more():
    images = torch.rand(3, 1, 300, 400) * 20  # noisy air
    images[0, 0, 80:200, 120:260] += 500
    images[1, 0, 100:200, 140:240] += 500
    images[2, 0, 90:220, 130:250] += 400
    margin = round(BODY_MARGIN_MM / CONFIG.pixel_size_mm)
    box = body_box(images, CONFIG)
    expected = (80 - margin, 220 + margin, 120 - margin, 260 + margin)
    # Smoothing over seven pixels moves the skin by up to three.
    assert (box.first_row, box.last_row, box.first_column, box.last_column) == pytest.approx(expected, abs=3)


def test_body_box_is_everything_where_the_body_fills_the_slice():
    for images in (torch.rand(2, 1, 40, 50) + 1, torch.zeros(1, 1, 1, 1), torch.ones(1, 1, 33, 20)):
        rows, columns = images.shape[-2:]
        assert body_box(images - images.amin(), CONFIG) == Box(0, rows, 0, columns)


def test_uncropped_logits_are_background_outside_the_box():
    logits = torch.randn(2, 8, 3, 4)
    full = Box(2, 5, 1, 5).uncrop(logits, (10, 9))
    assert full.shape == (2, 8, 10, 9)
    assert (full[:, :, 2:5, 1:5] == logits).all()
    outside = torch.ones(10, 9, dtype=torch.bool)
    outside[2:5, 1:5] = False
    assert (full.argmax(dim=1)[:, outside] == 0).all()
