"""Padding, and the order of examples as a function of the seed and the step."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from bert_core.errors import PluginError
from bert_core.text.batches import EpochOrder, evaluation_order, pad
from bert_core.types import Feature, Window

RECORDED = [6, 2, 4, 3, 5, 1, 0]
LENGTHS = st.lists(st.integers(1, 512), min_size=1, max_size=400)


def window(ids: list[int], **features: object) -> Window:
    return Window(example=0, input_ids=ids, token_type_ids=[1] * len(ids), features=features)


class TestPad:
    def test_inputs(self) -> None:
        batch = pad([window([2, 5, 3]), window([2, 3])], {}, pad_id=9)
        assert batch["input_ids"].tolist() == [[2, 5, 3], [2, 3, 9]]
        assert batch["token_type_ids"].tolist() == [[1, 1, 1], [1, 1, 0]]
        assert batch["attention_mask"].tolist() == [[1, 1, 1], [1, 1, 0]]
        assert {array.dtype for array in batch.values()} == {np.dtype("int32")}

    def test_a_feature_is_as_long_as_its_longest_row(self) -> None:
        windows = [window([2, 5, 3], places=[1, 2]), window([2, 3], places=[1])]
        batch = pad(windows, {"places": Feature(padding=-1)}, pad_id=0)
        assert batch["input_ids"].shape == (2, 3)
        assert batch["places"].tolist() == [[1, 2], [1, -1]]

    def test_scalars_and_vectors_keep_their_shape(self) -> None:
        features = {"score": Feature(dtype="float32", ragged=False), "pair": Feature(ragged=False)}
        batch = pad([window([2], score=0.5, pair=[1, 2]), window([2], score=1, pair=[3, 4])], features, pad_id=0)
        assert batch["score"].tolist() == [0.5, 1.0]
        assert batch["score"].dtype == np.float32
        assert batch["pair"].shape == (2, 2)

    def test_rows_that_are_all_empty_make_one_column_of_padding(self) -> None:
        batch = pad([window([2], spots=[]), window([2], spots=[])], {"spots": Feature(padding=7)}, pad_id=0)
        assert batch["spots"].tolist() == [[7], [7]]

    def test_a_missing_feature_is_named(self) -> None:
        with pytest.raises(PluginError, match="no feature 'labels'"):
            pad([window([2])], {"labels": Feature()}, pad_id=0)

    def test_a_feature_of_unlike_shapes_is_named(self) -> None:
        with pytest.raises(PluginError, match=r"'labels' \(not ragged\)"):
            pad([window([2], labels=[1]), window([2], labels=[1, 2])], {"labels": Feature(ragged=False)}, pad_id=0)


def flat(batches: list[NDArray[Any]]) -> list[int]:
    return [int(example) for batch in batches for example in batch]


class TestEpochOrder:
    @given(LENGTHS, st.integers(1, 40), st.integers(-5, 2**70), st.integers(0, 50), st.booleans())
    def test_each_epoch_holds_each_example_once(
        self, lengths: list[int], size: int, seed: int, epoch: int, shuffle: bool
    ) -> None:
        order = EpochOrder(lengths, size, seed, shuffle=shuffle)
        batches = order.batches(epoch)
        assert sorted(flat(batches)) == list(range(len(lengths)))
        assert len(batches) == len(order)
        smaller = [len(batch) for batch in batches if len(batch) != size]
        assert smaller == ([len(lengths) % size] if len(lengths) % size else [])
        assert 1 <= len(batches[-1]) <= size

    @given(LENGTHS, st.integers(1, 40), st.integers(0, 9), st.integers(0, 200))
    def test_a_step_is_arithmetic(self, lengths: list[int], size: int, seed: int, step: int) -> None:
        order = EpochOrder(lengths, size, seed)
        walked = [
            batch for epoch in range(step // len(order) + 1) for batch in EpochOrder(lengths, size, seed).batches(epoch)
        ]
        assert order.at(step).tolist() == walked[step].tolist()

    def test_going_back_and_forth_changes_nothing(self) -> None:
        order = EpochOrder(range(1, 100), 8, 3)
        there = [order.at(step).tolist() for step in range(40)]
        assert [order.at(step).tolist() for step in reversed(range(40))] == there[::-1]

    def test_seed_and_epoch_change_the_order(self) -> None:
        orders = {
            (seed, epoch): tuple(flat(EpochOrder([9] * 64, 8, seed).batches(epoch)))
            for seed in range(4)
            for epoch in range(4)
        }
        assert len(set(orders.values())) == 16

    def test_the_order_is_the_same_for_ever(self) -> None:
        """A run that was started with an older version must go on in the same order."""
        assert flat(EpochOrder([5, 3, 8, 1, 9, 2, 7], 2, 42).batches(1)) == RECORDED

    def test_no_shuffle_keeps_the_order_of_the_file(self) -> None:
        assert flat(EpochOrder([5, 3, 8, 1, 9], 2, 42, shuffle=False).batches(7)) == [0, 1, 2, 3, 4]

    def test_like_lengths_come_together(self) -> None:
        lengths = np.clip(np.random.default_rng(0).lognormal(3.3, 0.6, 20_000).astype(int), 4, 512)
        waste = {
            shuffle: wasted(lengths, EpochOrder(lengths, 32, 1, shuffle=shuffle).batches(0))
            for shuffle in (True, False)
        }
        assert waste[True] < 0.1 < 0.4 < waste[False]

    def test_short_and_long_batches_are_mixed(self) -> None:
        lengths = np.random.default_rng(0).integers(5, 500, 6400)
        means = [lengths[batch].mean() for batch in EpochOrder(lengths, 32, 1).batches(0)]
        assert abs(np.corrcoef(means[:-1], means[1:])[0, 1]) < 0.25


def wasted(lengths: NDArray[Any], batches: list[NDArray[Any]]) -> float:
    padded = sum(int(lengths[batch].max()) * len(batch) for batch in batches)
    return 1 - int(lengths.sum()) / padded


@given(LENGTHS, st.integers(1, 40))
def test_evaluation_starts_with_the_longest_and_drops_nothing(lengths: list[int], size: int) -> None:
    order = flat(evaluation_order(lengths, size))
    assert sorted(order) == list(range(len(lengths)))
    assert [lengths[example] for example in order] == sorted(lengths, reverse=True)
