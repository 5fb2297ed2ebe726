"""Every record once in an epoch, whoever reads."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bert_core.data.shards import Shards
from bert_core.text.batches import EpochOrder

READERS = [1, 2, 3, 8]


@pytest.mark.parametrize("readers", READERS)
@pytest.mark.parametrize("shuffle", [True, False])
@given(records=st.integers(0, 100), seed=st.integers(-(2**70), 2**70), epoch=st.integers(0, 10**6))
def test_every_record_is_read_once(readers, shuffle, records, seed, epoch):
    shards = Shards(records=records, readers=readers, seed=seed, shuffle=shuffle)
    read = [shards.of(reader, epoch) for reader in range(readers)]
    assert sorted(np.concatenate(read).tolist()) == list(range(records))
    sizes = [len(one) for one in read]
    assert sizes == [shards.size(reader) for reader in range(readers)]
    assert max(sizes) - min(sizes) <= 1
    assert sizes == sorted(sizes, reverse=True)


@pytest.mark.parametrize("readers", READERS)
@given(records=st.integers(0, 100))
def test_the_remainder_is_dropped_where_it_is_asked_for(readers, records):
    shards = Shards(records=records, readers=readers, drop_remainder=True)
    read = [shards.of(reader, 0) for reader in range(readers)]
    assert {len(one) for one in read} == {records // readers} == {shards.size(0)}
    assert len(set(np.concatenate(read).tolist())) == records // readers * readers


@pytest.mark.parametrize("readers", READERS)
def test_the_readers_together_read_the_same_order(readers):
    one = Shards(records=48, seed=3).order(5)
    dealt = np.stack([Shards(records=48, readers=readers, seed=3).of(reader, 5) for reader in range(readers)], 1)
    assert dealt.ravel().tolist() == one.tolist()


def test_an_order_is_of_its_seed_and_epoch_alone():
    orders = {(seed, epoch): tuple(Shards(records=64, seed=seed).order(epoch)) for seed in (0, 1) for epoch in (0, 1)}
    assert len(set(orders.values())) == 4
    assert tuple(Shards(records=64, seed=1).order(0)) == orders[1, 0]


def test_the_order_is_the_recorded_one():
    assert Shards(records=7, seed=42).order(1).tolist() == [4, 5, 3, 0, 2, 1, 6]


def test_each_record_is_as_likely_at_each_place():
    orders = np.stack([Shards(records=6, seed=epoch).order(0) for epoch in range(6000)])
    counts = np.stack([np.bincount(place, minlength=6) for place in orders.T])
    assert abs(counts - 1000).max() < 150  # 5 standard deviations


def test_it_is_the_order_that_batches_of_one_length_are_cut_from():
    order = EpochOrder([9] * 10, 10, 42).batches(3)
    assert order[0].tolist() == Shards(records=10, seed=42).order(3).tolist()


@pytest.mark.parametrize("reader", [-1, 2])
def test_there_is_no_other_reader(reader):
    with pytest.raises(ValueError, match="counted from 0"):
        Shards(records=4, readers=2).of(reader, 0)
