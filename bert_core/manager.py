"""Finding plugins, checking them before they can do harm, and asking them for what they have."""

from __future__ import annotations

import inspect
from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from importlib import metadata as stdlib_metadata
from pathlib import Path
from typing import Any, Literal

import importlib_metadata
import pluggy
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from . import hookspecs
from .contents import digest, sources_of
from .errors import PluginError, in_a_line
from .lock import Lock, Locked
from .names import did_you_mean, is_name, listed
from .options import options_of
from .policy import HOST, Policy
from .types import (
    DeviceSpec,
    MetricSpec,
    ModelSpec,
    OptimizerSpec,
    ScheduleSpec,
    Spec,
    TaskSpec,
    TrackerSpec,
    WeightsSpec,
)

GROUP = "bertrun"
State = Literal["loaded", "disabled", "incompatible", "failed"]

REGISTRATION: Mapping[str, type[Spec]] = {
    "bertrun_register_models": ModelSpec,
    "bertrun_register_tasks": TaskSpec,
    "bertrun_register_metrics": MetricSpec,
    "bertrun_register_optimizers": OptimizerSpec,
    "bertrun_register_schedules": ScheduleSpec,
    "bertrun_register_devices": DeviceSpec,
    "bertrun_register_weights": WeightsSpec,
    "bertrun_register_trackers": TrackerSpec,
}
COMMANDS = "bertrun_register_commands"
OBSERVING = "bertrun_on_"
KINDS: Mapping[str, type[Spec]] = {spec.kind: spec for spec in REGISTRATION.values()}


@dataclass(frozen=True, kw_only=True)
class PluginRecord:
    """What became of one entry point."""

    name: str
    distribution: str
    version: str
    state: State
    reason: str = ""
    provides: tuple[tuple[str, str], ...] = ()
    hooks: tuple[str, ...] = ()
    point: importlib_metadata.EntryPoint | None = field(default=None, compare=False, repr=False)

    @property
    def title(self) -> str:
        """The distribution and its version: `bertrun-ner 0.1.0`."""
        return f"{self.distribution} {self.version}"

    @property
    def sources(self) -> list[Path]:
        """Where it is imported from, or would be."""
        return sources_of(self.point) if self.point else []

    @cached_property
    def sha256(self) -> str:
        """The digest of its files; see `bert_core.contents`."""
        return digest(self.point) if self.point else ""

    @property
    def locked(self) -> Locked:
        """What a lock says of it."""
        return Locked(name=self.name, distribution=self.distribution, version=self.version, sha256=self.sha256)


class PluginManager:
    """The plugins of this environment. An object that is passed along, never a global.

    Args:
        policy: Which plugins may be imported.
        say: Where the one line about each plugin that cannot be used goes.
        taken: Names of the host's own commands, which no plugin's command can have.
        entry_points: What to load; by default every installed entry point of the group `bertrun`.

    Raises:
        PluginError: In strict mode, where a plugin cannot be used; with a lock, where one is not what is locked.
    """

    def __init__(
        self,
        policy: Policy | None = None,
        *,
        say: Callable[[str], None] = lambda line: None,
        taken: Iterable[str] = (),
        entry_points: Iterable[importlib_metadata.EntryPoint] | None = None,
    ) -> None:
        self.policy = policy or Policy()
        self._say = say
        self._taken = frozenset(taken)
        self._pluggy = pluggy.PluginManager(hookspecs.PROJECT)
        self._pluggy.add_hookspecs(hookspecs)
        self._specs: dict[str, list[tuple[Spec, PluginRecord]]] = defaultdict(list)
        self.commands: list[tuple[Any, PluginRecord]] = []
        found = importlib_metadata.entry_points(group=GROUP) if entry_points is None else entry_points
        points = sorted(found, key=_order)
        if self.policy.lock is not None:
            _check_locked(self.policy.lock, [self._seen(point) for point in points])
        self.records = tuple(self._load(point) for point in points)

    @property
    def hook(self) -> Any:
        """Pluggy's caller of the lifecycle hooks."""
        return self._pluggy.hook

    def specs(self, kind: str) -> dict[str, Any]:
        """Every spec of a kind, by name, in the names' order.

        Raises:
            PluginError: Two plugins own one name.
        """
        owners: dict[str, tuple[Spec, PluginRecord]] = {}
        for spec, record in self._specs[kind]:
            if spec.name in owners:
                _raise_clash(kind, spec.name, owners[spec.name][1], record)
            owners[spec.name] = (spec, record)
        return {name: owners[name][0] for name in sorted(owners)}

    def get(self, kind: str, name: str) -> Any:
        """The spec of a kind and a name.

        Raises:
            PluginError: There is none; the sentence names what is close, what is installed and what failed.
        """
        specs = self.specs(kind)
        wanted = name.lower().replace("_", "-")
        if wanted in specs:
            return specs[wanted]
        raise self.missing(kind, name, specs)

    def missing(self, kind: str, name: str, known: Iterable[str]) -> PluginError:
        """The error that nothing of a kind has a name, with what is close, what is installed and what failed."""
        known = list(known)
        suggestion = did_you_mean(name.lower().replace("_", "-"), known)
        parts = [f"no {kind} named '{name}'.", suggestion, f"Installed: {listed(known)}.", *self.excuses()]
        return PluginError(" ".join(part for part in parts if part).removesuffix("."))

    def preferred(self, kind: str) -> Any:
        """The spec that is taken where nobody chooses.

        Raises:
            PluginError: No installed plugin, or more than one, offers itself.
        """
        specs = self.specs(kind)
        offered = [spec for spec in specs.values() if spec.preferred] or list(specs.values())
        if len(offered) == 1:
            return offered[0]
        if not offered:
            raise PluginError(" ".join([f"no {kind} is installed.", *self.excuses()]).removesuffix("."))
        raise PluginError(
            f"no {kind} was chosen and {len(offered)} could be taken", hint=f"Say --{kind} with one of: {listed(specs)}"
        )

    def command(self, name: str) -> Any:
        """The command that a plugin mounts under a name, or None.

        Raises:
            PluginError: Two plugins own the name.
        """
        owned = [(command, record) for command, record in self.commands if command.name == name]
        if len(owned) > 1:
            _raise_clash("command", name, owned[0][1], owned[1][1])
        return owned[0][0] if owned else None

    def owner(self, kind: str, name: str) -> PluginRecord:
        """The plugin that a spec came from."""
        return next(record for spec, record in self._specs[kind] if spec.name == name)

    def unusable(self) -> list[PluginRecord]:
        """The plugins that failed or are incompatible."""
        return [record for record in self.records if record.state in ("failed", "incompatible")]

    def disabled(self) -> list[PluginRecord]:
        """The plugins that may not be imported."""
        return [record for record in self.records if record.state == "disabled"]

    def excuses(self) -> list[str]:
        """A sentence for each plugin that cannot be used, and one for those that are left out."""
        left_out = [f"Not used: {listed(record.title for record in self.disabled())}."] if self.disabled() else []
        return [
            *(f"Plugin {record.title} {record.state}: {_closed(record.reason)}" for record in self.unusable()),
            *left_out,
        ]

    def _seen(self, point: importlib_metadata.EntryPoint) -> PluginRecord:
        """What an entry point is before anything of it is imported: disabled, or to be loaded."""
        distribution, version = _origin(point)
        reason = self.policy.why_not(point.name, distribution, version)
        state: State = "disabled" if reason else "loaded"
        return PluginRecord(
            name=point.name, distribution=distribution, version=version, state=state, reason=reason, point=point
        )

    def _load(self, point: importlib_metadata.EntryPoint) -> PluginRecord:
        record = self._seen(point)
        if record.state == "disabled":
            return record
        try:
            reason = _unmet_requirement(point)
            if not reason:
                return self._register(point, record)
        except (Exception, SystemExit) as error:  # whatever a stranger's code raises stays the stranger's failure
            return self._give_up(replace(record, state="failed", reason=in_a_line(error)))
        return self._give_up(replace(record, state="incompatible", reason=reason))

    def _give_up(self, record: PluginRecord) -> PluginRecord:
        line = f"plugin {record.title} {record.state}: {record.reason}"
        if self.policy.strict:
            raise PluginError(line, hint="BERTRUN_STRICT_PLUGINS is set; without it the others would be used")
        self._say(line)
        return record

    def _register(self, point: importlib_metadata.EntryPoint, record: PluginRecord) -> PluginRecord:
        module = point.load()
        hooks = dict(_checked_hooks(module))
        specs = [spec for name in hooks if name in REGISTRATION for spec in _checked_specs(name, hooks[name])]
        commands = _checked_commands(hooks[COMMANDS], self._taken) if COMMANDS in hooks else []
        provides = [(spec.kind, spec.name) for spec in specs] + [("command", item.name) for item in commands]
        _check_once(provides)
        self._pluggy.register(module, name=f"{record.distribution}:{record.name}")
        record = replace(record, provides=tuple(provides), hooks=tuple(hooks))
        for spec in specs:
            self._specs[spec.kind].append((spec, record))
        self.commands += [(command, record) for command in commands]
        return record


def _check_locked(lock: Lock, seen: Sequence[PluginRecord]) -> None:
    """Refuse plugins that are not what is locked, before one is imported."""
    lock.check(
        [record.locked for record in seen if record.state != "disabled"],
        [(record.name, record.distribution) for record in seen if record.state == "disabled"],
    )


def _closed(sentence: str) -> str:
    return sentence if sentence.endswith((".", "?", "!")) else f"{sentence}."


@cache
def host_version() -> str:
    """The installed version of the host."""
    try:
        return stdlib_metadata.version(HOST)
    except stdlib_metadata.PackageNotFoundError:
        return ""


def _origin(point: importlib_metadata.EntryPoint) -> tuple[str, str]:
    """The name and the version of the distribution of an entry point."""
    try:
        return (point.dist.name, point.dist.version) if point.dist else ("unknown", "0")
    except Exception:  # what is left of an uninstalled distribution has no metadata; importlib_metadata's errors vary
        return "unknown", "0"


def _unmet_requirement(point: importlib_metadata.EntryPoint) -> str:
    """Why a plugin's distribution does not fit this host, from its metadata alone."""
    installed = host_version()
    for line in (point.dist.requires or []) if point.dist and installed else []:
        requirement = Requirement(line)
        applies = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        ours = applies and canonicalize_name(requirement.name) == HOST
        if ours and not requirement.specifier.contains(installed, prereleases=True):
            return f"it requires bertrun{requirement.specifier}, and bertrun {installed} is installed"
    return ""


def hooks_of(tracker: object) -> dict[str, Callable[..., Any]]:
    """The hooks that a tracker has as its methods.

    Raises:
        PluginError: It has none, or one that is not decorated, not known, of other arguments, or that registers.
    """
    hooks = dict(_checked_hooks(tracker))
    if not hooks or not all(name.startswith(OBSERVING) for name in hooks):
        raise PluginError(
            f"the hooks of a tracker begin with {OBSERVING}, and {type(tracker).__name__} has: {listed(hooks)}"
        )
    return hooks


def _checked_hooks(module: object) -> Iterable[tuple[str, Callable[..., Any]]]:
    """The hook implementations of a module or an object, each decorated, known, and of the right arguments."""
    for name, function in inspect.getmembers(module, inspect.isroutine):
        marked = hasattr(function, f"{hookspecs.PROJECT}_impl")
        if not marked and not name.startswith("bertrun_"):
            continue
        specification = getattr(hookspecs, name, None)
        if specification is None:
            known = [hook for hook in vars(hookspecs) if hook.startswith("bertrun_")]
            raise PluginError(f"unknown hook {name}. {did_you_mean(name, known)}".strip())
        if not marked:
            raise PluginError(f"{name} is not decorated with @bert_core.hookimpl, so it would never be called")
        _check_arguments(name, function, specification)
        yield name, function


def _check_arguments(name: str, function: Callable[..., Any], specification: Callable[..., Any]) -> None:
    known = list(inspect.signature(specification).parameters)
    for argument in inspect.signature(function).parameters.values():
        if argument.name not in known:
            raise PluginError(f"{name} takes no argument {argument.name!r}; it can take: {listed(known)}")
        if argument.default is not inspect.Parameter.empty:
            raise PluginError(f"argument {argument.name!r} of {name} has a default; hooks are called with every value")


def _checked_specs(hook: str, function: Callable[[], Iterable[Spec]]) -> list[Spec]:
    expected = REGISTRATION[hook]
    specs = list(function() or ())
    for spec in specs:
        if not isinstance(spec, expected):
            raise PluginError(f"{hook} yielded a {type(spec).__name__}, not a {expected.__name__}")
        if not is_name(spec.name):
            raise PluginError(f"{spec.name!r} is no name; a name is lower-case words joined by '-'")
        if not spec.summary.strip():
            raise PluginError(f"{spec.kind} {spec.name} has no summary")
        options_of(spec.options, f"{spec.kind} {spec.name}")
    return specs


def _checked_commands(function: Callable[[], Iterable[Any]], taken: Container[str]) -> list[Any]:
    import click

    commands = list(function() or ())
    for command in commands:
        if not isinstance(command, click.Command):
            raise PluginError(f"{COMMANDS} yielded a {type(command).__name__}, not a click.Command")
        if command.name in taken:
            raise PluginError(f"the command '{command.name}' is bertrun's own")
    return commands


def _check_once(provides: Sequence[tuple[str, str]]) -> None:
    for kind, name in provides:
        if provides.count((kind, name)) > 1:
            raise PluginError(f"it registers {kind} '{name}' twice")


def _order(point: importlib_metadata.EntryPoint) -> tuple[str, str]:
    return point.name, point.value


def _raise_clash(kind: str, name: str, first: PluginRecord, second: PluginRecord) -> None:
    raise PluginError(
        f"{kind} '{name}' is registered by both {first.title} and {second.title}",
        hint=f"Drop one with --no-plugin {first.distribution} or --no-plugin {second.distribution}",
    )
