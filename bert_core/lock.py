"""The plugins that a run may use, written down to the byte, and what differs from that now."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .errors import PluginError, UsageError
from .files import write_json

FORM = 1  # of the file; another one is refused


@dataclass(frozen=True, kw_only=True)
class Locked:
    """One plugin.

    Args:
        name: Of its entry point.
        distribution: That carries it.
        version: Of the distribution.
        sha256: See `bert_core.contents.digest`.
    """

    name: str
    distribution: str
    version: str
    sha256: str

    @property
    def title(self) -> str:
        """The distribution and its version."""
        return f"{self.distribution} {self.version}"


@dataclass(frozen=True, kw_only=True)
class Lock:
    """What was written.

    Args:
        path: The file.
        plugins: All that may be used.
    """

    path: Path
    plugins: tuple[Locked, ...]

    @classmethod
    def read(cls, path: Path) -> Lock:
        """Read a file of `bertrun plugins lock`.

        Raises:
            UsageError: It cannot be read, or is no such file.
        """
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            return cls(path=path, plugins=tuple(_locked(content)))
        except OSError as error:
            raise UsageError(f"cannot be read: {error.strerror}", where=path, hint=_HOW) from None
        except (ValueError, TypeError, KeyError):
            raise UsageError("this is no lock of plugins", where=path, hint=_HOW) from None

    def write(self) -> None:
        """Write the file, whole or not at all.

        Raises:
            UsageError: It cannot be written.
        """
        try:
            write_json(self.path, {"bertrun-lock": FORM, "plugins": [asdict(one) for one in self.plugins]})
        except OSError as error:
            raise UsageError(f"cannot be written: {error.strerror}", where=self.path) from None

    def check(self, installed: Iterable[Locked], left_out: Iterable[tuple[str, str]] = ()) -> None:
        """Refuse plugins that are not to the byte what was locked.

        Args:
            installed: Those that could be imported now.
            left_out: The names and distributions of those that nobody will import.

        Raises:
            PluginError: Something differs; the sentences say what.
        """
        found = {(one.name, one.distribution): one for one in installed}
        differ = [*self._changed(found, frozenset(left_out)), *self._new(found)]
        if differ:
            listed = f" {differ[0]}" if len(differ) == 1 else "".join(f"\n  - {one}" for one in differ)
            hint = "`bertrun plugins lock` locks what is installed now, and --no-plugin leaves a plugin out"
            raise PluginError(f"the plugins are not those that are locked:{listed}", where=self.path, hint=hint)

    def _changed(self, found: dict[tuple[str, str], Locked], left_out: frozenset[tuple[str, str]]) -> Iterator[str]:
        for locked in self.plugins:
            key = (locked.name, locked.distribution)
            now = found.get(key)
            if now is None and key not in left_out:
                yield f"{locked.title} is locked and not installed"
            elif now is not None and now.version != locked.version:
                yield f"{now.title} is installed, and version {locked.version} is locked"
            elif now is not None and now.sha256 != locked.sha256:
                yield f"the files of {now.title} have the SHA-256 {now.sha256}, and {locked.sha256} is locked"

    def _new(self, found: dict[tuple[str, str], Locked]) -> Iterator[str]:
        locked = {(one.name, one.distribution) for one in self.plugins}
        for key, now in found.items():
            if key not in locked:
                yield f"{now.title} is installed and not locked"


_HOW = "Write one with `bertrun plugins lock`"


def _locked(content: Any) -> Iterator[Locked]:
    if content["bertrun-lock"] != FORM:
        raise ValueError(content["bertrun-lock"])
    for one in content["plugins"]:
        locked = Locked(**one)
        if not all(isinstance(value, str) for value in vars(locked).values()):
            raise ValueError(one)
        yield locked
