"""Where a run says what it does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from .types import StepRecord


class Reporter(Protocol):
    """Hears of everything."""

    def say(self, line: str) -> None:
        """A line about what goes on."""

    def step(self, record: StepRecord, total: int, *, due: bool) -> str:
        """A step; gives its line."""

    def scores(self, title: str, scores: Mapping[str, float]) -> None:
        """The scores of an evaluation."""

    def final(self, scores: Mapping[str, float]) -> None:
        """The scores that the run was made for."""


class Silent:
    """The reporter of a process that leaves the speaking to another."""

    def say(self, line: str) -> None:
        """Nothing."""

    def step(self, record: StepRecord, total: int, *, due: bool) -> str:
        """Nothing."""
        return ""

    def scores(self, title: str, scores: Mapping[str, float]) -> None:
        """Nothing."""

    def final(self, scores: Mapping[str, float]) -> None:
        """Nothing."""
