"""Pairs of texts against the definition, segment by segment and piece by piece."""

from __future__ import annotations

import random as python_random
from collections import Counter
from itertools import accumulate, chain

import numpy as np
import pytest
from bertrun_pretraining.packing import Segments, pack, shortened
from hypothesis import given, settings
from hypothesis import strategies as st

CORPUS = st.lists(st.lists(st.integers(1, 30), min_size=1, max_size=12), min_size=1, max_size=6)


def segments_of(corpus):
    lengths = [length for document in corpus for length in document]
    return Segments([0, *accumulate(lengths)], [0, *accumulate(len(document) for document in corpus)])


def packed(corpus, seed=0, *, max_length=32, short_share=0.1, dupe_factor=2, random_next=0.5):
    return pack(
        segments_of(corpus),
        max_length=max_length,
        short_share=short_share,
        dupe_factor=dupe_factor,
        random=python_random.Random(seed),
        random_next=random_next,
    )


def by_definition(corpus, rng, room, short_share, random_next=0.5):
    """Pairs of lists of (segment, place in it), by the rules as BERT's paper and code state them, in the slow way."""
    pairs = []
    pieces = [[[(d, s, p) for p in range(n)] for s, n in enumerate(document)] for d, document in enumerate(corpus)]
    for number, document in enumerate(pieces):
        target = rng.randint(2, room) if rng.random() < short_share else room
        waiting = list(document)
        while waiting:
            chunk = [waiting.pop(0)]
            while waiting and sum(map(len, chunk)) < target:
                chunk.append(waiting.pop(0))
            cut = rng.randint(1, len(chunk) - 1) if len(chunk) > 1 else 1
            a = list(chain.from_iterable(chunk[:cut]))
            elsewhere = len(chunk) == 1 or rng.random() < random_next
            if elsewhere:
                waiting = chunk[cut:] + waiting
                others = [one for one in range(len(pieces)) if one != number] or [number]
                other = pieces[rng.choice(others)]
                start = rng.randrange(len(other))
                b = list(other[start])
                for segment in other[start + 1 :]:
                    if len(b) >= target - len(a):
                        break
                    b += segment
            else:
                b = list(chain.from_iterable(chunk[cut:]))
            while len(a) + len(b) > room:
                (a if len(a) > len(b) else b).pop(0 if rng.random() < 0.5 else -1)
            pairs.append((tuple(a), tuple(b), elsewhere))
    return pairs


@settings(deadline=None)
@given(CORPUS, st.integers(0, 1000), st.sampled_from([5, 6, 17, 64]))
def test_every_pair_is_two_stretches_of_the_documents(corpus, seed, max_length):
    segments = segments_of(corpus)
    bounds = np.array(segments.bounds)
    owner = np.repeat(np.arange(len(corpus)), [sum(document) for document in corpus])
    for a_start, a_length, b_start, b_length, random_next in zip(
        *packed(corpus, seed, max_length=max_length), strict=True
    ):
        assert a_length >= 1
        assert b_length >= 1
        assert a_length + b_length <= max_length - 3
        a, b = owner[a_start : a_start + a_length], owner[b_start : b_start + b_length]
        assert len(a) == a_length
        assert len(set(a)) == len(set(b)) == 1
        if not random_next:
            assert a[0] == b[0]
            # What is between them was cut off: it ends the sentence of A or begins that of B.
            assert a_start + a_length <= b_start
            if a_start + a_length < b_start:
                assert ((bounds >= a_start + a_length) & (bounds <= b_start)).any()


@settings(deadline=None)
@given(CORPUS, st.integers(0, 100))
def test_every_piece_is_used_where_nothing_is_cut(corpus, seed):
    pairs = packed(corpus, seed, max_length=2000, short_share=0, dupe_factor=1)
    used = Counter()
    for a_start, a_length, b_start, b_length, random_next in zip(*pairs, strict=True):
        used.update(range(a_start, a_start + a_length))
        used.update([] if random_next else range(b_start, b_start + b_length))
    assert used == Counter(range(sum(map(sum, corpus))))


@settings(deadline=None)
@given(st.integers(1, 60), st.integers(1, 60), st.integers(2, 40))
def test_the_longer_text_is_shortened(a, b, room):
    one, other = a, b
    while one + other > room:
        if one > other:
            one -= 1
        else:
            other -= 1
    assert shortened(a, b, room) == (one, other)


CORPORA = {
    "short sentences": [[3, 4, 2, 5, 3, 1, 4, 6, 2] * 3, [5, 2, 2, 7, 1] * 4, [2, 9, 4] * 5],
    "long sentences": [[20, 3, 40, 8, 31], [50], [7, 33, 60, 2]],
    "one document": [[4, 8, 3, 9, 5, 7, 2]],
}


@pytest.mark.parametrize("name", CORPORA)
@pytest.mark.parametrize("short_share", [0.0, 0.5])
def test_lengths_labels_and_cuts_are_distributed_as_defined(name, short_share):
    """Means over many runs of both ways, and how far apart they may be by chance: six standard errors."""
    corpus, runs, room = CORPORA[name], 1500, 20
    rng = python_random.Random(1)
    starts = [[0, *accumulate(document)] for document in corpus]
    offset = [0, *accumulate(map(sum, corpus))]
    slow, quick = [], []
    for run in range(runs):
        pairs = by_definition(corpus, rng, room, short_share)

        def place(piece):
            return offset[piece[0]] + starts[piece[0]][piece[1]] + piece[2]

        slow.append(figures([(place(a[0]), len(a), place(b[0]), len(b), elsewhere) for a, b, elsewhere in pairs]))
        found = packed(corpus, run, max_length=room + 3, short_share=short_share, dupe_factor=1)
        quick.append(figures(list(zip(*found, strict=True))))
    slow, quick = np.array(slow), np.array(quick)
    error = np.sqrt((slow.var(axis=0) + quick.var(axis=0)) / runs)
    assert (abs(slow.mean(axis=0) - quick.mean(axis=0)) <= 6 * error + 1e-9).all()


def figures(pairs):
    """Sums of a run: pairs, those from elsewhere, lengths, where texts begin, products that see what goes together."""
    rows = np.array(pairs, dtype=float)
    return [
        len(rows),
        rows[:, 4].sum(),
        *rows[:, :4].mean(axis=0),
        *(rows[:, :4] ** 2).mean(axis=0),
        (rows[:, 1] * rows[:, 3]).mean(),
        (rows[:, 0] * rows[:, 4]).mean(),
        (rows[:, 1] * rows[:, 4]).mean(),
        ((rows[:, 1] + rows[:, 3]) == 20).mean(),
    ]


@settings(max_examples=20, deadline=None)
@given(CORPUS, st.integers(0, 1000))
def test_the_same_seed_packs_the_same(corpus, seed):
    first, second = packed(corpus, seed), packed(corpus, seed)
    assert all((one == other).all() for one, other in zip(first, second, strict=True))


def test_half_of_the_pairs_are_random():
    corpus = [[5] * 40] * 30
    pairs = packed(corpus, 3, max_length=64, short_share=0, dupe_factor=20)
    assert (pairs.a_length > 0).all()
    # A document's last segment alone has nothing that follows; all other pairs are a fair coin.
    free = pairs.random_next[pairs.a_start % 200 < 195]
    assert abs(free.mean() - 0.5) < 5 * 0.5 / np.sqrt(len(free))
    owner = pairs.a_start // 200 == pairs.b_start // 200
    assert not (owner & (pairs.random_next == 1)).any()  # of thirty documents, ten draws find another one


def test_nothing_gives_no_pair():
    assert (
        len(
            pack(
                Segments([0], [0]), max_length=32, short_share=0.1, dupe_factor=3, random=python_random.Random(0)
            ).a_start
        )
        == 0
    )


@pytest.mark.parametrize("random_next", [0, 0.25, 1])
def test_so_many_second_texts_are_from_elsewhere(random_next):
    corpus = [[5] * 40] * 6
    found = packed(corpus, short_share=0, dupe_factor=50, random_next=random_next).random_next.mean()
    rng = python_random.Random(1)
    pairs = [by_definition(corpus, rng, 29, 0, random_next) for _ in range(50)]
    wanted = np.mean([elsewhere for one in pairs for *_, elsewhere in one])
    assert abs(found - wanted) < 0.04
    assert random_next not in (0, 1) or found == random_next
