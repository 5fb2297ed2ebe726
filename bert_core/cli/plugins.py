"""`bertrun plugins`: what is installed, why something is used or is not, and a lock of it all."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click
from packaging.utils import canonicalize_name

from bert_core.counted import counted
from bert_core.errors import PluginError
from bert_core.lock import Lock
from bert_core.manager import PluginManager, PluginRecord
from bert_core.names import did_you_mean

from .state import State


@click.group("plugins", invoke_without_command=True, short_help="List the plugins, tell why one is used, lock them.")
@click.option("--json", "as_json", is_flag=True, help="As one JSON list.")
@click.pass_context
def plugins(ctx: click.Context, as_json: bool) -> None:
    """List the plugins: what each adds, where it is from, and why one cannot be used."""
    if ctx.invoked_subcommand is not None:
        return
    records = ctx.ensure_object(State).manager.records
    if as_json:
        click.echo(json.dumps([_as_json(record) for record in records], indent=2))
        return
    for record in records:
        reason = f": {record.reason}" if record.reason else ""
        click.echo(f"{record.name}  {record.title}  {record.state}{reason}")
        for what, names in _rows(record):
            click.echo(f"    {what}: {', '.join(names)}")


@plugins.command("why")
@click.argument("name")
@click.pass_obj
def why(state: State, name: str) -> None:
    """Tell who gives something, and why a plugin is loaded or is not.

    NAME is a plugin, a distribution, or what a plugin gives: ner, adamw, launch, ...
    """
    for sentence in _why(state.manager, name):
        click.echo(sentence)


@plugins.command("lock")
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("bertrun.lock"),
    metavar="FILE",
    help="Default: bertrun.lock.",
)
@click.pass_obj
def lock(state: State, output: Path) -> None:
    """Write the names, versions and SHA-256 of the plugins that a run may use.

    `bertrun --locked FILE ...` then refuses, before it imports a plugin, what is not the same to the byte.
    """
    usable = [record for record in state.manager.records if record.state != "disabled"]
    Lock(path=output, plugins=tuple(record.locked for record in usable)).write()
    click.echo(f"{output}: {counted(len(usable), 'plugin')}; `bertrun --locked {output} ...` uses these alone")


def _why(manager: PluginManager, name: str) -> Iterator[str]:
    """Every sentence about a name: as one of a plugin, and as one of something that plugins give."""
    wanted = canonicalize_name(name)
    named = [one for one in manager.records if wanted in map(canonicalize_name, (one.name, one.distribution))]
    given = list(_given(manager))
    asked = [(thing, one) for thing, kept, one in given if kept == name.lower().replace("_", "-")]
    if not named and not asked:
        known = [kept for _, kept, _ in given] + [
            text for one in manager.records for text in (one.name, one.distribution)
        ]
        parts = [f"no plugin has or gives the name '{name}'.", did_you_mean(name, known), *manager.excuses()]
        raise PluginError(" ".join(filter(None, parts)).removesuffix("."), hint="`bertrun plugins` lists all of them")
    for thing, record in asked:
        yield f"The {thing} '{name}' is given by the plugin '{record.name}' of {record.title}."
        if [thing for thing, _ in asked].count(thing) > 1:
            yield f"Another plugin gives one too: --no-plugin {record.distribution} leaves this one out."
    for record in dict.fromkeys([*named, *(giver for _, giver in asked)]):
        yield from _why_record(manager, record)


def _given(manager: PluginManager) -> Iterator[tuple[str, str, PluginRecord]]:
    """What plugins give: its kind, its name, and the plugin; presets too."""
    for record in manager.records:
        for kind, name in record.provides:
            yield kind, name, record
    from bert_core.plan import WITH_PRESETS  # what decides runs is not needed to list plugins

    for kind in WITH_PRESETS:
        for name, spec in manager.specs(kind).items():
            for preset in spec.presets:
                yield f"preset of {kind} {name},", preset, manager.owner(kind, name)


def _why_record(manager: PluginManager, record: PluginRecord) -> Iterator[str]:
    who = f"The plugin '{record.name}' of {record.title}"
    place = ", ".join(map(str, record.sources))
    if record.state != "loaded":
        yield f"{who} is not loaded, but {record.state}: {record.reason}."
        if record.state in ("disabled", "incompatible"):
            yield "Nothing of it was imported, so what it would give is not known."
    else:
        allowed = "nothing leaves it out" if manager.policy.allowed is None else "BERTRUN_PLUGINS allows it"
        locked = "" if manager.policy.lock is None else f", its files are those of {manager.policy.lock.path}"
        yield f"{who} is loaded: it is installed, {allowed}{locked}, and what it requires of bertrun is met."
        gives = "; ".join(f"{kind} {', '.join(names)}" for kind, names in _by_kind(record).items())
        yield f"It gives: {gives}." if gives else "It gives nothing by name, and observes runs."
    if place:
        yield f"It is found at {place}."


def _rows(record: PluginRecord) -> Iterable[tuple[str, list[str]]]:
    yield from _by_kind(record).items()
    if record.hooks:
        yield "hooks", [hook.removeprefix("bertrun_") for hook in record.hooks]
    if record.sources:
        yield "from", [str(source) for source in record.sources]


def _as_json(record: PluginRecord) -> dict[str, Any]:
    return {
        "name": record.name,
        "distribution": record.distribution,
        "version": record.version,
        "state": record.state,
        "reason": record.reason,
        "provides": _by_kind(record),
        "hooks": list(record.hooks),
        "from": [str(source) for source in record.sources],
    }


def _by_kind(record: PluginRecord) -> dict[str, list[str]]:
    kinds: dict[str, list[str]] = {}
    for kind, name in record.provides:
        kinds.setdefault(kind, []).append(name)
    return kinds
