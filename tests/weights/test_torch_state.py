"""The program that reads pickles: equal to Python on what it knows, and its process is held to its limits."""

from __future__ import annotations

import ast
import contextlib
import io
import pickle
import sys
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bert_core.weights.formats import state_process, torch_state
from bert_core.weights.formats.state_process import StateError, describe
from bert_core.weights.formats.torch_state.machine import Machine
from bert_core.weights.formats.torch_state.program import bare, headed
from bert_core.weights.formats.torch_state.source import Refused, Source

DATA = Path(__file__).parent / "data"
PROGRAM = Path(torch_state.__file__).parent

keys = st.text(max_size=30) | st.integers(-(2**70), 2**70) | st.none()
plain = keys | st.floats(allow_nan=False) | st.booleans()
values = st.recursive(
    plain,
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(keys, inner)
        | st.dictionaries(keys, inner).map(OrderedDict)
    ),
    max_leaves=12,
)


def run(pickled: bytes) -> Any:
    return Machine(Source(io.BytesIO(pickled), len(pickled))).run()


def plainly(value: Any) -> Any:
    """The value with dicts for OrderedDicts, and with the types of numbers to tell 1, 1.0 and True apart."""
    if isinstance(value, dict):
        return [(plainly(key), plainly(item)) for key, item in value.items()]
    if isinstance(value, (list, tuple)):
        return type(value), [plainly(item) for item in value]
    return type(value), value


@settings(deadline=None, max_examples=60)
@given(values, st.sampled_from([2, 3, 4, 5]))
def test_equals_python(value: Any, protocol: int) -> None:
    assert plainly(run(pickle.dumps(value, protocol))) == plainly(value)


@settings(deadline=None, max_examples=60)
@given(values)
def test_equals_python_without_shortcuts(value: Any) -> None:
    """The writer in Python writes the same opcodes in other orders than the one in C."""
    written = io.BytesIO()
    pickle._Pickler(written, 2).dump(value)
    assert plainly(run(written.getvalue())) == plainly(value)


def test_what_is_shared_stays_shared() -> None:
    shared = ["x"]
    found = run(pickle.dumps([shared, shared], 2))
    assert found[0] is found[1]


def test_large_values() -> None:
    value = {
        "text": "ü" * 1000,
        "list": list(range(-3000, 3000)),
        "dict": {str(index): index * 0.5 for index in range(5000)},
    }
    assert run(pickle.dumps(value, 2)) == value


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=200))
def test_any_bytes_are_refused_or_read(raw: bytes) -> None:
    for read in (bare, headed):
        with pytest.raises(Refused):
            read(Source(io.BytesIO(raw), len(raw)))


@settings(deadline=None, max_examples=200)
@given(st.integers(0, 10_000), st.integers(0, 255), st.integers(0, 10_000))
def test_a_changed_and_cut_pickle_is_refused_or_read(place: int, byte: int, cut: int) -> None:
    content = bytearray((DATA / "torch_legacy.bin").read_bytes())
    content[place % len(content)] = byte
    size = min(cut, len(content))
    with contextlib.suppress(Refused):
        found = headed(Source(io.BytesIO(content), size))
        assert set(found) == {"tensors", "others", "storages", "order", "end"}


def test_the_program_imports_the_standard_library_alone() -> None:
    for file in PROGRAM.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and not node.level:
                assert str(node.module).partition(".")[0] in sys.stdlib_module_names
            if isinstance(node, ast.Import):
                assert all(name.name in sys.stdlib_module_names for name in node.names)


def ask() -> object:
    path = DATA / "torch_legacy.bin"
    return describe(path, "headed", 0, path.stat().st_size)


class TestProcess:
    def test_it_is_given_up_after_a_while(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(state_process, "_PYTHON", (sys.executable, "-c", "import time; time.sleep(60)"))
        monkeypatch.setattr(state_process, "_SECONDS", 0.2)
        with pytest.raises(StateError, match=r"its pickle was not understood within 0\.2 seconds"):
            ask()

    def test_it_ends_amiss(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(state_process, "_PYTHON", (sys.executable, "-c", "import sys; sys.exit(3)"))
        with pytest.raises(StateError, match="the process that reads its pickle ended with the status 3"):
            ask()

    def test_python_is_not_there(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(state_process, "_PYTHON", ("/nowhere/python",))
        with pytest.raises(FileNotFoundError):
            ask()

    @pytest.mark.parametrize("limit", ["AS", "CPU", "FSIZE", "CORE"])
    def test_it_is_limited(self, limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
        resource = pytest.importorskip("resource")
        program = f"""
import resource, sys
sys.path.append(sys.argv[1])
from torch_state import program
program.headed = lambda source: {{"refused": str(resource.getrlimit(resource.RLIMIT_{limit}))}}
program.main(*sys.argv[2:])"""
        monkeypatch.setattr(state_process, "_PYTHON", (sys.executable, "-I", "-S", "-c", program, str(PROGRAM.parent)))
        expected = {"AS": 512 << 20, "CPU": 20, "FSIZE": 16 << 20, "CORE": 0}[limit]
        assert resource.getrlimit(getattr(resource, f"RLIMIT_{limit}"))[1] in (resource.RLIM_INFINITY, expected)
        with pytest.raises(StateError, match=rf"^\({expected}, {expected}\)$"):
            ask()

    @pytest.mark.parametrize(
        "answer",
        [
            "",
            "nonsense",
            "[]",
            "{}",
            '"refused"',
            '{"tensors": {}, "others": [], "storages": {"0": ["F32"]}}',
            '{"tensors": {}, "others": [], "storages": {"0": ["F31", 1]}}',
            '{"tensors": {}, "others": [], "storages": {"0": ["F32", -1]}}',
            '{"tensors": {}, "others": [], "storages": {"0": ["F32", 1.0]}}',
            '{"tensors": {}, "others": [], "storages": {"0": ["F32", true]}}',
            '{"tensors": {"a": ["0", "F32", 0, [], []]}, "others": [], "storages": {}}',
            '{"tensors": {"a": ["0", "F32", -1, [], []]}, "others": [], "storages": {"0": ["F32", 1]}}',
            '{"tensors": {"a": ["0", "F32", 0, [1], []]}, "others": [], "storages": {"0": ["F32", 1]}}',
            '{"tensors": {"a": ["0", "F32", 0, [-1], [1]]}, "others": [], "storages": {"0": ["F32", 1]}}',
            '{"tensors": {"a": ["0", ["F32"], 0, [1], [1]]}, "others": [], "storages": {"0": ["F32", 1]}}',
            '{"tensors": {}, "others": [], "storages": {}, "order": ["0"], "end": 7}',
            '{"tensors": {}, "others": [], "storages": {"0": ["F32", 1]}, "order": ["0", "0"], "end": 7}',
            '{"tensors": {}, "others": [], "storages": {"0": ["F32", 1]}, "order": ["0"], "end": -7}',
        ],
    )
    def test_its_answer_is_not_believed(self, answer: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(state_process, "_answer", lambda *_: answer.encode())
        with pytest.raises(StateError, match="answered amiss"):
            ask()

    def test_a_long_answer_is_not_read(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(state_process, "_PYTHON", (sys.executable, "-S", "-c", "print('x' * (17 << 20))"))
        with pytest.raises(StateError, match="answered too much"):
            ask()
