"""Options of the chosen plugins as click options, and as sections of a help page."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

import click

from bert_core.errors import UsageError
from bert_core.manager import PluginManager
from bert_core.options import FALSE, TRUE, OptionInfo
from bert_core.plan import CHOSEN, names_of

HELD = str.maketrans(" -", "\N{NO-BREAK SPACE}\N{NON-BREAKING HYPHEN}")
FREE = {held: free for free, held in HELD.items()}

CHOOSES = {
    "task": "What the model learns to do",
    "model": "Encoder, by family or by size",
    "optimizer": "How parameters are updated",
    "schedule": "How the learning rate moves",
    "device": "Where it computes",
}


class Page(click.HelpFormatter):
    """A help page, on which no name and no default is torn in two."""

    def getvalue(self) -> str:
        """The page."""
        return super().getvalue().translate(FREE)


class PageContext(click.Context):
    """The context of a command whose help is such a page."""

    formatter_class = Page


def click_option(info: OptionInfo) -> click.Option:
    """An option that hands its text on as it is; the plan parses it, so that all problems come together."""
    if info.kind is bool:
        return click.Option([f"{info.flag}/{info.negation}", info.name], default=None)
    return click.Option([info.flag, info.name], default=None, metavar=info.shown_type)


def selectors() -> list[click.Option]:
    """`--task`, `--model`, ... and `--config`, which decide whose options join."""
    chosen = [click.Option([f"--{kind}", kind], default=None, metavar="NAME") for kind in CHOSEN]
    return [*chosen, click.Option(["--config", "config"], default=None, metavar="FILE")]


def selector_rows(manager: PluginManager) -> list[tuple[str, str]]:
    """The selectors' lines of a help page, with what is installed."""
    rows = [(f"--{kind} NAME", f"{CHOOSES[kind]}: {_installed(manager, kind)}") for kind in CHOSEN]
    return [*rows, ("--config FILE", "Run file in TOML, such as a run's run.toml; the command line wins over it.")]


def _installed(manager: PluginManager, kind: str) -> str:
    specs = manager.specs(kind)
    names = [name.translate(HELD) for name in names_of(manager, kind)]
    shown = ", ".join(names) or "none is installed"
    preferred = [name for name, spec in specs.items() if spec.preferred or len(specs) == 1]
    return f"{shown}." if kind == "task" or len(preferred) != 1 else f"{shown}.  {_default(preferred[0])}"


def _default(shown: str) -> str:
    return f"[default: {shown}]".translate(HELD)


def option_rows(infos: Iterable[OptionInfo], defaults: Mapping[str, object]) -> list[tuple[str, str]]:
    """An owner's lines of a help page, with what applies where nobody says otherwise."""
    return [(_usage(info), _help(info, defaults.get(info.name, info.default))) for info in infos]


def _usage(info: OptionInfo) -> str:
    if info.kind is bool:
        return f"{info.flag} / {info.negation}"
    return f"{info.flag} {info.shown_type}"


def _help(info: OptionInfo, default: object) -> str:
    if default is None or default == ():
        return info.help
    if isinstance(default, tuple):
        return f"{info.help}  {_default(','.join(default))}"
    shown = str(default).lower() if isinstance(default, bool) else str(default)
    return f"{info.help}  {_default(shown)}"


def unknown_arguments(extra: Sequence[str]) -> dict[str, object]:
    """What click did not know, as options without an owner, each as it was typed, with the value that follows it."""
    unknown: dict[str, object] = {}
    last = ""
    for argument in extra:
        if re.match("--?[A-Za-z]", argument):  # -1 is a value
            last, _, value = argument.partition("=")
            unknown[last] = value
        elif last and not unknown[last]:
            unknown[last] = argument
        else:
            hint = "A switch has no value: say --crf or --no-crf" if argument.lower() in TRUE | FALSE else None
            raise UsageError(f"unexpected argument {argument!r}", hint=hint)
    return unknown
