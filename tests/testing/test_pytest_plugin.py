"""The pytest plugin: what it gives, and that it costs nothing where nobody asks it for anything."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from bert_core import testing

ROOT = Path(__file__).parents[2]
USING = """
import pytest

SEEN = []


@pytest.mark.parametrize("number", range(2))
def test_a_manager_for_each_test(bertrun_plugins, number):
    assert "bert" in bertrun_plugins.specs("model")
    assert bertrun_plugins not in SEEN
    SEEN.append(bertrun_plugins)


def test_every_line_has_pieces(bertrun_text, bertrun_lines):
    for _, text in bertrun_lines:
        assert bertrun_text.unk_id not in bertrun_text.encode(text)[0]


def test_a_tiny_encoder(bertrun_encoder, bertrun_sizes):
    encoder = bertrun_encoder(pooler=False)
    assert encoder.hidden_size == bertrun_sizes["hidden_size"]


@pytest.mark.slow
def test_the_marker_is_known():
    pass
"""
NOTHING = """
import sys

def test_nothing_heavy_is_loaded():
    assert "bertrun_pytest" in sys.modules
    assert not {"mindspore", "numpy", "bert_core", "importlib_metadata"} & set(sys.modules)
"""


def run(folder: Path, source: str, *more: str) -> str:
    path = folder / "test_it.py"
    path.write_text(source, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)])}
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    command = [sys.executable, "-m", "pytest", "-q", "--strict-markers", "-p", "bertrun_pytest", str(path), *more]
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_its_fixtures_are_there(tmp_path: Path) -> None:
    assert "5 passed" in run(tmp_path, USING)


def test_it_loads_nothing_for_tests_of_something_else(tmp_path: Path) -> None:
    assert "1 passed" in run(tmp_path, NOTHING)


def test_the_package_offers_it_to_pytest() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert '[project.entry-points.pytest11]\nbertrun = "bertrun_pytest"' in text
    assert '"bertrun_pytest.py"' in text.partition("[tool.hatch.build.targets.wheel]")[2].partition("\n\n")[0]


def test_public_names_are_there() -> None:
    assert all(hasattr(testing, name) for name in testing.__all__)


def test_every_check_has_a_sentence() -> None:
    contracts = [getattr(testing, name) for name in testing.__all__ if name.endswith("Contract")]
    assert len(contracts) == 8
    for contract in contracts:
        for name in dir(contract):
            if name.startswith("test_"):
                said = getattr(contract, name).__doc__ or ""
                assert said.strip().endswith("."), f"{contract.__name__}.{name} has no sentence"
