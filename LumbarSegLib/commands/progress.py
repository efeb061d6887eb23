"""What a command says on the terminal: results on stdout, progress on stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress


def say(line: str, *, quiet: bool = False) -> None:
    """Write one line to stdout unless `quiet`."""
    if not quiet:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


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
