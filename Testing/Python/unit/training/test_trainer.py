"""The loop: it learns, it logs, it resumes to the same result."""

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from LumbarSegLib.anatomy import NUM_CLASSES, VERTEBRAL_BODY_INDEX
from LumbarSegLib.errors import InputError
from LumbarSegLib.evaluation.evaluator import evaluate_slices, summarize
from LumbarSegLib.inference.checkpoint import load_checkpoint
from LumbarSegLib.inference.predictor import Predictor
from LumbarSegLib.io.labeled_slices import LabeledSlice
from LumbarSegLib.training.data import BatchSource, make_phantoms, prepare
from LumbarSegLib.training.recipes import BEST, PAPER, RECIPES, AugmentationConfig, Recipe
from LumbarSegLib.training.trainer import Trainer, TrainingRun

TINY = replace(
    BEST,
    epochs=4,
    phantom_share=0.0,
    augmentation=replace(AugmentationConfig(), crop_pixels=64),
    preprocessing=replace(BEST.preprocessing, pixel_size_mm=3.0),
)


@pytest.fixture(scope="module")
def slices() -> list[LabeledSlice]:
    return make_phantoms(10, seed=5)


def _made(directory: Path) -> Path:
    directory.mkdir()
    return directory


def _trainer(slices: list[LabeledSlice], directory: Path, recipe: Recipe = TINY, **settings: Any) -> Trainer:
    directory.mkdir(exist_ok=True)
    run = TrainingRun(slices[:8], slices[8:], recipe, 0, torch.device("cpu"), {"fold": "0"})
    return Trainer(replace(run, **settings), directory)


def test_training_learns_and_writes_what_evaluation_reads(slices, tmp_path):
    trainer = _trainer(slices, tmp_path / "run", replace(TINY, epochs=8))
    path = trainer.fit()
    assert trainer.rows[-1]["loss"] < 0.8 * trainer.rows[0]["loss"]
    checkpoint = load_checkpoint(path)
    assert checkpoint.training["recipe"]["name"] == "best"
    assert checkpoint.training["epochs_done"] == 8
    assert checkpoint.preprocessing == trainer.run.recipe.preprocessing
    with (tmp_path / "run" / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == [str(n) for n in range(1, 9)]
    assert all(0 <= float(row["mean_dice"]) <= 1 for row in rows)
    assert not (tmp_path / "run" / "resume.pt").exists()
    json.dumps(checkpoint.training)


def test_resuming_gives_what_an_unbroken_run_gives(slices, tmp_path):
    recipe = replace(TINY, average_decay=0.9)
    unbroken = _trainer(slices, tmp_path / "unbroken", recipe)
    unbroken.fit()

    def kill(row: dict[str, object]) -> None:
        if row["epoch"] == 2:
            raise KeyboardInterrupt

    broken = _trainer(slices, tmp_path / "broken", recipe)
    with pytest.raises(KeyboardInterrupt):
        broken.fit(kill)
    resumed = _trainer(slices, tmp_path / "broken", recipe)
    resumed.resume()
    assert resumed.epoch == 2
    resumed.fit()
    for part in ("model", "average"):
        first, second = getattr(unbroken, part).state_dict(), getattr(resumed, part).state_dict()
        for name, expected in first.items():
            torch.testing.assert_close(second[name], expected, rtol=1e-4, atol=1e-5, msg=name)


def test_early_stop_keeps_the_best_epoch_also_when_resumed(slices, tmp_path):
    recipe = replace(TINY, epochs=12, learning_rate=1e-2, patience=2)
    unbroken = _trainer(slices, tmp_path / "unbroken", recipe)
    path = unbroken.fit()
    dice = [row["mean_dice"] for row in unbroken.rows]
    best = dice.index(max(dice)) + 1
    assert best < len(dice) == best + 2 < recipe.epochs
    assert dice[best - 1] > dice[-1] + 0.002, "the slices cannot tell the best epoch from the last"
    checkpoint = load_checkpoint(path)
    assert checkpoint.training["epochs_done"] == best
    found = summarize(evaluate_slices(Predictor(checkpoint, torch.device("cpu")), slices[8:]))["mean_dice"]
    assert found == pytest.approx(dice[best - 1], abs=1e-3)  # half precision on the disk
    assert not (tmp_path / "unbroken" / "resume.pt").exists()

    def kill(row: dict[str, object]) -> None:
        if row["epoch"] == best + 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _trainer(slices, tmp_path / "broken", recipe).fit(kill)
    resumed = _trainer(slices, tmp_path / "broken", recipe)
    resumed.resume()
    again = load_checkpoint(resumed.fit())
    assert [row["mean_dice"] for row in resumed.rows] == pytest.approx(dice, abs=1e-3)
    assert again.training["epochs_done"] == best
    torch.testing.assert_close(dict(again.model.state_dict()), dict(checkpoint.model.state_dict()))


def test_a_run_without_validation_slices_cannot_stop_early(slices, tmp_path):
    with pytest.raises(InputError, match="set patience to 0"):
        _trainer(slices, tmp_path, replace(TINY, patience=1), validation=[])


def test_the_average_is_what_is_kept(slices, tmp_path):
    trainer = _trainer(slices, tmp_path, replace(TINY, epochs=2, average_decay=0.9))
    kept = load_checkpoint(trainer.fit()).model.state_dict()
    key = "encoder.conv1.weight"
    # Half precision keeps three digits.
    torch.testing.assert_close(kept[key], trainer.average.module.state_dict()[key], rtol=2e-3, atol=1e-4)
    assert (kept[key] - trainer.model.state_dict()[key]).abs().max() > 1e-3


def test_a_run_can_start_from_other_weights(slices, tmp_path):
    first = load_checkpoint(_trainer(slices, tmp_path / "first", replace(TINY, epochs=1)).fit())
    run = TrainingRun(slices[:8], slices[8:], TINY, 7, torch.device("cpu"), {}, first)
    trainer = Trainer(run, tmp_path)
    for name, expected in first.model.state_dict().items():
        torch.testing.assert_close(trainer.model.state_dict()[name], expected)
    assert trainer._settings()["initial_weights"]["sha256"] == first.sha256


def test_a_baseline_trains_and_keeps_its_name(slices, tmp_path):
    recipe = replace(TINY, epochs=1, average_decay=0.9)
    path = _trainer(slices, tmp_path, recipe, model_name="segnet").fit()
    assert {each.name for each in tmp_path.iterdir()} == {"segnet.safetensors", "segnet.json", "log.csv"}
    checkpoint = load_checkpoint(path)
    assert (checkpoint.model_name, checkpoint.name) == ("segnet", "segnet-data-fold-0")
    assert checkpoint.training["model"] == "segnet"
    with pytest.raises(InputError, match="those of segnet, not of msff"):
        _trainer(slices, tmp_path, initial=checkpoint)
    further = _trainer(slices, tmp_path, recipe, initial=checkpoint, model_name="segnet")
    torch.testing.assert_close(dict(further.model.state_dict()), dict(checkpoint.model.state_dict()))


def test_the_vertebral_body_is_learned_beside_the_anatomies_and_not_reported(slices, tmp_path):
    """The disc of half the slices becomes a body; a network without that class hands its weights on."""
    bodies = [
        replace(each, label_map=np.where(each.label_map == 7, VERTEBRAL_BODY_INDEX, each.label_map)) if n % 2 else each
        for n, each in enumerate(slices)
    ]
    without = load_checkpoint(_trainer(bodies, tmp_path / "without", replace(TINY, epochs=1)).fit())
    assert without.model.config.num_classes == NUM_CLASSES
    recipe = replace(TINY, epochs=2, vertebral_body=True)
    trainer = Trainer(
        TrainingRun(bodies[:8], bodies[8:], recipe, 0, torch.device("cpu"), {}, without), _made(tmp_path / "body")
    )
    started = {key: value.clone() for key, value in trainer.model.state_dict().items()}
    initial = without.model.state_dict()
    torch.testing.assert_close(started["head.4.weight"][:NUM_CLASSES], initial["head.4.weight"])
    torch.testing.assert_close(started["encoder.conv1.weight"], initial["encoder.conv1.weight"])
    checkpoint = load_checkpoint(trainer.fit())
    assert checkpoint.model.config.num_classes == NUM_CLASSES + 1
    assert (checkpoint.model.state_dict()["head.4.bias"][-1] - started["head.4.bias"][-1]).abs() > 0
    affine = np.diag([-0.38, -0.38, 4.0, 1.0])
    labels, confidence = Predictor(checkpoint, torch.device("cpu")).predict_block(
        bodies[1].image[None], affine, keep_probabilities=True
    )
    assert labels.max() < NUM_CLASSES
    assert confidence.probabilities.shape[1] == NUM_CLASSES
    back = Trainer(TrainingRun(bodies[:8], [], TINY, 0, torch.device("cpu"), {}, checkpoint), tmp_path)
    torch.testing.assert_close(
        back.model.state_dict()["head.4.bias"], checkpoint.model.state_dict()["head.4.bias"][:NUM_CLASSES]
    )


def test_resuming_under_other_settings_is_refused(slices, tmp_path):
    def kill(row: dict[str, object]) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _trainer(slices, tmp_path).fit(kill)
    for settings in ({"seed": 1}, {"model_name": "msff_no_bottleneck"}):
        with pytest.raises(InputError, match="another recipe, network, seed"):
            _trainer(slices, tmp_path, **settings).resume()
    (tmp_path / "resume.pt").write_bytes(b"not a checkpoint")
    with pytest.raises(InputError, match="is damaged"):
        _trainer(slices, tmp_path).resume()
    with pytest.raises(InputError, match="no unfinished run"):
        _trainer(slices, tmp_path / "elsewhere").resume()


def test_paper_recipe_is_what_the_paper_says():
    assert set(RECIPES) == {"best", "coarse", "refine", "fine", "paper"}
    assert (PAPER.optimizer, PAPER.batch_size, PAPER.epochs, PAPER.learning_rate) == ("sgd", 4, 100, 1e-3)
    assert (PAPER.alpha, PAPER.dice_weight, PAPER.augmentation.rotation_deg) == (1.0, 0.0, 10.0)


def test_paper_schedule_drops_for_the_last_fifth(slices, tmp_path):
    recipe = replace(PAPER, epochs=5, preprocessing=TINY.preprocessing)
    recipe = replace(recipe, augmentation=replace(PAPER.augmentation, crop_pixels=64))
    trainer = _trainer(slices, tmp_path, recipe)
    rates: list[float] = []
    trainer.fit(lambda row: rates.append(trainer.optimizer.param_groups[0]["lr"]))
    assert rates == pytest.approx([1e-3, 1e-3, 1e-3, 1e-4, 1e-4])


def test_dataset_shares_reach_the_loss_and_the_checkpoint(slices, tmp_path):
    trainer = _trainer(slices, tmp_path, replace(TINY, epochs=1, reference="dataset"))
    checkpoint = load_checkpoint(trainer.fit())
    shares = checkpoint.training["mean_class_shares"]
    assert sum(shares) == pytest.approx(1.0)
    # Background fills most of a slice, the erector spinae most of the rest.
    assert shares[0] == max(shares)
    assert shares[5] == max(shares[1:])


def test_an_epoch_takes_every_real_slice_once_and_a_share_of_phantoms(slices):
    recipe = replace(TINY, phantom_share=0.5, batch_size=3)
    prepared = prepare(slices, recipe.preprocessing)
    source = BatchSource(prepared[:6], prepared[6:], recipe, torch.Generator().manual_seed(0))
    assert source.batches_per_epoch == 3
    images = torch.cat([images for images, _ in source.epoch()])
    assert len(images) == 9
    for each in prepared[:6]:
        assert sum(bool((image == each.image).all()) for image in images) == 1


def test_slices_of_differing_size_share_a_batch_unmoved():
    label_maps = [np.full(shape, 3, dtype=np.uint8) for shape in ((40, 60), (60, 30))]
    slices = [LabeledSlice(str(n), each.astype(np.float32), each, 0.6) for n, each in enumerate(label_maps)]
    recipe = replace(TINY, batch_size=2, preprocessing=replace(BEST.preprocessing, pixel_size_mm=0.6))
    source = BatchSource(prepare(slices, recipe.preprocessing), [], recipe, torch.Generator().manual_seed(0))
    ((images, labels),) = list(source.epoch())
    assert images.shape == (2, 1, 60, 60)
    assert labels.shape == (2, 1, 120, 120)
    for label in labels[:, 0]:
        rows, columns = torch.nonzero(label == 3, as_tuple=True)
        assert (rows.float().mean().item(), columns.float().mean().item()) == (59.5, 59.5)
