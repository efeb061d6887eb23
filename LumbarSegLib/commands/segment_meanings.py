"""The option `--segment NAME=ANATOMY`."""

from __future__ import annotations

from collections.abc import Sequence

from LumbarSegLib.errors import InputError


def parse_segments(words: Sequence[str]) -> dict[str, str]:
    """Return what each segment stands for, by its name.

    Raises
    ------
    InputError
        If a word is no pair.
    """
    given = {}
    for word in words:
        name, equals, meaning = word.rpartition("=")
        if not equals:
            raise InputError(f"--segment must be NAME=ANATOMY, got {word!r}.", "Write, for example, '12=dural_sac'.")
        given[name] = meaning
    return given
