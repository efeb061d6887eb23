"""`lumbarseg train --preview`: a sheet of what the network is going to see, and nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from labeled_folder import write_labeled_folder
from PIL import Image

from LumbarSegLib.anatomy import BY_KEY
from LumbarSegLib.cli import main
from LumbarSegLib.io.labeled_slices import read_slices
from LumbarSegLib.training.recipes import PAPER
from LumbarSegLib.training.trainer import Trainer, TrainingRun

NAMES = [f"{n:03d}" for n in range(16)]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen small phantom slices, half of them to train on."""
    return write_labeled_folder(tmp_path_factory.mktemp("preview") / "data", NAMES, 96, 2.0)


def _preview(data: Path, file: Path, *options: str) -> int:
    # The paper's recipe takes no phantoms, which are slow to draw.
    arguments = ["train", "--data", str(data), "--preview", str(file), "--recipe", "paper", "--device", "cpu"]
    return main([*arguments, *options])


def _tiles(sheet: Path) -> list[np.ndarray]:
    """Cut the pictures out of a sheet; they stand on one dark color."""
    pixels = np.asarray(Image.open(sheet).convert("RGB")).astype(float)
    side, gap = 360, 12
    columns = [gap + n * (side + gap) for n in range(6)]
    background = (np.abs(pixels - [16, 18, 22]) < 1).all(axis=-1)
    left = ~background[:, columns[0] + 1]
    tops = [row for row in np.flatnonzero(left) if left[row : row + side].all() and not left[row - 1]]
    places = [(top, column) for top in tops for column in columns]
    return [pixels[top : top + side, column : column + side] for top, column in places]


def test_it_shows_the_first_batches_of_the_run(data, tmp_path, capsys):
    sheet = tmp_path / "preview.png"
    assert _preview(data, sheet, "--seed", "3") == 0
    assert "8 augmented samples" in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == ["preview.png"]
    run = TrainingRun(read_slices(data, NAMES[:8], 1.0), [], PAPER, 3, torch.device("cpu"), {})
    trainer = Trainer(run, tmp_path)
    batches = [trainer.augment(*batch) for batch in trainer.source.epoch()]
    images = torch.cat([images for images, _ in batches])[:, 0].numpy()
    labels = torch.cat([labels for _, labels in batches]).numpy()
    tiles = _tiles(sheet)
    assert len(images) == 8 <= len(tiles)
    disc = BY_KEY["intervertebral_disc"]
    for n, (image, label_map) in enumerate(zip(images, labels, strict=True)):
        shown = [np.corrcoef(_small(tile.min(axis=-1)), _small(image))[0, 1] for tile in tiles[:8]]
        assert int(np.argmax(shown)) == n
        assert shown[n] > 0.95
        # Pixels in the disc's color lie within the disc, whose edge they follow.
        colored = np.abs(tiles[n] - disc.color).max(axis=-1) < 25
        inside = np.asarray(Image.fromarray((label_map == disc.index).astype(np.uint8)).resize((360, 360)), dtype=bool)
        assert colored.sum() > 100
        assert (colored & inside).sum() > 0.95 * colored.sum()


def _small(pixels: np.ndarray) -> np.ndarray:
    picture = Image.fromarray(pixels.astype(np.float32)).resize((40, 40), Image.Resampling.BOX)
    return np.asarray(picture).ravel()


@pytest.mark.parametrize("options", [["--seed", "1"], ["--fold", "1"], ["--recipe", "best"]], ids=str)
def test_it_follows_the_options(data, tmp_path, monkeypatch, options):
    monkeypatch.setattr("LumbarSegLib.training.batches._NUM_PHANTOMS", 2)
    for name, more in (("a", []), ("b", []), ("c", options)):
        assert _preview(data, tmp_path / f"{name}.png", "--quiet", *more) == 0
    first, again, other = (
        np.asarray(Image.open(tmp_path / f"{name}.png").convert("RGB"))[100:] for name in ("a", "b", "c")
    )
    assert np.array_equal(first, again)
    assert first.shape != other.shape or not np.array_equal(first, other)


def test_an_earlier_preview_is_kept(data, tmp_path, capsys):
    sheet = tmp_path / "preview.png"
    sheet.write_bytes(b"mine")
    assert _preview(data, sheet) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert sheet.read_bytes() == b"mine"
    assert _preview(data, sheet, "--overwrite") == 0
    assert sheet.read_bytes() != b"mine"


@pytest.mark.parametrize(
    ("file", "options", "message"),
    [
        ("preview.jpg", [], "FILE.png"),
        ("nowhere/preview.png", [], "does not exist"),
        ("preview.png", ["--resume"], "--resume"),
        ("preview.png", ["--seed", "-1"], "--seed"),
    ],
)
def test_what_cannot_be_drawn_is_one_line(data, tmp_path, capsys, file, options, message):
    assert _preview(data, tmp_path / file, *options) == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "error:" in line]
    assert message in line
    assert list(tmp_path.iterdir()) == []


def test_a_preview_is_no_run(data, tmp_path):
    for options in (["--output", str(tmp_path)], []):
        with pytest.raises(SystemExit) as exit_:
            main(["train", "--data", str(data), *options, *(["--preview", "a.png"] if options else [])])
        assert exit_.value.code == 2
