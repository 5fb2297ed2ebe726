"""Lines and JSON lines of files that nobody vouches for."""

from __future__ import annotations

import codecs
import json
import os
import re
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bert_core import DataError, lines


def written(folder, content):
    path = folder / "file"
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return path


def complaint(read, path, **options):
    with pytest.raises(DataError) as caught:
        list(read(path, **options))
    return str(caught.value).replace(str(path), "file")


def objects(path, **options):
    """The objects of a file of JSON lines, with their lines."""
    return [(number, lines.parse(line, path, number, **options)) for number, line in lines.read(path) if line.strip()]


@pytest.mark.parametrize(
    ("content", "numbered"),
    [
        ("a\nb\n", [(1, "a"), (2, "b")]),
        ("a\nb", [(1, "a"), (2, "b")]),
        ("a\r\n\r\nb\r\n", [(1, "a"), (2, ""), (3, "b")]),
        ("a\r\r\nb", [(1, "a"), (2, "b")]),
        ("a\r\rb\rc", [(1, "a"), (2, ""), (3, "b"), (4, "c")]),
        ("\ufeffa\n\ufeffb", [(1, "a"), (2, "\ufeffb")]),
        ("x\u2028y\x0b\x85\n", [(1, "x\u2028y\x0b\x85")]),
    ],
)
def test_lines_have_their_numbers_whatever_ends_them(tmp_path, content, numbered):
    assert list(lines.read(written(tmp_path, content))) == numbered


@given(st.lists(st.text(st.sampled_from("a好😀 \t"), max_size=9), min_size=1), st.sampled_from(["\n", "\r\n", "\r"]))
def test_lines_are_those_that_a_regular_expression_cuts(tmp_path_factory, rows, end):
    content = "好" + end.join(rows) + "x" + end
    read = list(lines.read(written(tmp_path_factory.mktemp("lines"), content)))
    assert read == list(enumerate(re.split(r"\r*\n|\r", content)[:-1], 1))


def test_lines_longer_than_a_piece_are_put_together(tmp_path):
    long = "好" * 50_000
    path = written(tmp_path, f"a\n{long}\r\n\r\nb\r{long}")
    assert list(lines.read(path)) == [(1, "a"), (2, long), (3, ""), (4, "b"), (5, long)]
    content = path.read_bytes()
    for piece in lines.pieces(path):
        assert content[piece.offset :].startswith(piece.content)
        assert piece.line == content.count(b"\n", 0, piece.offset) + 1


def test_the_place_of_a_byte_is_that_in_the_file_wherever_a_piece_ends(tmp_path):
    for shift in range(4):
        content = codecs.BOM_UTF8 + b"x" * (65_536 - 4 + shift) + "好好".encode()[:-1] + b"x"
        where = content.rindex("好".encode()[:2])
        sentence = complaint(lines.read, written(tmp_path, content))
        assert sentence.startswith(f"file:1: the byte 0xe5 at offset {where} is not UTF-8")
        pieces = list(lines.pieces(written(tmp_path, content[:where])))
        assert [piece.offset for piece in pieces] == [3, 65_536][: len(pieces)]


def test_a_line_of_a_hundred_megabytes_is_refused_in_bounded_memory(tmp_path):
    path = tmp_path / "file"
    with path.open("wb") as stream:
        stream.write(b"a\n")
        for _ in range(100):
            stream.write(b"x" * 1_000_000)
    tracemalloc.start()
    try:
        wanted = "file:2: the line has more than 4,194,304 bytes. Are the ends of its lines missing?"
        assert complaint(lines.read, path) == wanted
        assert tracemalloc.get_traced_memory()[1] < 20 << 20
    finally:
        tracemalloc.stop()


def test_the_beginning_tells_what_a_file_is(tmp_path):
    assert lines.beginning(written(tmp_path, "\ufeff\r\n \n a b \r\nc")) == "a b"
    assert lines.beginning(written(tmp_path, "\r\ra\rb")) == "a"
    assert len(lines.beginning(written(tmp_path, "好" * 99_999))) == 65_536 // 3


def test_a_pipe_has_no_beginning(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match="since this is no file that can be read twice"):
        lines.beginning(tmp_path / "pipe")


@pytest.mark.parametrize("before", [0, 1, 65_535, 65_536, 70_000])
def test_the_limit_is_that_of_one_line(tmp_path, before):
    short = b"x" * before + b"\n" if before else b""
    path = written(tmp_path, short + b"y" * lines.LIMIT + b"\n" + b"z\n" * 9)
    assert [len(line) for _, line in lines.read(path)] == [before] * bool(before) + [lines.LIMIT] + [1] * 9
    path = written(tmp_path, short + b"y" * (lines.LIMIT + 1) + b"\nz\n")
    assert complaint(lines.read, path).startswith(f"file:{1 + bool(before)}: the line has more than 4,194,304 bytes")


UTF8 = "Convert the file, for example with `iconv -f {} -t utf-8`."


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "file: the file is empty"),
        (b" \n\r\n\t", "file: the file is empty"),
        (b"\xef\xbb\xbf\n", "file: the file is empty"),
        (b"a\n\0", "file:2: the line has a NUL character. Is this a text file in UTF-8?"),
        ("a\n".encode("utf-16"), f"file:1: the byte 0xff at offset 0 is not UTF-8. {UTF8.format('utf-16')}"),
        ("好\n北京".encode("gb18030"), f"file:1: the byte 0xba at offset 0 is not UTF-8. {UTF8.format('gb18030')}"),
        (b"a\r\nb\xe9\n", f"file:2: the byte 0xe9 at offset 4 is not UTF-8. {UTF8.format('ENCODING')}"),
        (b"a\rb\r\xff\n", f"file:3: the byte 0xff at offset 4 is not UTF-8. {UTF8.format('ENCODING')}"),
        (b"\xef\xbb\xbfa\xff", f"file:1: the byte 0xff at offset 4 is not UTF-8. {UTF8.format('ENCODING')}"),
        (b"\xed\xa0\x80", f"file:1: the byte 0xed at offset 0 is not UTF-8. {UTF8.format('ENCODING')}"),
        (
            "a\n好".encode()[:-1],
            "file:2: the file ends inside the character at offset 2. It was cut off; get the whole file.",
        ),
    ],
)
def test_what_is_no_text_is_refused(tmp_path, content, sentence):
    assert complaint(lines.read, written(tmp_path, content)) == sentence


def test_what_is_not_there_is_refused(tmp_path):
    assert complaint(lines.read, tmp_path / "none").startswith("file: there is no such")
    assert complaint(lines.read, tmp_path).endswith(": this is a folder, not a file. Name one of the files in it.")


def test_objects_are_numbered_by_their_lines(tmp_path):
    path = written(tmp_path, codecs.BOM_UTF8 + b'{"a": 1}\r\n\r\n \n{"b": [{}]}')
    assert objects(path) == [(1, {"a": 1}), (4, {"b": [{}]})]


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ('{"a": 1', "the line is not JSON: Expecting ',' delimiter at character 8"),
        ("[1]", "the line is an array, not an object"),
        ("null", "the line is null, not an object"),
        ("1.5", "the line is a number, not an object"),
        ("true", "the line is a boolean, not an object"),
        ('"a"', "the line is a string, not an object"),
        ('{"a":' * 99_999, "the line is not JSON: too deep"),
        ("[" * 99_999, "the line is not JSON: too deep"),
        ('{"a": ' + "7" * 5_000 + "}", "the line is not JSON: a number with too many digits"),
        ('{"a": NaN}', "the line is not JSON: NaN is no number"),
        ('{"a": -Infinity}', "the line is not JSON: -Infinity is no number"),
        ('{"a": 1, "a": 2}', "the line has 'a' twice in one object"),
    ],
)
def test_what_is_no_object_is_refused(tmp_path, line, sentence):
    path = written(tmp_path, "{}\n" + line)
    assert complaint(objects, path) == f"file:2: {sentence}"
    assert complaint(objects, path, hint="Write objects.") == f"file:2: {sentence}. Write objects."


@given(st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text())))
def test_a_line_is_what_the_standard_library_reads(tmp_path_factory, row):
    path = written(tmp_path_factory.mktemp("lines"), json.dumps(row))
    assert objects(path) == [(1, row)]


def test_text_out_of_json_has_characters_only(tmp_path):
    path = tmp_path / "file"
    assert lines.characters("好😀", path, 1) == "好😀"
    for text, what in (("a\ud83d", "half a surrogate pair, which is no character"), ("a\0", "a NUL character")):
        with pytest.raises(DataError) as caught:
            lines.characters(text, path, 7)
        assert str(caught.value) == (
            f"{path}:7: the text holds {what}. Write the file with its characters as they are, in UTF-8."
        )
