"""Fake plugins that are installed for one test, and the command line without a process of its own."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import importlib_metadata
import pytest

FAKES = Path(__file__).parent.parent / "plugins"


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("BERTRUN_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "100")


@pytest.fixture(scope="session")
def _really_installed() -> list[importlib_metadata.EntryPoint]:
    return list(importlib_metadata.entry_points(group="bertrun"))


@pytest.fixture
def install(
    monkeypatch: pytest.MonkeyPatch, _really_installed: list[importlib_metadata.EntryPoint]
) -> Iterator[Callable[..., None]]:
    """Make plugins the only installed ones besides the host's own: fakes, those that are, and folders with one."""
    points = [point for point in _really_installed if point.dist.name == "bertrun"]
    monkeypatch.setattr(importlib_metadata, "entry_points", lambda group: points)

    def install(*plugins: str | Path) -> None:
        for plugin in plugins:
            folder = FAKES / plugin
            if folder.is_dir():
                monkeypatch.syspath_prepend(folder)
            points.extend(point for point in _really_installed if point.dist.name == f"bertrun-{plugin}")
            found = importlib_metadata.distributions(path=[str(folder)])
            points.extend(point for one in found for point in one.entry_points)

    yield install
    for name in [name for name in sys.modules if name.startswith("fake_")]:
        del sys.modules[name]


@dataclass(frozen=True)
class Answer:
    """What a command line left with, and what it printed."""

    code: int
    out: str
    err: str


@pytest.fixture
def bertrun(capsys: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    """`bertrun("plugins", "--json")`, in this process."""
    from bert_core.cli.main import run

    def bertrun(*arguments: str) -> Answer:
        capsys.readouterr()
        code = run(arguments)
        return Answer(code, *capsys.readouterr())

    return bertrun
