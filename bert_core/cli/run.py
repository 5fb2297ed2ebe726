"""`bertrun --task ...`: the command whose options are those of the plugins that it names."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import click

from bert_core.interrupt import ctrl_c_later
from bert_core.manager import PluginManager
from bert_core.options import Layer, OptionInfo, index_options, options_of
from bert_core.plan import (
    CHOSEN,
    RUN,
    Choice,
    Plan,
    choose,
    environment_layer,
    make_plan,
    owners,
    read_run_file,
    said,
    without_overruled,
)
from bert_core.run_options import RunOptions

from .arguments import peek, spelled
from .legacy import translate
from .options import PageContext, click_option, option_rows, selector_rows, selectors, unknown_arguments
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
        layers = [environment_layer(os.environ)]
        names: dict[str, str | None] = {kind: os.environ.get(f"BERTRUN_{kind.upper()}") or None for kind in CHOSEN}
        config = peek(args, "config")
        if config is not None:
            named, layer = read_run_file(Path(config))
            told = {name: peek(args, name) for name in (*CHOSEN, "weights", "vocab")}
            layer = without_overruled(named, layer, told)
            names.update({kind: name for kind, name in named.items() if kind != "model" or told["weights"] is None})
            layers.insert(0, layer)
        names.update({kind: value for kind in CHOSEN if (value := peek(args, kind)) is not None})
        manager = ctx.ensure_object(State).manager
        infos = _joined_options(manager, names)
        self.params = [*selectors(), *(click_option(info) for info in infos)]
        ctx.meta[META] = (manager, names, layers)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> int:
        """Decide the run, then hand it over."""
        manager, names, layers = ctx.meta[META]
        flat = {
            name: value for name, value in ctx.params.items() if value is not None and name not in (*CHOSEN, "config")
        }
        flat.update(unknown_arguments(ctx.args))
        layers = [Layer(origin="command line", flat=flat), *layers]
        return start(decide(manager, names, layers), manager)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The options, a section for each owner."""
        manager, names, _ = ctx.meta[META]
        with formatter.section("Choose"):
            formatter.write_dl(selector_rows(manager))
            formatter.write_paragraph()
            formatter.write_text("`bertrun describe task NAME`, `bertrun describe model NAME`, ... tell more.")
        for title, rows in _sections(manager, names):
            with formatter.section(title):
                formatter.write_dl(rows)


def decide(manager: PluginManager, names: Mapping[str, str | None], layers: list[Layer]) -> Plan:
    """The plan of a run whose weights, where named, give the model's sizes."""
    with ctrl_c_later():  # NumPy starts threads
        from bert_core.weights.opened import config_of
    from bert_core.weights.store import resolve, weights_folder

    weights = said(layers, "weights")
    named = isinstance(weights, str)  # anything else is refused with the other options
    config = config_of(weights_folder(resolve(str(weights), manager.specs("weights")))) if named else None
    return make_plan(manager, wanted=names, layers=layers, config=config)


def start(plan: Plan, manager: PluginManager, *, resume: Path | None = None) -> int:
    """Run a plan, or go on with the run of a folder, with what it prints on this console."""
    with ctrl_c_later():  # NumPy starts threads
        from bert_core.runner import train
    from bert_core.seeds import train_seeds

    from .console import Console

    console = Console(quiet=plan.run.quiet, json=plan.run.json)
    try:
        if plan.run.seeds > 1 and not plan.run.dry_run:
            train_seeds(plan, manager, console, resume=resume)
        else:
            train(plan, manager, console, resume=resume)
    finally:
        console.close()
    return 0


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
