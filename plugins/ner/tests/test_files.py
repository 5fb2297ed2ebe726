from __future__ import annotations

import json
import tracemalloc
from itertools import pairwise
from pathlib import Path

import pytest
from bertrun_ner.files import describe, read_sentences
from bertrun_ner.schemes import lenient_spans, recognise, tags_of, violations
from bertrun_ner.sentence import from_text

from bert_core import DataError, UsageError

DATA = Path(__file__).parents[4] / "shared" / "data"


def written(folder, content):
    path = folder / "file"
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return path


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("a O\nb O\n", ("a", "b")),
        ("\ufeffa O\nb O\n", ("a", "b")),
        ("{ O\n} O\n", ("{", "}")),
        ('{\tO\n"text"\tO\n', ("{", '"text"')),
        ('\n\n{"text": "好的"}\n', ("好", "的")),
        ('\ufeff{"text": "好的"}', ("好", "的")),
    ],
)
def test_the_format_is_seen_from_the_content(tmp_path, content, words):
    assert read_sentences(written(tmp_path, content)).sentences[0].words() == words


def test_the_format_may_be_told(tmp_path):
    path = written(tmp_path, '{"text":"好"}\n')
    assert read_sentences(path, data_format="conll").sentences[0].words() == ('{"text":"好"}',)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("weibo", "口0\tO\n腔1\tO\n溃2\tO\n", ("口", "腔", "溃")),
        ("weibo", "A0\tO\n7912\tO\n", ("A", "7")),
        ("chinese-ner", "海 O\n钓 O\n", ("海", "钓")),
        ("chinese-ner", "口0 O\n腔1 O\n", ("口0", "腔1")),
        ("conll", "口0 O\n腔1 O\n", ("口", "腔")),
        ("cluener", '{"text": "海钓"}', ("海", "钓")),
        ("msra", "<root><sentence>海<w>钓</w></sentence></root>", ("海", "钓")),
    ],
)
def test_sets_are_known_by_name(tmp_path, name, content, words):
    assert read_sentences(written(tmp_path, content), data_format=name).sentences[0].words() == words


@pytest.mark.parametrize("name", ["auto", "conll", "chinese-ner"])
def test_the_last_sentence_needs_no_empty_line(tmp_path, name):
    content = "海 O\n钓 O\n\n厦 B-LOC\n门 I-LOC"
    sentences = read_sentences(written(tmp_path, content), data_format=name).sentences
    assert [one.words() for one in sentences] == [("海", "钓"), ("厦", "门")]


@pytest.mark.parametrize("cuts", [(0.0, 0.5, 1.0), (0.0, 0.1, 0.35, 0.8, 1.0), (0.0, 0.333, 0.667, 1.0)])
def test_parts_that_meet_are_the_whole(tmp_path, cuts):
    path = written(tmp_path, "".join(f"w{number} O\n\n" for number in range(11)))
    parts = [read_sentences(path, part=part).sentences for part in pairwise(cuts)]
    assert sum(parts, ()) == read_sentences(path).sentences
    assert [len(part) for part in parts] == [int(11 * b) - int(11 * a) for a, b in pairwise(cuts)]


def test_parts_that_are_none_are_refused(tmp_path):
    path = written(tmp_path, "a O\n\nb O\n")
    for part in ((0.5, 0.5), (0.6, 0.4), (-0.1, 1.0), (0.0, 1.1), (float("nan"), 1.0)):
        with pytest.raises(UsageError, match="is none of a file"):
            read_sentences(path, part=part)
    assert (
        complaint(path, part=(0.1, 0.4))
        == "file: the part from 0.1 to 0.4 of 2 sentences has none. Take a larger part."
    )


@pytest.mark.parametrize("start", ["a O\n", '{"text": "', "x\n"])
def test_a_line_of_a_hundred_megabytes_is_refused_in_bounded_memory(tmp_path, start):
    path = tmp_path / "file"
    with path.open("wb") as stream:
        stream.write(start.encode())
        for _ in range(100):
            stream.write(b"x" * 1_000_000)
    tracemalloc.start()
    try:
        assert "the line has more than 4,194,304 bytes" in complaint(path)
        assert tracemalloc.get_traced_memory()[1] < 32 << 20
    finally:
        tracemalloc.stop()


def complaint(path, **options):
    with pytest.raises(DataError) as caught:
        read_sentences(path, **options)
    return str(caught.value).replace(str(path), "file")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "file: the file is empty"),
        (b"\n \r\n\t", "file: the file is empty"),
        (b"\xef\xbb\xbf\n", "file: the file is empty"),
        (
            "好 O\n北京 B-LOC\n".encode("gb18030"),
            "file:1: the byte 0xba at offset 0 is not UTF-8. "
            "Convert the file, for example with `iconv -f gb18030 -t utf-8`.",
        ),
        (
            b"a O\nb O\n\xe9t\xe9 O\n",
            "file:3: the byte 0xe9 at offset 8 is not UTF-8. "
            "Convert the file, for example with `iconv -f ENCODING -t utf-8`.",
        ),
        (
            b"caf\xe9 O\n",
            "file:1: the byte 0xe9 at offset 3 is not UTF-8. "
            "Convert the file, for example with `iconv -f ENCODING -t utf-8`.",
        ),
        (
            "Привет O\n".encode("cp1251") + b"\xff O\n",
            "file:1: the byte 0xcf at offset 0 is not UTF-8. "
            "Convert the file, for example with `iconv -f ENCODING -t utf-8`.",
        ),
        (
            "a O\n".encode("utf-16"),
            "file:1: the byte 0xff at offset 0 is not UTF-8. "
            "Convert the file, for example with `iconv -f utf-16 -t utf-8`.",
        ),
        (b"\n\0 O\n", "file:2: the line has a NUL character. Is this a text file in UTF-8?"),
        (b"a O\nb\0 O\n", "file:2: the line has a NUL character. Is this a text file in UTF-8?"),
    ],
)  # fmt: skip
def test_files_that_are_no_text_are_refused(tmp_path, content, sentence):
    assert complaint(written(tmp_path, content)) == sentence


def test_files_that_are_not_there_are_refused(tmp_path):
    assert complaint(tmp_path / "none") == "file: there is no such file"
    assert complaint(tmp_path) == "file: this is a folder, not a file. Name one of the files in it."
    assert complaint(written(tmp_path, "a O\n") / "below") == "file: the file cannot be read: Not a directory"


def test_a_damaged_first_line_of_json_is_said_to_be_one(tmp_path):
    assert complaint(written(tmp_path, '{"text": "好", "label": {}\n')).startswith("file:1: the line is not JSON: ")
    assert complaint(written(tmp_path, '{"sentence": "好"}\n')).startswith("file:1: the line is no example: ")
    long = '{"text": "好", "id": ' + "7" * 5000 + "}\n"
    assert complaint(written(tmp_path, long)).startswith("file:1: the line is not JSON: a number with too many digits")


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("a B-PER\nb I-PER\n\nc B-LOC\nd B-PER\n", "2 sentences, 4 units, 3 spans in IOB2 (PER 2, LOC 1)"),
        ("a O\n", "1 sentence, 1 unit, 0 spans in IOB2"),
        ("a\nb\n", "1 sentence, 2 units, not annotated"),
        ('{"text": "好", "label": {"a": {"好": [[0, 0]]}}}', "1 sentence, 1 unit, 1 span (a 1)"),
        ('{"text": "好", "label": {}}\n{"text": "好"}', "2 sentences, 2 units, 0 spans; 1 sentence not annotated"),
    ],
)
def test_sentences_are_described_in_a_line(tmp_path, content, line):
    assert describe(read_sentences(written(tmp_path, content)).sentences) == line


def real(name):
    path = DATA / name
    if not path.exists():
        pytest.skip(f"real data is not here: {path}")
    return path


NUMBERED = "the numbers after the words were taken for places in a segmented word and left out"


@pytest.mark.parametrize(
    ("name", "line", "notes"),
    [
        (
            "wnut17/wnut17train.conll",
            "3,394 sentences, 62,730 units, 1,975 spans in IOB2"
            " (person 660, location 548, group 264, corporation 221, product 142, creative-work 140)",
            (),
        ),
        (
            "wnut17/emerging.dev.conll",
            "1,009 sentences, 15,733 units, 836 spans in IOB2"
            " (person 470, product 114, creative-work 105, location 74, group 39, corporation 34)",
            (),
        ),
        (
            "weibo-ner/weiboNER_2nd_conll.dev",
            "270 sentences, 14,509 units, 389 spans in IOB2 (PER.NOM 208, PER.NAM 90, ORG.NAM 47, GPE.NAM 26,"
            " LOC.NAM 6, LOC.NOM 6, ORG.NOM 5, GPE.NOM 1)",
            (NUMBERED,),
        ),
        (
            "weibo-ner/weiboNER_2nd_conll.train",
            "1,350 sentences, 73,778 units, 1,895 spans in IOB2 (PER.NOM 772, PER.NAM 578, GPE.NAM 205, ORG.NAM 183,"
            " LOC.NAM 56, LOC.NOM 51, ORG.NOM 42, GPE.NOM 8)",
            (
                NUMBERED,
                "10 tags break the rules of IOB2 in 1,895 spans and were read as conlleval reads;"
                " line 1266: the tag 'I-PER.NOM' may not follow 'I-PER.NAM' in IOB2",
            ),
        ),
        (
            "cluener-excerpt/dev.json",
            "400 sentences, 14,943 units, 895 spans (name 124, company 117, address 116, position 107, game 104,"
            " organization 104, scene 68, government 64, movie 50, book 41)",
            (),
        ),
        (
            "cluener-excerpt/train.json",
            "2,500 sentences, 92,879 units, 5,713 spans (name 899, organization 765, company 755, position 746,"
            " address 689, game 565, government 424, scene 352, book 259, movie 259)",
            (
                "2 mentions overlap longer ones and were left out;"
                " line 1507: company '招商银行' in book '《招商银行：投资永隆银行浮亏逾百亿港元》'",
            ),
        ),
    ],
)
def test_real_files_are_read_whole(name, line, notes):
    corpus = read_sentences(real(name))
    assert (describe(corpus.sentences), corpus.notes) == (line, notes)


@pytest.mark.parametrize("name", ["wnut17/emerging.dev.conll", "weibo-ner/weiboNER_2nd_conll.dev"])
def test_real_tags_survive_a_round_trip(name):
    sentences = read_sentences(real(name)).sentences
    scheme = recognise([one.tags for one in sentences])
    for one in sentences:
        assert violations(one.tags, scheme) == []
        assert tags_of(one.spans, len(one.units), scheme) == one.tags
        assert lenient_spans(one.tags) == one.spans


def test_real_annotation_survives_a_round_trip():
    path = real("cluener-excerpt/dev.json")
    lines = path.read_text(encoding="utf-8").splitlines()
    for sentence, line in zip(read_sentences(path).sentences, map(json.loads, lines), strict=True):
        label = {}
        for span in sentence.spans:
            start, end = sentence.characters(span)
            label.setdefault(span.type, {}).setdefault(sentence.mention(span), []).append([start, end - 1])
        assert (sentence.text, label) == (line["text"], line["label"])


def test_real_text_is_cut_as_its_words_were():
    """Our words and WNUT's differ on tweets' own forms only: more than 9 of 10 units are the same."""
    same = total = 0
    for sentence in read_sentences(real("wnut17/wnut17train.conll")).sentences[:500]:
        units = set(sentence.units)
        same += len(units & set(from_text(sentence.text, "word").units))
        total += len(units)
    assert same > 0.9 * total
