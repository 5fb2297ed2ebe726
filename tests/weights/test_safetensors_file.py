"""Reading safetensors: equal to the library on good files, a sentence on bad ones."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from safetensors.numpy import save_file

from bert_core.errors import CheckpointError
from bert_core.weights.formats.safetensors_file import SafetensorsFile

Header = dict[str, Any]


def write(path: Path, header: object, data: bytes = b"", length: int | None = None) -> Path:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes((len(raw) if length is None else length).to_bytes(8, "little") + raw + data)
    return path


def entry(dtype: str, shape: list[int], start: int, end: int) -> Header:
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


def test_equals_the_library(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    tensors: dict[str, NDArray[Any]] = {
        "a": random.standard_normal((3, 4)).astype(np.float32),
        "half": random.standard_normal((5,)).astype(np.float16),
        "double": random.standard_normal((2, 2, 2)),
        "scalar": np.array(1.5, np.float32),
        "nothing": np.zeros((0, 7), np.float32),
    }
    save_file(tensors, tmp_path / "x", metadata={"format": "np"})
    file = SafetensorsFile(tmp_path / "x")
    assert set(file.tensors) == set(tensors)
    for name, tensor in tensors.items():
        assert file.tensors[name].shape == tensor.shape
        assert file.read(name).dtype == np.float32
        np.testing.assert_array_equal(file.read(name), tensor.astype(np.float32))


def test_bfloat16_is_the_upper_half_of_float32(tmp_path: Path) -> None:
    exact = np.array([1.0, -2.5, 0.0, 3.0e38, np.inf], np.float32)
    halves = (exact.view(np.uint32) >> 16).astype("<u2")
    write(tmp_path / "x", {"a": entry("BF16", [5], 0, 10)}, halves.tobytes())
    expected = (halves.astype(np.uint32) << 16).view(np.float32)
    read = SafetensorsFile(tmp_path / "x").read("a")
    np.testing.assert_array_equal(read, expected)
    np.testing.assert_allclose(read, exact, rtol=2**-7)


def test_whole_numbers_are_listed_and_not_loaded(tmp_path: Path) -> None:
    save_file({"position_ids": np.arange(4)}, tmp_path / "x")
    file = SafetensorsFile(tmp_path / "x")
    assert file.tensors["position_ids"].shape == (4,)
    with pytest.raises(CheckpointError, match="'position_ids' is stored as I64"):
        file.read("position_ids")


GOOD = entry("F32", [2], 0, 8)
BAD_HEADERS: dict[str, tuple[object, bytes, str]] = {
    "overlap": ({"a": GOOD, "b": entry("F32", [2], 4, 12)}, b"x" * 12, "'b' overlaps"),
    "the same bytes twice": ({"a": GOOD, "b": GOOD}, b"x" * 8, "'b' overlaps"),
    "gap": ({"a": GOOD, "b": entry("F32", [1], 12, 16)}, b"x" * 16, "'b' leaves a gap"),
    "past the end": ({"a": entry("F32", [4], 0, 16)}, b"x" * 8, "describes 16 bytes of tensors and the file holds 8"),
    "bytes left over": ({"a": GOOD}, b"x" * 9, "describes 8 bytes of tensors and the file holds 9"),
    "size": ({"a": entry("F32", [3], 0, 8)}, b"x" * 8, "has 8 bytes, not 12"),
    "negative": ({"a": entry("F32", [2], -8, 0)}, b"x" * 8, "data_offsets of the tensor 'a'"),
    "backwards": ({"a": entry("F32", [2], 8, 0)}, b"x" * 8, "has -8 bytes"),
    "negative shape": ({"a": entry("F32", [-2, -1], 0, 8)}, b"x" * 8, "shape of the tensor 'a'"),
    "fraction": ({"a": entry("F32", [2.0], 0, 8)}, b"x" * 8, "shape of the tensor 'a'"),  # type: ignore[list-item]
    "true": ({"a": entry("F32", [2, True], 0, 8)}, b"x" * 8, "shape of the tensor 'a'"),
    "huge": ({"a": entry("F32", [2**40, 2**40], 0, 8)}, b"x" * 8, "has 8 bytes, not"),
    "too many dimensions": ({"a": entry("F32", [1] * 32 + [2], 0, 8)}, b"x" * 8, "shape of the tensor 'a'"),
    "dtype": ({"a": entry("OBJECT", [1], 0, 8)}, b"x" * 8, "has the dtype 'OBJECT'"),
    "no dtype": ({"a": {"shape": [2], "data_offsets": [0, 8]}}, b"x" * 8, "says no dtype"),
    "not an object": ([1, 2], b"", "not a JSON object"),
    "not json": (b"\x80\x04\x95pickle", b"", "not JSON"),
    "deep": (b"[" * 100_000, b"", "not JSON"),
    "long number": (b'{"a":' + b"9" * 100_000 + b"}", b"", "not JSON"),
    "one name twice": (b'{"a":{},"a":{}}', b"", "one name twice"),
}


@pytest.mark.parametrize("case", BAD_HEADERS)
def test_bad_headers(tmp_path: Path, case: str) -> None:
    header, data, said = BAD_HEADERS[case]
    with pytest.raises(CheckpointError) as caught:
        SafetensorsFile(write(tmp_path / "x", header, data))
    assert said in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "x"))


@pytest.mark.parametrize("length", [2**63, 2**64 - 1, 100, 10**9])
def test_a_header_longer_than_the_file(tmp_path: Path, length: int) -> None:
    with pytest.raises(CheckpointError, match="too few for the header"):
        SafetensorsFile(write(tmp_path / "x", {}, length=length))


def test_a_header_bomb_is_not_read(tmp_path: Path) -> None:
    path = write(tmp_path / "x", b"", length=100_000_000)
    os.truncate(path, 100_000_100)  # sparse
    with pytest.raises(CheckpointError, match="more than the 4194304 that are read"):
        SafetensorsFile(path)


@given(cut=st.integers(0, 200))
def test_cut_anywhere(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    path = tmp_path_factory.mktemp("cut") / "x"
    save_file({"a": np.ones((3, 4), np.float32), "b": np.ones((5,), np.float32)}, path)
    os.truncate(path, min(cut, path.stat().st_size - 1))
    with pytest.raises(CheckpointError):
        SafetensorsFile(path)


def test_a_file_that_shrinks_after_it_was_opened(tmp_path: Path) -> None:
    save_file({"a": np.ones((300,), np.float32)}, tmp_path / "x")
    file = SafetensorsFile(tmp_path / "x")
    os.truncate(tmp_path / "x", (tmp_path / "x").stat().st_size - 4)
    with pytest.raises(CheckpointError, match="ends inside the tensor 'a'"):
        file.read("a")


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_what_is_no_regular_file_is_not_opened(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "x")
    with pytest.raises(CheckpointError, match="not a regular file"):
        SafetensorsFile(tmp_path / "x")


def test_reading_one_tensor_of_many_reads_no_other(tmp_path: Path) -> None:
    import tracemalloc

    save_file({f"t{number}": np.full((250_000,), number, np.float32) for number in range(20)}, tmp_path / "x")
    tracemalloc.start()
    assert SafetensorsFile(tmp_path / "x").read("t7")[0] == 7
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_500_000  # one tensor is 1 000 000 bytes, all are 20 000 000


def test_a_file_that_is_gone_after_it_was_opened(tmp_path: Path) -> None:
    save_file({"a": np.ones((3,), np.float32)}, tmp_path / "x")
    file = SafetensorsFile(tmp_path / "x")
    (tmp_path / "x").unlink()
    with pytest.raises(CheckpointError, match="cannot read the weights: No such file"):
        file.read("a")


def test_a_shape_that_numpy_cannot_have_is_refused_where_it_holds_nothing(tmp_path: Path) -> None:
    header = json.dumps({"a": {"dtype": "F32", "shape": [0, 1 << 62], "data_offsets": [0, 0]}}).encode()
    (tmp_path / "x").write_bytes(len(header).to_bytes(8, "little") + header)
    with pytest.raises(CheckpointError, match="a shape that no array can have"):
        SafetensorsFile(tmp_path / "x")
