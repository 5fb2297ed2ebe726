"""Windows, piece by piece, against Google's algorithm written out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pytest
from bertrun_squad.question import Answer, Question
from bertrun_squad.reader import read_questions
from bertrun_squad.windows import Cut, Windows, aligned, homes, parts
from hypothesis import given
from hypothesis import strategies as st

from bert_core import UsageError
from bert_core.text.tokenizer import WordPiece

SHARED = Path(__file__).parents[4] / "shared" / "data"


class Text:
    """A tokenizer whose words are cut into pieces of two letters; a full stop is a piece."""

    cls_id, sep_id, pad_id, unk_id = 2, 3, 0, 1

    def __init__(self, max_length: int = 20) -> None:
        self.max_length = max_length

    def pieces(self, words: Sequence[str]) -> list[list[int]]:
        raise NotImplementedError

    def encode(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        spans = [match.span() for match in re.finditer(r"\.|[^\s.]{1,2}", text)]
        return [10 + sum(map(ord, text[start:end])) for start, end in spans], spans

    def spelled(self, ids: Iterable[int]) -> list[str]:
        raise NotImplementedError


def google_parts(pieces: int, room: int, stride: int) -> list[tuple[int, int]]:
    """As (start, length), grown piece by piece."""
    found = []
    offset = 0
    while True:
        length = 0
        while length < room and offset + length < pieces:
            length += 1
        if length == 0:
            return found
        found.append((offset, length))
        if offset + length >= pieces:
            return found
        offset += length if length < stride else stride


def google_home(shown: Sequence[tuple[int, int]], piece: int) -> int:
    """The part with the greatest smaller context, a hundredth of its length added; the first of equals."""
    scores = {}
    for number, (start, length) in enumerate(shown):
        last = start + length - 1
        if start <= piece <= last:
            scores[number] = min(piece - start, last - piece) + 0.01 * length
    return max(scores, key=lambda number: (scores[number], -number))


@given(st.integers(0, 90), st.integers(1, 20), st.integers(1, 25))
def test_parts_and_the_pieces_that_count_in_them_are_googles(pieces: int, room: int, stride: int) -> None:
    shown = parts(pieces, room, stride)
    theirs = google_parts(pieces, room, stride)
    assert shown == [(start, start + length) for start, length in theirs]
    assert homes(shown, pieces).tolist() == [google_home(theirs, piece) for piece in range(pieces)]


@given(st.lists(st.text("abc", min_size=1, max_size=5), min_size=1, max_size=40), st.data())
def test_an_answer_is_marked_where_it_is_whole_and_nowhere_else(words: list[str], data: st.DataObject) -> None:
    context = " ".join(words)
    first = data.draw(st.integers(0, len(words) - 1))
    last = data.draw(st.integers(first, len(words) - 1))
    start = len(" ".join([*words[:first], ""]))
    answer = Answer(" ".join(words[first : last + 1]), start)
    assert context.startswith(answer.text, start)
    text = Text(data.draw(st.integers(9, 30)))
    question = Question("q", "who is it then", context, (answer,))
    pieces, spans = text.encode(context)
    inside = [place for place, (a, b) in enumerate(spans) if a >= start and b <= start + len(answer.text)]
    seen: set[int] = set()
    for one in Windows(text, Cut(stride=3, question=3)).of(4, question):
        assert one.example == 4
        ids, place = list(one.input_ids), one.place
        assert ids[: place.first] == [2, *text.encode("who is")[0][:3], 3]
        assert ids[-1] == 3
        assert len(ids) <= text.max_length
        assert list(one.token_type_ids) == [0] * place.first + [1] * (len(ids) - place.first)
        assert one.features["piece_mask"].tolist() == [1] * len(ids)
        shown = [spans.index(tuple(span)) for span in place.spans.tolist()]
        assert ids[place.first : -1] == [pieces[number] for number in shown]
        seen.update(number for number, best in zip(shown, place.best, strict=True) if best)
        marked = (one.features["start_positions"], one.features["end_positions"])
        if set(inside) <= set(shown):
            assert marked == (place.first + shown.index(inside[0]), place.first + shown.index(inside[-1]))
        else:
            assert marked == (0, 0)
    assert seen == set(range(len(pieces))), "each piece counts in one window"


@pytest.mark.parametrize(
    ("start", "end", "found"), [(0, 3, (0, 1)), (1, 2, (0, 0)), (3, 4, None), (4, 9, (2, 3)), (8, 8, None)]
)
def test_an_answer_has_the_pieces_that_it_has_characters_of(start: int, end: int, found: tuple[int, int]) -> None:
    spans = np.array([(0, 2), (2, 3), (4, 6), (6, 8)], np.int32)
    assert aligned(start, end, spans) == found


def test_what_cannot_be_answered_is_marked_at_the_first_piece() -> None:
    windows = Windows(Text(), Cut(stride=4, question=4))
    for question in (Question("q", "w", "ab cd", (), is_impossible=True), Question("q", "w", "ab cd")):
        (one,) = windows.of(0, question)
        assert (one.features["start_positions"], one.features["end_positions"]) == (0, 0)
    assert not list(windows.of(0, Question("q", "w", "  ")))


def test_windows_without_room_for_a_text_are_refused() -> None:
    with pytest.raises(UsageError, match="--max-length 20 leaves no piece for the text beside --max-query-length 17"):
        Windows(Text(20), Cut(stride=4, question=17))
    Windows(Text(21), Cut(stride=4, question=17))


def google_positions(question: Question, text: WordPiece) -> tuple[list[int], tuple[int, int]]:
    """The pieces of a context, and the answer's: those of whole words, made narrower where they then spell it."""
    words = [match.span() for match in re.finditer(r"[^ \t\r\n\u202f]+", question.context)]
    pieces: list[int] = []
    firsts: list[int] = []
    for start, end in words:
        firsts.append(len(pieces))
        pieces += text.encode(question.context[start:end])[0]
    (answer, *_) = question.answers or ()
    inside = [n for n, (a, b) in enumerate(words) if a < answer.start + len(answer.text) and b > answer.start]
    begin, stop = firsts[inside[0]], [*firsts, len(pieces)][inside[-1] + 1]
    wanted = text.encode(answer.text)[0]
    for first in range(begin, stop):
        for end in range(stop, first, -1):
            if pieces[first:end] == wanted:
                return pieces, (first, end - 1)
    return pieces, (begin, stop - 1)


def test_windows_of_real_questions_are_googles() -> None:
    path, vocab = SHARED / "squad-excerpt" / "train.json", SHARED / "vocabs" / "bert-base-uncased-vocab.txt"
    if not path.exists():
        pytest.skip(f"real data is not here: {path}")
    text = WordPiece.from_vocab(vocab, lowercase=True, max_length=128)
    windows = Windows(text, Cut(stride=48, question=12))
    others = number = 0
    for question in [one for one in read_questions(path) if one.answers]:
        number += 1
        pieces, answer = google_positions(question, text)
        asked = text.encode(question.question)[0][:12]
        ours = windows.answer(question)
        assert ours is not None
        if ours != answer:
            others += 1
            assert answer[0] <= ours[0] <= ours[1] <= answer[1], "ours is inside of Google's whole words"
        theirs = google_parts(len(pieces), 128 - len(asked) - 3, 48)
        found = list(windows.of(0, question))
        assert len(found) == len(theirs)
        for index, (one, (start, length)) in enumerate(zip(found, theirs, strict=True)):
            expected = [text.cls_id, *asked, text.sep_id, *pieces[start : start + length], text.sep_id]
            assert one.input_ids.tolist() == expected
            assert one.token_type_ids.tolist() == [0] * (len(asked) + 2) + [1] * (length + 1)
            home = [google_home(theirs, piece) == index for piece in range(start, start + length)]
            assert one.place.best.tolist() == home
            whole = start <= ours[0] and ours[1] < start + length
            moved = len(asked) + 2 - start
            marked = (ours[0] + moved, ours[1] + moved) if whole else (0, 0)
            assert (one.features["start_positions"], one.features["end_positions"]) == marked
    print(f"{others} of {number} answers begin or end inside of words")
    assert number > 2700
    assert others < 0.05 * number
