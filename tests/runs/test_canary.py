"""A plugin that is not allowed is never imported, whatever the command: one that is installed here would say so."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest

from bert_core.cli.main import COMMANDS as OWN
from bert_core.cli.main import driver, run
from bert_core.cli.state import State

CANARY = Path(__file__).parents[1] / "plugins" / "canary"
PLUGINS = Path(__file__).parents[2] / "plugins"
# For each command a line that does its work: RUN is a finished run, DATA its data, NEW a folder to write in.
LINES = {
    "run": "--task ner --vocab DATA/vocab.txt --model bert-tiny --train-data DATA/train.conll --dry-run",
    "resume": "RUN",
    "eval": "RUN --eval-data DATA/dev.conll",
    "predict": "RUN --text 'a b'",
    "score": "--help",
    "score classification": "--data SAMPLES/classifier/dev.tsv --predictions SAMPLES/classifier/dev.tsv",
    "score ner": "--data DATA/dev.conll --predictions RUN/predictions.jsonl",
    "score squad": "--data SAMPLES/squad/dev.json --predictions NEW/answers.json",
    "embed": "ENCODER --text a",
    "export": "RUN --format mindir --output NEW/export",
    "data": "--help",
    "data check": "--task ner DATA/train.conll DATA/dev.conll --vocab DATA/vocab.txt",
    "data convert": "--task ner DATA/train.conll NEW/train.tfrecord --vocab DATA/vocab.txt",
    "data pretrain": "DATA/vocab.txt --vocab DATA/vocab.txt --output NEW/records --workers 2",
    "data show": "--task ner DATA/train.conll",
    "data split": "DATA/train.conll --output NEW/parts",
    "data stats": "--task ner DATA/train.conll --vocab DATA/vocab.txt",
    "weights": "--help",
    "weights convert": "ENCODER NEW/weights --to tf-names",
    "weights diff": "ENCODER ENCODER",
    "weights inspect": "ENCODER",
    "weights list": "",
    "weights pull": "nothing-of-this-name",
    "weights verify": "ENCODER",
    "describe": "metric spans",
    "plugins": "--json",
    "plugins lock": "--output NEW/bertrun.lock",
    "plugins why": "canary",
    "new-plugin": "word-order --kind task --output NEW/word-order",
    "doctor": "",
    "launch": f"--workers 1 --grace 0.5 --log-dir NEW/log -- {shlex.quote(sys.executable)} -m bert_core.cli plugins",
    "launch rank-table": "--help",
    "launch rank-table make": "--server 10.0.0.1 --devices 0 --address 0=10.0.0.2 --output NEW/table.json",
    "launch rank-table check": "NEW/nothing.json",
    "launch rank-table merge": "NEW/nothing.json --output NEW/merged.json",
}
# Where a line cannot do its work, how it ends; on some machines `doctor` finds problems.
CODES = {
    "score squad": {0, 4},
    "weights pull": {3, 6},
    "doctor": {0, 5},
    "launch rank-table check": {2, 4},
    "launch rank-table merge": {2, 4},
    "data check": {0, 4},
}


def _commands() -> Iterator[str]:
    """Every command of the command line, those of plugins too."""

    def walk(command: click.Command, words: list[str], above: click.Context | None) -> Iterator[str]:
        ctx = click.Context(command, info_name=words[-1] if words else "bertrun", parent=above, obj=state)
        if words:
            yield " ".join(words)
        if isinstance(command, click.Group):
            for name in command.list_commands(ctx):
                found = command.get_command(ctx, name)
                assert found is not None
                yield from walk(found, [*words, name], ctx)

    state = State(taken=frozenset(OWN))
    return walk(driver, [], None)


COMMANDS = list(_commands())


@pytest.fixture
def canary(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that the canary writes; it is installed here and in every process that this one starts.

    The run that commands take is made before, as it may import every plugin.
    """
    path = tmp_path / "canary.txt"
    monkeypatch.setenv("CANARY", str(path))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(CANARY), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.syspath_prepend(CANARY)
    monkeypatch.delitem(sys.modules, "fake_canary", raising=False)
    monkeypatch.chdir(tmp_path)
    return path


@pytest.fixture
def filled(
    data: Path, encoder_folder: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> Callable[[str], list[str]]:
    """A line with its places filled in."""
    samples = tmp_path / "samples"
    for name in ("classifier", "squad"):
        shutil.copytree(PLUGINS / name / "src" / f"bertrun_{name}" / "sample", samples / name)
    (tmp_path / "answers.json").write_text("{}", encoding="utf-8")

    def fill(line: str) -> list[str]:
        places = {"DATA": data, "ENCODER": encoder_folder, "NEW": tmp_path, "SAMPLES": samples}
        if "RUN" in line:
            shutil.copytree(request.getfixturevalue("finished"), tmp_path / "finished", symlinks=True)
            places["RUN"] = tmp_path / "finished"
        for place, path in places.items():
            line = line.replace(place, str(path))
        return shlex.split(line)

    return fill


def test_every_command_has_its_line() -> None:
    assert set(COMMANDS) <= set(LINES)


def test_a_canary_that_is_allowed_is_imported_here_and_in_a_process(canary: Path) -> None:
    assert run(["plugins"]) == 0
    assert canary.read_text(encoding="utf-8") == "imported\n"
    subprocess.run([sys.executable, "-m", "bert_core.cli", "plugins"], check=True, capture_output=True)
    assert canary.read_text(encoding="utf-8") == "imported\n" * 2


@pytest.mark.parametrize("path", COMMANDS)
def test_a_command_imports_no_plugin_that_is_not_on_the_allow_list(
    path: str, canary: Path, filled: Callable[[str], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("classifier", "devices", "ner", "optimizers", "pretraining", "squad", "canary==0.9")
    monkeypatch.setenv("BERTRUN_PLUGINS", ",".join(names))
    code = run([*path.split(), *filled(LINES[path])])
    assert code in CODES.get(path, {0})
    assert not canary.exists()


@pytest.mark.parametrize("path", COMMANDS)
def test_a_command_imports_no_plugin_that_is_left_out(path: str, canary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(["--no-plugin", "canary", *path.split(), "--help"]) == 0
    monkeypatch.setenv("BERTRUN_DISABLED_PLUGINS", "bertrun-canary")
    assert run([*path.split(), "--help"]) == 0
    assert run([*path.split(), "--no-such-option"]) != 1
    assert not canary.exists()


@pytest.mark.parametrize("path", COMMANDS)
def test_a_lock_that_does_not_fit_imports_no_plugin(
    path: str, canary: Path, filled: Callable[[str], list[str]], tmp_path: Path
) -> None:
    lock = tmp_path / "bertrun.lock"
    lock.write_text('{"bertrun-lock": 1, "plugins": []}', encoding="utf-8")
    run([*path.split(), f"--locked={lock}", *filled(LINES[path])])
    assert not canary.exists()
