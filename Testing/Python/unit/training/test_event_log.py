"""The log for TensorBoard."""

from __future__ import annotations

from pathlib import Path

import pytest

from LumbarSegLib.training.event_log import event_log

loading = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")


def test_a_resumed_run_hides_what_it_does_again(tmp_path: Path) -> None:
    for epochs_done, figures in ((0, (0.5, 0.6, 0.7)), (1, (0.8, None, 0.9))):
        with event_log(tmp_path, epochs_done) as log:
            for epoch, figure in enumerate(figures, start=epochs_done + 1):
                log.add({"epoch": epoch, "mean_dice": figure, "psoas": figure})
    events = loading.EventAccumulator(str(tmp_path))
    events.Reload()
    for tag in ("mean_dice", "dice/psoas"):
        assert [(each.step, round(each.value, 4)) for each in events.Scalars(tag)] == [(1, 0.5), (2, 0.8), (4, 0.9)]
