"""Examples from tables and JSON lines: the forms of GLUE and CLUE, and anybody's."""

from __future__ import annotations

import csv
import json
import math
import tracemalloc
from pathlib import Path

import pytest
from bertrun_classifier.columns import Columns
from bertrun_classifier.example import Example, describe
from bertrun_classifier.presets import CLUE, GLUE, PRESETS
from bertrun_classifier.reader import read_examples
from hypothesis import given
from hypothesis import strategies as st

from bert_core import DataError

DATA = Path(__file__).parents[4] / "shared" / "data"
TEXT = Columns(text="text", label="label")


def written(folder, content):
    path = folder / "file"
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return path


def read(path, columns, **options):
    """The examples, with their lines alone for `where`."""
    examples = read_examples(path, columns, **options)
    return [(one.text, one.pair, one.label, int(one.where.removeprefix(f"{path}:"))) for one in examples]


def table(*rows):
    return "".join("\t".join(row.split("|")) + "\n" for row in rows)


MNLI = "index|promptID|pairID|genre|sentence1_binary_parse|sentence2_binary_parse|sentence1_parse|sentence2_parse"

# For each set: rows as its files have them (train or dev, then test), and what they are.
GLUE_FILES = {
    "cola": [
        (
            ("gj04|1||They slept.", "gj04|0|*|They the slept."),
            [("They slept.", None, "1", 1), ("They the slept.", None, "0", 2)],
        ),
        (("index|sentence", "0|They slept."), [("They slept.", None, None, 2)]),
    ],
    "sst2": [
        (("sentence|label", 'a "fine film |1'), [('a "fine film ', None, "1", 2)]),
        (("index|sentence", "0|dull"), [("dull", None, None, 2)]),
    ],
    "mrpc": [
        (
            ("\ufeffQuality|#1 ID|#2 ID|#1 String|#2 String", '1|70|71|"I know , " he said .|He said so .'),
            [('"I know , " he said .', "He said so .", "1", 2)],
        ),
        (("index|#1 ID|#2 ID|#1 String|#2 String", "0|1|2|a|b"), [("a", "b", None, 2)]),
    ],
    "stsb": [
        (
            (
                "index|genre|filename|year|old_index|source1|source2|sentence1|sentence2|score",
                "0|m|M|y|1|n|n|A.|B.|5.000",
            ),
            [("A.", "B.", 5.0, 2)],
        ),
        (
            ("index|genre|filename|year|old_index|source1|source2|sentence1|sentence2", "0|m|M|y|1|n|n|A.|B."),
            [("A.", "B.", None, 2)],
        ),
        (("m|M|2012|1|2.5|A.|B.", "m|M|2012|2|0|C.|D.|source|licence"), [("A.", "B.", 2.5, 1), ("C.", "D.", 0.0, 2)]),
        (("m|M|2012|1|2.5|A.|B.|source|licence",), [("A.", "B.", 2.5, 1)]),
    ],
    "qqp": [
        (("id|qid1|qid2|question1|question2|is_duplicate", "7|1|2|Why?|How?|0"), [("Why?", "How?", "0", 2)]),
        (("id|question1|question2", "0|Why?|How?"), [("Why?", "How?", None, 2)]),
    ],
    "mnli": [
        (
            (f"{MNLI}|sentence1|sentence2|label1|gold_label", "0|1|1n|f|p|p|p|p|A.|B.|neutral|neutral"),
            [("A.", "B.", "neutral", 2)],
        ),
        (
            (
                f"{MNLI}|sentence1|sentence2|label1|label2|label3|label4|label5|gold_label",
                "0|1|1n|f|p|p|p|p|A.|B.|neutral|neutral|entailment|entailment|neutral|-",
            ),
            [("A.", "B.", None, 2)],
        ),
        ((f"{MNLI}|sentence1|sentence2", "0|1|1n|f|p|p|p|p|A.|B."), [("A.", "B.", None, 2)]),
    ],
    "qnli": [
        (("index|question|sentence|label", "0|Who?|He.|not_entailment"), [("Who?", "He.", "not_entailment", 2)]),
        (("index|question|sentence", "0|Who?|He."), [("Who?", "He.", None, 2)]),
    ],
    "rte": [
        (("index|sentence1|sentence2|label", "0|A.|B.|entailment"), [("A.", "B.", "entailment", 2)]),
        (("index|sentence1|sentence2", "0|A.|B."), [("A.", "B.", None, 2)]),
    ],
    "wnli": [
        (("index|sentence1|sentence2|label", "0|A.|B.|1"), [("A.", "B.", "1", 2)]),
        (("index|sentence1|sentence2", "0|A.|B."), [("A.", "B.", None, 2)]),
    ],
}


@pytest.mark.parametrize(
    ("name", "rows", "examples"), [(name, *file) for name, files in GLUE_FILES.items() for file in files]
)
def test_files_of_glue_are_read_with_and_without_labels(tmp_path, name, rows, examples):
    assert read(written(tmp_path, table(*rows)), GLUE[name]) == examples
    assert read(written(tmp_path, table(*rows).replace("\n", "\r\n")), GLUE[name]) == examples


CLUE_LINES = {
    "tnews": ({"label": "108", "label_desc": "news_edu", "sentence": "上课"}, ("上课", None, "108")),
    "iflytek": ({"label": "118", "label_des": "其他", "sentence": "应用"}, ("应用", None, "118")),
    "afqmc": ({"sentence1": "花呗", "sentence2": "借呗", "label": "0"}, ("花呗", "借呗", "0")),
    "cmnli": ({"sentence1": "甲", "sentence2": "乙", "label": "neutral"}, ("甲", "乙", "neutral")),
    "ocnli": ({"sentence1": "甲", "sentence2": "乙", "label": "-", "genre": "tv"}, ("甲", "乙", None)),
    "csl": ({"id": 1, "abst": "摘要", "keyword": ["水", "能"], "label": "1"}, ("水 能", "摘要", "1")),
}


@pytest.mark.parametrize("name", CLUE)
def test_files_of_clue_are_read_with_and_without_labels(tmp_path, name):
    row, example = CLUE_LINES[name]
    bare = {key: value for key, value in row.items() if key != "label"}
    path = written(tmp_path, f"{json.dumps(row, ensure_ascii=False)}\n\n{json.dumps(bare)}")
    assert read(path, CLUE[name]) == [(*example, 1), (*example[:2], None, 3)]


def test_the_other_name_of_a_class_is_that_class(tmp_path):
    path = written(tmp_path, "上课时\tnews_edu\n买房\t106\n")
    assert [label for _, _, label, _ in read(path, CLUE["tnews"])] == ["108", "106"]


def test_every_preset_has_a_test_and_a_text_in_its_own_columns():
    assert set(PRESETS) == set(GLUE_FILES) | set(CLUE_LINES)
    for columns in PRESETS.values():
        assert not columns.headless or {columns.text, columns.label} <= set(columns.headless)
        assert len(set(columns.labels)) == len(columns.labels)


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        ("label,text\nx,a\n", [("a", None, "x", 2)]),
        ('text,label\n"a, ""b""\nc",x\n\nd,y\n', [('a, "b"\nc', None, "x", 2), ("d", None, "y", 5)]),
        ('text\tlabel\n"a\tx\n', [('"a', None, "x", 2)]),
        ('{"text": "a", "label": 1}\n{"label": true, "text": "b"}\n', [("a", None, "1", 1), ("b", None, "true", 2)]),
    ],
)
def test_the_format_is_seen_from_the_first_line(tmp_path, content, rows):
    assert read(written(tmp_path, content), TEXT) == rows


def test_the_format_quoting_and_header_may_be_told(tmp_path):
    assert read(
        written(tmp_path, '{"a,b\nc,d\n'), Columns(text="1", header=False, quoted=False), data_format="csv"
    ) == [
        ("b", None, None, 1),
        ("d", None, None, 2),
    ]
    path = written(tmp_path, 'text\tlabel\n"a\nb"\tx\n')
    assert read(path, Columns(text="text", label="label", quoted=True)) == [("a\nb", None, "x", 2)]


@given(
    st.lists(
        st.tuples(
            *[st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0\r")).filter(str.strip)] * 2
        ),
        min_size=1,
    )
)
def test_what_the_standard_library_writes_comes_back(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("csv") / "file.csv"
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([("text", "pair"), *rows])
    back = read_examples(path, Columns(text="text", pair="pair"), data_format="csv")
    assert [(one.text, one.pair) for one in back] == rows


def complaint(path, columns, **options):
    with pytest.raises(DataError) as caught:
        list(read_examples(path, columns, **options))
    return str(caught.value).replace(str(path), "file")


PAIRS = Columns(text="a", pair="b", label="c")
UNQUOTED = "This file has no quoting: each tab ends a column."
QUOTED = 'A value with a quotation mark is written "so ""it"" is".'
CHARACTERS = "Write the file with its characters as they are, in UTF-8."
ARRAY = "the file is one JSON array; JSON lines have an object a line. `jq -c '.[]' FILE` writes its objects so"

BROKEN = [
    (b"", PAIRS, "file: the file is empty"),
    (b"\xef\xbb\xbf", PAIRS, "file: the file is empty"),
    ("a\tb\tc\n", PAIRS, "file: the file has a header and no row"),
    ('""\n', PAIRS, "file: the file has no row"),
    ('[{"a": "1", "b": "2", "c": "3"}]\n', PAIRS, f"file: {ARRAY}"),
    ('[\n  {"a": "1", "b": "2", "c": "3"}\n]\n', PAIRS, f"file: {ARRAY}"),
    ("a\tc\n1\t2\n", PAIRS, "file:1: the first line names no column 'b'; it has 'a', 'c'. "
     "The first line names the columns, parted as the rows are; --text-column and --pair-column say which are read."),
    ("a\tb\tc\n1\t2\n", PAIRS, f"file:2: the row has 2 columns, the table has 3. {UNQUOTED}"),
    ("a\tb\tc\n1\t2\t3\n1\t2\t3\t4\n", PAIRS, f"file:3: the row has 4 columns, the table has 3. {UNQUOTED}"),
    ("a,b,c\n1,2,3\n1\n", PAIRS, f"file:3: the row has 1 column, the table has 3. {QUOTED}"),
    ('a,b,c\n1,2,3\n"1,2,3\n4,5,6\n', PAIRS, f"file:3: the row opens a quotation mark that nothing closes. {QUOTED}"),
    ('a,b,c\n"' + "x,\n" * 99_999, PAIRS,
     f"file:2: the row has a value of more than 131,072 characters, or one that nothing closes. {QUOTED}"),
    ("a,b,c\n" + "x" * 199_999 + ",2,3\n", PAIRS,
     f"file:2: the row has a value of more than 131,072 characters, or one that nothing closes. {QUOTED}"),
    ('a,b,c\n"1"x,2,3\n', PAIRS, f"file:2: the row goes on after a quotation mark that closes a value. {QUOTED}"),
    ("a\tb\n1\t2\n", PAIRS, "file:2: there is no 'c'; there is 'a', 'b'. Name the columns of this file."),
    ("a\tb\tc\n1\t \t3\n", PAIRS, "file:2: 'b' is empty. Every example has a text."),
    ("a\tb\tc\n1\t2\t \n", PAIRS, "file:2: the label 'c' is empty"),
    (b"a\tb\tc\n1\t2\t\0\n", PAIRS, "file:2: the line has a NUL character. Is this a text file in UTF-8?"),
    (b"a\tb\tc\n1\t\xc4\xe3\t3\n", PAIRS, "file:2: the byte 0xc4 at offset 8 is not UTF-8. "
     "Convert the file, for example with `iconv -f gb18030 -t utf-8`."),
    ("a\tb\tc\n".encode("utf-16"), PAIRS, "file:1: the byte 0xff at offset 0 is not UTF-8. "
     "Convert the file, for example with `iconv -f utf-16 -t utf-8`."),
    ("a\tb\tc\n1\t2\t3\n4\t好".encode()[:-1], PAIRS,
     "file:3: the file ends inside the character at offset 14. It was cut off; get the whole file."),
    ('{"a": "1"}\n', PAIRS, "file:1: there is no 'b'; there is 'a'. Name the columns of this file."),
    ("{}\n", PAIRS, "file:1: there is no 'a'; there is nothing. Name the columns of this file."),
    ('{"a": "1", "b": 2, "c": 3}\n', PAIRS, "file:1: 'b' is a number, not a text"),
    ('{"a": [], "b": "2", "c": 3}\n', PAIRS, "file:1: 'a' is an array, not a text"),
    ('{"a": null, "b": "2", "c": 3}\n', PAIRS, "file:1: 'a' is null, not a text"),
    ('{"a": "1", "b": "2", "c": null}\n', PAIRS, "file:1: the label 'c' is null, not a name"),
    ('{"a": "1", "b": "2", "c": 1.5}\n', PAIRS, "file:1: the label 'c' is a number, not a name"),
    ('{"a": "\\ud83d", "b": "2"}\n', PAIRS,
     f"file:1: the text holds half a surrogate pair, which is no character. {CHARACTERS}"),
    ('{"a": "1\\u0000", "b": "2"}\n', PAIRS, f"file:1: the text holds a NUL character. {CHARACTERS}"),
    ('{"a": "1", "b": "2", "c": "\\udc00"}\n', PAIRS,
     f"file:1: the text holds half a surrogate pair, which is no character. {CHARACTERS}"),
    ('{"a": "1", "b": "2"', PAIRS, "file:1: the line is not JSON: Expecting ',' delimiter at character 20"),
    ('{"a": "1", "b": "2", "c": "3"}\n[]\n', PAIRS, "file:2: the line is an array, not an object"),
    ('{"a": ' + "[" * 99_999, PAIRS, "file:1: the line is not JSON: too deep"),
    ("index|sentence1|sentence2|label\n0|a|b|yes\n".replace("|", "\t"), GLUE["rte"],
     "file:2: the label 'yes' is none of the 2 classes. They are entailment, not_entailment."),
    ('{"sentence": "上课", "label": "105"}', CLUE["tnews"], "file:1: the label '105' is none of the 15 classes. "
     "They are 100, 101, 102, 103, 104, 106, 107, 108, 109, 110, 112, 113, 114, 115, 116."),
    ('{"sentence": "上课", "label": 119}', CLUE["iflytek"], "file:1: the label '119' is none of the 119 classes. "
     "They are 0, 1, 2, 3, 4, 5, 6, 7, 8, ..., 118."),
    ("m\tM\t2012\t1\t5.1\tA.\tB.\n", GLUE["stsb"], "file:1: the score 'score' is '5.1', not a number from 0 to 5"),
    ("m\tM\t2012\t1\tnan\tA.\tB.\n", GLUE["stsb"], "file:1: the score 'score' is 'nan', not a number from 0 to 5"),
    ("m\tM\t2012\t1\t\tA.\tB.\n", GLUE["stsb"], "file:1: the score 'score' is '', not a number from 0 to 5"),
    ('{"sentence1": "a", "sentence2": "b", "score": true}', GLUE["stsb"],
     "file:1: the score 'score' is a boolean, not a number from 0 to 5"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "columns", "sentence"), BROKEN)
def test_what_is_wrong_is_said(tmp_path, content, columns, sentence):
    assert complaint(written(tmp_path, content), columns) == sentence


def test_a_file_that_is_not_there_is_refused(tmp_path):
    assert complaint(tmp_path / "none", PAIRS) == "file: there is no such file"


@pytest.mark.parametrize("start", [b"a\tb\tc\n", b'{"a": "', b'a,b,c\n"'])
def test_a_line_of_a_hundred_megabytes_is_refused_in_bounded_memory(tmp_path, start):
    path = tmp_path / "file"
    with path.open("wb") as stream:
        stream.write(start)
        for _ in range(100):
            stream.write(b"x" * 1_000_000)
    tracemalloc.start()
    try:
        assert "the line has more than 4,194,304 bytes" in complaint(path, PAIRS)
        assert tracemalloc.get_traced_memory()[1] < 32 << 20
    finally:
        tracemalloc.stop()


def test_bad_rows_may_be_put_aside(tmp_path):
    rows = "id|qid1|qid2|question1|question2|is_duplicate", "1|1|2|a|b|0", "2|1|2|broken", "3|1|2|a|b|2", "4|1|2|c|d|1"
    path = written(tmp_path, table(*rows))
    bad = []
    assert read(path, GLUE["qqp"], bad=bad) == [("a", "b", "0", 2), ("c", "d", "1", 5)]
    assert [error.where for error in bad] == [f"{path}:3", f"{path}:4"]


def test_memory_is_that_of_a_row(tmp_path):
    path = written(tmp_path, "text\tlabel\n" + ("word " * 100 + "\tx\n") * 20_000)
    tracemalloc.start()
    try:
        assert sum(1 for _ in read_examples(path, TEXT)) == 20_000
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("examples", "line"),
    [
        ([], "0 examples without a label"),
        ([Example("a")], "1 example without a label"),
        ([Example("a", "b", "x"), Example("a", "b", "y"), Example("c", "d", "y")], "3 pairs (y 2, x 1)"),
        ([Example("a", None, "x"), Example("b")], "2 examples (x 1); 1 without a label"),
        ([Example("a", "b", 2.5), Example("a", "b", 0.0)], "2 pairs, scores from 0 to 2.5"),
    ],
)
def test_examples_are_described_in_a_line(examples, line):
    assert describe(examples) == line


def real(name):
    path = DATA / name
    if not path.exists():
        pytest.skip(f"real data is not here: {path}")
    return path


@pytest.mark.parametrize(
    ("name", "preset", "number"),
    [
        ("tnews-excerpt/train.tsv", "tnews", 4000),
        ("tnews-excerpt/dev.json", "tnews", 800),
        ("stsb-excerpt/sts-train.csv", "stsb", 1500),
        ("stsb-excerpt/sts-dev.csv", "stsb", 500),
    ],
)
def test_real_files_are_read_whole(name, preset, number):
    path = real(name)
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
    examples = list(read_examples(path, PRESETS[preset]))
    assert len(examples) == len(rows) == number
    assert all(one.label is not None for one in examples)
    if preset == "stsb":
        assert [(one.label, one.text, one.pair) for one in examples] == [(float(r[4]), r[5], r[6]) for r in rows]
        assert math.isclose(max(one.label for one in examples), 5.0)
    else:
        assert {one.label for one in examples} == set(CLUE["tnews"].labels)


def test_the_real_classes_are_those_of_their_own_list():
    rows = map(json.loads, real("tnews-excerpt/labels.json").read_text(encoding="utf-8").splitlines())
    assert {row["label_desc"]: row["label"] for row in rows} == CLUE["tnews"].aliases
