"""A package to begin with is whole, and is called by its own name throughout."""

from __future__ import annotations

import sys
from pathlib import Path

import importlib_metadata
import pytest

from bert_core.cli.main import run
from bert_core.manager import PluginManager
from bert_core.new_plugin import KINDS, files

EXAMPLES = Path(__file__).parents[2] / "examples"
ADDED = {
    "task": [("metric", "word-order-closeness"), ("task", "word-order")],
    **{kind: [(kind, "word-order")] for kind in ("model", "metric", "optimizer", "device", "tracker")},
}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_it_is_loaded_and_adds_what_was_asked_for(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["new-plugin", "word-order", "--kind", kind]) == 0
    assert "cd bertrun-word-order && pip install" in capsys.readouterr().out
    monkeypatch.syspath_prepend(tmp_path / "bertrun-word-order" / "src")
    point = importlib_metadata.EntryPoint(name="word-order", group="bertrun", value="bertrun_word_order.plugin")
    try:
        (record,) = PluginManager(entry_points=[point]).records
    finally:
        for name in [name for name in sys.modules if name.startswith("bertrun_word_order")]:
            del sys.modules[name]
    assert (record.state, record.reason) == ("loaded", "")
    assert sorted(record.provides) == sorted(ADDED[kind])


def test_nothing_is_left_of_the_template(kind: str) -> None:
    made = dict(files("word-order", kind))
    assert {"pyproject.toml", "README.md", ".github/workflows/test.yml", "tests/test_contract.py"} <= set(made)
    for path, text in made.items():
        assert not {word for word in ("acme", "Acme", "KIND", "USE\n") if word in path + text}, path
        if path.endswith(".py"):
            compile(text, path, "exec")


@pytest.mark.parametrize(("name", "kind"), [("similarity", "task"), ("table", "tracker"), ("albert", "model")])
def test_the_examples_are_what_it_writes(name: str, kind: str) -> None:
    for path, text in files(name, kind):
        assert (EXAMPLES / name / path).read_text(encoding="utf-8") == text, f"examples/{name}/{path}"


@pytest.mark.parametrize("name", ["Word", "word_order", "-word", "word--order", "../word", "", "1word", "wört"])
def test_a_name_that_is_none_is_refused(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["new-plugin", "--kind", "task", "--output", str(tmp_path / "there"), "--", name]) == 2
    assert "is no name for a plugin. Lower-case words joined by `-`" in capsys.readouterr().err
    assert not (tmp_path / "there").exists()


def test_what_is_there_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = tmp_path / "kept.txt"
    kept.write_text("mine", encoding="utf-8")
    for place in (tmp_path, kept / "inside"):
        assert run(["new-plugin", "word-order", "--kind", "task", "--output", str(place)]) == 2
    assert "is there already. Give another --output" in capsys.readouterr().err
    assert kept.read_text(encoding="utf-8") == "mine"
    assert list(tmp_path.iterdir()) == [kept]
