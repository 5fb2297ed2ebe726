"""The quick way to ids gives what the tokenizer gives."""

from __future__ import annotations

import pytest
from bertrun_pretraining.pieces import RememberingEncoder
from hypothesis import given, settings
from hypothesis import strategies as st

ALPHABET = "abcABC é\u0301ΣσςΑ.,'’“”—-。，我们研究\t\x1c\x85\x0b\u2028\u00a0\u200b\ufffd07_"


@settings(deadline=None)
@given(st.one_of(st.text(ALPHABET, max_size=40), st.text(st.characters(exclude_categories=["Cs"]), max_size=40)))
def test_ids_are_those_of_the_tokenizer(encoder, text):
    remembering = RememberingEncoder(encoder)
    assert remembering.ids(text) == encoder.encode(text)[0]
    assert remembering.ids(text) == encoder.encode(text)[0]  # from memory


@pytest.mark.parametrize(
    "word", ["ab\x1ccd", "ΟΔΟΣ.ΑΒΓ", "ΟΔΟΣ. ΑΒΓ", "naïve,", "a" * 201, "cat’s", "\u0301abc", "我sat们"]
)
def test_words_that_cannot_be_cut_anywhere(encoder, word):
    assert RememberingEncoder(encoder).ids(word) == encoder.encode(word)[0]


def test_what_is_remembered_has_a_bound(encoder, monkeypatch):
    monkeypatch.setattr("bertrun_pretraining.pieces._CACHED_ENTRIES", 4)
    remembering = RememberingEncoder(encoder)
    for number in range(50):
        assert remembering.ids(f"cat{number}, mat") == encoder.encode(f"cat{number}, mat")[0]
    assert len(remembering._words) <= 4


def test_ids_of_real_text(shared):
    from bert_core.text.tokenizer import WordPiece

    for name, text in (("uncased", "english"), ("chinese", "chinese"), ("cased", "english")):
        path = shared / "vocabs" / f"bert-base-{name}-vocab.txt"
        encoder = WordPiece.from_vocab(path, lowercase=None, max_length=128)
        remembering = RememberingEncoder(encoder)
        for line in (shared / "bert-tfrecords" / text / "sample_text.txt").read_text(encoding="utf-8").splitlines():
            assert remembering.ids(line) == encoder.encode(line)[0]
