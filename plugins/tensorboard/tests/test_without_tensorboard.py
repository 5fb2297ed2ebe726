"""TensorBoard is imported where it is asked for, and TensorFlow never is."""

from __future__ import annotations

import subprocess
import sys

import pytest
from bertrun_tensorboard.plugin import bertrun_register_trackers

from bert_core import UsageError


def said(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_where_it_is_not_there_a_run_that_asks_for_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("tensorboard", "tensorboard.compat.proto.event_pb2"):
        monkeypatch.setitem(sys.modules, name, None)
    for name in [name for name in sys.modules if name.startswith("bertrun_tensorboard.") and "plugin" not in name]:
        monkeypatch.delitem(sys.modules, name)
    (spec,) = bertrun_register_trackers()
    with pytest.raises(UsageError, match=r'pip install "bertrun-tensorboard\[tensorboard\]"'):
        spec.build(spec.options())


def test_it_costs_nothing_where_nobody_asks_for_it() -> None:
    assert said("import sys, bertrun_tensorboard.plugin; print('tensorboard' in sys.modules)") == "False\n"


def test_tensorflow_is_not_imported_even_where_it_is_installed(tmp_path: object) -> None:
    pytest.importorskip("tensorboard")
    code = f"""
import importlib.abc, sys
class Refuse(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        assert name.partition(".")[0] != "tensorflow", name
sys.meta_path.insert(0, Refuse())
from bertrun_tensorboard.tracker import TensorBoard
from bert_core import RunView
from pathlib import Path
run = RunView(folder=Path({str(tmp_path)!r}), tables={{"run": {{}}}}, total_steps=1)
tracker = TensorBoard()
tracker.bertrun_on_run_begin(run)
tracker.bertrun_on_run_end()
print("tensorflow" in sys.modules)
"""
    assert said(code) == "False\n"
