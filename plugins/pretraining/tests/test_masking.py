"""Masks against the definition: how many, which, and what stands there."""

from __future__ import annotations

import math

import numpy as np
import pytest
from bertrun_pretraining.masking import Masking
from hypothesis import given, settings
from hypothesis import strategies as st

CLS, SEP, MASK, VOCAB, LENGTH = 2, 3, 4, 1000, 40


def rows_of(lengths, length=LENGTH):
    """Rows [CLS] a [SEP] b [SEP] with B a third of the pieces, whose ids say where they stand."""
    ids = np.zeros((len(lengths), length), dtype=np.int64)
    maskable = np.zeros(ids.shape, dtype=bool)
    for row, n in enumerate(lengths):
        middle = n - 2 - (n - 3) // 3
        ids[row, :n] = 100 + np.arange(n)
        maskable[row, :n] = True
        for place, piece in ((0, CLS), (middle, SEP), (n - 1, SEP)):
            ids[row, place], maskable[row, place] = piece, False
    return ids, maskable


def masked(lengths, *, share=0.15, most=20, begins=None, seed=0, length=LENGTH):
    masking = Masking(share, most, MASK, VOCAB)
    ids, maskable = rows_of(lengths, length)
    raw = np.random.PCG64(seed).random_raw((len(lengths), masking.draws(length)))
    return ids, maskable, masking.mask(ids, np.array(lengths), maskable, begins, raw)


@settings(deadline=None)
@given(
    st.lists(st.integers(5, LENGTH), min_size=1, max_size=8),
    st.sampled_from([0.0, 0.15, 0.5, 1.0]),
    st.integers(1, 50),
    st.integers(0, 1000),
)
def test_every_row_keeps_the_rules(lengths, share, most, seed):
    ids, maskable, found = masked(lengths, share=share, most=most, seed=seed)
    for row, n in enumerate(lengths):
        count = min(most, max(1, round(n * share)), n - 3)
        weights, positions = found.weights[row], found.positions[row]
        assert weights.tolist() == [1.0] * count + [0.0] * (most - count)
        assert (np.diff(positions[:count]) > 0).all()
        assert maskable[row, positions[:count]].all()
        assert not positions[count:].any()
        assert not found.ids[row, count:].any()
        restored = found.input_ids[row].copy()
        restored[positions[:count]] = found.ids[row, :count]
        assert (restored == ids[row]).all()


@settings(deadline=None)
@given(st.lists(st.integers(5, LENGTH), min_size=1, max_size=6), st.integers(0, 10**6), st.integers(1, 30))
def test_whole_words_are_masked_whole_or_not(lengths, seed, most):
    rng = np.random.default_rng(seed)
    ids, maskable = rows_of(lengths)
    begins = (rng.random(ids.shape) < 0.4) & maskable
    begins |= maskable & ~np.pad(maskable, ((0, 0), (1, 0)))[:, :-1]
    _, _, found = masked(lengths, most=most, begins=begins, seed=seed, share=0.3)
    for row, n in enumerate(lengths):
        wanted = min(most, max(1, round(n * 0.3)))
        count = int(found.weights[row].sum())
        taken = np.zeros(LENGTH, dtype=bool)
        taken[found.positions[row, :count]] = True
        word = np.cumsum(begins[row]) * maskable[row]
        sizes = np.bincount(word[maskable[row]])
        whole = {number for number in set(word[taken].tolist()) if (taken[word == number]).all()}
        assert set(word[taken].tolist()) == whole
        assert count <= wanted
        left = [size for number, size in enumerate(sizes) if size and number not in whole]
        assert all(size > wanted - count for size in left)  # none was passed over that still fits


def test_words_of_one_piece_are_as_pieces():
    lengths = [40, 23, 5, 17] * 50
    _, maskable = rows_of(lengths)
    _, _, pieces = masked(lengths)
    _, _, words = masked(lengths, begins=maskable)
    assert (pieces.weights == words.weights).all()
    for found in (pieces, words):
        assert found.weights.sum() == sum(max(1, round(n * 0.15)) for n in lengths)


def test_eight_in_ten_become_mask_one_stays_one_is_random():
    lengths = [LENGTH] * 20000
    _, _, found = masked(lengths, seed=5)
    count = found.weights > 0
    now = np.take_along_axis(found.input_ids, found.positions, axis=1)[count]
    before = found.ids[count]
    total = len(now)
    random = (now != MASK) & (now != before)
    near(np.mean(now == MASK), 0.8 + 0.1 / VOCAB, total)
    near(np.mean(now == before), 0.1 + 0.1 / VOCAB, total)
    near(np.mean(random), 0.1 * (1 - 2 / VOCAB), total)
    drawn = np.bincount(now[random], minlength=VOCAB)
    assert drawn.shape == (VOCAB,)
    expected = 0.1 * total / VOCAB
    assert abs(drawn[5:100] - expected).max() < 6 * math.sqrt(expected)  # ids that no text has: [PAD] and others too
    assert drawn[0] > 0


def test_every_position_is_masked_as_often():
    lengths = [LENGTH] * 20000
    _, maskable, found = masked(lengths, seed=6)
    counts = np.bincount(found.positions[found.weights > 0], minlength=LENGTH)
    assert not counts[~maskable[0]].any()
    share = round(LENGTH * 0.15) / maskable[0].sum()
    for count in counts[maskable[0]]:
        near(count / len(lengths), share, len(lengths))


def test_a_word_is_as_likely_first_whatever_its_length():
    """With room for the longest word, that it is among the masked ones depends on its rank alone."""
    lengths = [LENGTH] * 20000
    _ids, maskable = rows_of(lengths)
    begins = maskable.copy()
    begins[:, 2:4] = False  # positions 1 to 3 are one word
    _, _, found = masked(lengths, begins=begins, seed=8, share=0.075)  # three pieces
    whole = (found.positions[:, :3] == [1, 2, 3]).all(axis=1)
    words = int(begins[0].sum())
    near(whole.mean(), 1 / words, len(lengths))  # three pieces fit only where it comes first


@pytest.mark.parametrize("n", range(5, LENGTH + 1))
def test_the_count_is_rounded_as_python_rounds(n):
    _, _, found = masked([n])
    assert found.weights.sum() == min(20, max(1, round(n * 0.15)))


def test_rows_do_not_depend_on_each_other():
    masking = Masking(0.15, 20, MASK, VOCAB)
    lengths = [40, 12, 30]
    ids, maskable = rows_of(lengths)
    raw = np.random.PCG64(0).random_raw((3, masking.draws(LENGTH)))
    whole = masking.mask(ids, np.array(lengths), maskable, None, raw)
    for row in range(3):
        one = slice(row, row + 1)
        alone = masking.mask(ids[one], np.array(lengths[one]), maskable[one], None, raw[one])
        assert all((a == b[one]).all() for a, b in zip(alone, whole, strict=True))


def near(share, expected, count):
    """Within five standard deviations of a binomial's share."""
    assert abs(share - expected) < 5 * math.sqrt(expected * (1 - expected) / count), (share, expected)
