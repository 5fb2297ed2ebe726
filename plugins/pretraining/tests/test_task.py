"""Records as examples and windows: made when they are asked for, masked alike whenever they are, and checked."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from bertrun_pretraining.options import PretrainOptions
from bertrun_pretraining.task import PretrainTask

from bert_core import DataError
from bert_core.abilities import WideTask


class Rows:
    """Records in memory; counts how many are read."""

    def __init__(self, rows):
        self.rows = rows
        self.taken = 0

    @property
    def columns(self):
        return list(self.rows[0])

    def __len__(self):
        return len(self.rows)

    def __iter__(self):
        return ((self.where(number), row) for number, row in enumerate(self.rows))

    def take(self, numbers):
        self.taken += len(numbers)
        return [self.rows[number] for number in numbers]

    def where(self, number):
        return f"record {number + 1}"

    def remembered(self, what, make):
        return make()


def row(encoder, pieces=10, width=16, **other):
    ids = np.zeros(width, np.int32)
    ids[:pieces] = [encoder.cls_id, *range(8, 6 + pieces), encoder.sep_id]
    columns = {
        "input_ids": ids,
        "attention_mask": (np.arange(width) < pieces).astype(np.int32),
        "token_type_ids": np.zeros(width, np.int32),
        "next_sentence_labels": np.array([1], np.int32),
    }
    return {**columns, **{name: np.asarray(values) for name, values in other.items()}}


def masked(encoder, positions=(2, 4, 0), weights=(1, 1, 0), pieces=10, **other):
    ids = np.arange(20, 20 + len(positions), dtype=np.int32)
    lm = {
        "masked_lm_positions": np.array(positions, np.int32),
        "masked_lm_ids": ids,
        "masked_lm_weights": np.array(weights, np.float32),
    }
    return row(encoder, pieces, **{**lm, **other})


def windows(encoder, rows, **options):
    task = PretrainTask(PretrainOptions(**options))
    return task.encode(task.from_records(rows, encoder, "x").examples, encoder)


def test_a_window_holds_what_counts_and_no_padding(encoder):
    (window,) = windows(encoder, Rows([masked(encoder)]))
    assert len(window.input_ids) == len(window.token_type_ids) == 10
    assert window.features["masked_lm_positions"].tolist() == [2, 4]
    assert window.features["masked_lm_ids"].tolist() == [20, 21]
    assert window.features["next_sentence_labels"] == 1


def test_the_scores_of_masked_pieces_are_counted_as_memory(encoder):
    task = PretrainTask(PretrainOptions())
    (window,) = windows(encoder, Rows([masked(encoder)]))
    assert isinstance(task, WideTask)
    assert task.head_numbers(window, SimpleNamespace(vocab_size=50)) == 3 * 2 * 50


def test_only_the_records_of_a_batch_are_read(encoder):
    rows = Rows([masked(encoder, pieces=8 + number % 3) for number in range(600)])
    found = windows(encoder, rows)
    assert found.lengths.tolist() == [8 + number % 3 for number in range(600)]
    before = rows.taken
    assert [len(window.input_ids) for window in found.cut([5, 0, 301], seed=0, epoch=0)] == [10, 8, 9]
    assert rows.taken - before == 3
    assert [window.example for window in found] == list(range(600))


@pytest.mark.parametrize("whole_word_mask", ["off", "pieces"])
def test_unmasked_records_are_masked_by_seed_epoch_and_number(encoder, whole_word_mask):
    rows = Rows([row(encoder, 20 + number % 10, 30) for number in range(12)])
    found = windows(encoder, rows, whole_word_mask=whole_word_mask)

    def masks(numbers, **when):
        return {
            window.example: (list(window.input_ids), list(window.features["masked_lm_positions"]))
            for window in found.cut(numbers, **when)
        }

    first = masks(range(12), seed=3, epoch=1)
    assert masks([7, 2], seed=3, epoch=1) == {number: first[number] for number in (7, 2)}
    assert masks(range(12), seed=3, epoch=2) != first
    assert masks(range(12), seed=4, epoch=1) != first
    assert masks(range(12), seed=0, epoch=0) == masks(range(12), seed=0, epoch=0)
    for number, window in enumerate(found):
        ids = np.array(window.input_ids)
        ids[window.features["masked_lm_positions"]] = window.features["masked_lm_ids"]
        assert ids.tolist() == rows.rows[number]["input_ids"][: 20 + number % 10].tolist()


def test_masked_pieces_alone_need_no_labels(encoder):
    bare = masked(encoder)
    del bare["next_sentence_labels"]
    (window,) = windows(encoder, Rows([bare]), next_sentence=False)
    assert "next_sentence_labels" not in window.features
    with pytest.raises(DataError, match="no column next_sentence_labels"):
        windows(encoder, Rows([bare]))


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ({"positions": (2, 10, 0)}, "a masked position is not one of its 10 pieces"),
        ({"weights": (1, -1, 0)}, "negative or not finite"),
        ({"weights": (1, 1)}, "3 masked positions, 3 ids and 2 weights"),
        ({"next_sentence_labels": [2]}, "next_sentence_labels is 2"),
        ({"pieces": 130, "width": 140}, "it has 130 pieces, and --max-length is 128"),
        ({"attention_mask": [1, 0, 1] + [0] * 13}, "not ones and then zeros"),
        ({"token_type_ids": [0] * 3}, "16 input_ids, 16 attention_mask, 3 token_type_ids"),
    ],
)
def test_a_record_that_cannot_be_is_refused_with_its_place(encoder, broken, said):
    with pytest.raises(DataError, match=said) as caught:
        windows(encoder, Rows([masked(encoder), masked(encoder, **broken)]))
    assert caught.value.where == "record 2"


def test_a_large_set_is_scored_in_part_and_evenly(encoder):
    rows = Rows([row(encoder, 8 + number % 20, 30) for number in range(1001)])
    task = PretrainTask(PretrainOptions(eval_records=101))
    whole = task.from_records(rows, encoder, "x")
    part = task.scored(whole)
    assert "101 of 1,001 records are scored" in part.notes[-1]
    assert part.examples.lengths.tolist() == whole.examples.lengths[::10].tolist()
    some, all_windows = task.encode(part.examples, encoder), task.encode(whole.examples, encoder)
    assert [window.example for window in some] == list(range(101))
    for number in (0, 37, 100):
        assert list(some[number].input_ids) == list(all_windows[10 * number].input_ids)
        assert list(some[number].features["masked_lm_positions"]) == list(
            all_windows[10 * number].features["masked_lm_positions"]
        )
    assert task.scored(part) is part
