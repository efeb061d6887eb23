"""The outcome of a self-test as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from LumbarSegLib.selftest.checks import CaseResult
from LumbarSegLib.selftest.environment import WeightsCheck


@dataclass(frozen=True)
class SelfTestResult:
    """What a self-test found, and on what.

    Parameters
    ----------
    cases : tuple of CaseResult
        In the order in which they ran; at least one.
    weights : WeightsCheck
        The installed weights.
    versions : mapping of str to str
        See `LumbarSegLib.selftest.environment.versions`.
    started_at : datetime
        With its time zone.
    """

    cases: tuple[CaseResult, ...]
    weights: WeightsCheck
    versions: Mapping[str, str]
    started_at: datetime

    @property
    def num_failed(self) -> int:
        """Checks that did not pass, the weights included."""
        return sum(case.num_failed for case in self.cases) + (not self.weights.passed)

    @property
    def passed(self) -> bool:
        """Whether nothing failed."""
        return self.num_failed == 0

    @property
    def summary(self) -> str:
        """One sentence."""
        num_checks = sum(len(case.checks) for case in self.cases)
        wrong_sides = sum(case.num_wrong_sides for case in self.cases)
        return (
            f"{len(self.cases)} cases, {num_checks} checks: {sum(case.num_failed for case in self.cases)} failed, "
            f"{wrong_sides} wrong sides, worst deviation {format_share(max(case.worst for case in self.cases))} "
            "of its tolerance"
        )


def format_share(share: float) -> str:
    """Return a share of a tolerance as text: "83 %", and "more than 999 %" from there on."""
    return f"{100 * share:.0f} %" if share < 9.99 else "more than 999 %"
