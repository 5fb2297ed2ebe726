"""Reading and writing MindSpore's checkpoints: what MindSpore writes is read, what is written MindSpore reads."""

from __future__ import annotations

import os
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mindspore as ms
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mindspore import Parameter, Tensor
from mindspore.train import serialization
from numpy.typing import NDArray

from bert_core.errors import CheckpointError
from bert_core.protobuf import encode_bytes, encode_varint
from bert_core.weights.formats import checkpoint_message, mindspore_ckpt
from bert_core.weights.formats.mindspore_ckpt import MindsporeCkpt, write_ckpt

RANDOM = np.random.default_rng(0)
FLOATS: dict[str, NDArray[Any]] = {
    "bert.table": RANDOM.standard_normal((7, 3)).astype(np.float32),
    "half": RANDOM.standard_normal(5).astype(np.float16),
    "double": RANDOM.standard_normal((2, 2, 2)),
    "one": np.array([2.5], np.float32),
    "single": np.array(1.5, np.float32),
    "名": np.array([[1.0, -np.inf]], np.float32),
}
OTHERS: dict[str, NDArray[Any]] = {
    name: np.array([[0, 1], [1, 1]], name)
    for name in ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
}


def save(path: Path, tensors: dict[str, NDArray[Any]], **options: Any) -> Path:
    ms.save_checkpoint(
        [{"name": name, "data": Tensor(values)} for name, values in tensors.items()], str(path), **options
    )
    path.chmod(0o600)
    return path


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A file with a checksum: its last 17 bytes."""
    tensors: dict[str, NDArray[Any]] = {
        "a": np.arange(6, dtype=np.float32).reshape(2, 3),
        "b": np.ones(2, np.float16),
    }
    return save(tmp_path_factory.mktemp("small") / "x.ckpt", tensors, crc_check=True).read_bytes()


class TestRead:
    @pytest.mark.parametrize("crc_check", [False, True])
    def test_equals_what_mindspore_wrote(self, tmp_path: Path, crc_check: bool) -> None:
        file = MindsporeCkpt(save(tmp_path / "x.ckpt", {**FLOATS, **OTHERS}, crc_check=crc_check))
        assert list(file.tensors) == [*FLOATS, *OTHERS]
        for name, values in FLOATS.items():
            assert file.tensors[name].shape == values.shape
            assert file.read(name).dtype == np.float32
            np.testing.assert_array_equal(file.read(name), values.astype(np.float32))

    def test_words_for_the_types_are_those_of_safetensors(self, tmp_path: Path) -> None:
        file = MindsporeCkpt(save(tmp_path / "x.ckpt", {**FLOATS, **OTHERS}))
        assert [file.tensors[name].dtype for name in ("half", "double", "one")] == ["F16", "F64", "F32"]
        expected = ["BOOL", "I8", "I16", "I32", "I64", "U8", "U16", "U32", "U64"]
        assert [file.tensors[name].dtype for name in OTHERS] == expected

    def test_bfloat16(self, tmp_path: Path) -> None:
        values = Tensor(np.array([1.0, -2.5, 3.0e38, 0.1], np.float32)).astype(ms.bfloat16)
        ms.save_checkpoint([{"name": "a", "data": values}], str(tmp_path / "x.ckpt"))
        read = MindsporeCkpt(tmp_path / "x.ckpt").read("a")
        np.testing.assert_array_equal(read, values.astype(ms.float32).asnumpy())
        np.testing.assert_allclose(read, [1.0, -2.5, 3.0e38, 0.1], rtol=2**-8)

    def test_what_is_no_weight_is_listed_and_not_loaded(self, tmp_path: Path) -> None:
        extra = {"step": 3, "note": "a wörd", "rate": 0.5, "done": True}
        file = MindsporeCkpt(save(tmp_path / "x.ckpt", {"a": np.ones(2, np.float32)}, append_dict=extra))
        assert [file.tensors[name].dtype for name in extra] == ["I64", "STRING", "F32", "BOOL"]
        assert file.read("rate") == 0.5
        for name in ("step", "note", "done"):
            with pytest.raises(CheckpointError, match=f"the tensor '{name}' is stored as"):
                file.read(name)

    @pytest.mark.parametrize("async_save", [False, "thread"])  # MindSpore slices bytes in one, rows in the other
    def test_slices_of_a_large_tensor(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, async_save: bool | str
    ) -> None:
        monkeypatch.setattr(serialization, "SLICE_SIZE", 1)  # kilobytes
        tensors = {"large": RANDOM.standard_normal((97, 11)).astype(np.float32), "after": np.ones(3, np.float32)}
        path = save_and_wait(tmp_path / "x.ckpt", tensors, async_save)
        file = MindsporeCkpt(path)
        assert len(file.tensors["large"].places) == 5
        for name, values in tensors.items():
            np.testing.assert_array_equal(file.read(name), values)

    def test_a_number_as_mindspore_1_wrote_it_has_no_dimensions(self, tmp_path: Path) -> None:
        path = tmp_path / "x.ckpt"
        path.write_bytes(value("scale", "Float32", (0,), np.float32(4096).tobytes()))
        assert MindsporeCkpt(path).tensors["scale"].shape == ()
        assert MindsporeCkpt(path).read("scale") == 4096
        assert ms.load_checkpoint(str(path))["scale"].shape == ()

    def test_reading_one_tensor_of_many_reads_no_other(self, tmp_path: Path) -> None:
        write_ckpt(tmp_path / "x", ((f"t{number}", np.full(250_000, number, np.float32)) for number in range(20)))
        tracemalloc.start()
        assert MindsporeCkpt(tmp_path / "x").read("t7")[0] == 7
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 2_500_000  # one tensor is 1 000 000 bytes, all are 20 000 000

    def test_opening_reads_no_tensor(self, tmp_path: Path) -> None:
        path = tmp_path / "x"
        size = 1 << 40  # sparse: no disk holds it
        path.write_bytes(checkpoint_message.before_content("a", "Float32", (size // 4,), size))
        os.truncate(path, path.stat().st_size + size)
        assert MindsporeCkpt(path).tensors["a"].shape == (1 << 38,)


def save_and_wait(path: Path, tensors: dict[str, NDArray[Any]], async_save: bool | str) -> Path:
    parameters = [{"name": name, "data": Parameter(Tensor(values))} for name, values in tensors.items()]
    ms.save_checkpoint(parameters, str(path), async_save=async_save)
    serialization._wait_async_thread_save_ckpt()
    return path


class TestChecksum:
    @settings(deadline=None)
    @given(place=st.integers(0, 10_000), bit=st.integers(0, 7))
    def test_no_flipped_bit_goes_unseen(
        self, small: bytes, tmp_path_factory: pytest.TempPathFactory, place: int, bit: int
    ) -> None:
        path = tmp_path_factory.mktemp("flip") / "x"
        damaged = bytearray(small)
        damaged[place % len(small)] ^= 1 << bit
        path.write_bytes(damaged)
        with pytest.raises(CheckpointError):
            read_first(path)

    def test_what_is_said(self, small: bytes, tmp_path: Path) -> None:
        (tmp_path / "x").write_bytes(small[:-1] + bytes([small[-1] ^ 1]))
        with pytest.raises(CheckpointError, match=r"its CRC-32 is \d+, and \d+ was written"):
            MindsporeCkpt(tmp_path / "x").read("a")


class TestDamage:
    @settings(deadline=None)
    @given(data=st.data())
    def test_damage_anywhere_is_a_checkpoint_error_or_unseen(
        self, small: bytes, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
    ) -> None:
        """Without a checksum, a changed number or letter is another number or letter, and nothing else goes wrong."""
        whole = small[:-17]
        damaged = bytearray(whole)
        for _ in range(data.draw(st.integers(1, 3))):
            damaged[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
        path = tmp_path_factory.mktemp("damage") / "x"
        path.write_bytes(damaged)
        read_all(path)

    @settings(deadline=None)
    @given(content=st.binary(max_size=200))
    @example(b"")
    @example(b"crc_num" + bytes(10))
    def test_bytes_that_are_no_checkpoint(self, tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
        path = tmp_path_factory.mktemp("bytes") / "x"
        path.write_bytes(content)
        with pytest.raises(CheckpointError):
            MindsporeCkpt(path)

    @settings(deadline=None)
    @given(cut=st.integers(0, 200))
    def test_cut_anywhere(self, small: bytes, tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
        """Only where the first tensor ends and the second begins is what is left a whole file."""
        path = tmp_path_factory.mktemp("cut") / "x"
        first = small[1] + 2
        path.write_bytes(small[: min(cut, len(small) - 18)])
        if path.stat().st_size == first:
            np.testing.assert_array_equal(MindsporeCkpt(path).read("a"), np.arange(6).reshape(2, 3))
        else:
            with pytest.raises(CheckpointError):
                MindsporeCkpt(path)

    def test_a_file_that_shrinks_after_it_was_opened(self, tmp_path: Path) -> None:
        write_ckpt(tmp_path / "x", [("a", np.ones(300, np.float32))])
        file = MindsporeCkpt(tmp_path / "x")
        os.truncate(tmp_path / "x", (tmp_path / "x").stat().st_size - 4)
        with pytest.raises(CheckpointError, match="ends inside the tensor 'a'"):
            file.read("a")

    @pytest.mark.parametrize("mode", ["AES-GCM", "AES-CBC", "SM4-CBC"])
    def test_an_encrypted_file_is_called_so(self, tmp_path: Path, mode: str) -> None:
        tensors = {"a": np.ones(2, np.float32)}
        path = save(tmp_path / "x.ckpt", tensors, enc_key=b"0123456789abcdef", enc_mode=mode)
        with pytest.raises(CheckpointError, match="it is encrypted"):
            MindsporeCkpt(path)

    @pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
    def test_what_is_no_regular_file_is_not_opened(self, tmp_path: Path, make: Callable[[Path], None]) -> None:
        make(tmp_path / "x")
        with pytest.raises(CheckpointError, match="not a regular file"):
            MindsporeCkpt(tmp_path / "x")

    def test_no_file(self, tmp_path: Path) -> None:
        with pytest.raises(CheckpointError, match="cannot read the weights"):
            MindsporeCkpt(tmp_path / "x")


def read_first(path: Path) -> None:
    file = MindsporeCkpt(path)
    file.read(next(iter(file.tensors)))


def read_all(path: Path) -> None:
    """Read every tensor, or meet the error that users meet."""
    try:
        file = MindsporeCkpt(path)
    except CheckpointError:
        return
    for name, stored in file.tensors.items():
        try:
            assert file.read(name).shape == stored.shape
        except CheckpointError:
            assert stored.dtype not in ("F16", "F32", "F64", "BF16")


def value(name: str, type_: str, shape: tuple[int, ...], content: bytes) -> bytes:
    """One value of a checkpoint, by hand."""
    sizes = b"".join(b"\x08" + encode_varint(size % (1 << 64)) for size in shape)
    tensor = sizes + encode_bytes(2, type_.encode()) + encode_bytes(3, content)
    return encode_bytes(1, encode_bytes(1, name.encode()) + encode_bytes(2, tensor))


EIGHT = bytes(8)
GOOD = value("a", "Float32", (2,), EIGHT)
NAME, TYPE, CONTENT = encode_bytes(1, b"a"), encode_bytes(2, b"Float32"), encode_bytes(3, EIGHT)
TENSOR = encode_bytes(2, b"\x08\x02" + TYPE + CONTENT)
BAD: dict[str, tuple[bytes, str]] = {
    "too few bytes": (value("a", "Float32", (3,), EIGHT), "has 8 bytes, not 12"),
    "the same name again": (GOOD + value("b", "Float32", (2,), EIGHT) + GOOD, "'a' is stored twice"),
    "the same tensor again": (GOOD + GOOD, "has 16 bytes, not 8"),
    "slices of two types": (GOOD + value("a", "Int32", (2,), EIGHT), "'a' differ in type or shape"),
    "slices of two shapes": (GOOD + value("a", "Float32", (4,), EIGHT), "'a' differ in type or shape"),
    "type": (value("a", "Complex64", (1,), EIGHT), "has the type 'Complex64'"),
    "negative": (value("a", "Float32", (-2, -1), EIGHT), "the shape of the tensor 'a'"),
    "huge": (value("a", "Float32", (2**62, 2**62), EIGHT), "has 8 bytes, not"),
    "too many dimensions": (value("a", "Float32", (1,) * 32 + (2,), EIGHT), "the shape of the tensor 'a'"),
    "no name": (encode_bytes(1, TENSOR), "has no name"),
    "no tensor": (encode_bytes(1, NAME), "no values"),
    "no type": (encode_bytes(1, NAME + encode_bytes(2, CONTENT)), "has no type"),
    "no numbers": (encode_bytes(1, NAME + encode_bytes(2, TYPE)), "no values"),
    "two names": (encode_bytes(1, NAME + NAME + TENSOR), "odd field with the number 1"),
    "two tensors": (encode_bytes(1, NAME + TENSOR + TENSOR), "odd field with the number 2"),
    "numbers twice": (encode_bytes(1, NAME + encode_bytes(2, TYPE + CONTENT + CONTENT)), "odd field with the number 3"),
    "unknown": (encode_bytes(1, NAME + TENSOR + encode_bytes(4, b"")), "odd field with the number 4"),
    "map parameter": (encode_bytes(1, NAME + encode_bytes(3, b"")), "'a' is a map parameter"),
    "something else before": (b"\x10\x01" + GOOD, "a field with the number 2 stands where"),
    "wire type": (b"\x0d" + EIGHT, "no field of a checkpoint at byte 0"),
    "number 0": (b"\x02\x00", "no field of a checkpoint at byte 0"),
    "endless number": (b"\xff" * 30, "no whole number at byte 0"),
    "beyond the end": (encode_bytes(1, NAME + TENSOR)[:-1], "goes beyond the end"),
    "beyond its message": (encode_bytes(1, NAME + b"\x12\x7f") + GOOD * 20, "goes beyond the end"),
    "long name": (value("a" * 5000, "Float32", (2,), EIGHT), "has 5000 bytes, more than the 4096"),
    "name of no text": (encode_bytes(1, encode_bytes(1, b"\xff") + TENSOR), "is not UTF-8"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_files(tmp_path: Path, case: str) -> None:
    content, said = BAD[case]
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(CheckpointError) as caught:
        MindsporeCkpt(tmp_path / "x")
    assert said in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "x"))


def test_the_cases_are_bad_by_one_thing_only(tmp_path: Path) -> None:
    """That what they are made of is good, in the other order and with packed sizes too."""
    packed = encode_bytes(2, TYPE + CONTENT + encode_bytes(1, b"\x01\x02"))
    for good in (GOOD, encode_bytes(1, NAME + TENSOR), encode_bytes(1, packed + NAME)):
        (tmp_path / "x.ckpt").write_bytes(good)
        np.testing.assert_array_equal(MindsporeCkpt(tmp_path / "x.ckpt").read("a").ravel(), [0, 0])
        np.testing.assert_array_equal(ms.load_checkpoint(str(tmp_path / "x.ckpt"))["a"].asnumpy().ravel(), [0, 0])


def test_a_flood_of_tensors_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint_message, "_VALUES_LIMIT", 10)
    write_ckpt(tmp_path / "x", ((f"t{number}", np.ones(1, np.float32)) for number in range(11)))
    with pytest.raises(CheckpointError, match="more than the 10 tensors"):
        MindsporeCkpt(tmp_path / "x")


class TestWrite:
    def test_mindspore_reads_it(self, tmp_path: Path) -> None:
        tensors = {**FLOATS, **OTHERS}
        write_ckpt(tmp_path / "x.ckpt", tensors.items())
        read = ms.load_checkpoint(str(tmp_path / "x.ckpt"))
        assert list(read) == list(tensors)
        for name, values in tensors.items():
            assert read[name].asnumpy().dtype == values.dtype
            np.testing.assert_array_equal(read[name].asnumpy(), values)

    @pytest.mark.parametrize("kilobytes", [1, 512 * 1024])
    def test_the_same_bytes_as_mindspore(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kilobytes: int) -> None:
        monkeypatch.setattr(serialization, "SLICE_SIZE", kilobytes)
        monkeypatch.setattr(mindspore_ckpt, "_SLICE", kilobytes << 10)
        tensors = {**FLOATS, **OTHERS, "large": RANDOM.standard_normal((97, 11)).astype(np.float32)}
        write_ckpt(tmp_path / "ours", tensors.items())
        assert (tmp_path / "ours").read_bytes() == save(tmp_path / "theirs.ckpt", tensors).read_bytes()
        np.testing.assert_array_equal(MindsporeCkpt(tmp_path / "ours").read("large"), tensors["large"])

    def test_the_order_of_bytes_in_memory_does_not_matter(self, tmp_path: Path) -> None:
        plain = RANDOM.standard_normal((4, 3)).astype(np.float32)
        tensors = {
            "turned": plain.T,
            "big-endian": plain.astype(">f4"),
            "every other": plain[::2, ::2],
            "row": plain[0, ::2],
        }
        write_ckpt(tmp_path / "x", tensors.items())
        for name, values in tensors.items():
            np.testing.assert_array_equal(MindsporeCkpt(tmp_path / "x").read(name), values)

    def test_one_tensor_is_held_at_a_time(self, tmp_path: Path) -> None:
        tracemalloc.start()
        write_ckpt(tmp_path / "x", ((f"t{number}", np.full(250_000, number, np.float32)) for number in range(20)))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 2_500_000  # one tensor is 1 000 000 bytes, the next is made before the last one is let go

    @pytest.mark.parametrize(
        "tensor", [np.array(["text"]), np.ones(2, complex), np.array([object()]), np.ones((0, 3), np.float32)]
    )
    def test_what_the_format_does_not_hold(self, tmp_path: Path, tensor: NDArray[Any]) -> None:
        with pytest.raises(ValueError, match=r"the tensor 'a', .* cannot be stored"):
            write_ckpt(tmp_path / "x", [("a", tensor)])
        assert list(tmp_path.iterdir()) == []

    def test_one_name_twice(self, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match="two tensors are named 'a'"):
            write_ckpt(tmp_path / "x", [("a", np.ones(2)), ("b", np.ones(2)), ("a", np.ones(2))])

    def test_what_is_interrupted_leaves_the_old_file(self, tmp_path: Path) -> None:
        path = tmp_path / "x"
        write_ckpt(path, [("old", np.ones(2, np.float32))])

        def stopping() -> Iterator[tuple[str, NDArray[Any]]]:
            yield "new", np.ones(2, np.float32)
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            write_ckpt(path, stopping())
        assert list(MindsporeCkpt(path).tensors) == ["old"]
        assert list(tmp_path.iterdir()) == [path]

    def test_where_nothing_can_be_written(self, tmp_path: Path) -> None:
        with pytest.raises(CheckpointError, match="cannot write the weights: No such file or directory"):
            write_ckpt(tmp_path / "no" / "x", [("a", np.ones(2, np.float32))])
