"""Validators and the default value that annotate parameters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any


class Default:
    """The value that a parameter starts with, or the function that makes it."""

    def __init__(self, value: Any = None, *, generator: Callable[[], Any] | None = None) -> None:
        self._value = value
        self._generator = generator

    @property
    def value(self) -> Any:
        return self._generator() if self._generator is not None else self._value


class Validator:
    """Refuses values with ValueError."""

    def validate(self, value: Any) -> None:
        raise NotImplementedError


class WithinRange(Validator):
    """Accepts numbers from `minimum` to `maximum`."""

    def __init__(self, minimum: float, maximum: float) -> None:
        self.minimum = minimum
        self.maximum = maximum

    def validate(self, value: Any) -> None:
        if value is not None and not self.minimum <= value <= self.maximum:
            raise ValueError(f"Value must be in [{self.minimum}, {self.maximum}], got {value}.")


class Minimum(Validator):
    """Accepts numbers from `minimum`."""

    def __init__(self, minimum: float) -> None:
        self.minimum = minimum

    def validate(self, value: Any) -> None:
        if value is not None and value < self.minimum:
            raise ValueError(f"Value must be at least {self.minimum}, got {value}.")


class Maximum(Validator):
    """Accepts numbers up to `maximum`."""

    def __init__(self, maximum: float) -> None:
        self.maximum = maximum

    def validate(self, value: Any) -> None:
        if value is not None and value > self.maximum:
            raise ValueError(f"Value must be at most {self.maximum}, got {value}.")


class Choice(Validator):
    """Accepts what stands in the list."""

    def __init__(self, choices: Sequence[Any]) -> None:
        self.choices = choices

    def validate(self, value: Any) -> None:
        if value not in self.choices:
            raise ValueError(f"Value must be one of {self.choices}, got {value!r}.")


class Exclude(Validator):
    """Accepts what does not stand in the list."""

    def __init__(self, excludedValues: Sequence[Any]) -> None:
        self.excludedValues = excludedValues

    def validate(self, value: Any) -> None:
        if value in self.excludedValues:
            raise ValueError(f"Value must be none of {self.excludedValues}, got {value!r}.")


class NotNone(Validator):
    """Accepts everything but None."""

    def validate(self, value: Any) -> None:
        if value is None:
            raise ValueError("Value must not be None.")
