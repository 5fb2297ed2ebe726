"""Windows over long sentences, and what of a sentence stands in each."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from bertrun_ner.windows import stretches, windows
from hypothesis import given
from hypothesis import strategies as st


class Text:
    """A tokenizer whose words are cut into as many pieces as they have letters."""

    cls_id, sep_id, pad_id, unk_id = 2, 3, 0, 1

    def __init__(self, max_length: int) -> None:
        self.max_length = max_length

    def pieces(self, words: Sequence[str]) -> list[list[int]]:
        return [[ord(letter) for letter in word] for word in words]

    def encode(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        raise AssertionError("sentences are cut into words already")


@st.composite
def sized(draw: st.DrawFn) -> tuple[list[int], int]:
    room = draw(st.integers(1, 16))
    return draw(st.lists(st.integers(1, room), max_size=40)), room


@given(sized())
def test_every_unit_is_at_home_in_exactly_one_window_in_order(case: tuple[list[int], int]) -> None:
    sizes, room = case
    homes = [unit for stretch in stretches(sizes, room) for unit in range(stretch.home_start, stretch.home_end)]
    assert homes == list(range(len(sizes)))


@given(sized())
def test_a_window_shows_what_is_at_home_in_it_and_holds_no_more_than_it_can(case: tuple[list[int], int]) -> None:
    sizes, room = case
    for stretch in stretches(sizes, room):
        assert stretch.start <= stretch.home_start < stretch.home_end <= stretch.end
        assert sum(sizes[stretch.start : stretch.end]) <= room


@given(sized())
def test_windows_move_forward_and_leave_no_gap(case: tuple[list[int], int]) -> None:
    sizes, room = case
    for before, after in pairwise(stretches(sizes, room)):
        assert before.start < after.start <= before.end <= after.end


@given(st.integers(1, 16), st.integers(2, 16))
def test_a_unit_is_at_home_where_its_poorer_side_is_richest(count: int, room: int) -> None:
    shown = stretches([1] * count, room)
    for stretch in shown:
        for unit in range(stretch.home_start, stretch.home_end):
            contexts = [_context(unit, one.start, one.end, count) for one in shown if one.start <= unit < one.end]
            # The border may stand half a unit off the middle of what two windows share.
            assert _context(unit, stretch.start, stretch.end, count) >= max(contexts) - 1


def _context(unit: int, start: int, end: int, count: int) -> float:
    """Units on the poorer side; a side that ends with the sentence lacks nothing."""
    left = float("inf") if start == 0 else unit - start
    right = float("inf") if end == count else end - 1 - unit
    return min(left, right)


@pytest.mark.parametrize("room", [2, 3, 8, 9])
def test_neighbouring_windows_share_half_of_their_pieces(room: int) -> None:
    shown = stretches([1] * 40, room)
    assert len(shown) > 2
    assert {before.end - after.start for before, after in pairwise(shown)} == {room // 2}


def test_what_fits_is_one_window() -> None:
    assert [(one.start, one.end) for one in stretches([2, 3, 3], 8)] == [(0, 3)]
    assert stretches([], 8) == []
    assert list(windows(0, [], None, Text(10))) == []


def test_a_word_longer_than_the_room_is_cut_to_it() -> None:
    cut = list(windows(0, Text(6).pieces(["a", "b" * 9, "c"]), [1, 2, 3], Text(6)))
    assert [window.input_ids for window in cut] == [
        [2, *b"a", 3],
        [2, *b"bbbb", 3],
        [2, *b"c", 3],
    ]
    assert [window.features["labels"] for window in cut] == [[1], [2], [3]]


@given(st.lists(st.integers(1, 12), max_size=30), st.integers(4, 20))
def test_labels_stand_at_the_first_piece_of_their_words(lengths: list[int], max_length: int) -> None:
    words = [chr(ord("a") + number % 26) * length for number, length in enumerate(lengths)]
    labels = [ord(word[0]) for word in words]  # so that a label says which piece it belongs to
    seen = []
    for window in windows(7, Text(max_length).pieces(words), labels, Text(max_length)):
        features = window.features
        assert window.example == 7
        assert len(window.input_ids) == len(window.token_type_ids) <= max_length
        assert set(window.token_type_ids) == {0}
        assert not {2, 3} & set(window.input_ids[1:-1])
        assert (window.input_ids[0], window.input_ids[-1]) == (2, 3)
        assert len(features["word_positions"]) == len(features["labels"]) == sum(features["word_mask"]) == window.place
        assert [window.input_ids[position] for position in features["word_positions"]] == features["labels"]
        starts = [position for position in features["word_positions"] if position > 1]
        assert all(window.input_ids[p - 1] != window.input_ids[p] for p in starts), "not the first piece of its word"
        seen += features["labels"]
    assert seen == labels


def test_without_annotation_the_labels_are_filled_up() -> None:
    (window,) = windows(0, Text(10).pieces(["ab", "c"]), None, Text(10))
    assert window.features == {"word_positions": [1, 3], "word_mask": [1, 1], "labels": [0, 0]}
