"""What ships here has no privilege: strangers' copies under other names do all that it does, without it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLUGINS = sorted(path.name for path in (ROOT / "plugins").iterdir() if (path / "pyproject.toml").is_file())
METADATA = "Metadata-Version: 2.1\nName: stranger-{0}\nVersion: 7.0\nRequires-Dist: bertrun\n"
# The entry point of a twin: what the copy yields, under other names. Metrics keep theirs: a task asks for its own.
TWIN = '''\
"""The twin of a plugin."""

from dataclasses import replace

from bert_core import hookimpl
from stranger_{0} import plugin


def renamed(spec):
    if spec.kind == "metric":
        return spec
    more = {{}}
    if hasattr(spec, "presets"):
        more["presets"] = {{f"twin-{{name}}": values for name, values in spec.presets.items()}}
    if getattr(spec, "launcher", None):
        more["launcher"] = f"twin-{{spec.launcher}}"
    return replace(spec, name=f"twin-{{spec.name}}", **more)


def twin(hook):
    @hookimpl
    def twins():
        for made in hook():
            if hook.__name__ == "bertrun_register_commands":
                group, space, name = made.name.rpartition(" ")
                made.name = f"{{group}}{{space}}twin-{{name}}"
                yield made
            else:
                yield renamed(made)

    return twins


globals().update({{name: twin(hook) for name, hook in vars(plugin).items() if name.startswith("bertrun_register_")}})
'''
# A process in which nothing of what ships here is installed or can be imported.
ALONE = """\
import importlib.abc, json, sys
import importlib_metadata

class Refused(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        assert not name.startswith("bertrun_"), f"{name} was imported"

sys.meta_path.insert(0, Refused())
installed = importlib_metadata.entry_points
importlib_metadata.entry_points = lambda **chosen: [
    point for point in installed(**chosen) if not point.dist.name.startswith("bertrun-")
]
from bert_core.cli.main import run
"""
ANSWER = "sys.exit(run(sys.argv[1:]))"
DESCRIBE = """
from bert_core.manager import KINDS, PluginManager
manager = PluginManager()
codes = {f"{kind} {name}": run(["describe", kind, name]) for kind in KINDS for name in manager.specs(kind)}
print(json.dumps(codes))
"""
TOLD = """
import click
from bert_core.manager import PluginManager

class Told(click.Command):
    def main(self, words, **more):
        print(self.name, *words)
        return 0

PluginManager.command = lambda self, name: Told(name)
"""


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """What a command line prints where twins alone are installed; or what other code does."""
    site = tmp_path_factory.mktemp("site")
    for name in PLUGINS:
        package = site / f"stranger_{name}"
        shutil.copytree(ROOT / "plugins" / name / "src" / f"bertrun_{name}", package)
        for path in package.rglob("*.py"):
            source = path.read_text(encoding="utf-8").replace(f"bertrun_{name}", f"stranger_{name}")
            path.write_text(source, encoding="utf-8")
        (package / "twin.py").write_text(TWIN.format(name), encoding="utf-8")
        information = site / f"stranger_{name}-7.0.dist-info"
        information.mkdir()
        (information / "METADATA").write_text(METADATA.format(name), encoding="utf-8")
        (information / "entry_points.txt").write_text(f"[bertrun]\nx-{name} = stranger_{name}.twin\n", encoding="utf-8")

    def ask(*arguments: str, code: str = ANSWER) -> str:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("BERTRUN_")}
        environment["PYTHONPATH"] = os.pathsep.join([str(site), str(ROOT), os.environ.get("PYTHONPATH", "")])
        command = [sys.executable, "-c", ALONE + code, *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return ask


def test_twins_are_listed_and_nothing_else(ask: Callable[..., str]) -> None:
    listed = json.loads(ask("plugins", "--json"))
    assert [one["distribution"] for one in listed] == ["bertrun", *(f"stranger-{name}" for name in PLUGINS)]
    assert {one["state"] for one in listed} == {"loaded"}
    names = [
        name for one in listed[1:] for kind in one["provides"] for name in one["provides"][kind] if kind != "metric"
    ]
    assert all("twin-" in name for name in names)
    assert len(names) >= 15


def test_every_twin_is_described(ask: Callable[..., str]) -> None:
    codes = json.loads(ask(code=DESCRIBE).splitlines()[-1])
    assert {"task twin-ner", "optimizer twin-adamw", "device twin-cpu", "model bert"} <= set(codes)
    assert set(codes.values()) == {0}


def test_the_help_of_a_run_shows_the_twins(ask: Callable[..., str]) -> None:
    page = ask("--task", "twin-ner", "--help")
    for title in ("Task twin-ner (stranger-ner 7.0):", "Optimizer twin-adamw (stranger-optimizers 7.0):"):
        assert title in page


def test_a_run_of_twins_trains_scores_and_predicts(
    ask: Callable[..., str], command: Callable[..., list[str]], tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    line = [f"twin-{word}" if word == "ner" else word for word in command(folder, "--epochs", "2")]
    ask(*line)
    chosen = (folder / "run.toml").read_text(encoding="utf-8")
    for name in ("twin-ner", "twin-adamw", "twin-linear", "twin-cpu"):
        assert f'name = "{name}"' in chosen
    assert "f1" in json.loads((folder / "scores.json").read_text(encoding="utf-8"))["best"]["scores"]
    assert "entities" in json.loads(ask("predict", str(folder), "--text", "Ana Duarte lives in Porto."))


def test_the_launcher_of_a_twin_is_asked_to_start_processes(
    ask: Callable[..., str], command: Callable[..., list[str]], tmp_path: Path
) -> None:
    assert "twin-launch [OPTIONS] -- COMMAND..." in ask("twin-launch", "--help")
    line = [f"twin-{word}" if word == "ner" else word for word in command(tmp_path / "run", "--max-steps", "1")]
    assert ask(*line, "--devices", "2", code=TOLD + ANSWER).startswith("twin-launch --workers 2 --from none ")
