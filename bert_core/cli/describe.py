"""`bertrun describe`: what something that plugins give is, and what it can be told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import click

from bert_core.errors import in_a_line
from bert_core.manager import KINDS
from bert_core.options import options_of
from bert_core.plan import WITH_PRESETS, find

from .options import Page, option_rows
from .state import State


@click.command("describe")
@click.argument("kind", type=click.Choice([*KINDS]))
@click.argument("name")
@click.pass_obj
def describe(state: State, kind: str, name: str) -> None:
    """Tell what a task, a model, a device, ... is, and its options."""
    choice = find(state.manager, kind, name)
    spec = choice.spec
    what = "size" if kind == "model" else "preset"
    size = "" if choice.name == spec.name else f", a {what} of {spec.name}"
    click.echo(f"{kind} {choice.name}{size} ({state.manager.owner(kind, spec.name).title})")
    click.echo(spec.summary)
    for line in _particulars(spec):
        click.echo(line)
    click.echo()
    page = Page(width=100)
    if kind in WITH_PRESETS and not choice.preset:
        _section(page, f"{what.capitalize()}s", [(preset, _shown(values)) for preset, values in spec.presets.items()])
    _section(page, "Options", option_rows(options_of(spec.options, f"{kind} {spec.name}"), choice.preset))
    click.echo(page.getvalue().rstrip("\n"))


def _section(page: Page, title: str, rows: list[tuple[str, str]]) -> None:
    if rows:
        with page.section(title):
            page.write_dl(rows)


def _shown(values: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())


def _particulars(spec: Any) -> Iterable[str]:
    """What a spec of this kind has beside its options."""
    if spec.kind == "device":
        yield _probed(spec)
        yield f"It computes in {', '.join(spec.compute_dtypes)}."
        if spec.collective is not None:
            yield f"Several of them compute together over {spec.collective}."
        if spec.graph_levels:
            yield f"Its graphs are compiled at {' or '.join(spec.graph_levels)}."
        if spec.environment:
            yield f"Set where nobody has: {_variables(spec.environment)}."
    if spec.kind == "weights":
        yield f"Their licence is {spec.licence}."


def _probed(spec: Any) -> str:
    """Whether a device can run here."""
    try:
        probe = spec.probe()
        return f"It {'can' if probe.available else 'cannot'} run here: {' '.join((*probe.findings, *probe.warnings))}"
    except (Exception, SystemExit) as error:  # whatever a stranger's code raises, the rest is still told
        return f"Whether it can run here is not known, its probe failed: {in_a_line(error)}"


def _variables(values: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in values.items())
