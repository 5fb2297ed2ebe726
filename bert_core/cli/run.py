"""`bertrun --task ...`: the command whose options are those of the plugins that it names."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import click

from bert_core.begun import default_folder
from bert_core.manager import PluginManager
from bert_core.options import Layer, OptionInfo, index_options, options_of
from bert_core.phases import read_phases
from bert_core.plan import (
    CHOSEN,
    RUN,
    Choice,
    choose,
    environment_layer,
    owners,
    read_run_file,
    without_overruled,
)
from bert_core.run_options import RunOptions

from .arguments import peek, spelled
from .launching import launch, wants_processes
from .legacy import translate
from .options import PageContext, click_option, option_rows, selector_rows, selectors, unknown_arguments
from .starting import Wanted, decide, decide_phases, start, start_phases
from .state import State

META = "bertrun.run"


class RunCommand(click.Command):
    """`run`, with the options of the plugins that the command line names."""

    context_class = PageContext

    def __init__(self) -> None:
        super().__init__(
            "run",
            callback=None,
            help="Train, evaluate and predict, on your data or on the task's embedded sample.",
            short_help="Train, evaluate and predict; this is what `bertrun --task NAME` does.",
            options_metavar="--task NAME [OPTIONS]",
            params=list(selectors()),
            context_settings={
                "ignore_unknown_options": True,
                "allow_extra_args": True,
                "allow_interspersed_args": True,
            },
        )

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Find out which plugins are meant, then parse with their options."""
        args = spelled(translate(args))
        config = peek(args, "config")
        manager = ctx.ensure_object(State).manager
        phases = read_phases(Path(config)) if config is not None else []
        files = [(phase.names, phase.layer) for phase in phases]
        if config is not None and not files:
            files = [read_run_file(Path(config))]
        wanted = [_wanted(args, *file) for file in files] or [_wanted(args, {}, None)]
        infos = _joined_options(manager, wanted[0].names)
        self.params = [*selectors(), *(click_option(info) for info in infos)]
        ctx.meta[META] = (manager, phases, wanted)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> int:
        """Decide the run, then hand it over."""
        manager, phases, wanted = ctx.meta[META]
        flat = {
            name: value for name, value in ctx.params.items() if value is not None and name not in (*CHOSEN, "config")
        }
        flat.update(unknown_arguments(ctx.args))
        told = Layer(origin="command line", flat=flat)
        wanted = [Wanted(one.names, [told, *one.layers]) for one in wanted]
        if phases:
            plans, folder = decide_phases(manager, phases, wanted)
            if wants_processes(plans[0].run):
                return launch(ctx, plans[0], folder, ["--output", str(folder)])
            start_phases(manager, plans, folder)
            return 0
        plan = decide(manager, wanted[0].names, wanted[0].layers)
        if wants_processes(plan.run):
            return launch(ctx, plan, plan.run.output or default_folder(plan.choices["task"].name))
        start(manager, plan)
        return 0

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The options, a section for each owner."""
        manager, _, wanted = ctx.meta[META]
        names = wanted[0].names
        with formatter.section("Choose"):
            formatter.write_dl(selector_rows(manager))
            formatter.write_paragraph()
            formatter.write_text("`bertrun describe task NAME`, `bertrun describe model NAME`, ... tell more.")
        for title, rows in _sections(manager, names):
            with formatter.section(title):
                formatter.write_dl(rows)


def _wanted(args: list[str], named: Mapping[str, str], layer: Layer | None) -> Wanted:
    """What the command line, a run file with its names, and the environment choose."""
    layers = [environment_layer(os.environ)]
    names: dict[str, str | None] = {kind: os.environ.get(f"BERTRUN_{kind.upper()}") or None for kind in CHOSEN}
    if layer is not None:
        told = {name: peek(args, name) for name in (*CHOSEN, "weights", "vocab")}
        layers.insert(0, without_overruled(named, layer, told))
        names.update({kind: name for kind, name in named.items() if kind != "model" or told["weights"] is None})
    names.update({kind: value for kind in CHOSEN if (value := peek(args, kind)) is not None})
    return Wanted(names, layers)


def _joined_options(manager: PluginManager, names: Mapping[str, str | None]) -> Iterable[OptionInfo]:
    if not names.get("task"):
        return options_of(RunOptions, RUN)
    return index_options(owners(choose(manager, names))).values()


def _sections(manager: PluginManager, names: Mapping[str, str | None]) -> Iterable[tuple[str, list[tuple[str, str]]]]:
    choices = choose(manager, names) if names.get("task") else {}
    defaults = choices["task"].spec.defaults if choices else {}
    yield "Every run", option_rows(options_of(RunOptions, RUN), defaults)
    if not choices:
        tasks = ", ".join(manager.specs("task")) or "none installed"
        yield "More", [("--task NAME --help", f"The options of that task too. Tasks: {tasks}.")]
    for kind, choice in choices.items():
        rows = option_rows(options_of(choice.spec.options, kind), choice.preset)
        if rows:
            yield _title(manager, kind, choice), rows


def _title(manager: PluginManager, kind: str, choice: Choice) -> str:
    return f"{kind.capitalize()} {choice.name} ({manager.owner(kind, choice.spec.name).title})"


run = RunCommand()
