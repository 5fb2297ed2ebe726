"""What a plugin's README shows of the program, made from the program: tables, and the output of examples."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from doctest import ELLIPSIS, OutputChecker

from bert_core.options import NoOptions, OptionInfo, options_of
from bert_core.types import Spec

_BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"^\$ (bertrun .*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)


def specs_table(specs: Sequence[Spec]) -> str:
    """The Markdown table of what a plugin adds."""
    return _table(("kind", "name", "what it is"), [(spec.kind, f"`{spec.name}`", spec.summary) for spec in specs])


def options_tables(specs: Sequence[Spec]) -> list[str]:
    """A Markdown table for each dataclass of options; specs may share one."""
    owners: dict[type, list[Spec]] = {}
    for spec in specs:
        owners.setdefault(spec.options, []).append(spec)
    return [options_table(options, _of(sharing)) for options, sharing in owners.items() if options is not NoOptions]


def options_table(options: type, head: str) -> str:
    """The Markdown table of one dataclass of options.

    Args:
        options: The dataclass.
        head: The head of its first column.
    """
    rows = [(f"`{_usage(info)}`", _default(info.default), info.help) for info in options_of(options, head)]
    return _table((head, "default", "what it says"), rows)


def _of(specs: Sequence[Spec]) -> str:
    return f"option of {specs[0].kind} {', '.join(f'`{spec.name}`' for spec in specs)}"


def _usage(info: OptionInfo) -> str:
    return f"{info.flag} / {info.negation}" if info.kind is bool else f"{info.flag} {info.shown_type}"


def _default(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(value)
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    cells = [heads, *([cell.replace("|", r"\|") for cell in row] for row in rows)]
    lines = [f"| {' | '.join(row)} |" for row in cells]
    return "\n".join([lines[0], "|" + "---|" * len(heads), *lines[1:], ""])


def false_examples(text: str) -> Iterator[str]:
    """Run each `$ bertrun ...` of the `console` blocks; yield a report for each that prints something else.

    `...` stands for any text, where output depends on the machine. Blank lines at the end do not count.

    Args:
        text: The README.
    """
    for block in _BLOCK.findall(text):
        for command, output in _COMMAND.findall(block):
            shown, printed = output.rstrip(), _output(shlex.split(command)[1:]).rstrip()
            if not OutputChecker().check_output(shown, printed, ELLIPSIS):
                yield f"$ {command}\nprints\n{printed}\n\nand the README says\n{shown}"


def _output(arguments: Sequence[str]) -> str:
    command = [sys.executable, "-m", "bert_core.cli", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    return done.stdout
