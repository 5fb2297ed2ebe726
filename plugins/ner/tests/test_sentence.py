from __future__ import annotations

import pytest
from bertrun_ner.sentence import Sentence, Span, from_text, from_words
from hypothesis import given
from hypothesis import strategies as st

anything = st.text(st.characters(codec="utf-8")) | st.text(
    st.sampled_from("ab sS1'’-.&中文,。\u0301\u200d👩🏽\x00\x85\u3000é")
)


@given(anything, st.sampled_from(["word", "character"]))
def test_every_character_that_is_no_white_space_is_in_exactly_one_unit(text, unit):
    covered = [index for start, end in from_text(text, unit).units for index in range(start, end)]
    assert covered == [index for index, character in enumerate(text) if not character.isspace()]


@given(anything)
def test_as_characters_each_unit_is_one(text):
    assert all(end == start + 1 for start, end in from_text(text, "character").units)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Barack Obama visited Paris.", "Barack Obama visited Paris ."),
        ("Obama's dog doesn't bark", "Obama 's dog doesn't bark"),
        ("Ross’s O’Neil it's-a 'self'", "Ross ’s O’Neil it 's - a ' self '"),
        ("AT&T e-mail U.S. 3.5% -- a--b", "AT&T e-mail U.S . 3.5 % - - a - - b"),
        ("张三在Beijing工作，2021年", "张 三 在 Beijing 工 作 ， 2021 年"),
        ("@user #tag http://t.co", "@ user # tag http : / / t.co"),
        ("हिन्दी e\u0301te\u0301", "हिन्दी e\u0301te\u0301"),
        ("안녕하세요 ありがとう", "안녕하세요 ありがとう"),
        ("I ❤️ 👍🏽", "I ❤️ 👍 🏽"),
        ("", ""),
        (" \t\n", ""),
    ],
)
def test_running_text_is_cut_into_words(text, words):
    assert list(from_text(text, "word").words()) == words.split()


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["EU", "rejects", "German", "call", "."], "EU rejects German call ."),
        (["我", "爱", "北", "京", "。"], "我爱北京。"),
        (["用", "iPhone", "吧"], "用 iPhone 吧"),
        (["他", "说", "“", "好", "”", "…"], "他说“好”…"),
        (["カ", "タ", "カ", "ナ"], "カタカナ"),
        (["New York", "\u3000", "x"], "New York \u3000 x"),
        ([], ""),
    ],
)
def test_words_are_joined_by_blanks_except_between_chinese_characters(words, text):
    sentence = from_words(words)
    assert sentence.text == text
    assert sentence.words() == tuple(words)


def test_words_that_are_known_to_touch_are_joined():
    assert from_words(["p", "1", "用"], glued=[False, True, False]).text == "p1 用"


@given(st.lists(st.text(st.characters(codec="utf-8"), min_size=1)))
def test_joined_words_are_found_again(words):
    assert from_words(words).words() == tuple(words)


def test_a_mention_has_the_blanks_between_its_units():
    sentence = Sentence("see  New \tYork !", ((0, 3), (5, 8), (10, 14), (15, 16)))
    assert sentence.characters(Span("LOC", 1, 3)) == (5, 14)
    assert sentence.mention(Span("LOC", 1, 3)) == "New \tYork"
    assert sentence.surface(3) == "!"
