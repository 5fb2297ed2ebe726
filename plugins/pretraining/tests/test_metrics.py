from __future__ import annotations

import math
import random

import numpy as np
import pytest
from bertrun_pretraining.metrics import MaskedPieces, masked_lm, next_sentence

from bert_core import DataError


def drawn(seed):
    rng = random.Random(seed)
    predictions, references = [], []
    for _ in range(rng.randint(1, 12)):
        ids = [rng.randrange(30522) for _ in range(rng.randint(0, 20))]
        weights = [rng.choice([0.0, 1.0, 1.0]) for _ in ids]
        predictions.append([one if rng.random() < 0.5 else rng.randrange(30522) for one in ids])
        references.append(MaskedPieces(ids, weights))
    return [*predictions, [7]], [*references, MaskedPieces([7], [1.0])]


@pytest.mark.parametrize("seed", range(25))
def test_masked_lm_is_the_share_of_right_positions_that_count(seed):
    predictions, references = drawn(seed)
    right = counted = 0
    for found, (ids, weights) in zip(predictions, references, strict=True):
        for one, other, weight in zip(found, ids, weights, strict=True):
            right += one == other and weight == 1
            counted += weight == 1
    expected = {"masked_lm_accuracy": right / counted, "masked_lm_count": counted}
    assert masked_lm(predictions, references) == pytest.approx(expected)
    arrays = [(np.array(ids, np.int32), np.array(weights, np.float32)) for ids, weights in references]
    assert masked_lm([np.array(ids, np.int32) for ids in predictions], arrays) == pytest.approx(expected)


def test_positions_count_by_their_weight_wherever_they_stand():
    scores = masked_lm([[5], [6, 7, 8]], [([5], [1]), ([6, 0, 0], [0.5, 1, 0])])
    assert scores == {"masked_lm_accuracy": 1.5 / 2.5, "masked_lm_count": 3}


def test_positions_that_fill_a_record_up_change_nothing():
    bare = masked_lm([[5, 6]], [([5, 9], [1, 1])])
    assert masked_lm([[5, 6, 0, 3]], [([5, 9, 0, 0], [1, 1, 0, 0])]) == bare


@pytest.mark.parametrize("references", [[], [([], [])], [([3, 4], [0, 0])]])
def test_masked_lm_of_nothing_is_an_error(references):
    with pytest.raises(DataError, match="no masked position"):
        masked_lm([ids for ids, _ in references], references)


@pytest.mark.parametrize("weight", [-1, math.nan, math.inf])
def test_a_weight_that_cannot_be_is_an_error(weight):
    with pytest.raises(DataError, match="negative or not finite"):
        masked_lm([[1, 2]], [([1, 2], [1, weight])])


def test_masked_positions_without_a_prediction_are_refused():
    with pytest.raises(ValueError, match="example 2 has 1 predictions, 2 ids and 2 weights"):
        masked_lm([[1], [2]], [([1], [1]), ([2, 3], [1, 1])])
    with pytest.raises(ValueError, match="longer"):
        masked_lm([[1]], [([1], [1]), ([2], [1])])


@pytest.mark.parametrize("seed", range(10))
def test_next_sentence_is_the_share_of_right_labels(seed):
    rng = random.Random(seed)
    gold = [rng.randrange(2) for _ in range(rng.randint(1, 30))]
    predicted = [rng.randrange(2) for _ in gold]
    right = len([0 for one, other in zip(predicted, gold, strict=True) if one == other])
    assert next_sentence(predicted, gold) == {"next_sentence_accuracy": pytest.approx(right / len(gold))}
    assert next_sentence(np.array(predicted), np.array(gold)) == next_sentence(predicted, gold)


def test_next_sentence_of_nothing_is_an_error():
    with pytest.raises(DataError, match="no sentence pair"):
        next_sentence([], [])


def test_labels_without_a_prediction_are_refused():
    with pytest.raises(ValueError, match="longer"):
        next_sentence([0], [0, 1])
