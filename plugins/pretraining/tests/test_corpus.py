"""Files of every form become documents and sentences; broken ones become a sentence with file and line."""

from __future__ import annotations

import bz2
import gzip
import json
import tracemalloc

import pytest
from bertrun_pretraining.corpus import documents, files_of, sentences
from bertrun_pretraining.corpus.document import LONGEST, Document
from bertrun_pretraining.corpus.sentences import split
from bertrun_pretraining.corpus.wikitext import paragraphs
from hypothesis import given, settings
from hypothesis import strategies as st

from bert_core import DataError

DOC = '<doc id="1" url="u" title="A &amp; B">\nA &amp; B\n\nFirst one. Second &lt;one&gt;.\n\nThird.\n</doc>\n'
PAGE = """<page><title>{title}</title><ns>{ns}</ns>{more}
<revision><model>wikitext</model><text>{text}</text></revision></page>"""
DUMP = '<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.10/" version="0.10">\n{pages}\n</mediawiki>\n'


def page(text, title="T", ns=0, more=""):
    return PAGE.format(text=text, title=title, ns=ns, more=more)


@pytest.fixture
def read(tmp_path):
    def run(content, rule="auto"):
        path = tmp_path / "file"
        path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
        return [list(sentences(document, rule)) for document in documents(path)]

    return run


PLAIN = "One, two. Three.\nFour.\n\nFive.\n"


@pytest.mark.parametrize(
    "content",
    [
        PLAIN,
        PLAIN.rstrip(),
        "\ufeff" + PLAIN,
        PLAIN.replace("\n", "\r\n"),
        "\n\n  \n" + PLAIN + "\n \n\n",
        PLAIN.replace("\n\n", "\n \t\r\n\n\n"),
        bz2.compress(PLAIN.encode()),
        gzip.compress(PLAIN.encode(), mtime=0),  # the bytes are the name of the test
        bz2.compress(PLAIN[:10].encode()) + bz2.compress(PLAIN[10:].encode()),
    ],
)
def test_plain_text(read, content):
    assert read(content) == [["One, two. Three.", "Four."], ["Five."]]


def test_plain_text_is_split_where_asked(read):
    assert read(PLAIN, "split") == [["One, two.", "Three.", "Four."], ["Five."]]


def test_blocks_of_wikiextractor(read):
    wanted = ["First one.", "Second <one>.", "Third."]
    assert read(DOC) == [wanted]
    assert read(DOC + DOC.replace("\n", "\r\n")) == [wanted, wanted]
    assert read(DOC, "line") == [["First one. Second <one>.", "Third."]]


def test_json_of_wikiextractor(read):
    line = json.dumps({"id": "1", "url": "u", "title": "T", "text": "T\n\n一句。兩句！\n\nThird &lt;one&gt;."})
    assert read(line + "\n\n" + line) == [["一句。", "兩句！", "Third <one>."]] * 2


def test_a_dump_gives_articles_only(read):
    pages = "".join(
        [
            page("One ''two''. [[Three|Four]].", title="A"),
            page("A talk.", ns=1),
            page("Moved to A.", more='<redirect title="A" />'),
            page("#重定向 [[A]]"),
            page("local x = 1", title="M").replace("wikitext", "Scribunto"),
            page("Old.").replace("</page>", "<revision><text>New &amp; last.</text></revision></page>"),
        ]
    )
    assert read(DUMP.format(pages=pages)) == [["One two.", "Four."], ["New & last."]]
    assert read(bz2.compress(('<?xml version="1.0"?>\n' + DUMP.format(pages=pages)).encode()))[1] == ["New & last."]


def test_markup_becomes_paragraphs():
    markup = (
        "{{Infobox|name={{x}}|a=b}}'''Bold''' ( ; ) text<ref name=a>Cite {{web}}</ref>, [http://x.org a link].\n"
        "== Heading ==\n* item [[File:a.jpg|thumb|caption [[x]]]] one\n{|\n| cell\n|}\n[[Category:C]]\n[[zh:條目]]\n"
        "[[Star Trek: Voyager]] and [[Category: D]][[ar:x]]\n<!-- comment -->Last<br/>"
        " [[Mercury (planet)|Mercury]]&nbsp;end.<math>x^2</math>"
    )
    assert paragraphs(markup) == ["Bold text, a link.", "item one", "Star Trek: Voyager and", "Last Mercury end."]


def test_sentences_of_english_and_chinese():
    assert list(split('He met Dr. Smith at 3 p.m. in St. Louis. "Really?" he said. It rained.)')) == [
        "He met Dr. Smith at 3 p.m. in St. Louis.",
        '"Really?" he said.',
        "It rained.)",
    ]
    assert list(split("我們去了。你呢？好！他說：「走吧。」")) == ["我們去了。", "你呢？", "好！", "他說：「走吧。」"]


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=80))
def test_splitting_loses_nothing_but_white_space(text):
    assert "".join("".join(split(text)).split()) == "".join(text.split())


def test_a_long_document_is_read_as_several(read, tmp_path, monkeypatch):
    monkeypatch.setattr("bertrun_pretraining.corpus.document.LONGEST", 30)
    assert read("one two three four\nfive six\nseven eight nine\nten\n\neleven") == [
        ["one two three four", "five six"],
        ["seven eight nine", "ten"],
        ["eleven"],
    ]
    assert [document.line for document in documents(tmp_path / "file")] == [1, 3, 6]


SPOILT = {
    "empty": (b"", "the file is empty"),
    "latin-1": ("One.\ncaf\xe9\n".encode("latin-1"), "file:2: byte 4 of the line, 0xe9, is not UTF-8"),
    "gb18030": ("我们去了\n".encode("gb18030"), "file:1: .* is not UTF-8.*iconv -f gb18030"),
    "utf-16": ("one\n".encode("utf-16"), "file:1: byte 1 of the line, 0xff, is not UTF-8.*iconv -f utf-16"),
    "nul": (b"one\ntwo\0three\n", "file:2: the line has a NUL"),
    "surrogate in utf-8": (b"one\n\xed\xa0\x80\n", "file:2: byte 1 of the line, 0xed, is not UTF-8"),
    "cut bzip2": (bz2.compress(PLAIN.encode() * 999)[:-30], "cannot be read"),
    "damaged bzip2": (b"BZh9" + b"x" * 99, "cannot be read"),
    "cut gzip": (gzip.compress(PLAIN.encode() * 999)[:-9], "cannot be read"),
    "damaged gzip": (b"\x1f\x8b" + b"x" * 99, "cannot be read"),
    "block without an end": (DOC + "<doc id=1>\ntext\n", "file:8: the file ends inside this <doc>"),
    "block in a block": ("<doc id=1>\nx\n<doc id=2>\ny\n</doc>\n", "file:3: a <doc> begins before that of line 1 ends"),
    "text outside of blocks": (DOC + "stray\n", "file:8: there is text outside of a <doc> block"),
    "json cut": ('{"id": "1", "text": "one"}\n{"id": "2", "te', "file:2: the line is not JSON"),
    "json without text": ('{"id": "1", "texts": "one"}', 'file:1: the line is no JSON object with a string "text"'),
    "json of numbers": ('{"id": "1", "text": 5}', "file:1: the line is no JSON object"),
    "json array": ('{"id": "1", "text": "x"}\n[1]', "file:2: the line is no JSON object"),
    "json surrogate": ('{"id": "1", "text": "a\\ud800b"}', "file:1: character 2 of the text is half a character"),
    "json nul": ('{"id": "1", "text": "a\\u0000b"}', "file:1: the text has a NUL"),
    "json bomb": ('{"id": ' + "[" * 200000, "file:1: the line is not JSON: it is nested too deep"),
    "dump cut": (DUMP.format(pages=page("x"))[:-40], "file:.: the XML is damaged"),
    "dump of other tags": (DUMP.format(pages="<page></pag>"), "file:2: the XML is damaged: mismatched tag"),
    "not a dump": ("<?xml version='1.0'?>\n<html></html>", "file:2: the outermost element is <html>"),
    "billion laughs": (
        '<!DOCTYPE m [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><mediawiki>' + page("&b;") + "</mediawiki>",
        "file:1: the XML declares entities",
    ),
    "external entity": (
        '<!DOCTYPE m [<!ENTITY a SYSTEM "file:///etc/passwd">]><mediawiki>' + page("&a;") + "</mediawiki>",
        "file:1: the XML declares entities",
    ),
    "dump in latin-1": (DUMP.format(pages=page("caf\xe9")).encode("latin-1"), "file:3: the XML is damaged"),
    "dump with nul": (DUMP.format(pages=page("a\0b")), "file:3: the XML is damaged"),
}


@pytest.mark.parametrize("name", SPOILT)
@pytest.mark.filterwarnings("error")
def test_broken_files_are_a_sentence(read, name):
    content, message = SPOILT[name]
    with pytest.raises(DataError, match=f"(?s){message}"):
        read(content)


class TestMemory:
    """Of text that is one line, or without an end, only a bounded part is held."""

    def peak(self, path):
        tracemalloc.start()
        try:
            error = None
            try:
                for _ in documents(path):
                    pass
            except DataError as found:
                error = found
            return error, tracemalloc.get_traced_memory()[1] / 2**20
        finally:
            tracemalloc.stop()

    def test_a_line_of_100_mb(self, tmp_path):
        path = tmp_path / "file"
        path.write_bytes(b"one\n" + b"word " * 20_000_000)
        error, peak = self.peak(path)
        assert "file:2: the line is longer than 16 MiB" in str(error)
        assert peak < 60

    def test_a_page_of_100_mb(self, tmp_path):
        path = tmp_path / "file"
        path.write_text(DUMP.format(pages=page("word " * 20_000_000, title="Big")))
        error, peak = self.peak(path)
        assert "file:2: the page 'Big' is longer than 16 MiB" in str(error)
        assert peak < 150

    @pytest.mark.parametrize("start", ["<mediawiki>" + "<a>" * 100, "<mediawiki a='"])
    def test_a_tag_of_100_mb(self, tmp_path, start):
        path = tmp_path / "file"
        path.write_text(start + "x" * 100_000_000)
        error, peak = self.peak(path)
        assert error is not None
        assert peak < 150

    def test_many_small_tags(self, tmp_path):
        path = tmp_path / "file"
        path.write_text("<mediawiki>" + "<a><b/>" * 100_000)
        error, peak = self.peak(path)
        assert "the XML is damaged" in str(error)
        assert peak < 60

    def test_text_without_a_blank_line(self, tmp_path):
        path = tmp_path / "file"
        path.write_text("a line of text that goes on and on\n" * 200_000)
        error, peak = self.peak(path)
        assert error is None
        assert peak < 40
        assert all(len(document.text) <= LONGEST for document in documents(path))


class TestFiles:
    def test_a_folder_is_sorted_and_hidden_files_are_left_out(self, tmp_path):
        for name in ("b/wiki_01", "b/wiki_00", "a/x.txt", ".hidden", "_SUCCESS", "b/.x"):
            path = tmp_path / name
            path.parent.mkdir(exist_ok=True)
            path.write_text("x")
        found = [str(path.relative_to(tmp_path)) for path in files_of([str(tmp_path)])]
        assert found == ["a/x.txt", "b/wiki_00", "b/wiki_01"]
        assert [path.name for path in files_of([str(tmp_path / "*" / "wiki*"), str(tmp_path / "a" / "x.txt")])] == [
            "wiki_00",
            "wiki_01",
            "x.txt",
        ]

    def test_what_is_not_there_is_named(self, tmp_path):
        (tmp_path / "empty").mkdir()
        with pytest.raises(DataError, match=r"nothing.*: there is no such file"):
            files_of([str(tmp_path / "nothing*")])
        with pytest.raises(DataError, match="empty: there is no file in this folder"):
            files_of([str(tmp_path / "empty")])

    def test_a_file_that_may_not_be_read(self, tmp_path, monkeypatch):
        def refuse(*_):
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr("pathlib.Path.open", refuse)
        with pytest.raises(DataError, match="cannot be read: Permission denied"):
            list(documents(tmp_path / "file"))


COUNTS = {"wiki-en": 114, "wiki-zh": 222}


@pytest.mark.parametrize("name", COUNTS)
def test_real_wikis_are_read_whole(shared, name):
    articles = wanted = 0
    for path in files_of([str(shared / name)]):
        content = path.read_text(encoding="utf-8")
        wanted += content.count("<doc ") if name == "wiki-en" else content.count("\n")
        for document in documents(path):
            articles += 1
            assert list(sentences(document))
    assert articles == wanted == COUNTS[name]


def test_a_real_dump_is_read(shared):
    (path,) = files_of([str(shared / "mediawiki-dump")])
    found = list(documents(path))
    assert all(document.form == "wikitext" for document in found)
    content = path.read_text(encoding="utf-8")
    wanted = content.count("<ns>0</ns>") - content.count("<redirect ") - content.count(">#REDIRECT ")
    assert len(found) == wanted
    texts = [" ".join(sentences(document)) for document in found]
    assert any("Toronto" in text for text in texts)
    assert not any(mark in text for text in texts for mark in ("{{", "[[", "{|", "<ref"))


def test_a_document_goes_to_another_process():
    import pickle

    document = Document("file", 3, "lines", "text")
    assert pickle.loads(pickle.dumps(document)) == document
