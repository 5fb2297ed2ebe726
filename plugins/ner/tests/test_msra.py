"""Sentences from MSRA's XML, whole and broken."""

from __future__ import annotations

import tracemalloc
from xml.sax.saxutils import escape

import pytest
from bertrun_ner.files import read_sentences
from bertrun_ner.msra import FORM, parse_msra, read_msra
from bertrun_ner.sentence import Span
from hypothesis import given
from hypothesis import strategies as st

from bert_core import DataError

HINT = f"A file is {FORM}."

CORPUS = """<?xml version="1.0" encoding="UTF-8"?>
<root>
<sentence id="1">
  <w>我</w><w>在</w>
  <w><NAMEX TYPE="LOCATION">北京</NAMEX></w>
</sentence>
<sentence id="2"><w><TIMEX TYPE="DATE">今天</TIMEX></w><w>付</w><w><NUMEX TYPE="MONEY">三元</NUMEX>。</w></sentence>
</root>
"""


def written(folder, content):
    path = folder / "file"
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return path


def spans(folder, content, elements=()):
    """For each sentence its text and its spans as `TYPE mention`."""
    corpus = parse_msra(written(folder, content), elements)
    return [(one.text, [f"{span.type} {one.mention(span)}" for span in one.spans]) for one in corpus.sentences]


def test_characters_are_units_and_types_are_spans(tmp_path):
    for content in (CORPUS, CORPUS.replace("\n", "\r\n"), "\ufeff" + CORPUS):
        first, second = parse_msra(written(tmp_path, content)).sentences
        assert (first.text, first.words(), first.line) == ("我在北京", tuple("我在北京"), 3)
        assert first.spans == (Span("LOCATION", 2, 4),)
        assert (second.text, second.line) == ("今天付三元。", 7)
        assert second.spans == (Span("DATE", 0, 2), Span("MONEY", 3, 5))


@pytest.mark.parametrize(
    ("elements", "kept"),
    [
        ((), ["LOCATION 北京", "DATE 今天", "MONEY 三元"]),
        (("NAMEX",), ["LOCATION 北京"]),
        (("TIMEX", "NUMEX"), ["DATE 今天", "MONEY 三元"]),
        (("OTHER", "NAMEX"), ["LOCATION 北京"]),
    ],
)
def test_elements_are_chosen_and_the_text_of_others_stays(tmp_path, elements, kept):
    found = spans(tmp_path, CORPUS, elements)
    assert [text for text, _ in found] == ["我在北京", "今天付三元。"]
    assert [mention for _, mentions in found for mention in mentions] == kept


def test_elements_that_are_nowhere_are_named(tmp_path):
    path = written(tmp_path, CORPUS)
    assert complaint(path, ["namex", "NAMX"]) == (
        "file: the file has no element NAMX or namex with a TYPE. It has NAMEX, NUMEX, TIMEX."
    )
    path = written(tmp_path, sentence("甲"))
    assert complaint(path, ["NAMEX"]) == "file: the file has no element NAMEX with a TYPE"


def sentence(content):
    return f"<root><sentence>{content}</sentence></root>"


NESTED = '<w>去<NAMEX TYPE="ORG">中<NAMEX TYPE="LOC">北京</NAMEX>大<b>学</b>堂</NAMEX>了</w>。'


def test_text_around_and_after_nested_elements_is_kept(tmp_path):
    corpus = parse_msra(written(tmp_path, sentence(NESTED)))
    (one,) = corpus.sentences
    assert one.text == "去中北京大学堂了。"
    assert one.spans == (Span("ORG", 1, 7),)
    assert corpus.notes == ("1 span lies in a longer one and was left out; line 1: LOC '北京' in ORG '中北京大学堂'",)


def test_an_inner_span_is_kept_where_the_outer_one_is_not_chosen(tmp_path):
    nested = NESTED.replace('<NAMEX TYPE="ORG">', '<NUMEX TYPE="ORG">').replace("堂</NAMEX>", "堂</NUMEX>")
    assert spans(tmp_path, sentence(nested), ["NAMEX"]) == [("去中北京大学堂了。", ["LOC 北京"])]


def test_spans_left_out_are_counted_in_order(tmp_path):
    twice = '<A TYPE="X">甲<B TYPE="Y">乙<C TYPE="Z">丙</C></B></A>\n<A TYPE="X">丁</A>'
    corpus = parse_msra(written(tmp_path, sentence(twice)))
    assert corpus.sentences[0].spans == (Span("X", 0, 3), Span("X", 3, 4))
    assert corpus.notes == ("2 spans lie in longer ones and were left out; line 1: Z '丙' in X '甲乙丙'",)


def test_of_spans_that_begin_together_the_longer_is_kept(tmp_path):
    content = sentence('<A TYPE="X"><B TYPE="Y">甲</B>乙</A><A TYPE="X"><B TYPE="Y">丙</B></A>')
    assert spans(tmp_path, content) == [("甲乙丙", ["X 甲乙", "X 丙"])]


def test_blanks_are_kept_and_layout_is_not(tmp_path):
    content = sentence("\n  <w>看</w> <w>Iron</w>\n  <w><N TYPE='M'>Iron Man\u30002</N></w>&lt;吧&#x1F600;\n")
    assert spans(tmp_path, content) == [("看 IronIron Man\u30002<吧😀", ["M Iron Man\u30002"])]


def test_a_declared_encoding_that_was_converted_away_is_not_believed(tmp_path):
    for name in ("gb2312", "GB18030", "utf-16", "latin-1"):
        assert spans(tmp_path, CORPUS.replace("UTF-8", name))[0][0] == "我在北京"


def test_a_file_may_be_one_line_and_longer_than_a_piece(tmp_path):
    body = '<sentence><w><NAMEX TYPE="LOC">北京</NAMEX></w><w>好</w></sentence>' * 5_000
    found = read_msra(written(tmp_path, f"<root>{body}</root>"))
    assert sum(one.spans == (Span("LOC", 0, 2),) and one.text == "北京好" for one, _ in found) == 5_000


@given(st.recursive(st.text("甲 a<&😀", max_size=3), lambda inner: st.lists(inner, max_size=4), max_leaves=12))
def test_all_text_comes_back_however_elements_nest(tmp_path_factory, tree):
    def write(node):
        if isinstance(node, str):
            return escape(node)
        return "<w>" + "".join(map(write, node)) + "</w>"

    def flat(node):
        return node if isinstance(node, str) else "".join(map(flat, node))

    text = "x" + flat(tree) + "y"
    corpus = parse_msra(written(tmp_path_factory.mktemp("msra"), sentence("x" + write(tree) + "y")))
    assert corpus.sentences[0].text == text


@pytest.mark.parametrize(
    "content",
    [
        CORPUS,
        CORPUS.partition("\n")[2],
        "\n\ufeff".strip() + CORPUS,
        "<!-- 1998 -->\n" + CORPUS.partition("\n")[2],
        CORPUS.replace("\n  ", "").replace("\n", ""),
        "<!DOCTYPE root>\n" + CORPUS.partition("\n")[2],
    ],
)
def test_the_format_is_seen_from_the_content(tmp_path, content):
    assert [one.text for one in read_sentences(written(tmp_path, content)).sentences] == ["我在北京", "今天付三元。"]


@pytest.mark.parametrize(
    "content", ["<s> O\n<b> O\n", "<\tO\n>\tO\n", "<root>\tO\n", "<!-- O\n--> O\n", "<3 O\n:) O\n"]
)
def test_columns_that_begin_with_an_angle_are_no_xml(tmp_path, content):
    assert len(read_sentences(written(tmp_path, content)).sentences) == 1


def test_the_format_may_be_told(tmp_path):
    assert read_sentences(written(tmp_path, "<root>\n"), data_format="conll").sentences[0].words() == ("<root>",)
    with pytest.raises(DataError, match="the file is not XML"):
        read_sentences(written(tmp_path, "a O\n"), data_format="msra")


def complaint(path, elements=()):
    with pytest.raises(DataError) as caught:
        parse_msra(path, elements)
    return str(caught.value).replace(str(path), "file")


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
ENTITY = (
    "the file declares an entity or refers to another file, which is not followed. Write the characters themselves."
)

BROKEN = [
    (b"", "file: the file is empty"),
    (b"\xef\xbb\xbf\r\n", "file: the file is empty"),
    (b"\xef\xbb\xbf", "file: the file is empty"),
    ("<root></root>", f"file: the file has no sentence. {HINT}"),
    ("<root/>\n", f"file: the file has no sentence. {HINT}"),
    (CORPUS.replace("</root>", ""), "file:9: the file ends inside its XML. It was cut off."),
    (CORPUS[:100], "file:5: the file ends inside its XML. It was cut off."),
    (CORPUS.partition("我")[0].encode() + "我".encode()[:2],
     "file:4: the file ends inside the character at offset 69. It was cut off; get the whole file."),
    (CORPUS.replace("</NAMEX>", "</TIMEX>"), f"file:5: the file is not XML: mismatched tag. {HINT}"),
    (CORPUS + "<root/>", f"file:9: the file is not XML: junk after document element. {HINT}"),
    (CORPUS.replace("我", "&nbsp;"), f"file:4: the file is not XML: undefined entity. {HINT}"),
    (CORPUS.replace("我", "a & b"), f"file:4: the file is not XML: not well-formed (invalid token). {HINT}"),
    (CORPUS.replace("我", "&#xD83D;"), f"file:4: the file is not XML: reference to invalid character number. {HINT}"),
    (CORPUS.replace("我", "&#0;"), f"file:4: the file is not XML: reference to invalid character number. {HINT}"),
    (CORPUS.replace("我", "\x01"), f"file:4: the file is not XML: not well-formed (invalid token). {HINT}"),
    (CORPUS.replace("我", "\0"), "file:4: the line has a NUL character. Is this a text file in UTF-8?"),
    (CORPUS.encode("utf-16"), "file:1: the byte 0xff at offset 0 is not UTF-8. "
     "Convert the file, for example with `iconv -f utf-16 -t utf-8`."),
    (CORPUS.encode("gb18030"), "file:4: the byte 0xce at offset 69 is not UTF-8. "
     "Convert the file, for example with `iconv -f gb18030 -t utf-8`."),
    (CORPUS.replace("我", "@").encode().replace(b"@", b"\xed\xa0\xbd"),
     "file:4: the byte 0xed at offset 69 is not UTF-8. "
     "Convert the file, for example with `iconv -f ENCODING -t utf-8`."),
    (f'<!DOCTYPE r [<!ENTITY l0 "ha">{LAUGHS}]>\n{sentence("&l9;")}', f"file:1: {ENTITY}"),
    (f'<!DOCTYPE r [\n<!ENTITY x SYSTEM "file:///etc/passwd">]>\n{sentence("&x;")}', f"file:2: {ENTITY}"),
    (f'<!DOCTYPE r [<!ENTITY % x SYSTEM "http://localhost/x">\n%x;]>\n{sentence("a")}', f"file:1: {ENTITY}"),
    ("<a>" * 99_999, f"file:1: the elements nest deeper than 32 levels. {HINT}"),
    (sentence("<a>" * 31 + "甲" + "</a>" * 31), f"file:1: the elements nest deeper than 32 levels. {HINT}"),
    ("<root>\n在<sentence>甲</sentence></root>", f"file:2: there is text in no sentence. {HINT}"),
    ("<root>\n<sentence>甲</sentence>\n<sentence>\n <w> </w></sentence></root>",
     "file:3: the sentence is empty. Remove it."),
    (sentence("甲\n<NAMEX>乙</NAMEX>"), f"file:2: the element NAMEX has no TYPE. {HINT}"),
    (sentence('甲\n<NAMEX TYPE=" ">乙</NAMEX>'), f"file:2: the TYPE of the element NAMEX is empty. {HINT}"),
    (sentence('甲<NAMEX TYPE="LOC"/>'), f"file:1: the element NAMEX of type 'LOC' has no text. {HINT}"),
    (sentence('甲<NAMEX TYPE="LOC" TYPE="ORG">乙</NAMEX>'),
     f"file:1: the file is not XML: duplicate attribute. {HINT}"),
    ("a O\n", f"file:1: the file is not XML: syntax error. {HINT}"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "wanted"), BROKEN, ids=range(len(BROKEN)))
def test_what_is_wrong_is_said(tmp_path, content, wanted):
    assert complaint(written(tmp_path, content)) == wanted


@pytest.mark.parametrize(
    ("start", "what"),
    [
        ("<root><sentence>", "the sentence has more than 262,144 characters"),
        ("<", "a tag or a comment has more than 4,194,304 bytes"),
        ('<root><sentence><NAMEX TYPE="', "a tag or a comment has more than 4,194,304 bytes"),
        ("<root><!-- ", "a tag or a comment has more than 4,194,304 bytes"),
    ],
)
def test_a_line_of_a_hundred_megabytes_is_refused_in_bounded_memory(tmp_path, start, what):
    path = tmp_path / "file"
    with path.open("wb") as stream:
        stream.write(start.encode())
        for _ in range(100):
            stream.write(b"x" * 1_000_000)
    tracemalloc.start()
    try:
        assert complaint(path) == f"file:1: {what}. {HINT}"
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()


def test_memory_is_that_of_a_sentence(tmp_path):
    path = written(tmp_path, f"<root>{'<sentence><w>好</w></sentence>' * 20_000}</root>")
    tracemalloc.start()
    try:
        assert sum(1 for _ in read_msra(path)) == 20_000
        assert tracemalloc.get_traced_memory()[1] < 2 << 20
    finally:
        tracemalloc.stop()
