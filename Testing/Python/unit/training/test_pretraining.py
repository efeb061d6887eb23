"""Pretraining: what is damaged and what is not, learning, resuming, and training from the result."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from LumbarSegLib.errors import InputError
from LumbarSegLib.inference.checkpoint import load_checkpoint
from LumbarSegLib.training.data import collate, make_phantoms
from LumbarSegLib.training.initial_network import make_network
from LumbarSegLib.training.pretraining import Pretrainer, PretrainingRun
from LumbarSegLib.training.pretraining_corruption import Corrupter
from LumbarSegLib.training.pretraining_data import ImageFolder, UnlabeledImages, read_images
from LumbarSegLib.training.pretraining_recipe import RESTORE, CorruptionConfig, PretrainingRecipe
from LumbarSegLib.training.recipes import PAPER

TINY = replace(
    RESTORE,
    epochs=4,
    batch_size=4,
    held_back_share=0.2,
    augmentation=replace(RESTORE.augmentation, crop_pixels=64),
    preprocessing=replace(RESTORE.preprocessing, pixel_size_mm=3.0),
)

#: Geometry as it comes, and not one change of the signal.
UNCHANGED = replace(
    TINY,
    augmentation=replace(PAPER.augmentation, crop_pixels=64, jitter_shift=0.0, jitter_scale=0.0),
    corruption=CorruptionConfig(curve_probability=0.0, mask_probability=0.0, shuffle_probability=0.0),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten phantoms as pictures."""
    folder = tmp_path_factory.mktemp("images")
    for each in make_phantoms(10, seed=3):
        Image.fromarray((each.image / each.image.max() * 255).astype(np.uint8)).save(folder / f"{each.name}.png")
    return folder


@pytest.fixture(scope="module")
def images(folder: Path) -> UnlabeledImages:
    return read_images([ImageFolder(folder, 0.38)], TINY.preprocessing, TINY.held_back_share)


def _pretrainer(images: UnlabeledImages, directory: Path, recipe: PretrainingRecipe = TINY) -> Pretrainer:
    directory.mkdir(exist_ok=True)
    return Pretrainer(PretrainingRun(images, recipe, 0, torch.device("cpu"), {"data": "phantoms"}), directory)


def _corrupt(images: UnlabeledImages, **corruption: object) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    recipe = replace(UNCHANGED, corruption=replace(UNCHANGED.corruption, **corruption))
    return Corrupter(recipe, torch.Generator().manual_seed(0)).corrupt(*collate(images.train[:4]))


def test_the_last_names_are_held_back_and_labels_are_background(images):
    assert images.held_back_names == ("phantom-008", "phantom-009")
    assert len(images.train) == 8
    for each in (*images.train, *images.held_back):
        assert each.image.shape == (1, 65, 65)
        assert each.labels.shape == (1, 130, 130)
        assert not each.labels.any()


def test_a_folder_of_labeled_slices_gives_its_images_alone(folder, images, tmp_path):
    for part in ("images", "labels"):
        (tmp_path / part).mkdir()
    for number, path in enumerate(sorted(folder.iterdir())):
        # One of them deeper: folders below count, labels/ does not.
        below = tmp_path / "images" / ("deeper" if number == 4 else "")
        below.mkdir(exist_ok=True)
        (below / path.name).write_bytes(path.read_bytes())
        (tmp_path / "labels" / path.name).write_bytes(b"no picture")
    both = read_images(
        [ImageFolder(tmp_path, 0.38), ImageFolder(folder, 0.5)], TINY.preprocessing, TINY.held_back_share
    )
    assert (len(both.train), len(both.held_back)) == (16, 4)
    assert both.train[-1].image.shape == (1, 85, 85)
    assert both.sha256 != images.sha256


def test_without_damage_the_input_is_the_target(images):
    damaged, target, weights = _corrupt(images)
    inside = weights > 0
    assert 0.5 < inside.float().mean() < 1
    torch.testing.assert_close(damaged[inside], target[inside])
    assert set(weights.unique().tolist()) == {0.0, 1.0}
    assert target.std() > 0.5


def test_blanked_squares_count_more_and_the_rest_is_untouched(images):
    damaged, target, weights = _corrupt(images, mask_probability=1.0)
    blanked, untouched = weights == TINY.corrupted_weight, weights == 1.0
    assert 0.05 < blanked.float().mean() < 0.6
    assert (damaged[blanked] - target[blanked]).abs().mean() > 0.5
    torch.testing.assert_close(damaged[untouched], target[untouched])


def test_shuffled_windows_keep_their_values(images):
    damaged, target, weights = _corrupt(images, shuffle_probability=1.0, patch_pixels=(8.0, 8.5))
    assert (weights == TINY.corrupted_weight).any()
    whole = F.pixel_unshuffle(weights, 4).amin(dim=1, keepdim=True) == TINY.corrupted_weight
    whole = whole.expand(-1, 16, -1, -1)
    before, after = (F.pixel_unshuffle(each, 4) for each in (target, damaged))
    assert (before - after)[whole].abs().max() > 0.5
    # Windows that are shuffled in part hold some values twice, which moves the quantiles a little.
    torch.testing.assert_close(after.sort(dim=1).values[whole], before.sort(dim=1).values[whole], rtol=0, atol=0.1)


@pytest.mark.parametrize(("falls", "sign"), [(0.0, 1.0), (1.0, -1.0)])
def test_curves_rise_or_fall(images, falls, sign):
    damaged, target, weights = _corrupt(images, curve_probability=1.0, inversion_probability=falls)
    for one, other, weight in zip(damaged, target, weights, strict=True):
        tissue = (weight > 0) & (other > other.min() + 0.3 * (other.max() - other.min()))
        order = other[tissue].argsort()
        steps = one[tissue][order].diff() * sign
        assert steps.min() > -1e-3
        assert steps.sum() > 0.5
        air = (weight > 0) & (other == other[weight > 0].min())
        assert one[air].max() < one[tissue].median()  # dark in any contrast


def test_the_loss_falls_and_everything_is_written(images, tmp_path):
    pretrainer = _pretrainer(images, tmp_path, replace(TINY, epochs=8))
    path = pretrainer.fit()
    with (tmp_path / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == [str(n) for n in range(1, 9)]
    assert float(rows[-1]["loss"]) < 0.7 * float(rows[0]["loss"])
    assert float(rows[-1]["validation_loss"]) < 0.9 * float(rows[0]["validation_loss"])
    assert {each.name for each in tmp_path.iterdir()} == {"msff.safetensors", "msff.json", "log.csv"}
    checkpoint = load_checkpoint(path, to_train=True)
    assert checkpoint.training["pretraining"]["name"] == "restore"
    assert checkpoint.training["epochs_done"] == 8
    shown = pretrainer.restore(2)
    assert shown.damaged.shape == shown.restored.shape == shown.target.shape == (2, 1, 64, 64)
    torch.testing.assert_close(shown.damaged, pretrainer.restore(2).damaged)


def test_resuming_gives_what_an_unbroken_run_gives(images, tmp_path):
    recipe = replace(TINY, epochs=3)
    unbroken = _pretrainer(images, tmp_path / "unbroken", recipe)
    unbroken.fit()

    def kill(row: dict[str, object]) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _pretrainer(images, tmp_path / "broken", recipe).fit(kill)
    with pytest.raises(InputError, match="another recipe"):
        _pretrainer(images, tmp_path / "broken", replace(recipe, learning_rate=1e-3)).resume()
    resumed = _pretrainer(images, tmp_path / "broken", recipe)
    resumed.resume()
    assert resumed.epoch == 1
    resumed.fit()
    for name, expected in unbroken.model.state_dict().items():
        torch.testing.assert_close(resumed.model.state_dict()[name], expected, rtol=1e-4, atol=1e-5, msg=name)
    assert [row["validation_loss"] for row in resumed.rows] == pytest.approx(
        [row["validation_loss"] for row in unbroken.rows], rel=1e-3
    )


def test_training_takes_all_but_the_last_layer(images, tmp_path):
    path = _pretrainer(images, tmp_path, replace(TINY, epochs=1)).fit()
    with pytest.raises(InputError, match=r"outlines nothing\. Train from it"):
        load_checkpoint(path)
    pretrained = load_checkpoint(path, to_train=True)
    last = {"head.4.weight", "head.4.bias"}
    for num_classes in (8, 9):
        torch.manual_seed(4)
        network = make_network("msff", num_classes, pretrained).state_dict()
        torch.manual_seed(4)
        fresh = make_network("msff", num_classes, None).state_dict()
        for name, tensor in network.items():
            expected = fresh[name] if name in last else pretrained.model.state_dict()[name]
            torch.testing.assert_close(tensor, expected, rtol=0, atol=0, msg=name)
        assert last < set(network)


def test_bad_recipes_and_folders_are_refused(images, tmp_path):
    with pytest.raises(ValueError, match="mask_share must be in"):
        CorruptionConfig(mask_share=1.0)
    with pytest.raises(ValueError, match="must be a multiple of"):
        replace(TINY, augmentation=replace(TINY.augmentation, crop_pixels=66))
    with pytest.raises(ValueError, match="learning_rate must be in"):
        replace(TINY, learning_rate=0.0)
    with pytest.raises(InputError, match="fewer than a batch of 9"):
        _pretrainer(images, tmp_path, replace(TINY, batch_size=9))
    for folder, message in ((tmp_path / "missing", "is not a folder"), (tmp_path, "holds no PNG files")):
        with pytest.raises(InputError, match=message):
            ImageFolder(folder, 1.0).files()
