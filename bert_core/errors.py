"""The errors that users meet: each says what is wrong, where, and what to do, and has an exit code."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


class BertrunError(Exception):
    """The root of all errors that are not bugs.

    Args:
        what: One sentence (no full stop) that says what is wrong, with the values that disagree.
        where: A file, a `file:line`, an option or a plugin that the sentence is about.
        hint: What to do next, one sentence.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str | Path | None = None, hint: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.where = None if where is None else str(where)
        self.hint = hint

    def __str__(self) -> str:
        located = self.what if self.where is None else f"{self.where}: {self.what}"
        return located if self.hint is None else f"{located}. {self.hint}"


def in_a_line(error: BaseException) -> str:
    """What an exception of a stranger's code says, in one line: its class too, where it is none of ours."""
    said = str(error) if isinstance(error, BertrunError) else f"{type(error).__name__}: {error}"
    return " ".join(said.split())


class UsageError(BertrunError):
    """The command line, the run file or the environment asks for something that cannot be."""

    exit_code = 2


class ConfigError(UsageError):
    """Every problem of one configuration, found before any work starts and raised together."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        if len(self.problems) == 1:
            super().__init__(self.problems[0])
        else:
            listed = "\n".join(f"  - {problem}" for problem in self.problems)
            super().__init__(f"{len(self.problems)} problems with this configuration:\n{listed}")


class PluginError(BertrunError):
    """A plugin is missing, broken, or claims a name that another one owns."""

    exit_code = 3


class DataError(BertrunError):
    """An input file cannot be read as what it was said to be."""

    exit_code = 4

    @classmethod
    def at(cls, path: str | Path, line: int, what: str, *, hint: str | None = None) -> DataError:
        """An error at a line of a file, counted from 1."""
        return cls(what, where=f"{path}:{line}", hint=hint)


class DeviceError(BertrunError):
    """The chosen device cannot run here."""

    exit_code = 5


class CheckpointError(BertrunError):
    """A checkpoint or a set of weights is missing, damaged, or does not fit the model."""

    exit_code = 6


class NumericsError(BertrunError):
    """The loss or the gradients are not finite."""

    exit_code = 7


class RunBusyError(BertrunError):
    """Another process is writing this run's folder."""

    exit_code = 8


class RankLostError(BertrunError):
    """Another process of a run that several share did not answer; that one has the fault, and this one only waited."""

    exit_code = 9


class Interrupted(BertrunError):
    """A signal ended the run after its state was saved; `bertrun resume` goes on."""

    def __init__(self, what: str, *, signal_number: int, hint: str | None = None) -> None:
        super().__init__(what, hint=hint)
        self.exit_code = 128 + signal_number


class SeedError(BertrunError):
    """The run of one of several seeds failed; it has said why, and its exit code is that of all of them."""

    def __init__(self, what: str, *, exit_code: int, hint: str | None = None) -> None:
        super().__init__(what, hint=hint)
        self.exit_code = exit_code
