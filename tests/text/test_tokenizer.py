"""WordPiece: offsets, words that leave nothing, special pieces, and what a folder says."""

from __future__ import annotations

import json
import pickle
import time
import unicodedata
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bert_core.errors import CheckpointError
from bert_core.protocols import TextEncoder
from bert_core.text import basic
from bert_core.text.tokenizer import WordPiece
from bert_core.text.vocabulary import Vocabulary

PIECES = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    *"abcdefghijklmnopqrstuvwxyz[],.中文㐀ς",
    "##a",
    "##b",
    "cafe",
    "un",
]
PIECES += ["##aff", "##able", "##e", "sep", "한", "ß", "##ς", "##σ", "σ"]


def tokenizer(lowercase: bool | None = True, pieces: list[str] = PIECES) -> WordPiece:
    ids = {piece: number for number, piece in enumerate(pieces)}
    return WordPiece(Vocabulary.of_ids(ids, Path("vocab.txt")), lowercase=lowercase, max_length=128)


def shown(text: str, lowercase: bool = True) -> list[tuple[str, str]]:
    ids, spans = tokenizer(lowercase).encode(text)
    return [(PIECES[number], text[start:end]) for number, (start, end) in zip(ids, spans, strict=True)]


def write(folder: Path, pieces: list[str] = PIECES, **config: object) -> Path:
    (folder / "vocab.txt").write_text("".join(piece + "\n" for piece in pieces), "utf-8")
    if config:
        (folder / "tokenizer_config.json").write_text(json.dumps(config), "utf-8")
    return folder


def test_it_is_the_text_encoder_of_tasks() -> None:
    text: TextEncoder = tokenizer()
    assert (text.pad_id, text.unk_id, text.cls_id, text.sep_id) == (0, 1, 2, 3)


def test_longest_piece_first_and_spans_in_the_original() -> None:
    assert shown("Unaffable!") == [("un", "Un"), ("##aff", "aff"), ("##able", "able"), ("[UNK]", "!")]


@pytest.mark.parametrize("word", ["café", "cafe\u0301", "c\u200bafe", "CAFÉ\ufffd"])
def test_a_span_holds_the_word_as_it_was_written(word: str) -> None:
    assert shown(f"a {word}, b")[1] == ("cafe", word.rstrip("\ufffd"))


def test_ideographs_stand_alone_and_compatibility_ones_are_decomposed() -> None:
    assert shown("a中文b㐀") == [("a", "a"), ("中", "中"), ("文", "文"), ("b", "b"), ("㐀", "㐀")]


def test_a_final_sigma_is_pythons() -> None:
    assert shown("ΣΣ Σ") == [("σ", "Σ"), ("##ς", "Σ"), ("σ", "Σ")]


def test_special_pieces_in_text_are_text() -> None:
    text = "[SEP] [MASK] [CLS]"
    ids, _ = tokenizer().encode(text)
    assert [PIECES[number] for number in ids][:3] == ["[", "sep", "]"]
    for special in (2, 3, 4, 0):
        assert special not in ids
        assert all(special not in word for word in tokenizer(lowercase=False).pieces(text.split()))


@pytest.mark.parametrize("word", ["", " ", "\u200d", "\x00", "\ufffd\u200b", "\u0301"])
def test_a_word_that_leaves_nothing_is_the_unknown_piece(word: str) -> None:
    assert tokenizer().pieces(["a", word, "b"]) == [[5], [1], [6]]


def test_what_pieces_gives_belongs_to_the_caller() -> None:
    text = tokenizer()
    text.pieces(["a"])[0].append(99)
    assert text.pieces(["a"]) == [[5]]


def test_words_up_to_200_characters_are_cut() -> None:
    text = tokenizer()
    assert len(text.encode("a" * 200)[0]) == 200
    assert text.encode("a" * 201) == ([1], [(0, 201)])


@given(st.text(max_size=60))
def test_spans_of_any_text(words: str) -> None:
    ids, spans = tokenizer().encode(words)
    assert len(ids) == len(spans)
    assert all(0 <= start < end <= len(words) for start, end in spans)
    assert all(tokenizer().pieces(words.split(" ")))


@given(st.text(st.characters(codec="utf-8", max_codepoint=0x1100), max_size=30))
def test_a_piece_of_its_span_alone_is_found_again(text: str) -> None:
    one = tokenizer(lowercase=False)
    for number, (start, end) in zip(*one.encode(text), strict=True):
        if number != one.unk_id and not PIECES[number].startswith("##"):
            assert number in one.encode(text[start:end])[0]


MARKS = "\u0301\u0327\u0323\u302e\u302f\U0001d165\U0001d16d\u1b44\u0f71\u0f74\u09be"


@example("a\u302e\U0001d165\u1b44")
@given(st.text(st.one_of(st.sampled_from(MARKS), st.characters(categories=["L", "M"])), max_size=12))
def test_accents_go_as_from_the_whole_word(word: str) -> None:
    """Canonical decomposition reorders marks across characters, which a character at a time would miss."""
    whole = unicodedata.normalize("NFD", word.lower())
    expected = "".join(char for char in whole if unicodedata.category(char) != "Mn")
    found = basic.words(word, lowercase=True, strip_accents=True)
    assert "".join(letter.char for letters in found for letter in letters) == expected


def test_it_can_be_sent_to_a_worker() -> None:
    text = pickle.loads(pickle.dumps(tokenizer()))
    assert text.encode("unaffable") == tokenizer().encode("unaffable")


def test_pieces_is_quick() -> None:
    text, words = tokenizer(), [f"a{number % 5000}" for number in range(100_000)]
    text.pieces(words)
    start = time.perf_counter()
    text.pieces(words)
    assert time.perf_counter() - start < 2  # a fifth of a second alone; the machine may be busy


class TestFolder:
    def test_config_says_the_casing(self, tmp_path: Path) -> None:
        text = WordPiece.from_folder(write(tmp_path, do_lower_case=False), max_length=64)
        assert (text.lowercase, text.max_length) == (False, 64)

    def test_else_the_normalizer_does(self, tmp_path: Path) -> None:
        write(tmp_path, model_max_length=512)
        (tmp_path / "tokenizer.json").write_text(json.dumps({"normalizer": {"lowercase": False}}), "utf-8")
        text = WordPiece.from_folder(tmp_path, max_length=64)
        assert text.lowercase is False

    @pytest.mark.parametrize(("extra", "lowercase"), [(["##s"], True), (["The", "London", "ÉCOLE"], False)])
    def test_else_the_vocabulary_is_asked(self, tmp_path: Path, extra: list[str], lowercase: bool) -> None:
        text = WordPiece.from_folder(write(tmp_path, PIECES + extra), max_length=64)
        assert text.lowercase is lowercase

    def test_vocabulary_of_a_folder_with_tokenizer_json_only(self, tmp_path: Path) -> None:
        ids = {piece: number for number, piece in enumerate(PIECES)}
        fast = {"model": {"type": "WordPiece", "vocab": ids}, "normalizer": {"lowercase": True}}
        (tmp_path / "tokenizer.json").write_text(json.dumps(fast), "utf-8")
        assert WordPiece.from_folder(tmp_path, max_length=9).vocab_sha256 == tokenizer().vocab_sha256

    def test_accents_can_be_kept_while_lowering(self, tmp_path: Path) -> None:
        write(tmp_path, [*PIECES, "é"], do_lower_case=True, strip_accents=False)
        text = WordPiece.from_folder(tmp_path, max_length=64)
        assert text.encode("É")[0] == [len(PIECES)]
        text.save(tmp_path / "again")
        assert WordPiece.from_folder(tmp_path / "again", max_length=64).encode("É")[0] == [len(PIECES)]

    @pytest.mark.parametrize("line_end", ["\n", "\r\n"])
    @pytest.mark.parametrize("last", ["", "\n"])
    def test_saved_vocabulary_is_byte_identical(self, tmp_path: Path, line_end: str, last: str) -> None:
        content = (line_end.join(PIECES) + last).encode()
        (tmp_path / "vocab.txt").write_bytes(content)
        text = WordPiece.from_vocab(tmp_path / "vocab.txt", lowercase=True, max_length=128)
        text.save(tmp_path / "saved")
        assert (tmp_path / "saved" / "vocab.txt").read_bytes() == content
        assert text.vocab_sha256 == tokenizer().vocab_sha256
        again = WordPiece.from_folder(tmp_path / "saved", max_length=128)
        assert again.encode("Café ab") == tokenizer().encode("Café ab")
        config = json.loads((tmp_path / "saved" / "tokenizer_config.json").read_text("utf-8"))
        assert config["do_lower_case"] is True
        assert config["tokenizer_class"] == "BertTokenizer"

    def test_no_special_piece_is_promised_that_is_not_there(self, tmp_path: Path) -> None:
        text = WordPiece.from_vocab(
            write(tmp_path, ["[UNK]", "[CLS]", "[SEP]", "a"]) / "vocab.txt", lowercase=True, max_length=9
        )
        text.save(tmp_path)
        assert (text.pad_id, text.mask_id) == (0, None)
        config = json.loads((tmp_path / "tokenizer_config.json").read_text("utf-8"))
        assert {name for name in config if name.endswith("_token")} == {"unk_token", "cls_token", "sep_token"}

    def test_a_line_separator_may_be_a_piece(self, tmp_path: Path) -> None:
        write(tmp_path, [*PIECES, "\u2028", "last"])
        text = WordPiece.from_vocab(tmp_path / "vocab.txt", lowercase=True, max_length=9)
        assert text.encode("last")[0] == [len(PIECES) + 1]


class TestRefusals:
    def refused(self, path: Path) -> str:
        with pytest.raises(CheckpointError) as caught:
            WordPiece.from_folder(path, max_length=9)
        return str(caught.value).removeprefix(str(path) + "/")

    def test_no_vocabulary(self, tmp_path: Path) -> None:
        assert self.refused(tmp_path) == (
            "vocab.txt: cannot read the vocabulary: No such file or directory."
            " Give the vocab.txt that belongs to the weights"
        )

    def test_missing_special_pieces(self, tmp_path: Path) -> None:
        said = self.refused(write(tmp_path, ["[PAD]", "[UNK]", "a"]))
        assert said == "vocab.txt: the vocabulary of 3 pieces has no [CLS] and no [SEP]. Is it the vocab.txt of a BERT?"

    def test_a_piece_twice(self, tmp_path: Path) -> None:
        said = self.refused(write(tmp_path, [*PIECES, "b"]))
        assert said.startswith(f"vocab.txt: the piece 'b' stands on line 7 and again on line {len(PIECES) + 1}")

    def test_not_utf8(self, tmp_path: Path) -> None:
        (tmp_path / "vocab.txt").write_bytes(b"[UNK]\ncaf\xe9\n")
        assert self.refused(tmp_path) == "vocab.txt: the vocabulary is not UTF-8 (byte 9 is 0xe9)"

    def test_config_is_not_json(self, tmp_path: Path) -> None:
        (write(tmp_path) / "tokenizer_config.json").write_text("[" * 100_000, "utf-8")
        assert self.refused(tmp_path).startswith("tokenizer_config.json: it is not JSON")

    def test_another_algorithm(self, tmp_path: Path) -> None:
        said = self.refused(write(tmp_path, tokenize_chinese_chars=False))
        assert said.startswith("tokenizer_config.json: tokenize_chinese_chars is False, and only True is BERT's")

    def test_another_model(self, tmp_path: Path) -> None:
        (tmp_path / "tokenizer.json").write_text(json.dumps({"model": {"type": "BPE", "vocab": {"a": 0}}}), "utf-8")
        assert self.refused(tmp_path).startswith("tokenizer.json: its model is 'BPE', not WordPiece")

    def test_ids_with_a_gap(self, tmp_path: Path) -> None:
        fast = {"model": {"type": "WordPiece", "vocab": {"[UNK]": 0, "[CLS]": 1, "[SEP]": 3}}}
        (tmp_path / "tokenizer.json").write_text(json.dumps(fast), "utf-8")
        assert "without a gap" in self.refused(tmp_path)


def test_where_the_library_differs_from_google() -> None:
    """Each of these is why `basic` is ours; when the library catches up, the list can shrink."""
    from tokenizers.normalizers import BertNormalizer
    from tokenizers.pre_tokenizers import BertPreTokenizer

    def ours(text: str) -> list[str]:
        found = (basic.words(chunk, lowercase=True, strip_accents=True) for _, chunk in basic.chunks(text))
        return ["".join(letter.char for letter in word) for words in found for word in words]

    def library(text: str) -> list[str]:
        cleaned = BertNormalizer(lowercase=True).normalize_str(text)
        return [word for word, _ in BertPreTokenizer().pre_tokenize_str(cleaned)]

    private_use, extension_e, final_sigma, punctuation = "a\ue000b", "a\U0002b820b", "ΟΔΟΣ", "a\u2e5db"
    assert (ours(private_use), library(private_use)) == (["a\ue000b"], ["ab"])
    assert (ours(extension_e), library(extension_e)) == (["a", "\U0002b820", "b"], ["a\U0002b820b"])
    assert (ours(final_sigma), library(final_sigma)) == (["οδος"], ["οδοσ"])
    assert ours("a᙭b") == ["a᙭b"]
    assert library("a᙭b") == ["a", "᙭", "b"]
    assert library(punctuation) == [punctuation]  # Unicode 14: ours splits where Python's tables know it


def test_a_row_beyond_the_vocabulary_is_spelled_as_the_unknown_piece() -> None:
    assert tokenizer().spelled([len(PIECES) - 1, len(PIECES), 10**6]) == [PIECES[-1], "[UNK]", "[UNK]"]
