"""What is answered without MindSpore, and quickly."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import importlib_metadata
import pytest

ASKED = {
    "help": ["--help"],
    "plugins": ["plugins"],
    "help of a task": ["--task", "ner", "--help"],
    "describe a task": ["describe", "task", "ner"],
    "describe a device": ["describe", "device", "cpu"],
}
RUN = "import sys; from bert_core.cli.main import run; code = run(sys.argv[1:])"
FREE = "sys.exit(code or any(name.partition('.')[0] == 'mindspore' for name in sys.modules))"
SECONDS = 0.5


def _environment():
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("BERTRUN_", "COV_", "PYTEST_"))}
    return {**kept, "COLUMNS": "100"}


@pytest.mark.parametrize("asked", ASKED)
def test_a_question_is_answered_without_mindspore(asked):
    command = [sys.executable, "-c", f"{RUN}; {FREE}", *ASKED[asked]]
    done = subprocess.run(command, env=_environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_no_entry_point_imports_mindspore():
    modules = sorted({point.module for point in importlib_metadata.entry_points(group="bertrun")})
    assert "bert_core.builtin" in modules
    code = f"""
import importlib, sys
for module in {modules!r}:
    try:
        importlib.import_module(module)
    except ModuleNotFoundError as error:
        assert error.name.startswith(module.partition('.')[0]), error  # it is being written
    assert 'mindspore' not in sys.modules, module
"""
    done = subprocess.run([sys.executable, "-c", code], env=_environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_public_face_is_small_and_opens_without_mindspore():
    code = """
import sys
import bert_core
assert len(bert_core.__all__) < 33, len(bert_core.__all__)
assert all(hasattr(bert_core, name) for name in bert_core.__all__)
assert callable(bert_core.load)
assert not {'mindspore', 'numpy'} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], env=_environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("asked", ["help", "plugins"])
def test_a_question_is_answered_in_half_a_second_of_the_processor(asked):
    command = [sys.executable, "-m", "bert_core.cli", *ASKED[asked]]
    assert any(_processor_seconds(command) < SECONDS for _ in range(4))


def test_thirty_plugins_do_not_slow_the_start(tmp_path):
    made = Path(__file__).parents[2] / "benchmarks" / "startup.py"
    specification = importlib.util.spec_from_file_location("startup", made)
    startup = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(startup)
    assert len(startup.make(tmp_path, 30)) == 30
    environment = {**_environment(), "PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, "-m", "bert_core.cli"]
    listed = subprocess.run([*command, "plugins"], env=environment, capture_output=True, text=True, check=True).stdout
    assert listed.count("  bertrun-made-") == listed.count("    task: made-") == 30
    assert any(startup.seconds(tmp_path, None, "--help") < SECONDS for _ in range(10))


def _processor_seconds(command):
    """User and system time of a process: unlike the clock, other processes hardly change it."""
    child = subprocess.Popen(command, env=_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0
    return usage.ru_utime + usage.ru_stime
