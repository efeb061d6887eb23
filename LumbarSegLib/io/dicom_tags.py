"""Tolerant access to DICOM values: clinical exports break the standard in small ways."""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Iterator, MutableSequence
from contextlib import contextmanager
from typing import Any

from pydicom import config
from pydicom.dataset import Dataset

logger = logging.getLogger(__name__)


@contextmanager
def pydicom_tolerance() -> Iterator[None]:
    """Read values that break the standard, and send pydicom's warnings to the log.

    Clinical exports are full of over-long or oddly formatted values that do
    not matter here; those that do are checked where they are used.
    """
    with config.disable_value_validation(), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    for warning in caught:
        logger.debug("pydicom: %s", warning.message)


class Tags:
    """Tolerant access to the values of one image: the frame's own, else the file's."""

    def __init__(self, *datasets: Dataset) -> None:
        self._datasets = datasets

    def value(self, *keywords: str) -> Any:
        """Return the first of the keywords that is present and can be parsed, else None."""
        for keyword in keywords:
            for dataset in self._datasets:
                try:
                    value = dataset.get(keyword)
                except (ValueError, TypeError, OverflowError, NotImplementedError):
                    logger.debug("Unusable value of %s", keyword)
                    continue
                if value not in (None, ""):
                    return value
        return None

    def _items(self, *keywords: str) -> tuple[Any, ...]:
        value = self.value(*keywords)
        if value is None:
            return ()
        return tuple(value) if isinstance(value, MutableSequence) else (value,)

    def texts(self, *keywords: str) -> tuple[str, ...]:
        """Return all values as upper-case texts; empty if absent."""
        return tuple(str(item).strip().upper() for item in self._items(*keywords))

    def text(self, *keywords: str) -> str:
        """Return the value as a text, several joined by spaces; empty if absent."""
        return " ".join(str(item).strip() for item in self._items(*keywords))

    def numbers(self, *keywords: str) -> tuple[float, ...]:
        """Return all values as finite numbers; empty if absent or if one is not."""
        try:
            numbers = tuple(float(item) for item in self._items(*keywords))
        except (ValueError, TypeError):
            return ()
        return numbers if all(map(math.isfinite, numbers)) else ()

    def number(self, *keywords: str) -> float | None:
        """Return the first value as a finite number, or None."""
        numbers = self.numbers(*keywords)
        return numbers[0] if numbers else None

    def integer(self, *keywords: str) -> int | None:
        """Return the first value as a whole number, or None."""
        number = self.number(*keywords)
        return None if number is None else round(number)
