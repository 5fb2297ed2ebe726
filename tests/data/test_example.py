"""`tf.train.Example` against Google's protobuf library, and lists of numbers against a loop."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from hypothesis import given
from hypothesis import strategies as st

from bert_core import protobuf
from bert_core.data import example
from bert_core.data.example_rows import encode_rows
from bert_core.data.varints import decode_lists, encode_list
from bert_core.protobuf import WireError, encode_bytes, encode_varint

INT64 = st.integers(-(2**63), 2**63 - 1) | st.integers(0, 200) | st.integers(0, 30522)
LISTS = st.lists(INT64, max_size=40)


def messages():
    """The message classes of tensorflow/core/example, from their definition: name, number, type, label."""
    field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="example.proto", package="tensorflow", syntax="proto3")
    for name, kind in (
        ("BytesList", field.TYPE_BYTES),
        ("FloatList", field.TYPE_FLOAT),
        ("Int64List", field.TYPE_INT64),
    ):
        file.message_type.add(name=name).field.add(name="value", number=1, type=kind, label=field.LABEL_REPEATED)
    feature = file.message_type.add(name="Feature")
    feature.oneof_decl.add(name="kind")
    for number, name in enumerate(("bytes_list", "float_list", "int64_list"), 1):
        kind = ".tensorflow." + name.title().replace("_", "")
        feature.field.add(
            name=name, number=number, type=field.TYPE_MESSAGE, type_name=kind, label=field.LABEL_OPTIONAL, oneof_index=0
        )
    features = file.message_type.add(name="Features")
    entry = features.nested_type.add(name="FeatureEntry")
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, type=field.TYPE_STRING, label=field.LABEL_OPTIONAL)
    entry.field.add(
        name="value", number=2, type=field.TYPE_MESSAGE, type_name=".tensorflow.Feature", label=field.LABEL_OPTIONAL
    )
    features.field.add(
        name="feature",
        number=1,
        type=field.TYPE_MESSAGE,
        type_name=".tensorflow.Features.FeatureEntry",
        label=field.LABEL_REPEATED,
    )
    file.message_type.add(name="Example").field.add(
        name="features",
        number=1,
        type=field.TYPE_MESSAGE,
        type_name=".tensorflow.Features",
        label=field.LABEL_OPTIONAL,
    )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("tensorflow.Example"))


EXAMPLE = messages()


def read(content, names):
    return example.decode([example.parse(content)], names)[0]


def one_by_one(numbers):
    """Each number with its own tag, as some writers put lists."""
    return b"".join(b"\x08" + encode_varint(number % 2**64) for number in numbers)


@given(st.lists(LISTS, max_size=6))
def test_lists_come_back(lists):
    decoded = decode_lists([memoryview(encode_list(np.array(numbers, np.int64))) for numbers in lists])
    assert [numbers.tolist() for numbers in decoded] == lists


@given(LISTS)
def test_a_list_is_coded_as_number_by_number(numbers):
    assert encode_list(np.array(numbers, np.int64)) == b"".join(encode_varint(number % 2**64) for number in numbers)


@given(st.binary(max_size=60))
def test_any_bytes_are_a_list_exactly_where_a_loop_finds_one(content):
    numbers, place = [], 0
    try:
        while place < len(content):
            number, place = protobuf.varint(memoryview(content), place)
            numbers.append(protobuf.signed(number))
    except WireError:
        with pytest.raises(WireError):
            decode_lists([memoryview(content)])
    else:
        assert decode_lists([memoryview(content)])[0].tolist() == numbers


@pytest.mark.parametrize("coded", [b"\xff" * 9 + b"\x02", b"\xff" * 10 + b"\x01", b"\x80", b"\x01\xff"])
def test_a_number_that_is_too_great_or_cut_is_refused(coded):
    with pytest.raises(WireError):
        decode_lists([memoryview(b"\x01\xff\x01"), memoryview(coded)])


@given(st.dictionaries(st.text(max_size=8), LISTS | st.lists(st.floats(width=32, allow_nan=False)), max_size=5))
def test_what_is_written_is_an_example_of_tensorflow_and_the_other_way(columns):
    row = {
        name: np.array(values, np.float32 if values and isinstance(values[0], float) else np.int64)
        for name, values in columns.items()
    }
    theirs = EXAMPLE.FromString(example.encode(row))
    assert {name: kind_of(feature) for name, feature in theirs.features.feature.items()} == {
        name: values.tolist() for name, values in row.items()
    }
    back = read(theirs.SerializeToString(), list(row))
    assert {name: values.tolist() for name, values in back.items()} == {
        name: values.tolist() for name, values in row.items()
    }


def kind_of(feature):
    return list(getattr(feature, feature.WhichOneof("kind")).value)


class TestForms:
    """Forms that a writer may choose and a reader must take."""

    def feature(self, number, content):
        pair = encode_bytes(1, b"x") + encode_bytes(2, encode_bytes(number, content))
        return encode_bytes(1, encode_bytes(1, pair))

    @given(LISTS)
    def test_numbers_one_by_one(self, numbers):
        assert read(self.feature(3, one_by_one(numbers)), ["x"])["x"].tolist() == numbers

    @given(LISTS, LISTS)
    def test_packed_and_one_by_one_mixed(self, first, second):
        packed = encode_bytes(1, encode_list(np.array(first, np.int64)))
        content = packed + one_by_one(second) + packed
        assert read(self.feature(3, content), ["x"])["x"].tolist() == [*first, *second, *first]

    @given(st.lists(st.floats(width=32, allow_nan=False)))
    def test_floats_one_by_one(self, numbers):
        content = b"".join(b"\x0d" + np.float32(number).tobytes() for number in numbers)
        assert read(self.feature(2, content), ["x"])["x"].tolist() == numbers

    def test_the_last_of_two_features_of_a_name_counts(self):
        twice = self.feature(3, one_by_one([1])) + self.feature(3, one_by_one([2, 3]))
        assert EXAMPLE.FromString(twice).features.feature["x"].int64_list.value == [2, 3]
        assert read(twice, ["x"])["x"].tolist() == [2, 3]

    def test_a_list_may_come_in_parts(self):
        parts = encode_bytes(3, one_by_one([1])) + encode_bytes(3, one_by_one([2]))
        content = encode_bytes(1, encode_bytes(1, encode_bytes(1, b"x") + encode_bytes(2, parts)))
        assert EXAMPLE.FromString(content).features.feature["x"].int64_list.value == [1, 2]
        assert read(content, ["x"])["x"].tolist() == [1, 2]

    def test_bytes_are_left_out(self):
        assert read(self.feature(1, encode_bytes(1, b"abc")), ["x", "y"]) == {}

    def test_a_feature_of_no_kind_is_empty(self):
        content = encode_bytes(1, encode_bytes(1, encode_bytes(1, b"x") + encode_bytes(2, b"")))
        assert read(content, ["x"])["x"].tolist() == []

    def test_a_column_of_another_type_is_not_written(self):
        with pytest.raises(ValueError, match="'x' is float64"):
            example.encode({"x": np.zeros(2)})


@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused(content):
    with suppress(WireError):
        read(content, ["x"])


@given(st.data())
def test_a_changed_byte_gives_values_or_a_sentence(data):
    content = bytearray(example.encode({"x": np.arange(0, 900, 30), "y": np.ones(3, np.float32)}))
    content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with suppress(WireError):
        read(bytes(content), ["x", "y"])


@st.composite
def tables(draw):
    rows, values = draw(st.integers(0, 5)), draw(st.integers(0, 6))
    ints = st.one_of(st.integers(0, 127), st.integers(0, 40000), st.integers(-(2**63), 2**63 - 1))
    numbers = draw(st.lists(ints, min_size=rows * values, max_size=rows * values))
    floats = draw(st.lists(st.floats(width=32), min_size=rows, max_size=rows))
    return {
        "ids": np.array(numbers, np.int64).reshape(rows, values),
        "a weight": np.array(floats, np.float32).reshape(rows, 1),
        "small": (np.arange(rows * 200, dtype=np.int32) % 300).reshape(rows, 200),
    }


@given(tables())
def test_many_rows_are_coded_as_each_alone(columns):
    alone = [
        example.encode({name: values[row] for name, values in columns.items()}) for row in range(len(columns["ids"]))
    ]
    assert list(encode_rows(columns)) == alone


def test_a_column_of_another_type_is_refused():
    with pytest.raises(ValueError, match="the column 'x' is float64"):
        list(encode_rows({"x": np.zeros((2, 3))}))
