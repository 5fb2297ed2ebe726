"""Weights in several files: what an index and its shards must agree on."""

from __future__ import annotations

import json
import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from bert_core.errors import CheckpointError
from bert_core.weights.formats.sharded import ShardedSafetensors, ShardedTorchPickle

DATA = Path(__file__).parent / "data"
ONE, TWO = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
MAP = {"a": ONE, "b": TWO, "c": ONE}


def index(folder: Path, said: object = None) -> Path:
    """Two shards, and an index that says this of them."""
    save_file({"a": np.full((2, 3), 1, np.float32), "c": np.full((4,), 3, np.float16)}, folder / ONE)
    save_file({"b": np.full((5,), 2, np.float64)}, folder / TWO)
    path = folder / "model.safetensors.index.json"
    content = said if isinstance(said, str) else json.dumps({"weight_map": MAP} if said is None else said)
    path.write_text(content, "utf-8")
    return path


def refused(path: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        ShardedSafetensors(path)
    return str(caught.value)


def test_the_tensors_of_all_shards(tmp_path: Path) -> None:
    path = index(tmp_path, {"metadata": {"total_size": 7}, "weight_map": MAP})  # some tools write a wrong size
    opened = ShardedSafetensors(path)
    assert opened.path == path
    assert {name: (stored.dtype, stored.shape) for name, stored in opened.tensors.items()} == {
        "a": ("F32", (2, 3)),
        "b": ("F64", (5,)),
        "c": ("F16", (4,)),
    }
    for name, value in {"a": 1, "b": 2, "c": 3}.items():
        read = opened.read(name)
        assert read.dtype == np.float32
        np.testing.assert_array_equal(read, np.full(opened.tensors[name].shape, value, np.float32))


@pytest.mark.parametrize("metadata", [None, {}, "x", {"total_size": -1}, {"total_size": "many"}])
def test_metadata_is_not_asked_for(tmp_path: Path, metadata: object) -> None:
    assert len(ShardedSafetensors(index(tmp_path, {"metadata": metadata, "weight_map": MAP})).tensors) == 3


def test_files_of_torch() -> None:
    opened = ShardedTorchPickle(DATA / "pytorch_model.bin.index.json")
    about = json.loads((DATA / "torch_expected.json").read_text("utf-8"))
    assert len(opened.tensors) == 22
    assert all([stored.dtype, list(stored.shape)] == about[name] for name, stored in opened.tensors.items())
    with np.load(DATA / "torch_expected.npz") as expected:
        for name in expected:
            np.testing.assert_array_equal(opened.read(name), expected[name], strict=True)


def test_a_shard_of_another_kind(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="begins neither as a zip archive nor as a pickle"):
        ShardedTorchPickle(index(tmp_path))


BAD: dict[str, tuple[object, str]] = {
    "not JSON": ("{", "it is not JSON"),
    "deep": ("[" * 100_000, "it is not JSON"),
    "a list": ([], "its weight_map does not say for each tensor which file holds it"),
    "no map": ({"metadata": {}}, "its weight_map does not say"),
    "a map that is a list": ({"weight_map": [ONE]}, "its weight_map does not say"),
    "a file that is a number": ({"weight_map": {**MAP, "a": 1}}, "its weight_map does not say"),
    "nothing": ({"weight_map": {}}, "its weight_map names no tensor"),
    "a name twice": (f'{{"weight_map": {{"a": "{ONE}", "a": "{TWO}"}}}}', "it gives one name twice"),
    "many files": ({"weight_map": {str(n): str(n) for n in range(1025)}}, "it names 1025 files, more than the 1024"),
    "a tensor that is not there": ({"weight_map": {**MAP, "d": TWO}}, f"{TWO}: it lacks 'd', which model.safetensors"),
    "a tensor in another file": ({"weight_map": {**MAP, "a": TWO}}, f"{TWO}: it lacks 'a', which model.safetensors"),
    "a tensor left over": ({"weight_map": {"a": ONE, "b": TWO}}, f"{ONE}: it holds 'c', which model.safetensors"),
    "a file that is not there": (
        {"weight_map": {"a": "no.safetensors"}},
        "no.safetensors: cannot read the weights: No",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_indexes(tmp_path: Path, case: str) -> None:
    said, expected = BAD[case]
    assert expected in refused(index(tmp_path, said))


def test_one_tensor_in_two_files(tmp_path: Path) -> None:
    path = index(tmp_path)
    save_file({"b": np.zeros(5), "a": np.zeros(5)}, tmp_path / TWO)
    assert f"{TWO}: it holds 'a', which model.safetensors.index.json does not say" in refused(path)


@pytest.mark.parametrize(
    "name", ["../x", "/etc/passwd", "a/b", "a\\b", "", ".", "..", "a\0b", "a\nb", "model.safetensors.index.json"]
)
def test_a_name_that_is_no_plain_name(tmp_path: Path, name: str) -> None:
    said = refused(index(tmp_path, {"weight_map": {**MAP, "b": name}}))
    assert f"it names {name!a}, which is no file of weights in its folder" in said


def test_a_shard_may_not_lead_out_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    path = index(tmp_path / "in")
    (tmp_path / "in" / TWO).rename(tmp_path / "outside")
    (tmp_path / "in" / TWO).symlink_to(tmp_path / "outside")
    assert f"{TWO}: it is a link that leaves the folder" in refused(path)
    (tmp_path / "outside").rename(tmp_path / "in" / "blob")
    (tmp_path / "in" / TWO).unlink()
    (tmp_path / "in" / TWO).symlink_to("blob")
    assert "b" in ShardedSafetensors(path).tensors


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_an_index_that_is_no_regular_file(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "x")
    assert "it is no regular file" in refused(tmp_path / "x")


def test_an_index_that_is_not_there_or_too_large(tmp_path: Path) -> None:
    assert "cannot read the index: No such file" in refused(tmp_path / "x")
    (tmp_path / "x").touch()
    os.truncate(tmp_path / "x", 1 << 30)  # sparse
    assert "it is no regular file of up to 16777216 bytes" in refused(tmp_path / "x")


@pytest.mark.parametrize("shard", [ONE, TWO])
def test_every_header_is_checked_when_the_index_is_opened(tmp_path: Path, shard: str) -> None:
    path = index(tmp_path)
    os.truncate(tmp_path / shard, (tmp_path / shard).stat().st_size - 1)
    assert shard in refused(path)


def test_reading_one_tensor_of_many_reads_no_other(tmp_path: Path) -> None:
    names = {f"t{number}": f"{number // 5}.safetensors" for number in range(20)}
    for file in set(names.values()):
        held = {name: np.full(250_000, int(name[1:]), np.float32) for name in names if names[name] == file}
        save_file(held, tmp_path / file)
    (tmp_path / "index.json").write_text(json.dumps({"weight_map": names}), "utf-8")
    tracemalloc.start()
    assert ShardedSafetensors(tmp_path / "index.json").read("t7")[0] == 7
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_500_000  # one tensor is 1 000 000 bytes, all are 20 000 000
