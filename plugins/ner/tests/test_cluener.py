from __future__ import annotations

import json
from pathlib import Path

import pytest
from bertrun_ner.cluener import parse_cluener
from bertrun_ner.sentence import Span
from hypothesis import given
from hypothesis import strategies as st

from bert_core import DataError

PATH = Path("some.json")
FORM = 'A line is {"text": "...", "label": {TYPE: {MENTION: [[FIRST, LAST], ...]}}}; the last character counts.'


def line(text, **label):
    return json.dumps({"text": text, "label": label}, ensure_ascii=False)


def read(text):
    return parse_cluener(enumerate(text.splitlines(), 1), PATH)


def test_characters_are_units_and_last_ones_count():
    corpus = read(line("叶老桂在北京", name={"叶老桂": [[0, 2]]}, address={"北京": [[4, 5]]}) + "\r\n\n" + line("好"))
    first, second = corpus.sentences
    assert first.words() == tuple("叶老桂在北京")
    assert first.spans == (Span("name", 0, 3), Span("address", 4, 6))
    assert (first.line, second.line, second.spans, corpus.notes) == (1, 3, (), ())


@pytest.mark.parametrize("text", ['{"text": "好"}', '{"id": 7, "text": "好", "label": null}'])
def test_a_line_without_a_label_is_not_annotated(text):
    assert read(text).sentences[0].spans is None


def test_a_mention_with_blanks_inside_gets_its_text_back():
    sentence = read(line("看 Iron\u3000Man 2 吧", movie={"Iron\u3000Man 2": [[2, 11]]})).sentences[0]
    assert sentence.mention(sentence.spans[0]) == "Iron\u3000Man 2"
    assert sentence.characters(sentence.spans[0]) == (2, 12)
    assert "".join(sentence.words()) == "看IronMan2吧"


def test_blanks_at_the_edge_of_a_mention_are_left_out():
    sentence = read(line("看 变形 。", movie={" 变形 ": [[1, 4]]})).sentences[0]
    assert sentence.mention(sentence.spans[0]) == "变形"


def test_of_overlapping_mentions_the_longest_is_kept():
    label = {"company": {"招商": [[1, 2]], "永隆": [[3, 4]]}, "book": {"《招商永隆》": [[0, 5]]}}
    corpus = read(line("好") + "\n" + line("《招商永隆》", **label))
    assert corpus.sentences[1].spans == (Span("book", 0, 6),)
    assert corpus.notes == (
        "2 mentions overlap longer ones and were left out; line 2: company '招商' in book '《招商永隆》'",
    )


def test_of_equal_mentions_the_first_and_then_the_type_decides():
    label = {"movie": {"甲乙": [[0, 1]]}, "book": {"甲乙": [[0, 1], [0, 1]], "乙丙": [[1, 2]]}}
    assert read(line("甲乙丙", **label)).sentences[0].spans == (Span("book", 0, 2),)
    assert read(line("甲乙丙", **label)).notes == (
        "2 mentions overlap longer ones and were left out; line 1: movie '甲乙' in book '甲乙'",
    )


def test_one_overlapping_mention_is_noted():
    notes = read(line("甲乙", book={"甲乙": [[0, 1]], "乙": [[1, 1]]})).notes
    assert notes == ("1 mention overlaps a longer one and was left out; line 1: book '乙' in book '甲乙'",)


@given(st.text("甲乙 a\u3000😀", min_size=1).filter(str.strip), st.data())
def test_annotation_survives_a_round_trip(text, data):
    first = data.draw(st.integers(0, len(text) - 1))
    last = data.draw(st.integers(first, len(text) - 1))
    mention = text[first : last + 1]
    if mention.strip():
        sentence = read(line(text, book={mention: [[first, last]]})).sentences[0]
        assert sentence.mention(sentence.spans[0]) == mention.strip()
        assert sentence.text == text


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"text": "好"', f"some.json:2: the line is not JSON: Expecting ',' delimiter at character 13. {FORM}"),
        ('{"id": ' + "7" * 5000 + "}", f"some.json:2: the line is not JSON: a number with too many digits. {FORM}"),
        ('{"id": ' + "[" * 99999, f"some.json:2: the line is not JSON: too deep. {FORM}"),
        ("[1]", f"some.json:2: the line is an array, not an object. {FORM}"),
        ('{"sentence": "好"}', f"some.json:2: the line is no example: it has no 'text'. {FORM}"),
        ('{"text": 7}', f"some.json:2: the line is no example: its 'text' is a number, not a string. {FORM}"),
        ('{"text": " "}', "some.json:2: the text is empty. Remove the line."),
        (
            '{"text": "\\ud83d"}',
            "some.json:2: the text holds half a surrogate pair, which is no character. "
            "Write the file with its characters as they are, in UTF-8.",
        ),
        ('{"text": "好", "label": []}', f"some.json:2: 'label' is an array, not an object. {FORM}"),
        ('{"text": "好", "label": {"a": 1}}', f"some.json:2: the type 'a' is a number, not an object. {FORM}"),
        ('{"text": "好", "label": {" ": {}}}', f"some.json:2: a type has an empty name. {FORM}"),
        (
            '{"text": "好", "label": {"a": {"好": null}}}',
            f"some.json:2: the places of a '好' are null, not an array. {FORM}",
        ),
        (line("好", a={"好": [0, 0]}), f"some.json:2: the place 0 of a '好' is not a pair of integers. {FORM}"),
        (
            line("好", a={"好": [[0, True]]}),
            f"some.json:2: the place [0, true] of a '好' is not a pair of integers. {FORM}",
        ),
        (
            line("好", a={"好": [[0, 1]]}),
            f"some.json:2: the place [0, 1] of a '好' is not within a text of 1 characters. {FORM}",
        ),
        (
            line("好人", a={"好": [[1, 0]]}),
            f"some.json:2: the place [1, 0] of a '好' is not within a text of 2 characters. {FORM}",
        ),
        (
            '{"text": "好好", "label": {"a": {"好": [[0, 0]], "好": [[1, 1]]}}}',
            f"some.json:2: the line has '好' twice in one object. {FORM}",
        ),
        (
            line("北京人", address={"北京": [[0, 2]]}),
            "some.json:2: the characters [0, 2] are '北京人', but address says '北京'. "
            "Offsets count characters from 0, and the last one is included.",
        ),
        (line("好 人", a={" ": [[1, 1]]}), f"some.json:2: the mention ' ' of a is white space. {FORM}"),
    ],
)
def test_what_is_wrong_is_said(text, sentence):
    with pytest.raises(DataError) as caught:
        read(line("好") + "\n" + text)
    assert str(caught.value) == sentence


def test_a_file_without_a_line_is_refused():
    with pytest.raises(DataError) as caught:
        read("\n \n")
    assert str(caught.value) == f"some.json: the file has no sentence. {FORM}"
