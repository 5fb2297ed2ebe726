"""Reading TensorFlow's checkpoints: equal to TensorFlow on what it wrote, a sentence on what is bad."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import product, takewhile
from pathlib import Path
from typing import Any

import google_crc32c
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bert_core.errors import CheckpointError
from bert_core.protobuf import WireError
from bert_core.weights.formats import sorted_table
from bert_core.weights.formats.snappy import SnappyError, unpacked
from bert_core.weights.formats.tensorflow_bundle import TensorflowBundle
from bert_core.weights.formats.tensorflow_index import IndexFault, parsed

HERE = Path(__file__).parent
RECORDED = HERE / "data" / "tensorflow"
SHARED = HERE.parents[2] / "shared" / "data" / "tf-bert-checkpoint"
FLOATS = {"F32", "F16", "BF16", "F64"}


# A writer, from the formats' own pages: https://github.com/google/leveldb/blob/main/doc/table_format.md and
# tensorflow/core/protobuf/tensor_bundle.proto.


def number(value: int) -> bytes:
    value %= 1 << 64
    return bytes([value]) if value < 128 else bytes([value % 128 + 128]) + number(value // 128)


def field(key: int, value: int | bytes) -> bytes:
    if isinstance(value, bytes):
        return number(key * 8 + 2) + number(len(value)) + value
    return number(key * 8) + number(value)


def checksum(content: bytes) -> bytes:
    crc = google_crc32c.value(content)
    return ((((crc >> 15) | (crc << 17)) + 0xA282EAD8) % (1 << 32)).to_bytes(4, "little")


@dataclass(frozen=True)
class Said:
    """An entry of an index, whatever it says."""

    dtype: int = 1
    shape: tuple[int, ...] = (2,)
    shard: int = 0
    start: int = 0
    size: int = 8
    checksum: bytes = checksum(b"\0" * 8)
    more: bytes = b""

    def coded(self) -> bytes:
        shape = b"".join(field(2, field(1, length)) for length in self.shape)
        numbers = field(3, self.shard) + field(4, self.start) + field(5, self.size)
        return field(1, self.dtype) + field(2, shape) + numbers + bytes([6 * 8 + 5]) + self.checksum + self.more


def block(pairs: Iterable[tuple[bytes, bytes]], whole_every: int = 3) -> bytes:
    coded, whole, last = b"", [], b""
    for place, (key, value) in enumerate(pairs):
        shared = sum(1 for _ in takewhile(lambda two: two[0] == two[1], zip(key, last, strict=False)))
        if place % whole_every == 0:
            shared = 0
            whole.append(len(coded))
        coded += number(shared) + number(len(key) - shared) + number(len(value)) + key[shared:] + value
        last = key
    places = whole or [0]
    return coded + b"".join(place.to_bytes(4, "little") for place in [*places, len(places)])


def sealed(content: bytes, kind: int = 0) -> bytes:
    return content + bytes([kind]) + checksum(content + bytes([kind]))


def snappy(content: bytes) -> bytes:
    """Packed by nobody clever: literals of one byte each, and one copy where a byte comes again."""
    coded, last = number(len(content)), b""
    for byte in content:
        coded += b"\x02\x01\x00" if last == bytes([byte]) else bytes([0, byte])
        last = bytes([byte])
    return coded


def table(pairs: list[tuple[bytes, bytes]], *, per_block: int = 5, packed: bool = False) -> bytes:
    content, handles = b"", []
    for first in range(0, len(pairs), per_block):
        some = pairs[first : first + per_block]
        plain = block(some)
        stored = snappy(plain) if packed else plain
        handles.append((some[-1][0] + b"~", number(len(content)) + number(len(stored))))
        content += sealed(stored, int(packed))
    return closed(content, handles)


def closed(content: bytes, handles: list[tuple[bytes, bytes]], others: bytes = block([])) -> bytes:
    """With what comes behind the blocks of entries."""
    places = []
    for last in (others, block(handles, 1)):
        places += [len(content), len(last)]
        content += sealed(last)
    return footed(content, *places)


def footed(content: bytes, *places: int) -> bytes:
    return content + b"".join(map(number, places)).ljust(40, b"\0") + bytes.fromhex("57fb808b247547db")


HEADER = field(1, 1) + field(3, field(1, 1))


def index(said: dict[str, Said], header: bytes = HEADER, **how: Any) -> bytes:
    return table([(b"", header), *sorted((name.encode(), one.coded()) for name, one in said.items())], **how)


def strings(values: list[bytes]) -> bytes:
    lengths = b"".join(len(value).to_bytes(4, "little") for value in values)
    return b"".join(number(len(value)) for value in values) + checksum(lengths) + b"".join(values)


DTYPES = {"float32": 1, "float64": 2, "int32": 3, "int64": 9, "bool": 10, "uint16": 14, "float16": 19}  # 14: bfloat16
Tensors = dict[str, NDArray[Any] | list[bytes]]


def bundle(folder: Path, tensors: Tensors, *, shards: int = 1, **how: Any) -> Path:
    """Write a checkpoint and say what its files' names begin with; the tensors go to the data files in turn."""
    data, said = [b""] * shards, {}
    for place, (name, tensor) in enumerate(tensors.items()):
        shard = place % shards
        is_text = isinstance(tensor, list)
        raw = strings(tensor) if isinstance(tensor, list) else tensor.tobytes()
        dtype, shape = (7, (len(tensor),)) if is_text else (DTYPES[str(tensor.dtype)], tensor.shape)
        said[name] = Said(dtype, shape, shard, len(data[shard]), len(raw), checksum(raw))
        data[shard] += raw
    for shard, raw in enumerate(data):
        (folder / f"x.ckpt.data-{shard:05d}-of-{shards:05d}").write_bytes(raw)
    (folder / "x.ckpt.index").write_bytes(index(said, field(1, shards) + field(3, field(1, 1)), **how))
    return folder / "x.ckpt"


def some_tensors() -> Tensors:
    random = np.random.default_rng(0)
    tensors: Tensors = {
        f"bert/encoder/layer_{layer}/{name}": random.standard_normal(shape).astype(np.float32)
        for layer, (name, shape) in product(range(6), {"kernel": (3, 4), "bias": (4,), "beta": ()}.items())
    }
    whole = random.standard_normal((4, 2)).astype(np.float32)
    return tensors | {
        "_CHECKPOINTABLE_OBJECT_GRAPH": [b"graph", b"", b"x" * 200],
        "double": random.standard_normal((2, 2, 2)),
        "global_step": np.array(7, np.int64),
        "half": random.standard_normal((5,)).astype(np.float16),
        "nothing": np.zeros((0, 7), np.float32),
        "upper halves": (whole.view(np.uint32) >> 16).astype("<u2"),
        "名": np.ones((2,), np.float32),
    }


def as_float32(tensor: NDArray[Any]) -> NDArray[np.float32]:
    halves = tensor.dtype == np.uint16
    return (tensor.astype(np.uint32) << 16).view(np.float32) if halves else tensor.astype(np.float32)


def contents(prefix: Path) -> dict[str, Any]:
    """All that a checkpoint holds, bytes for the floats."""
    file = TensorflowBundle(prefix)
    read = {name: file.read(name).tobytes() for name, entry in file.tensors.items() if entry.dtype in FLOATS}
    return {name: (entry.dtype, entry.shape, read.get(name)) for name, entry in file.tensors.items()}


@pytest.mark.parametrize("name", ["saver", "sharded", "objects"])
def test_equals_tensorflow(name: str) -> None:
    file = TensorflowBundle(RECORDED / f"{name}.ckpt")
    with np.load(RECORDED / "expected.npz") as recorded:
        expected = {key.removeprefix(f"{name}/"): recorded[key] for key in recorded if key.startswith(f"{name}/")}
    assert {tensor for tensor, entry in file.tensors.items() if entry.dtype in FLOATS} == set(expected)
    for tensor, value in expected.items():
        read = file.read(tensor)
        assert read.dtype == np.float32
        assert read.shape == file.tensors[tensor].shape == value.shape
        np.testing.assert_array_equal(read, value)


def test_tensorflows_other_kinds_are_listed() -> None:
    tensors = TensorflowBundle(RECORDED / "saver.ckpt").tensors
    kinds = {name.removeprefix("kinds/"): entry.dtype for name, entry in tensors.items() if name.startswith("kinds/")}
    assert {kind: dtype for kind, dtype in kinds.items() if dtype not in FLOATS} == {
        "bool": "BOOL", "complex64": "C64", "int32": "I32", "int64": "I64", "string": "STRING", "uint8": "U8",
    }  # fmt: skip
    assert TensorflowBundle(RECORDED / "objects.ckpt").tensors["_CHECKPOINTABLE_OBJECT_GRAPH"].dtype == "STRING"


def test_a_partitioned_variable_is_refused_by_its_name() -> None:
    with pytest.raises(CheckpointError, match="'bert/words' is stored in parts"):
        TensorflowBundle(RECORDED / "parts.ckpt")


def test_the_first_version_is_refused() -> None:
    with pytest.raises(CheckpointError, match="TensorFlow's first version"):
        TensorflowBundle(RECORDED / "first.ckpt")


@pytest.mark.skipif(not SHARED.is_dir(), reason="no ../shared/data: it holds a checkpoint of Google's BERT code")
def test_a_checkpoint_of_googles_code() -> None:
    file = TensorflowBundle(SHARED / "bert_model.ckpt")
    digest = hashlib.sha256()
    for name in sorted(set(file.tensors) - {"global_step"}):
        digest.update(name.encode() + file.read(name).tobytes())
    # of the same, through tf.train.load_checkpoint of TensorFlow 2.21
    assert digest.hexdigest() == "7a76f9d308d135da09814e06fca55ff17ca2b5c3da9df8d80e8b44dcc530b322"
    assert len(file.tensors) == 139
    assert file.tensors["global_step"].dtype == "I64"


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("shards", [1, 3])
def test_several_blocks_and_data_files(tmp_path: Path, shards: int, packed: bool) -> None:
    tensors = some_tensors()
    prefix = bundle(tmp_path, tensors, shards=shards, packed=packed)
    for path in (prefix, Path(f"{prefix}.index")):
        file = TensorflowBundle(path)
        assert file.path == tmp_path / "x.ckpt.index"
        assert list(file.tensors) == sorted(tensors)
        for name, tensor in tensors.items():
            if not isinstance(tensor, list) and tensor.dtype != np.int64:
                np.testing.assert_array_equal(file.read(name), as_float32(tensor))


def test_the_second_version_beside_the_first(tmp_path: Path) -> None:
    prefix = bundle(tmp_path, {"a": np.ones((2,), np.float32)})
    shutil.copy(RECORDED / "first.ckpt", prefix)
    assert TensorflowBundle(prefix).read("a").tolist() == [1, 1]


@pytest.mark.filterwarnings("error")
def test_doubles_beyond_float32_are_infinite(tmp_path: Path) -> None:
    prefix = bundle(tmp_path, {"a": np.array([1e300, -1e300, 1.0])})
    assert TensorflowBundle(prefix).read("a").tolist() == [np.inf, -np.inf, 1.0]


def test_text_and_whole_numbers_are_listed_and_not_loaded(tmp_path: Path) -> None:
    file = TensorflowBundle(bundle(tmp_path, some_tensors()))
    assert file.tensors["_CHECKPOINTABLE_OBJECT_GRAPH"].shape == (3,)
    with pytest.raises(CheckpointError, match="'_CHECKPOINTABLE_OBJECT_GRAPH' is stored as STRING"):
        file.read("_CHECKPOINTABLE_OBJECT_GRAPH")
    with pytest.raises(CheckpointError, match="'global_step' is stored as I64"):
        file.read("global_step")


GOOD = Said()
BAD_INDEXES: dict[str, tuple[bytes, str]] = {
    "no table": (b"x" * 100, "does not end as a sorted table"),
    "nothing": (b"", "does not end as a sorted table"),
    "no entries": (table([]), "does not begin with the header"),
    "no header": (table([(b"a", GOOD.coded())]), "does not begin with the header"),
    "no data files": (index({"a": GOOD}, field(1, 0)), "says that it has 0 data files"),
    "fewer than none": (index({"a": GOOD}, field(1, -1)), "says that it has -1 data files"),
    "big-endian": (index({"a": GOOD}, HEADER + field(2, 1)), "written on a big-endian machine"),
    "newer": (index({"a": GOOD}, field(1, 1) + field(3, field(2, 9))), "needs a reader of version 9"),
    "header cut short": (index({"a": GOOD}, HEADER[:-1]), "goes beyond the end"),
    "no such data file": (index({"a": replace(GOOD, shard=1)}), "of data file 1 of 1"),
    "negative data file": (index({"a": replace(GOOD, shard=-1)}), "of data file -1 of 1"),
    "negative place": (index({"a": replace(GOOD, start=-8)}), "8 bytes from byte -8"),
    "negative size": (index({"a": replace(GOOD, dtype=7, size=-8)}), "has -8 bytes"),
    "size": (index({"a": replace(GOOD, size=12)}), "F32 of shape (2,), has 12 bytes, not 8"),
    "huge": (index({"a": replace(GOOD, shape=(2**40, 2**40))}), "shape of the tensor 'a'"),
    "huge and nothing": (index({"a": replace(GOOD, shape=(2**62, 0), size=0)}), "shape of the tensor 'a'"),
    "unknown rank": (index({"a": replace(GOOD, shape=(-1,))}), "shape of the tensor 'a'"),
    "too many dimensions": (index({"a": replace(GOOD, shape=(1,) * 32 + (2,))}), "shape of the tensor 'a'"),
    "dtype": (index({"a": replace(GOOD, dtype=99)}), "has the dtype 99"),
    "reference": (index({"a": replace(GOOD, dtype=101)}), "has the dtype 101"),
    "says nothing": (table([(b"", HEADER), (b"a", b"")]), "has the dtype 0"),
    "no message": (table([(b"", HEADER), (b"a", b"\xff" * 11)]), "of the tensor 'a' cannot be read"),
    "in parts": (index({"bert/words": replace(GOOD, more=field(7, b""))}), "'bert/words' is stored in parts"),
    "a part": (table([(b"", HEADER), (b"\0bert/words\0\1\1\2", b"")]), "'bert/words' is stored in parts"),
    "not text": (table([(b"", HEADER), (b"\xff", GOOD.coded())]), r"its name b'\xff' is not UTF-8"),
    "one name twice": (table([(b"", HEADER), *[(b"a", GOOD.coded())] * 2]), "b'a' does not come after b'a'"),
    "out of order": (table([(b"", HEADER), (b"b", GOOD.coded()), (b"a", GOOD.coded())], per_block=2), "after b'b'"),
}


@pytest.mark.parametrize("case", BAD_INDEXES)
def test_bad_indexes(tmp_path: Path, case: str) -> None:
    content, said = BAD_INDEXES[case]
    path = tmp_path / "x.index"
    path.write_bytes(content)
    with pytest.raises(CheckpointError) as caught:
        TensorflowBundle(path)
    assert said in str(caught.value)
    assert str(caught.value).startswith(str(path))


ONE = block([(b"a", b"1")])


def one_block(stored: bytes, kind: int = 0) -> bytes:
    return closed(sealed(stored, kind), [(b"b", number(0) + number(len(stored)))])


def placed(start: int, size: int) -> bytes:
    return closed(sealed(ONE), [(b"b", number(start) + number(size))])


BAD_TABLES: dict[str, tuple[bytes, str]] = {
    "checksum": (one_block(ONE)[:5] + b"!" + one_block(ONE)[6:], "does not have the checksum"),
    "kind": (one_block(ONE, 4), "packed in a way that bertrun does not know, 4"),
    "not packed": (one_block(b"\x05\xff\xff\xff", 1), "cannot be unpacked"),
    "unpacks to gigabytes": (one_block(number(1 << 31), 1), "more than the 16777216"),
    "places beyond the block": (one_block(b"\0\0\0\0\xff\0\0\0"), "255 entries with a whole key"),
    "no room for places": (one_block(b"\0"), "a block of 1 bytes"),
    "shares what is not there": (one_block(b"\1\1\1ab" + b"\0" * 4), "goes beyond what is there"),
    "value beyond the block": (one_block(b"\0\1\2ab" + b"\0" * 4), "goes beyond what is there"),
    "entry cut short": (one_block(b"\0\1" + b"\0" * 4), "no whole number"),
    "block beyond the end": (placed(0, 10**9), "it has a block at byte"),
    "gap": (placed(1, len(ONE) - 1), "it has a block at byte 1"),
    "gap before the footer": (one_block(ONE)[:-48] + b"!" + one_block(ONE)[-48:], "its last block ends at byte"),
    "index beyond the end": (footed(one_block(ONE)[:-48], 0, 4, 10**9, 5), "beyond the end"),
    "no place of a block": (closed(sealed(ONE), [(b"b", b"\xff")]), "no whole number"),
    "blocks of other kinds": (closed(b"", [], block([(b"filter", b"")])), "does not write"),
    "full footer": (one_block(ONE)[:-9] + b"!" + one_block(ONE)[-8:], "more than two places"),
}


@pytest.mark.parametrize("case", BAD_TABLES)
def test_bad_tables(case: str) -> None:
    content, said = BAD_TABLES[case]
    with pytest.raises(sorted_table.TableError) as caught:
        list(sorted_table.entries(content))
    assert said in str(caught.value)


def test_a_table_of_this_writer() -> None:
    assert list(sorted_table.entries(one_block(ONE))) == [(b"a", b"1")]
    assert [bytes(value) for _, value in sorted_table.entries(one_block(snappy(ONE), 1))] == [b"1"]


@contextmanager
def at_most(limit: int) -> Iterator[None]:
    """Bytes of memory beyond those at the start."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < limit
    finally:
        tracemalloc.stop()


def test_a_small_file_does_not_unfold_to_much_memory() -> None:
    entry = number(200_000) + b"\2\0"  # shares all of the first key, has two bytes of its own and no value
    own = b"".join(entry + place.to_bytes(2, "big") for place in range(4000))
    content = one_block(number(0) + number(200_000) + number(0) + b"k" * 200_000 + own + bytes(4))
    assert len(content) < 250_000  # and 800 000 000 where each key is whole
    with at_most(2_000_000), pytest.raises(sorted_table.TableError, match="more than the 16777216"):
        for _ in sorted_table.entries(content):
            pass


# What cramjam 2.14 makes of TEXT with Google's library: literals of several lengths, near and far copies, a run.
TEXT = b"".join(b"bert/encoder/layer_%d/attention/" % layer for layer in range(40)) + bytes(range(200)) + b"ab" * 40
PACKED = base64.b64decode(
    "jgx4YmVydC9lbmNvZGVyL2xheWVyXzAvYXR0ZW50aW9uL0ofAAAxdh8AADJ2HwAAM3YfAAA0dh8AADV2HwAANnYfAAA3dh8AADh2HwAAOXYf"
    "AAAxfjcBejgBADF6OQEAMXo6AQAxejsBADF6PAEAMXo9AQAxej4BADF6PwEAMXpAAQAyekABADJ6QAEAMnpAAQAyekABADJ6QAEAMnpAAQAy"
    "ekABADJ6QAEAMnpAAQAyekABADN6QAEAM3pAAQAzekABADN6QAEAM3pAAQAzekABADN6QAEAM3pAAQAzekABADMuQAHw1wABAgMEBQYHCAkK"
    "CwwNDg8QERITFBUWFxgZGhscHR4fICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj9AQUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVpb"
    "XF1eX2BhYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5ent8fX5/gIGCg4SFhoeIiYqLjI2Oj5CRkpOUlZaXmJmam5ydnp+goaKjpKWmp6ipqqus"
    "ra6vsLGys7S1tre4ubq7vL2+v8DBwsPExcbHYWJhYmFiYWJhYmFiYWJhYv4OAA=="
)


def test_snappy_of_googles_library() -> None:
    assert unpacked(memoryview(PACKED), 10_000) == TEXT


SNAPPY: dict[str, tuple[bytes, bytes]] = {
    "nothing": (b"\0", b""),
    "length of two bytes": (number(400) + b"\xf4\x8f\x01" + b"x" * 400, b"x" * 400),
    "length of three bytes": (b"\x03\xf8\2\0\0abc", b"abc"),
    "length of four bytes": (b"\x03\xfc\2\0\0\0abc", b"abc"),
    "near copy": (b"\x09\x08abc\x09\x03", b"abcabcabc"),
    "less near copy": (
        number(305) + b"\xf4\x2b\1" + bytes(range(256)) + b"x" * 44 + b"\x25\x2a",
        bytes(range(256)) + b"x" * 44 + bytes(range(2, 7)),
    ),
    "far copy": (b"\x05\x08abc\x06\x02\0", b"abcbc"),
    "farther copy": (b"\x05\x08abc\x07\x02\0\0\0", b"abcbc"),
    "run": (b"\x41\x00a\xfe\x01\0", b"a" * 65),
}


@pytest.mark.parametrize("case", SNAPPY)
def test_snappy(case: str) -> None:
    packed, expected = SNAPPY[case]
    assert unpacked(memoryview(packed), 1000) == expected
    for cut in range(len(packed)):
        with pytest.raises((SnappyError, WireError)):
            unpacked(memoryview(packed[:cut]), 1000)


@pytest.mark.parametrize(
    ("packed", "said"),
    [
        (b"\xe9\x07", "unpacks to 1001 bytes"),
        (b"\x03\x08abcd", "announces"),
        (b"\x02\x08abc", "announces"),
        (b"\x04\x0cabc", "announces"),
        (b"\x04\x00a\x06\0\0", "0 bytes back"),
        (b"\x04\x00a\x06\2\0", "2 bytes back where there are 1"),
    ],
)
def test_bad_snappy(packed: bytes, said: str) -> None:
    with pytest.raises(SnappyError, match=said):
        unpacked(memoryview(packed), 1000)


def test_snappy_stops_where_it_is_more_than_announced() -> None:
    packed = b"\x01\0a" + b"\xfe\1\0" * 100_000  # 6 400 000 bytes
    with at_most(1_000_000), pytest.raises(SnappyError, match="announces"):
        unpacked(memoryview(packed), 1000)


BAD_DATA: dict[str, tuple[dict[str, Said], str]] = {
    "overlap": ({"a": GOOD, "b": replace(GOOD, start=4)}, "'b' overlaps"),
    "the same bytes twice": ({"a": GOOD, "b": GOOD}, "'b' overlaps"),
    "past the end": ({"a": GOOD, "b": replace(GOOD, start=28)}, "'b' ends at byte 36 and the file has 32 bytes"),
    "past the end of everything": ({"a": replace(GOOD, start=2**63 - 1)}, "'a' ends at byte 9223372036854775815"),
    "text past the end": ({"a": replace(GOOD, dtype=7, size=33)}, "'a' ends at byte 33"),
}


@pytest.mark.parametrize("case", BAD_DATA)
def test_what_the_data_file_cannot_hold(tmp_path: Path, case: str) -> None:
    said, expected = BAD_DATA[case]
    (tmp_path / "x.index").write_bytes(index(said))
    data = tmp_path / "x.data-00000-of-00001"
    data.write_bytes(b"\0" * 32)
    with pytest.raises(CheckpointError) as caught:
        TensorflowBundle(tmp_path / "x")
    assert expected in str(caught.value)
    assert str(caught.value).startswith(str(data))


def test_padding_between_tensors(tmp_path: Path) -> None:
    (tmp_path / "x.index").write_bytes(index({"a": GOOD, "b": replace(GOOD, start=16)}))
    (tmp_path / "x.data-00000-of-00001").write_bytes(b"\0" * 32)
    file = TensorflowBundle(tmp_path / "x")
    assert [file.read(name).tolist() for name in file.tensors] == [[0, 0], [0, 0]]


def test_a_missing_file(tmp_path: Path) -> None:
    prefix = bundle(tmp_path, some_tensors(), shards=3)
    data = tmp_path / "x.ckpt.data-00001-of-00003"
    file = TensorflowBundle(prefix)
    data.unlink()
    with pytest.raises(CheckpointError, match=r"00001-of-00003: cannot read the tensor 'bert/.*': No such file"):
        TensorflowBundle(prefix)
    name = next(name for name, entry in file.tensors.items() if entry.shard == 1 and entry.dtype == "F32")
    with pytest.raises(CheckpointError, match=f"00001-of-00003: cannot read the tensor '{name}': No such file"):
        file.read(name)
    for path in ("y", "y.index", "."):
        with pytest.raises(CheckpointError, match=r"index: cannot read the weights: No such file"):
            TensorflowBundle(tmp_path / path)


def test_a_file_that_is_no_checkpoint_of_any_version(tmp_path: Path) -> None:
    (tmp_path / "x.ckpt").write_bytes(b"PK")
    with pytest.raises(CheckpointError, match=r"x.ckpt.index: cannot read the weights: No such file"):
        TensorflowBundle(tmp_path / "x.ckpt")


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
@pytest.mark.parametrize("which", ["index", "data-00000-of-00001"])
def test_what_is_no_regular_file_is_not_opened(tmp_path: Path, which: str, make: Callable[[Path], None]) -> None:
    prefix = bundle(tmp_path, some_tensors())
    path = Path(f"{prefix}.{which}")
    path.unlink()
    make(path)
    with pytest.raises(CheckpointError, match="not a regular file") as caught:
        TensorflowBundle(prefix)
    assert caught.value.where == str(path)


def test_an_endless_index_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "x.index"
    path.touch()
    os.truncate(path, 10**10)  # sparse
    with pytest.raises(CheckpointError, match="more than the 4194304 bytes"):
        TensorflowBundle(path)


def test_a_data_file_that_changes_after_it_was_opened(tmp_path: Path) -> None:
    tensor = np.ones((700_000,), np.float32)  # more than is read at once
    prefix = bundle(tmp_path, {"a": tensor, "b": tensor})
    file = TensorflowBundle(prefix)
    data = Path(f"{prefix}.data-00000-of-00001")
    whole = data.read_bytes()
    data.write_bytes(whole[:2_700_000] + b"!" + whole[2_700_001:])
    with pytest.raises(CheckpointError, match="'a' does not have the checksum that was written") as caught:
        file.read("a")
    assert caught.value.where == str(data)
    np.testing.assert_array_equal(file.read("b"), tensor)
    os.truncate(data, len(whole) - 4)
    with pytest.raises(CheckpointError, match="ends inside the tensor 'b'"):
        file.read("b")


def test_reading_one_tensor_of_many_reads_no_other(tmp_path: Path) -> None:
    tensors: Tensors = {f"t{number}": np.full((1_000_000,), number, np.float32) for number in range(10)}
    prefix = bundle(tmp_path, tensors)
    with at_most(6_500_000):  # one tensor is 4 000 000 bytes and a chunk of it 1 048 576, all are 40 000 000
        assert TensorflowBundle(prefix).read("t7")[0] == 7


def test_each_bit_of_an_index_counts() -> None:
    whole = (RECORDED / "sharded.ckpt.index").read_bytes()
    for place, bit in product(range(len(whole)), range(8)):
        with pytest.raises(IndexFault):
            parsed(whole[:place] + bytes([whole[place] ^ 1 << bit]) + whole[place + 1 :])


@pytest.fixture(scope="module", params=[False, True])
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A checkpoint, and what it holds."""
    prefix = bundle(tmp_path_factory.mktemp("whole"), some_tensors(), shards=2, packed=request.param)
    return prefix, contents(prefix)


@contextmanager
def damaged(prefix: Path, data: st.DataObject, change: Callable[[bytes], bytes]) -> Iterator[None]:
    """One of its files changed for a while."""
    path = data.draw(st.sampled_from(sorted(prefix.parent.glob("x.ckpt.*"))))
    content = path.read_bytes()
    path.write_bytes(change(content))
    try:
        yield
    finally:
        path.write_bytes(content)


@settings(deadline=None)
@given(data=st.data())
def test_flipped_anywhere(whole: tuple[Path, dict[str, Any]], data: st.DataObject) -> None:
    def flip(content: bytes) -> bytes:
        place = data.draw(st.integers(0, len(content) - 1))
        return content[:place] + bytes([content[place] ^ data.draw(st.integers(1, 255))]) + content[place + 1 :]

    prefix, held = whole
    with damaged(prefix, data, flip), suppress(CheckpointError):
        assert contents(prefix) == held  # the bytes of text and of whole numbers, which are not read, may have changed


@settings(deadline=None)
@given(data=st.data())
def test_cut_anywhere(whole: tuple[Path, dict[str, Any]], data: st.DataObject) -> None:
    def cut(content: bytes) -> bytes:
        return content[: data.draw(st.integers(0, len(content) - 1))]

    with damaged(whole[0], data, cut), pytest.raises(CheckpointError):
        TensorflowBundle(whole[0])


NUMBERS = st.one_of(st.integers(-3, 40), st.integers(-(2**63), 2**63 - 1))
FIELDS = st.builds(field, st.integers(1, 8), st.one_of(NUMBERS, st.binary(max_size=12)))
SAID = st.builds(
    Said,
    dtype=st.integers(0, 26),
    shape=st.lists(NUMBERS, max_size=4).map(tuple),
    shard=st.integers(-1, 2),
    start=NUMBERS,
    size=NUMBERS,
    checksum=st.binary(min_size=4, max_size=4),
    more=FIELDS,
)
MESSAGES = st.one_of(SAID.map(Said.coded), st.lists(FIELDS, max_size=6).map(b"".join), st.binary(max_size=30))


@settings(deadline=None)
@given(header=st.one_of(st.just(HEADER), MESSAGES), messages=st.lists(MESSAGES, max_size=3))
def test_whatever_lies_under_the_checksums(
    tmp_path_factory: pytest.TempPathFactory, header: bytes, messages: list[bytes]
) -> None:
    folder = tmp_path_factory.mktemp("said")
    pairs = [(b"", header), *((b"%d" % place, message) for place, message in enumerate(messages))]
    (folder / "x.ckpt.index").write_bytes(table(pairs))
    (folder / "x.ckpt.data-00000-of-00001").write_bytes(bytes(64))
    with suppress(CheckpointError):
        contents(folder / "x.ckpt")


@settings(deadline=None)
@given(block=st.binary(max_size=60), kind=st.sampled_from([0, 1]))
def test_whatever_a_block_holds(block: bytes, kind: int) -> None:
    for content in (one_block(block, kind), closed(b"", [(b"a", block)])):
        with suppress(sorted_table.TableError):
            list(sorted_table.entries(content))


def test_data_may_not_lead_out_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for found in RECORDED.glob("sharded.ckpt.*"):
        shutil.copy(found, tmp_path / "in")
    data = tmp_path / "in" / "sharded.ckpt.data-00001-of-00002"
    data.rename(tmp_path / "in" / "blob")
    data.symlink_to("blob")
    assert "on_1/bias" in TensorflowBundle(tmp_path / "in" / "sharded.ckpt").tensors
    (tmp_path / "in" / "blob").rename(tmp_path / "blob")
    data.unlink()
    data.symlink_to(tmp_path / "blob")
    with pytest.raises(CheckpointError, match="it is a link that leaves the folder"):
        TensorflowBundle(tmp_path / "in" / "sharded.ckpt")
