"""The documentation says of the program what the program is."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path

import click
import pytest

from bert_core.cli.legacy import FLAGS, OF_TASK
from bert_core.cli.main import COMMANDS, driver
from bert_core.cli.run import RunCommand
from bert_core.cli.state import State
from bert_core.cli.task_command import TaskCommand
from bert_core.manager import KINDS, PluginManager
from bert_core.options import OptionInfo, options_of
from bert_core.plan import read_toml
from bert_core.run_options import RunOptions

ROOT = Path(__file__).parents[2]
PAGES = {path.name: path for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]}
ELSEWHERE = {"--upgrade", "--gpus", "--nodes", "--ntasks-per-node"}  # of pip, docker and srun
FLAG = re.compile(r"(?<![\w-])--[a-z][\w-]*")


@pytest.fixture(params=PAGES)
def text(request: pytest.FixtureRequest) -> str:
    """A page."""
    return PAGES[request.param].read_text(encoding="utf-8")


def commands(text: str) -> Iterator[list[str]]:
    """The words of each line of a block that begins with `bertrun`; those behind `launch ... --` are another."""
    joined = re.sub(r"\\\n\s*", "", text)
    for line in re.findall(r"^(?:    |\$ )(?:pip .* && )?(bertrun .*)$", joined, re.MULTILINE):
        for command in re.split(r" (?:--|&&|\|) (?=bertrun )", line):
            yield shlex.split(command, comments=True)[1:]


@cache
def flags_of(words: tuple[str, ...], named: tuple[str, ...]) -> frozenset[str]:
    """Every flag of a command, or of a run with those plugins."""
    manager = PluginManager()
    infos = list(options_of(RunOptions, "every run"))
    for kind in KINDS:
        for name, spec in manager.specs(kind).items():
            infos += options_of(spec.options, name) if kind != "task" or name in named else ()
    run = {flag for info in infos for flag in _both(info)} | {f"--{kind}" for kind in KINDS}
    if not words:
        words = ("run",)
    command: click.Command = driver
    for word in words:
        if not isinstance(command, click.Group):
            break
        found = command.get_command(click.Context(command, obj=State(blocked=[], taken=frozenset())), word)
        assert found is not None, f"there is no `bertrun {' '.join(words)}`"
        command = found
    return frozenset(_flags(command) | (run if isinstance(command, TaskCommand | RunCommand) else set()))


def _both(info: OptionInfo) -> set[str]:
    return {info.flag, info.negation} if info.kind is bool else {info.flag}


def _flags(command: click.Command) -> set[str]:
    return {flag for one in command.params for flag in (*one.opts, *one.secondary_opts)} | {"--help"}


def test_commands_and_flags_exist(text: str) -> None:
    for words in commands(text):
        said = [word for word in words if not word.startswith("...")]
        begin = tuple(said[: next((at for at, word in enumerate(said) if word.startswith("-")), len(said))])
        task = tuple(said[said.index("--task") + 1 : said.index("--task") + 2]) if "--task" in said else ()
        known = flags_of(begin, task) | _flags(driver) | {"--config"}
        if not begin:
            known |= {f"--{name}" for name in [*FLAGS, *(name for table in OF_TASK.values() for name in table)]}
        used = {word.split("=")[0] for word in said if FLAG.fullmatch(word.split("=")[0])}
        assert used <= known, f"bertrun {' '.join(words)}: there is no {', '.join(sorted(used - known))}"


def test_flags_that_text_names_are_options_of_something(text: str) -> None:
    manager = PluginManager()
    known = set(ELSEWHERE)
    for kind in KINDS:
        for name, spec in manager.specs(kind).items():
            known |= {f"--{kind}", *(flag for info in options_of(spec.options, name) for flag in _both(info))}
    known |= {flag for info in options_of(RunOptions, "every run") for flag in _both(info)}
    context = click.Context(driver, obj=State(taken=frozenset(COMMANDS)))
    mounted = [driver.get_command(context, name) for name in driver.list_commands(context)]
    for command in [driver, *(command for command in mounted if command is not None)]:
        known |= {flag for one in _all(command) for flag in _flags(one)}
    inline = {flag for code in re.findall(r"`([^`\n]+)`", text) for flag in FLAG.findall(code)}
    assert inline - known <= {f"--{name}" for name in FLAGS}


def _all(command: click.Command) -> Iterator[click.Command]:
    yield command
    for inner in command.commands.values() if isinstance(command, click.Group) else ():
        yield from _all(inner)


def test_blocks_of_python_and_toml_are_that(text: str, tmp_path: Path) -> None:
    for code in re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        compile(code, "block", "exec")
    for number, table in enumerate(re.findall(r"^```toml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)):
        path = tmp_path / f"{number}.toml"
        path.write_text(table, encoding="utf-8")
        assert read_toml(path)


def test_every_flag_of_the_modelzoo_has_its_row() -> None:
    rows = re.findall(r"^\| (`.*?) \|", PAGES["modelzoo.md"].read_text(encoding="utf-8"), re.MULTILINE)
    listed = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert {*FLAGS, *(name for table in OF_TASK.values() for name in table)} <= listed


def test_code_of_a_page_is_code(text: str, tmp_path: Path) -> None:
    """Blocks of Python compile and what they import is there; blocks of TOML can be read."""
    for language, block in re.findall(r"^```(python|toml)\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        if language == "toml":
            (tmp_path / "block.toml").write_text(block, encoding="utf-8")
            read_toml(tmp_path / "block.toml")
            continue
        tree = ast.parse(block)
        compile(tree, "page", "exec")
        for one in ast.walk(tree):
            if isinstance(one, ast.ImportFrom) and one.module and not one.module.startswith("bertrun_acme"):
                module = import_module(one.module)
                assert not [alias.name for alias in one.names if not hasattr(module, alias.name)]
