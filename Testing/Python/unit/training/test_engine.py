"""Several processes train one network: they share, they agree, they resume, they fail together."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from LumbarSegLib.errors import InputError
from LumbarSegLib.inference.checkpoint import load_checkpoint
from LumbarSegLib.training.data import BatchSource, make_phantoms, prepare
from LumbarSegLib.training.engine import check_devices, launch
from LumbarSegLib.training.trainer import RESUME_NAME, TrainingRun

training_processes = pytest.importorskip("training_processes", reason="needs lightning-fabric: extra 'train'")
RECIPE = training_processes.SHARED_RECIPE
CPU = torch.device("cpu")


def _run() -> TrainingRun:
    slices = make_phantoms(9, seed=5)
    return TrainingRun(slices[:8], slices[8:], RECIPE, 0, CPU, {"fold": "0"})


def test_processes_agree_and_resume_after_a_kill_to_what_an_unbroken_run_gives(tmp_path: Path) -> None:
    run = _run()
    folders = [tmp_path / name for name in ("unbroken", "broken")]
    for folder in folders:
        folder.mkdir()
    launch(training_processes.train, CPU, 2, run, folders[0])
    first, second = (torch.load(folders[0] / f"rank-{rank}.pt") for rank in range(2))
    for part in ("model", "average"):
        torch.testing.assert_close(first[part], second[part], rtol=0.0, atol=0.0)
    assert first["rows"] == second["rows"]
    assert load_checkpoint(folders[0] / "msff.safetensors").training["devices"] == 2
    assert not (folders[0] / RESUME_NAME).exists()

    with pytest.raises(RuntimeError, match="Process 1 of 2 was ended by SIGKILL"):
        launch(training_processes.train, CPU, 2, run, folders[1], 1)
    with pytest.raises(InputError, match="number of devices"):
        launch(training_processes.train, CPU, 1, run, folders[1])
    launch(training_processes.train, CPU, 2, run, folders[1])
    resumed = torch.load(folders[1] / "rank-0.pt")
    assert [row["epoch"] for row in resumed["rows"]] == [1, 2]
    for part in ("model", "average"):
        torch.testing.assert_close(resumed[part], first[part], rtol=1e-4, atol=1e-5)


def test_two_processes_have_the_gradient_of_one_with_both_parts() -> None:
    images = torch.randn(4, 1, 12, 12, generator=torch.Generator().manual_seed(1))
    whole = launch(training_processes.gradient_and_statistics, CPU, 1, images)
    shared = launch(training_processes.gradient_and_statistics, CPU, 2, images)
    torch.testing.assert_close(shared, whole)
    alone = launch(training_processes.gradient_and_statistics, CPU, 1, images[::2])
    assert abs(alone[0] - whole[0]).max() > 1e-3, "the parts cannot be told from the whole"


def test_the_failure_of_one_process_ends_all() -> None:
    with pytest.raises(InputError, match=r"A problem\. A repair\."):
        launch(training_processes.fail, CPU, 2, "input")
    with pytest.raises(RuntimeError, match=r"(?s)Process 2 of 2 failed.*no such luck"):
        launch(training_processes.fail, CPU, 2, "other")


def test_processes_take_every_slice_of_a_batch_once() -> None:
    slices = prepare(make_phantoms(8, seed=5), RECIPE.preprocessing)
    whole, *parts = (
        list(BatchSource(slices, (), RECIPE, torch.Generator().manual_seed(3), rank=rank, num_ranks=num).epoch())
        for rank, num in ((0, 1), (0, 2), (1, 2))
    )
    for batch, *shares in zip(whole, *parts, strict=True):
        assert [len(images) for images, _ in shares] == [2, 2]
        together = torch.stack([images for images, _ in shares], dim=1).flatten(0, 1)
        torch.testing.assert_close(together, batch[0])


@pytest.mark.parametrize(
    ("device", "devices", "message"),
    [
        ("cpu", 3, "3 devices cannot share a batch of 4 slices equally"),
        ("cpu", 0, "must be >= 1"),
        ("cuda:1", 2, "cannot be cuda:1 alone"),
        ("mps", 2, "cannot be mps alone"),
    ],
)
def test_devices_that_cannot_share_a_batch(device: str, devices: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_devices(torch.device(device), devices, RECIPE.batch_size)
