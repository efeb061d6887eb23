"""What a command says on the terminal: results on stdout, progress on stderr."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress


def say(line: str, *, quiet: bool = False) -> None:
    """Write one line to stdout unless `quiet`."""
    if not quiet:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


def start_logging(*, quiet: bool) -> None:
    """Let the library's messages appear on stderr; of a quiet process, warnings and errors only."""
    level = logging.WARNING if quiet else logging.INFO
    logging.basicConfig(level=level, format="lumbarseg: %(message)s", stream=sys.stderr)


@contextmanager
def slice_progress(total: int, *, quiet: bool) -> Iterator[Callable[[int], None]]:
    """Show how many of `total` slices are done: a bar on a terminal, plain lines elsewhere.

    Yields
    ------
    callable
        To be called with the number of slices just finished.
    """
    if quiet:
        yield lambda finished: None
    elif sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (TextColumn("Segmenting"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=Console(stderr=True)) as bar:
            task = bar.add_task("slices", total=total)
            yield lambda finished: bar.advance(task, finished)
    else:
        yield _PlainLines(total)


@contextmanager
def batch_progress(
    epochs: int, epochs_done: int, batches_per_epoch: int, *, quiet: bool
) -> Iterator[Callable[[], None]]:
    """Show the running epoch's batches and the time left of all epochs: a bar on a terminal, nothing elsewhere.

    Yields
    ------
    callable
        To be called after every batch.
    """
    if quiet or not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn(), TextColumn("left"))
    bar = Progress(
        *columns,
        console=Console(stderr=True),
        redirect_stdout=sys.stdout.isatty(),  # else rows meant for a file would go to the terminal
        speed_estimate_period=3600.0,  # validation takes its part of the time
    )
    done = epochs_done * batches_per_epoch

    def description() -> str:
        epoch, batch = divmod(done, batches_per_epoch)
        return f"Epoch {min(epoch + 1, epochs)} of {epochs}, batch {batch} of {batches_per_epoch}"

    with bar:
        task = bar.add_task(description(), total=epochs * batches_per_epoch, completed=done)

        def advance() -> None:
            nonlocal done
            done += 1
            bar.update(task, advance=1, description=description())

        yield advance


class _PlainLines:
    """A line for about every tenth of the work."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.done = 0
        self.shown = 0

    def __call__(self, finished: int) -> None:
        self.done += finished
        if self.done == self.total or self.done - self.shown >= self.total / 10:
            self.shown = self.done
            with suppress(BrokenPipeError):  # a reader that went away must not cost the result
                sys.stderr.write(f"slice {self.done} of {self.total}\n")
                sys.stderr.flush()
