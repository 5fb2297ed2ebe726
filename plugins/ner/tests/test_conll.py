from __future__ import annotations

import re
from pathlib import Path

import pytest
from bertrun_ner.blocks import Columns
from bertrun_ner.conll import parse_conll
from bertrun_ner.schemes import BIOES, IOB2
from bertrun_ner.sentence import Span

from bert_core import DataError, UsageError

PATH = Path("some.conll")
TAGS = "Tags are O, a plain label, or a prefix and a type such as B-PER."
TABS = "Columns are separated by one tab in this file."
COUNT = "Columns count from 0, or from -1 backwards."


def read(text, **options):
    columns = Columns(options.pop("word", 0), options.pop("tag", -1))
    return parse_conll(enumerate(re.split(r"\r*\n|\r", text), 1), PATH, columns, **options)


def rows(text, **options):
    """Each sentence as `line word/tag word/tag`."""
    sentences = read(text, **options).sentences
    return [
        " ".join([str(one.line), *(f"{word}/{tag}" for word, tag in zip(one.words(), one.tags, strict=True))])
        for one in sentences
    ]


@pytest.mark.parametrize(
    "text",
    [
        "EU B-ORG\nsaid O\n\nYes O\n",
        "EU B-ORG\nsaid O\n\nYes O",
        "EU\tB-ORG\nsaid\tO\n\nYes\tO\n",
        "EU B-ORG\r\nsaid O\r\n\r\nYes O\r\n",
        "EU B-ORG\r\r\nsaid O\r\r\n\r\r\nYes O",
        "EU B-ORG\rsaid O\r\rYes O",
        "EU\tB-ORG\nsaid\tO\n\t\nYes\tO\n\n",
        "EU B-ORG\nsaid O\n \t \nYes O\n   \n",
        "EU   B-ORG\nsaid  O \n\nYes    O\n",
    ],
)
def test_all_these_are_the_same_file(text):
    assert rows(text) == ["1 EU/B-ORG said/O", "4 Yes/O"]
    assert [one.spans for one in read(text).sentences] == [(Span("ORG", 0, 1),), ()]


def test_document_lines_are_no_tokens_and_end_a_sentence():
    assert rows("-DOCSTART- -X- O O\n\nEU N I B-ORG\n-DOCSTART- (2)\nYes N I O\n") == ["3 EU/B-ORG", "5 Yes/O"]
    assert rows("-DOCSTART-\tO\na\tO\n-DOCSTART-X\tO\n") == ["2 a/O -DOCSTART-X/O"]


def test_columns_are_chosen():
    text = "1 EU NNP B-ORG x\n2 said VB O y\n"
    assert rows(text, word=1, tag=3) == rows(text, word=-4, tag=-2) == ["1 EU/B-ORG said/O"]


def test_comments_are_left_out_where_nothing_else_could_be_meant():
    assert rows("# text = a b\na\tO\n# again\nb\tO\n") == ["2 a/O b/O"]
    assert [one.words() for one in read("# text = a b\na\nb\n").sentences] == [("a", "b")]


def test_what_a_comment_is_may_be_told_by_a_later_sentence():
    assert rows("# a O\n\nb\tO\n") == ["3 b/O"]
    assert rows("# a\n\n# b\n\nc O\n") == ["1 #/a", "3 #/b", "5 c/O"]


@pytest.mark.parametrize("text", ["#\tO\n# \tO\n#NER\tB-PER\n", "# O\n# O\n#NER B-PER\n"])
def test_a_word_that_begins_with_a_hash_is_a_word(text):
    sentence = read(text).sentences[0]
    assert [word.strip() for word in sentence.words()] == ["#", "#", "#NER"]


def test_words_between_tabs_keep_their_blanks_and_odd_spaces():
    words = ("New York", "a\u00a0b", "\u3000", "x\u2028y", " ", "z\x0b\x0c\x85")
    text = "\n".join(f"{word}\tO" for word in words)
    assert read(text).sentences[0].words() == words


def test_words_between_blanks_keep_odd_spaces():
    assert read("a\u00a0b O\n\u3000 O\n").sentences[0].words() == ("a\u00a0b", "\u3000")


def test_a_single_column_is_not_annotated():
    first, second = read("Hello\nParis\n\nBye\n").sentences
    assert (first.text, first.tags, first.spans) == ("Hello Paris", None, None)
    assert second.line == 4


def test_plain_labels_are_read():
    assert read("a PER\nb PER\nc O\nd creative-work\n").sentences[0].spans == (
        Span("PER", 0, 2),
        Span("creative-work", 3, 4),
    )


def test_iob1_is_read():
    assert read("a I-PER\nb I-PER\nc B-PER\nd I-LOC\n").sentences[0].spans == (
        Span("PER", 0, 2),
        Span("PER", 2, 3),
        Span("LOC", 3, 4),
    )


def test_places_in_segmented_words_are_found_and_taken_off():
    corpus = read("口0\tO\n腔1\tO\n3100\tO\n用0\tO\ni0\tB-X\nP1\tI-X\n".replace("3100", "30"))
    assert corpus.sentences[0].words() == ("口", "腔", "3", "用", "i", "P")
    assert corpus.sentences[0].text == "口腔 3 用 iP"
    assert corpus.notes == ("the numbers after the words were taken for places in a segmented word and left out",)


def test_places_may_have_two_digits():
    word = "".join(f"{letter}{place}\tO\n" for place, letter in enumerate("t.cn/abc1234"))
    assert read(word).sentences[0].text == "t.cn/abc1234"


@pytest.mark.parametrize("text", ["Covid19\tO\nB52\tO\n", "科0\tO\n技\tO\n", "A4\tO\nA5\tO\n"])
def test_other_words_keep_their_digits(text):
    assert read(text).notes == ()
    assert "".join(read(text).sentences[0].words()) == text.replace("\tO\n", "")


def test_places_are_kept_or_taken_off_as_told():
    assert read("口0 O\n腔1 O\n", strip_word_digits=False).sentences[0].words() == ("口0", "腔1")
    assert read("A4 O\nB7 O\n", strip_word_digits=True).sentences[0].words() == ("A", "B")


def slips(good, bad):
    return "a B-PER\nb I-PER\n\n" * good + "c O\nd I-PER\n\n" * bad


def test_a_slip_in_a_hundred_spans_is_read_and_noted():
    corpus = read(slips(99, 1))
    assert corpus.sentences[-1].spans == (Span("PER", 1, 2),)
    assert corpus.notes == (
        "1 tag breaks the rules of IOB2 in 100 spans and was read as conlleval reads;"
        " line 299: the tag 'I-PER' may not follow 'O' in IOB2",
    )


def complaint(text, **options):
    with pytest.raises((DataError, UsageError)) as caught:
        read(text, **options)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a\tN\tO\nb\tO\n", f"some.conll:2: the line has 2 columns, the lines before have 3. {TABS}"),
        ("a\tO\nb\n", f"some.conll:2: the line has 1 column, the lines before have 2. {TABS}"),
        (
            "a O\nb c O\n",
            "some.conll:2: the line has 3 columns, the lines before have 2. "
            "Columns are separated by blanks in this file.",
        ),
        ("a O\n\nb\tO\n", f"some.conll:3: the line has 2 columns, the lines before have 1. {TABS}"),
        ("a\tO\n\tO\n", f"some.conll:2: the word is empty. {TABS}"),
        ("a\tO\nb\t\n", f"some.conll:2: the tag is empty. {TAGS}"),
        ("a O\nb B-\n", f"some.conll:2: the tag 'B-' names no type. {TAGS}"),
        ("a O\nb I\n", f"some.conll:2: the tag 'I' names no type. {TAGS}"),
        (
            "a O\n\nb X-PER\n",
            f"some.conll:3: the tag 'X-PER' begins with 'X', which is none of the prefixes B, I, E, S, M, L, U. {TAGS}",
        ),
        (
            "a B-PER\nb PER\n",
            "some.conll:2: no tag scheme has both 'PER' and 'B-PER' of line 1. "
            "One file has one scheme: IOB, BIOES, BMES or BILOU.",
        ),
        (
            "a B-PER\nb E-PER\nc U-PER\n",
            "some.conll:3: no tag scheme has both 'U-PER' and 'E-PER' of line 2. "
            "One file has one scheme: IOB, BIOES, BMES or BILOU.",
        ),
        (
            "a B-PER\nb M-PER\nc E-PER\nd I-PER\n",
            "some.conll:4: no tag scheme has both 'I-PER' and 'M-PER' of line 2. "
            "One file has one scheme: IOB, BIOES, BMES or BILOU.",
        ),
        (
            slips(98, 1),
            "some.conll:296: the tag 'I-PER' may not follow 'O' in IOB2. 1 tag breaks the rules of IOB2 in 99 spans.",
        ),
        (
            "a B-PER\nb I-LOC\nc B-PER\n",
            "some.conll:2: the tag 'I-LOC' may not follow 'B-PER' in IOB2. 1 tag breaks the rules of IOB2 in 3 spans.",
        ),
        (
            "a S-PER\nb B-PER\n\nc O\n",
            "some.conll:2: the tag 'B-PER' may not end a sentence in BIOES. "
            "1 tag breaks the rules of BIOES in 2 spans.",
        ),
        (
            "a E-PER\n",
            "some.conll:1: the tag 'E-PER' may not begin a sentence in BIOES. "
            "1 tag breaks the rules of BIOES in 1 span.",
        ),
        (
            "-DOCSTART- O\n\n",
            "some.conll: the file has no sentence. "
            "Write a word and its tag in each line, and an empty line after each sentence.",
        ),
    ],
)
def test_what_is_wrong_is_said(text, sentence):
    assert complaint(text) == sentence


def test_a_declared_scheme_is_kept_to_the_letter():
    assert complaint(slips(200, 1), scheme=IOB2) == (
        "some.conll:602: the tag 'I-PER' may not follow 'O' in IOB2. 1 tag breaks the rules of IOB2 in 201 spans."
    )
    assert complaint("a S-PER\n", scheme=IOB2) == (
        "some.conll:1: the tag 'S-PER' is not one of IOB2, whose prefixes are B-, I-."
        " Leave the scheme out and it is found from the tags."
    )
    assert complaint("a B-PER\n", scheme=BIOES) == (
        "some.conll:1: the tag 'B-PER' may not end a sentence in BIOES. 1 tag breaks the rules of BIOES in 1 span."
    )


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"word": 2}, f"some.conll: the word is looked for in column 2, but line 1 has 2 columns. {COUNT}"),
        ({"tag": -3}, f"some.conll: the tag is looked for in column -3, but line 1 has 2 columns. {COUNT}"),
        ({"word": 1}, f"some.conll: the word and the tag are looked for in the same column, 1. {COUNT}"),
    ],
)
def test_columns_that_are_not_there_are_refused(options, sentence):
    assert complaint("a O\n", **options) == sentence


def test_digits_that_are_not_there_cannot_be_taken_off():
    assert complaint("口0 O\n腔 O\n", strip_word_digits=True) == (
        "some.conll:2: the word '腔' has no number at its end to take off. Leave --strip-word-digits out for this file."
    )


def test_a_sentence_is_read_when_its_lines_have_come():
    def numbered():
        yield from enumerate(["a O", "b X-PER", "", "c O"], 1)
        raise AssertionError("the line behind was asked for")

    with pytest.raises(DataError, match=r"some\.conll:2: the tag 'X-PER'"):
        parse_conll(numbered(), PATH, Columns())


def test_equal_tags_and_places_are_kept_once():
    first, second = read("aa B-PER\nb O \n\ncc B-PER\nd O\n").sentences
    pairs = zip((*first.tags, *first.units), (*second.tags, *second.units), strict=True)
    assert all(one is other for one, other in pairs)
