"""How long each part of a run took."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone


class Stopwatch:
    """Seconds per named part, from the moment it is made."""

    def __init__(self) -> None:
        self.started_at = datetime.now(timezone.utc)
        self._start = time.perf_counter()
        self._parts: dict[str, float] = {}

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Add the time spent inside the `with` block to the part `name`."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self._parts[name] = self._parts.get(name, 0.0) + time.perf_counter() - start

    def seconds(self) -> dict[str, float]:
        """Return seconds by part and, as "total", since the stopwatch was made."""
        parts = {name: round(value, 3) for name, value in self._parts.items()}
        return {**parts, "total": round(time.perf_counter() - self._start, 3)}
