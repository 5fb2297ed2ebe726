"""What a command line says before it is parsed: plugins to leave out, and which plugins' options join."""

from __future__ import annotations

from collections.abc import Sequence

from bert_core.errors import UsageError


def take(arguments: Sequence[str], flag: str) -> tuple[list[str], list[str]]:
    """Every value of a flag, and the command line without it; what follows `--` is another program's.

    Raises:
        UsageError: The flag stands at the end, without a value.
    """
    values: list[str] = []
    rest: list[str] = []
    remaining = iter(arguments)
    for argument in remaining:
        if argument == "--":
            return values, [*rest, argument, *remaining]
        name, equals, value = argument.partition("=")
        if name.replace("_", "-") != flag:
            rest.append(argument)
        elif equals:
            values.append(value)
        else:
            values.append(_next_value(next(remaining, None), flag))
    return values, rest


def _next_value(value: str | None, flag: str) -> str:
    if value is None or value.startswith("--"):
        raise UsageError(f"{flag} needs a value")
    return value


def spelled(arguments: Sequence[str]) -> list[str]:
    """The command line with `_` in option names as `-`: the two are the same letter."""
    return [_spelled(argument) for argument in arguments]


def _spelled(argument: str) -> str:
    if not argument.startswith("--"):
        return argument
    name, equals, value = argument.partition("=")
    return name.replace("_", "-") + equals + value


def peek(args: Sequence[str], name: str) -> str | None:
    """The last value of an option, before the command line is parsed."""
    found = None
    for position, argument in enumerate(args):
        if argument == f"--{name}" and not (following := [*args, "--"][position + 1]).startswith("--"):
            found = following
        elif argument.startswith(f"--{name}="):
            found = argument.partition("=")[2]
    return found
