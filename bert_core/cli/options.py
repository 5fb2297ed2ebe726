"""Options of the chosen plugins as click options, and as sections of a help page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import click

from bert_core.options import OptionInfo
from bert_core.plan import CHOSEN

ABSENT = object()


def click_option(info: OptionInfo) -> click.Option:
    """An option that hands its text on as it is; the plan parses it, so that all problems come together."""
    if info.kind is bool:
        negated = f"--no-{info.flag[2:]}"
        return click.Option([f"{info.flag}/{negated}", info.name], default=None)
    return click.Option([info.flag, info.name], default=None, metavar=info.shown_type)


def selectors() -> list[click.Option]:
    """`--task`, `--model`, ... and `--config`, which decide whose options join."""
    chosen = [click.Option([f"--{kind}", kind], default=None, metavar="NAME") for kind in CHOSEN]
    return [*chosen, click.Option(["--config", "config"], default=None, metavar="FILE")]


def selector_rows() -> list[tuple[str, str]]:
    """The selectors' lines of a help page."""
    rows = [(f"--{kind} NAME", f"`bertrun describe {kind} NAME` tells what it is.") for kind in CHOSEN]
    return [*rows, ("--config FILE", "A run file in TOML; the command line wins over it.")]


def option_rows(infos: Iterable[OptionInfo], defaults: Mapping[str, object]) -> list[tuple[str, str]]:
    """An owner's lines of a help page, with what applies where nobody says otherwise."""
    return [(_usage(info), _help(info, defaults.get(info.name, info.default))) for info in infos]


def _usage(info: OptionInfo) -> str:
    if info.kind is bool:
        return f"{info.flag} / --no-{info.flag[2:]}"
    return f"{info.flag} {info.shown_type}"


def _help(info: OptionInfo, default: object) -> str:
    if default is None:
        return info.help
    shown = str(default).lower() if isinstance(default, bool) else str(default)
    return f"{info.help}  [default: {shown}]"


def unknown_arguments(extra: Sequence[str]) -> dict[str, object]:
    """What click did not know, as options without an owner, each with the value that follows it."""
    unknown: dict[str, object] = {}
    last = ""
    for argument in extra:
        if argument.startswith("-"):
            name, _, value = argument.lstrip("-").partition("=")
            last = name.replace("-", "_")
            unknown[last] = value
        elif last and not unknown[last]:
            unknown[last] = argument
        else:
            raise click.UsageError(f"unexpected argument {argument!r}")
    return unknown
