"""`bertrun plugins` and `bertrun describe`: what is installed, and what it can be told."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import click

from bert_core.manager import KINDS, PluginManager, PluginRecord
from bert_core.options import options_of
from bert_core.types import ModelSpec, Spec

from .options import option_rows
from .state import State


@click.command("plugins")
@click.option("--json", "as_json", is_flag=True, help="As one JSON list.")
@click.pass_obj
def plugins(state: State, as_json: bool) -> None:
    """The installed plugins, what each adds, and what became of those that cannot be used."""
    records = state.manager.records
    if as_json:
        click.echo(json.dumps([_as_json(record) for record in records], indent=2))
        return
    for record in records:
        click.echo(f"{record.title}  {record.state}{': ' + record.reason if record.reason else ''}")
        for kind, names in _by_kind(record).items():
            click.echo(f"    {kind}: {', '.join(names)}")


@click.command("describe")
@click.argument("kind", type=click.Choice([*KINDS]))
@click.argument("name")
@click.pass_obj
def describe(state: State, kind: str, name: str) -> None:
    """What something is, where it comes from, and its options."""
    spec, title = _find(state.manager, kind, name)
    click.echo(f"{kind} {title}: {spec.summary}")
    click.echo(f"from {state.manager.owner(kind, spec.name).title}")
    for line in _particulars(spec):
        click.echo(line)
    rows = option_rows(options_of(spec.options, f"{kind} {spec.name}"), {})
    if rows:
        formatter = click.HelpFormatter(width=100)
        with formatter.section("Options"):
            formatter.write_dl(rows)
        click.echo(formatter.getvalue().rstrip())


def _find(manager: PluginManager, kind: str, name: str) -> tuple[Spec, str]:
    """A spec by name; a model also by the name of a preset."""
    if kind == "model":
        for spec in manager.specs(kind).values():
            if isinstance(spec, ModelSpec) and name in spec.presets:
                return spec, f"{name} ({spec.name})"
    spec = manager.get(kind, name)
    return spec, spec.name


def _particulars(spec: Any) -> Iterable[str]:
    """What a spec of this kind has beside its options."""
    for preset, values in getattr(spec, "presets", {}).items():
        shown = ", ".join(f"{name} {value}" for name, value in values.items())
        yield f"    {preset}: {shown}"
    if spec.kind == "device":
        probe = spec.probe()
        yield f"{'can' if probe.available else 'cannot'} run here. {' '.join(probe.findings)}"
        yield f"computes in {', '.join(spec.compute_dtypes)}; several: {spec.collective or 'no'}"
    if spec.kind == "weights":
        yield f"licence {spec.licence}"


def _as_json(record: PluginRecord) -> dict[str, Any]:
    return {
        "name": record.name,
        "distribution": record.distribution,
        "version": record.version,
        "state": record.state,
        "reason": record.reason,
        "provides": _by_kind(record),
    }


def _by_kind(record: PluginRecord) -> dict[str, list[str]]:
    kinds: dict[str, list[str]] = {}
    for kind, name in record.provides:
        kinds.setdefault(kind, []).append(name)
    return kinds
