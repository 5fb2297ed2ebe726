"""Which plugins may be imported: what users block, allow and lock."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from packaging.utils import canonicalize_name, canonicalize_version

from .errors import UsageError
from .lock import Lock
from .names import listed
from .options import TRUE

HOST = "bertrun"
BUILTIN = "builtin"


@dataclass(frozen=True, kw_only=True)
class Policy:
    """Which plugins may be imported, and what happens when one cannot.

    Args:
        blocked: Entry points or distributions that are never imported.
        allowed: Where not None, the only ones that are imported besides the host's own: `NAME` or `NAME==VERSION`.
        strict: Raise instead of going on without a broken plugin.
        lock: Where not None, what the plugins that could be imported must be to the byte.
    """

    blocked: frozenset[str] = frozenset()
    allowed: frozenset[str] | None = None
    strict: bool = False
    lock: Lock | None = None

    @classmethod
    def from_environment(
        cls, environment: Mapping[str, str] = os.environ, *, blocked: Iterable[str] = (), lock: Lock | None = None
    ) -> Policy:
        """The policy of `BERTRUN_DISABLED_PLUGINS`, `BERTRUN_PLUGINS` and `BERTRUN_STRICT_PLUGINS`.

        Raises:
            UsageError: An entry of the allow-list is neither `NAME` nor `NAME==VERSION`.
        """
        listed_as_allowed = environment.get("BERTRUN_PLUGINS")
        return cls(
            blocked=frozenset(blocked) | _split(environment.get("BERTRUN_DISABLED_PLUGINS", "")),
            allowed=None if listed_as_allowed is None else frozenset(map(_entry, _split(listed_as_allowed))),
            strict=environment.get("BERTRUN_STRICT_PLUGINS", "").lower() in TRUE,
            lock=lock,
        )

    def why_not(self, name: str, distribution: str, version: str) -> str:
        """Why a plugin is not imported, or nothing."""
        names = {canonicalize_name(name), canonicalize_name(distribution)}
        if names & {canonicalize_name(blocked) for blocked in self.blocked}:
            return "blocked by --no-plugin or BERTRUN_DISABLED_PLUGINS"
        if self.allowed is None or (name, distribution) == (BUILTIN, HOST):
            return ""
        entries = [entry.partition("==") for entry in self.allowed]
        versions = [wanted for entry, _, wanted in entries if canonicalize_name(entry) in names]
        if not versions:
            return "not on the allow-list BERTRUN_PLUGINS"
        if "" not in versions and canonicalize_version(version) not in map(canonicalize_version, versions):
            return f"the allow-list BERTRUN_PLUGINS has it in version {listed(versions)} alone"
        return ""


def _split(text: str) -> frozenset[str]:
    return frozenset(part.strip() for part in text.split(",") if part.strip())


def _entry(text: str) -> str:
    """An entry of the allow-list, as `NAME` or `NAME==VERSION`."""
    name, equals, version = (part.strip() for part in text.partition("=="))
    if not re.fullmatch(r"[A-Za-z0-9._-]+", name) or (equals and not re.fullmatch(r"[\w.!+-]+", version)):
        hint = "Name plugins or distributions, with commas between them"
        raise UsageError(f"BERTRUN_PLUGINS: {text!r} is neither NAME nor NAME==VERSION", hint=hint)
    return f"{name}{equals}{version}"
