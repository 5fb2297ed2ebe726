"""Reading PyTorch's files: equal to torch on its own files, a sentence on all others, and nothing is ever run."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pickle
import struct
import time
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bert_core.errors import CheckpointError
from bert_core.weights.formats.torch_pickle import TorchPickle

DATA = Path(__file__).parent / "data"
LAYOUTS = ["zip", "protocol5", "nested", "legacy", "legacy_nested", "newer"]
NUMBERS = np.arange(6, dtype="<f4")


def refused(path: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        TorchPickle(path)
    assert str(caught.value).startswith(str(path))
    return caught.value.what


# How a pickle is written by hand, opcode by opcode.


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


def number(value: int) -> bytes:
    return b"\x8a\x09" + value.to_bytes(9, "little", signed=True)


def name(full: str) -> bytes:
    module, _, last = full.rpartition(".")
    return f"c{module}\n{last}\n".encode()


def row(*parts: bytes) -> bytes:
    return b"(" + b"".join(parts) + b"t"


def call(full: str, *arguments: bytes) -> bytes:
    return name(full) + row(*arguments) + b"R"


def storage(kind: str = "torch.FloatStorage", key: str = "0", count: int = 6) -> bytes:
    return row(text("storage"), name(kind), text(key), text("cpu"), number(count)) + b"Q"


def tensor(
    shape: tuple[int, ...] = (2, 3),
    strides: tuple[int, ...] = (3, 1),
    offset: int = 0,
    of: bytes = b"",
    hooks: bytes = b"",
) -> bytes:
    sizes, steps = row(*map(number, shape)), row(*map(number, strides))
    hooks = hooks or name("collections.OrderedDict") + b")R"
    return call("torch._utils._rebuild_tensor_v2", of or storage(), number(offset), sizes, steps, b"\x89", hooks)


def state(**values: bytes) -> bytes:
    return b"\x80\x02}(" + b"".join(text(key) + value for key, value in values.items()) + b"u."


def archive(path: Path, pickled: bytes, members: dict[str, bytes] | None = None, top: str = "archive") -> Path:
    with zipfile.ZipFile(path, "w") as written:
        for member, content in {"data.pkl": pickled, "data/0": NUMBERS.tobytes(), **(members or {})}.items():
            written.writestr(f"{top}/{member}", content)
    return path


HEAD = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03."


def headed(path: Path, pickled: bytes, order: bytes = b"\x80\x02](" + text("0") + b"e.", count: int = 6) -> Path:
    written_on = state(little_endian=b"\x88")
    path.write_bytes(HEAD + written_on + pickled + order + struct.pack("<q", count) + NUMBERS.tobytes())
    return path


class TestWhatTorchWrote:
    @pytest.mark.parametrize("layout", LAYOUTS)
    def test_equals_torch(self, layout: str) -> None:
        file = TorchPickle(DATA / f"torch_{layout}.bin")
        about = json.loads((DATA / "torch_expected.json").read_text("utf-8"))
        missing = set() if layout == "newer" else {"short unsigned", "eighth"}
        assert {name: [stored.dtype, list(stored.shape)] for name, stored in file.tensors.items()} == {
            name: said for name, said in about.items() if name not in missing
        }
        with np.load(DATA / "torch_expected.npz") as expected:
            for name in expected:
                assert file.read(name).dtype == np.float32
                assert file.read(name).flags.c_contiguous
                np.testing.assert_array_equal(file.read(name), expected[name], strict=True)
            assert len(expected) == 16

    @pytest.mark.parametrize("layout", LAYOUTS)
    def test_whole_numbers_are_listed_and_not_loaded(self, layout: str) -> None:
        with pytest.raises(CheckpointError, match="'position_ids' is stored as I64"):
            TorchPickle(DATA / f"torch_{layout}.bin").read("position_ids")

    @pytest.mark.parametrize("layout", ["nested", "legacy_nested"])
    def test_what_lies_beside_a_nested_state_dict_is_named(self, layout: str) -> None:
        assert TorchPickle(DATA / f"torch_{layout}.bin").others == ("epoch", "lr", "optimizer")

    @pytest.mark.parametrize("layout", ["zip", "legacy"])
    def test_the_state_is_read_by_another_process(self, layout: str, monkeypatch: pytest.MonkeyPatch) -> None:
        from bert_core.weights.formats.torch_state.machine import Machine

        def never(machine: Machine) -> None:
            raise AssertionError("the pickle is read in this process")

        monkeypatch.setattr(Machine, "run", never)
        assert "words" in TorchPickle(DATA / f"torch_{layout}.bin").tensors

    def test_the_other_process_imports_nothing_from_here(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for module in ("json", "struct", "torch_state", "usercustomize"):
            (tmp_path / f"{module}.py").write_text(f"import os; os.mkdir({str(tmp_path / 'canary')!r})", "utf-8")
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        monkeypatch.chdir(tmp_path)
        assert "words" in TorchPickle(DATA / "torch_zip.bin").tensors
        assert not (tmp_path / "canary").exists()


class TestLayouts:
    def test_by_hand(self, tmp_path: Path) -> None:
        for write in (archive, headed):
            file = TorchPickle(write(tmp_path / "x", state(a=tensor(), b=tensor((3, 2), (1, 3)), n=b"K\x01")))
            np.testing.assert_array_equal(file.read("a"), NUMBERS.reshape(2, 3))
            np.testing.assert_array_equal(file.read("b"), NUMBERS.reshape(2, 3).T)
            assert file.others == ("n",)

    def test_as_python_2_wrote_it(self, tmp_path: Path) -> None:
        old = call("torch._utils._rebuild_tensor", storage(), number(0), row(number(6)), row(number(1)))
        pairs = b"](](U\x01a" + old + b"ee"
        file = TorchPickle(archive(tmp_path / "x", b"\x80\x02" + call("collections.OrderedDict", pairs) + b"."))
        np.testing.assert_array_equal(file.read("a"), NUMBERS)

    def test_a_torch_size_is_a_shape(self, tmp_path: Path) -> None:
        shape, strides = call("torch.Size", row(number(6))), call("torch.Size", row(number(1)))
        made = call("torch._utils._rebuild_tensor", storage(), number(0), shape, strides)
        assert TorchPickle(archive(tmp_path / "x", state(a=made))).tensors["a"].shape == (6,)

    def test_strides_of_axes_that_are_not_walked_do_not_matter(self, tmp_path: Path) -> None:
        pickled = state(a=tensor((1, 3, 2), (2**62, 1, 3)), b=tensor((0, 2), (2**62, 2**61)), c=tensor((1, 2), (0, 1)))
        file = TorchPickle(archive(tmp_path / "x", pickled))
        np.testing.assert_array_equal(file.read("a"), [NUMBERS.reshape(2, 3).T])
        assert file.read("b").shape == (0, 2)
        np.testing.assert_array_equal(file.read("c"), [[0, 1]])

    @pytest.mark.parametrize("key", ["state_dict", "model", "model_state_dict"])
    def test_nested_under(self, tmp_path: Path, key: str) -> None:
        inner = state(a=tensor(), b=b"N")[2:-1]
        file = TorchPickle(archive(tmp_path / "x", state(**{key: inner, "step": b"K\x07"})))
        assert list(file.tensors) == ["a"]
        assert file.others == ("b", "step")

    def test_not_clear_which_tensors(self, tmp_path: Path) -> None:
        inner = state(a=tensor())[2:-1]
        said = refused(archive(tmp_path / "x", state(loss=tensor(), model=inner)))
        assert said == "it holds tensors at the top and under 'model', and which of them are the weights is not clear"

    @pytest.mark.parametrize("pickled", [state(), state(a=b"K\x01"), state(ema=state(a=tensor())[2:-1]), b"\x80\x02]."])
    def test_no_tensors(self, tmp_path: Path, pickled: bytes) -> None:
        assert refused(archive(tmp_path / "x", pickled)) == "it holds no dict of names and tensors"

    def test_a_name_given_twice(self, tmp_path: Path) -> None:
        twice = b"\x80\x02}(" + (text("a") + tensor()) * 2 + b"u."
        assert refused(archive(tmp_path / "x", twice)) == "a dict has the key 'a' twice"

    def test_a_whole_module(self, tmp_path: Path) -> None:
        module = row(text("module"), name("collections.OrderedDict"), text("model.py"), text("class A: pass")) + b"Q"
        assert "it holds a whole module" in refused(headed(tmp_path / "x", b"\x80\x02" + module + b"."))

    def test_a_tar_archive(self, tmp_path: Path) -> None:
        (tmp_path / "x").write_bytes(b"storages".ljust(257, b"\0") + b"ustar  \0".ljust(255, b"\0"))
        assert "it is a tar archive" in refused(tmp_path / "x")

    @pytest.mark.parametrize("content", [b"", b"version https://git-lfs.github.com/spec/v1\n", b"<html>"])
    def test_neither(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "x").write_bytes(content)
        assert refused(tmp_path / "x") == "it begins neither as a zip archive nor as a pickle"

    @pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
    def test_what_is_no_regular_file_is_not_opened(self, tmp_path: Path, make: Callable[[Path], None]) -> None:
        make(tmp_path / "x")
        assert refused(tmp_path / "x") == "it is not a regular file"

    def test_big_endian(self, tmp_path: Path) -> None:
        said = refused(archive(tmp_path / "x", state(a=tensor()), {"byteorder": b"big"}))
        assert said == "it was written on a big-endian machine: its byteorder is b'big'"
        content = headed(tmp_path / "y", state(a=tensor())).read_bytes()
        (tmp_path / "y").write_bytes(content.replace(text("little_endian") + b"\x88", text("little_endian") + b"\x89"))
        assert refused(tmp_path / "y") == "it was written on a big-endian machine"


MKDIR = f"{os.mkdir.__module__}.mkdir"  # posix, which is what a pickle of os.mkdir says


class Evil:
    """Makes a folder when Python's own reader meets it."""

    def __init__(self, *called: Any) -> None:
        self.called = called

    def __reduce__(self) -> Any:
        return self.called


def attacks(canary: str) -> dict[str, tuple[bytes, str]]:
    """Pickles that make the canary where Python reads them, and what is said of them here."""
    evil, code = Evil(os.mkdir, (canary,)), f"__import__('os').mkdir({canary!r})"
    path, call_it = text(canary), row(text(canary)) + b"R"
    made = name(MKDIR) + call_it
    imported = call("builtins.__import__", text("os"))
    parts = call("torch._utils._rebuild_tensor_v2", storage(), number(0), row(), row(), b"\x89", made)
    attributes = b"\x80\x02" + name("collections.OrderedDict") + b")R}" + text("x") + made + b"sb."
    return {
        "reduce, protocol 0": (pickle.dumps(evil, 0), f"it names {MKDIR},"),
        "reduce, protocol 2": (pickle.dumps(evil, 2), f"it names {MKDIR}, which is no tensor"),
        "reduce, protocol 4": (pickle.dumps({"a": evil}, 4), f"it names {MKDIR}, which is no tensor"),
        "eval, protocol 2": (pickle.dumps(Evil(eval, (code,)), 2), "it names __builtin__.eval, which is no tensor"),
        "eval, protocol 5": (pickle.dumps([Evil(eval, (code,))], 5), "it names builtins.eval, which is no tensor"),
        "exec": (state(a=call("builtins.exec", text(code))), "it names builtins.exec,"),
        "a chain": (state(a=call("builtins.getattr", imported, text("mkdir")) + call_it), "it names builtins.getattr,"),
        "os": (state(a=call("os.mkdir", path)), "it names os.mkdir,"),
        "behind tensors": (state(a=tensor(), b=made), f"it names {MKDIR},"),
        "inside a tensor": (state(a=parts), f"it names {MKDIR},"),
        "as an attribute": (attributes, f"it names {MKDIR},"),
        "in a reference": (state(a=row(text("storage"), made) + b"Q"), f"it names {MKDIR},"),
        "a dotted name": (
            b"\x80\x04" + text("os") + text("path.os.mkdir") + b"\x93" + call_it + b".",
            "it names os.path.os.mkdir,",
        ),
        "a dotted name that begins well": (
            b"\x80\x04" + text("collections") + text("_sys.modules") + b"\x93.",
            "it names collections._sys.modules,",
        ),
        "a name of kept texts": (
            b"\x80\x04(" + text("os") + b"\x94" + text("mkdir") + b"\x940h\x00h\x01\x93" + call_it + b"t.",
            "opcode POP,",
        ),
        "INST": (b"(" + path + b"ios\nmkdir\n.", "opcode INST,"),
        "OBJ": (b"(" + name(MKDIR) + path + b"o.", f"it names {MKDIR},"),
        "before the end": (made, f"it names {MKDIR},"),
    }


ATTACKS = list(attacks("canary"))


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_is_run(tmp_path: Path, attack: str) -> None:
    canary = tmp_path / "canary"
    pickled, said = attacks(str(canary))[attack]
    assert said in refused(archive(tmp_path / "zip", pickled))
    assert said in refused(headed(tmp_path / "row", pickled))
    assert said in refused(headed(tmp_path / "order", state(a=tensor()), pickled))
    (tmp_path / "first").write_bytes(b"\x80\x02" + pickled)
    assert said in refused(tmp_path / "first")
    assert not canary.exists()


class Careless(pickle.Unpickler):
    """Python's own reader, with something in the place of torch."""

    def persistent_load(self, pid: Any) -> Any:
        return pid

    def find_class(self, module: str, name: str) -> Any:
        return (lambda *_: None) if module.startswith("torch") else super().find_class(module, name)


@pytest.mark.parametrize("attack", [name for name in ATTACKS if name != "a dotted name that begins well"])
def test_python_would_have_run_it(tmp_path: Path, attack: str) -> None:
    pickled, _ = attacks(str(tmp_path / "canary"))[attack]
    with contextlib.suppress(Exception):
        Careless(io.BytesIO(pickled)).load()
    assert (tmp_path / "canary").exists()


TENSOR = state(a=tensor())
ODD = {
    "EXT1": (b"\x80\x02\x82\x01.", "opcode EXT1, which no tensor needs"),
    "EXT2": (b"\x80\x02\x83\x01\x00.", "opcode EXT2,"),
    "EXT4": (b"\x80\x02\x84\x01\x00\x00\x00.", "opcode EXT4,"),
    "NEWOBJ": (b"\x80\x02" + name("collections.OrderedDict") + b")\x81.", "opcode NEWOBJ,"),
    "NEWOBJ_EX": (b"\x80\x04" + name("collections.OrderedDict") + b")}\x92.", "opcode NEWOBJ_EX,"),
    "PERSID": (b"\x80\x02Pstorage\n.", "opcode PERSID,"),
    "an opcode that is none": (b"\x80\x02\xff.", "opcode ff,"),
    "a protocol to come": (b"\x80\x06N.", "of a protocol after 5"),
    "attributes of a tensor": (state(a=tensor() + b"}" + text("x") + b"Nsb"), "attributes to what is no dict"),
    "attributes that are no dict": (state(a=b"}" + row(b"N", b"}") + b"b"), "attributes to what is no dict"),
    "a call of a storage": (state(a=call("torch.FloatStorage", number(6))), "it calls torch.FloatStorage, which"),
    "a call of a text": (state(a=text("os.system") + b")R"), "it calls what is no name"),
    "a call without a tuple": (state(a=name("collections.OrderedDict") + b"NR"), "it calls what is no name"),
    "a name of numbers": (b"\x80\x04K\x01K\x02\x93.", "names something by what is no text"),
    "a name with a cursor": (state(a=name("os.\x1b[2Jsystem")), r"it names os.\x1b[2Jsystem, which"),
    "an OrderedDict of texts": (state(a=call("collections.OrderedDict", text("ab"))), "of what are no pairs"),
    "a key that is a tuple": (b"\x80\x02})Ns.", "a key of a dict is neither text nor number"),
    "a key that is a list": (b"\x80\x02}]Ns.", "a key of a dict is neither text nor number"),
    "an odd number of items": (b"\x80\x02}(Nu.", "sets an item of what is no dict"),
    "an item of a list": (b"\x80\x02]NNs.", "sets an item of what is no dict"),
    "append to a tuple": (b"\x80\x02)Na.", "appends to what is no list"),
    "an opcode that no dict needs": (b"\x80\x02N0.", "opcode POP,"),
    "an empty stack": (b"\x80\x02.", "takes from an empty stack"),
    "from below the mark": (b"\x80\x02N(\x85.", "takes from an empty stack"),
    "no mark": (b"\x80\x02t.", "a mark that was not set"),
    "two values": (b"\x80\x02NN.", "leaves something on its stack"),
    "a mark is left": (b"\x80\x02(N.", "leaves something on its stack"),
    "what was not kept": (b"\x80\x02h\x07.", "recalls the value 7, which it did not keep"),
    "another pickle behind it": (TENSOR + TENSOR, f"{len(TENSOR)} bytes follow its pickle"),
    "text that is not UTF-8": (b"\x80\x02X\x01\x00\x00\x00\xff.", "a text in the pickle is not UTF-8"),
    "a reference to nothing": (b"\x80\x02NQ.", "refers to what is no storage"),
    "a storage of functions": (state(a=tensor(of=storage("collections.OrderedDict"))), "in a way that torch does not"),
    "a storage of -1": (state(a=tensor(of=storage(count=-1))), "in a way that torch does not"),
    "a storage with a long key": (state(a=tensor(of=storage(key="0" * 300))), "the key of a storage is too long"),
    "one storage in two ways": (
        state(a=tensor(of=storage()), b=tensor(of=storage("torch.IntStorage"))),
        "describes the storage '0' in two ways",
    ),
    "a tensor of a list": (state(a=tensor(of=b"]")), "makes a tensor in a way that torch does not"),
    "a tensor of little": (state(a=call("torch._utils._rebuild_tensor", storage())), "in a way that torch does not"),
    "a negative offset": (state(a=tensor(offset=-1)), "what are no storage, offset, shape and strides"),
    "a negative stride": (state(a=tensor((6,), (-1,))), "what are no storage, offset, shape and strides"),
    "a negative size": (state(a=tensor((-2, -3), (3, 1))), "what are no storage, offset, shape and strides"),
    "strides of another length": (state(a=tensor((6,), (1, 1))), "shape and strides do not go together"),
    "too many dimensions": (state(a=tensor((1,) * 33, (1,) * 33)), "shape and strides do not go together"),
    "a parameter of nothing": (state(a=call("torch._utils._rebuild_parameter", b"N", b"\x88", b"}")), "no tensor"),
    "beyond the storage": (state(a=tensor((7,), (1,))), "'a' goes beyond its storage of 6 numbers"),
    "beyond by its offset": (state(a=tensor((2,), (1,), 5)), "'a' goes beyond its storage of 6 numbers"),
    "beyond by a stride": (state(a=tensor((2, 2), (5, 1))), "'a' goes beyond its storage of 6 numbers"),
    "beyond all numbers": (state(a=tensor((2**62, 4), (2**62, 1))), "'a' goes beyond its storage of 6 numbers"),
    "an empty one beyond": (state(a=tensor((0,), (1,), 7)), "'a' goes beyond its storage of 6 numbers"),
    "empty and too large": (state(a=tensor((0, 2**62), (1, 1))), "has the shape (0, 4611686018427387904), which no"),
    "one number a million times": (state(a=tensor((2**20,), (0,))), "repeats the 6 numbers of its storage"),
    "a storage that says more": (
        state(a=tensor((7,), (1,), of=storage(count=7))),
        "its storage '0' should have 28 bytes and has 24 bytes",
    ),
    "a storage that says less": (state(a=tensor(of=storage(count=5))), "should have 20 bytes and has 24 bytes"),
    "a storage of doubles": (state(a=tensor(of=storage("torch.DoubleStorage"))), "should have 48 bytes and has 24"),
    "a storage that is not there": (state(a=tensor(of=storage(key="1"))), "should have 24 bytes and is not there"),
    "a storage by another path": (state(a=tensor(of=storage(key="../data/0"))), "bytes and is not there"),
}


@pytest.mark.parametrize("case", ODD)
def test_odd_pickles(tmp_path: Path, case: str) -> None:
    pickled, said = ODD[case]
    assert said in refused(archive(tmp_path / "x", pickled))


OPCODES = 1 << 19
TOO_MUCH = "its pickle does more than any state dict needs"
NO_DICT = "it holds no dict of names and tensors"
MANY_TENSORS = [text(str(index)) + b"h\x01" for index in range(16_400)]
LARGE = {
    "deep tuples": (b"\x80\x02)" + b"\x85" * 100_000 + b".", NO_DICT),
    "deep lists": (b"\x80\x02" + b"]" * 30_000 + b"a" * 29_999 + b".", NO_DICT),
    "deeper lists": (b"\x80\x02" + b"]" * 70_000, TOO_MUCH),
    "deep dicts": (b"\x80\x02}" + b"N}" * 30_000 + b"s" * 30_000 + b".", NO_DICT),
    "marks": (b"\x80\x02" + b"(" * 70_000, TOO_MUCH),
    "a high stack": (b"\x80\x02" + b"N" * 70_000, TOO_MUCH),
    "many values are kept": (b"\x80\x02N" + b"\x94" * 140_000, TOO_MUCH),
    "many opcodes": (b"\x80\x02" * (OPCODES + 1), TOO_MUCH),
    "a list in itself": (b"\x80\x02]q\x00h\x00a.", NO_DICT),
    "a dict in itself": (b"\x80\x02}q\x00" + text("model") + b"h\x00s.", NO_DICT),
    "a value is kept far away": (b"\x80\x02}r\xff\xff\xff\xff.", NO_DICT),
    "a long text": (b"\x80\x02X\xff\xff\xff\xff.", "a text in its pickle has 4294967295 bytes, more than"),
    "a long number": (b"\x80\x02\x8a\xff" + b"\x01" * 255 + b".", "a whole number in its pickle has 255 bytes"),
    "a long name": (b"\x80\x02c" + b"o" * 10_000 + b"\n.", "the pickle is cut short, or a name in it is too long"),
    "one long text again and again": (
        b"\x80\x02](" + text("x" * (1 << 20)) + b"q\x00" + b"h\x00" * 30_000 + b"e.",
        NO_DICT,
    ),
    "a large pickle": (state(a=b"]" + (text("x" * (1 << 20)) + b"a") * 17), "more than the 16777216 bytes"),
    "many tensors": (
        b"\x80\x02}("
        + text("a")
        + tensor()
        + b"q\x01"
        + b"".join(MANY_TENSORS[:10_000])
        + b"u("
        + b"".join(MANY_TENSORS[10_000:])
        + b"u.",
        "it holds 16401 tensors, more than the 16384 that are read",
    ),
}


@pytest.mark.parametrize("case", LARGE)
def test_large_pickles_come_to_an_end(tmp_path: Path, case: str) -> None:
    pickled, said = LARGE[case]
    assert said in refused(archive(tmp_path / "x", pickled))


@pytest.mark.slow
def test_the_processor_time_of_a_pickle_is_limited(tmp_path: Path) -> None:
    """Numbers that all fall into one place of a hash table, so that each is compared with every other."""
    keys = [b"\x8a\x10" + ((2**61 - 1) * index).to_bytes(16, "little") + b"N" for index in range(300_000)]
    chunks = [b"(" + b"".join(keys[start : start + 30_000]) + b"u" for start in range(0, len(keys), 30_000)]
    start = time.monotonic()
    said = refused(archive(tmp_path / "x", b"\x80\x02}" + b"".join(chunks) + b"."))
    assert time.monotonic() - start < 70
    assert "ended with the status" in said or "was not understood within 60 seconds" in said


class TestArchives:
    """What only a zip archive can have; its directory is tested in test_stored_zip.py."""

    def test_no_pickle(self, tmp_path: Path) -> None:
        assert "a zip archive with 0 data.pkl" in refused(archive(tmp_path / "x", TENSOR, top="a/b"))

    def test_two_pickles(self, tmp_path: Path) -> None:
        with zipfile.ZipFile(archive(tmp_path / "x", TENSOR), "a") as written:
            written.writestr("other/data.pkl", TENSOR)
        assert "a zip archive with 2 data.pkl" in refused(tmp_path / "x")

    def test_a_compressed_archive(self, tmp_path: Path) -> None:
        with zipfile.ZipFile(tmp_path / "x", "w", zipfile.ZIP_DEFLATED) as written:
            written.writestr("archive/data.pkl", TENSOR)
            written.writestr("archive/data/0", bytes(1_000_000))
        assert "'archive/data.pkl' is packed or encrypted" in refused(tmp_path / "x")

    def test_a_changed_byte_of_a_tensor_is_found(self, tmp_path: Path) -> None:
        content = bytearray(archive(tmp_path / "x", state(a=tensor(), b=tensor((3, 2), (1, 3)))).read_bytes())
        content[content.index(NUMBERS.tobytes()) + 5] ^= 1
        (tmp_path / "x").write_bytes(content)
        for name in ("a", "b"):
            with pytest.raises(CheckpointError, match=f"the CRC-32 of the tensor '{name}' is not that of its bytes"):
                TorchPickle(tmp_path / "x").read(name)

    def test_torch_may_be_told_to_write_no_checksum(self, tmp_path: Path) -> None:
        path = archive(tmp_path / "x", TENSOR)
        with zipfile.ZipFile(path) as written:
            crc = written.getinfo("archive/data/0").CRC
        path.write_bytes(path.read_bytes().replace(struct.pack("<I", crc), bytes(4)))
        np.testing.assert_array_equal(TorchPickle(path).read("a"), NUMBERS.reshape(2, 3))


class TestRows:
    """What only a file of torch before 1.6 can have."""

    @pytest.mark.parametrize(
        ("find", "put", "said"),
        [
            (HEAD[:17], b"\x80\x02K\x01.", "does not begin with the number that torch.save writes"),
            (b"M\xe9\x03", b"M\xea\x03", "its version is not 1001"),
            (b"](" + text("0") + b"e.", b"].", "the storages that it lists are not those of its tensors"),
            (text("0") + b"e.", text("0") * 2 + b"e.", "the storages that it lists are not those of its tensors"),
            (text("0") + b"e.", b"K\x00e.", "the order of its storages is no list of keys"),
            (
                b"." + struct.pack("<q", 6),
                b"." + struct.pack("<q", 7),
                "its storage '0' should have 6 numbers and has 7",
            ),
            (
                b"." + struct.pack("<q", 6),
                b"." + struct.pack("<q", -6),
                "its storage '0' should have 6 numbers and has 18446",
            ),
            (NUMBERS.tobytes(), NUMBERS.tobytes()[:-1], "it is cut short: its storage '0' goes to byte"),
            (NUMBERS.tobytes(), NUMBERS.tobytes() + b"x", "1 bytes are left over at its end"),
        ],
    )
    def test_bad_rows(self, tmp_path: Path, find: bytes, put: bytes, said: str) -> None:
        path = headed(tmp_path / "x", TENSOR)
        assert path.read_bytes().count(find) == 1
        path.write_bytes(path.read_bytes().replace(find, put))
        assert said in refused(path)

    def test_views_of_storages(self, tmp_path: Path) -> None:
        view = (
            row(text("storage"), name("torch.FloatStorage"), text("0"), text("cpu"), number(6), row(text("v"))) + b"Q"
        )
        assert "it holds views of storages" in refused(headed(tmp_path / "x", state(a=tensor(of=view))))


@pytest.mark.parametrize("layout", ["zip", "legacy"])
@settings(deadline=None, max_examples=15)
@given(cut=st.integers(0, 7_000))
def test_cut_anywhere(tmp_path_factory: pytest.TempPathFactory, layout: str, cut: int) -> None:
    content = (DATA / f"torch_{layout}.bin").read_bytes()
    path = tmp_path_factory.mktemp("cut") / "x"
    path.write_bytes(content[: min(cut, len(content) - 1)])
    refused(path)


@pytest.mark.parametrize("layout", ["zip", "legacy"])
@settings(deadline=None, max_examples=15)
@given(place=st.integers(0, 7_000), byte=st.integers(1, 255))
def test_a_changed_byte_is_found_or_harms_nothing(
    tmp_path_factory: pytest.TempPathFactory, layout: str, place: int, byte: int
) -> None:
    content = bytearray((DATA / f"torch_{layout}.bin").read_bytes())
    content[place % len(content)] ^= byte
    path = tmp_path_factory.mktemp("changed") / "x"
    path.write_bytes(content)
    with contextlib.suppress(CheckpointError):
        file = TorchPickle(path)
        for name, stored in file.tensors.items():
            with contextlib.suppress(CheckpointError):
                assert file.read(name).shape == stored.shape


@pytest.mark.parametrize("layout", ["zip", "legacy"])
def test_a_file_that_shrinks_or_goes_after_it_was_opened(tmp_path: Path, layout: str) -> None:
    path = (archive if layout == "zip" else headed)(tmp_path / "x", TENSOR)
    file = TorchPickle(path)
    os.truncate(path, path.read_bytes().index(NUMBERS.tobytes()) + 4)
    with pytest.raises(CheckpointError, match="ends inside the tensor 'a'"):
        file.read("a")
    path.unlink()
    with pytest.raises(CheckpointError, match="cannot read the weights: No such file"):
        file.read("a")


@pytest.mark.parametrize("layout", ["zip", "legacy"])
def test_reading_one_tensor_of_many_reads_no_other(tmp_path: Path, layout: str) -> None:
    count, keys = 250_000, [f"{index}" for index in range(20)]
    rows = {key: np.full(count, int(key), "<f4").tobytes() for key in keys}
    pickled = state(**{f"t{key}": tensor((count,), (1,), of=storage(key=key, count=count)) for key in keys})
    path = archive(tmp_path / "x", pickled, {f"data/{key}": content for key, content in rows.items()})
    if layout == "legacy":
        order = b"\x80\x02](" + b"".join(map(text, keys)) + b"e."
        stored = b"".join(struct.pack("<q", count) + rows[key] for key in keys)
        path.write_bytes(HEAD + state(little_endian=b"\x88") + pickled + order + stored)
    tracemalloc.start()
    assert TorchPickle(path).read("t7")[0] == 7
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_500_000  # one tensor is 1 000 000 bytes, all are 20 000 000
