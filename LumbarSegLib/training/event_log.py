"""The log of a run for TensorBoard, beside `log.csv` and with the same figures."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from LumbarSegLib.anatomy import BY_KEY
from LumbarSegLib.errors import missing_package

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

#: Names of the files, which TensorBoard looks for by this pattern.
EVENT_FILES = "events.out.tfevents.*"


class EventLog:
    """Writes the rows of a run's log as scalars: loss, mean_dice, dice/ANATOMY and seconds."""

    def __init__(self, writer: SummaryWriter) -> None:
        self._writer = writer

    def add(self, row: Mapping[str, Any]) -> None:
        """Write one row of `Trainer.fit`; what was not measured is left out."""
        for key, value in row.items():
            if key != "epoch" and value is not None:
                tag = f"dice/{key}" if key in BY_KEY else key
                self._writer.add_scalar(tag, value, row["epoch"])
        self._writer.flush()


def check_tensorboard() -> None:
    """Raise `InputError` if the package tensorboard, which an event log needs, is not installed."""
    if importlib.util.find_spec("tensorboard") is None:
        raise missing_package("TensorBoard", "The option --tensorboard", extra="train")


@contextmanager
def event_log(directory: Path, epochs_done: int) -> Iterator[EventLog]:
    """Open a log in `directory` that goes on after `epochs_done` epochs.

    TensorBoard hides what an interrupted run there has logged of later epochs.
    """
    from torch.utils.tensorboard import SummaryWriter

    purge_step = epochs_done + 1 if epochs_done else None
    with SummaryWriter(str(directory), purge_step=purge_step) as writer:
        yield EventLog(writer)
