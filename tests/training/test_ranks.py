"""Who a process is among those of its run, what they share, and when they leave."""

from __future__ import annotations

import signal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bert_core.errors import RankLostError, UsageError
from bert_core.interrupt import StopAsked, StopFlag
from bert_core.training.leaving import Leaving
from bert_core.training.ranks import Ranks
from bert_core.training.sums import buckets

WORKER = {"MS_ROLE": "MS_WORKER", "MS_NODE_ID": "2", "MS_WORKER_NUM": "4", "DEVICE_ID": "6"}


class TestWho:
    def test_a_process_that_nobody_launched_is_alone(self) -> None:
        ranks = Ranks.of({"MS_WORKER_NUM": "4", "RANK_ID": "3"})
        assert (ranks.rank, ranks.size, ranks.alone, ranks.leads) == (0, 1, True, True)

    def test_a_launched_one_knows_its_number_and_device(self) -> None:
        ranks = Ranks.of(WORKER)
        assert (ranks.rank, ranks.size, ranks.device, ranks.alone, ranks.leads) == (2, 4, 6, False, False)

    @pytest.mark.parametrize("name", ["MS_NODE_ID", "MS_WORKER_NUM"])
    @pytest.mark.parametrize("value", ["", "-1", "two"])
    def test_a_variable_that_says_no_number_is_named(self, name: str, value: str) -> None:
        said = {**WORKER, name: value}
        with pytest.raises(UsageError, match=f"the variable {name} is"):
            Ranks.of(said)


class Gathering(Ranks):
    """One of two, whose other says something else."""

    def gathered(self, value: object) -> list[object]:  # type: ignore[override]
        return [value, "another"]


class TestShared:
    @given(st.integers(0, 50), st.integers(1, 9))
    def test_shares_are_all_of_it_in_order_and_of_one_size_or_one_more(self, count: int, size: int) -> None:
        shares = [Ranks(rank, size).share(range(count)) for rank in range(size)]
        assert [item for share in shares for item in share] == list(range(count))
        assert max(map(len, shares)) - min(map(len, shares)) <= 1

    def test_alone_one_gathers_what_it_says(self) -> None:
        assert Ranks().gathered({"a": 1}) == [{"a": 1}]
        Ranks().check_same("options", b"")

    def test_a_difference_names_the_ranks_and_what_differs(self) -> None:
        with pytest.raises(UsageError, match="ranks 0 and 1 begin with different data"):
            Gathering(0, 2).check_same("data", b"1 step")

    def test_a_collective_that_fails_says_that_another_process_is_lost(self) -> None:
        with pytest.raises(RankLostError, match="rank 1 waited 0 s for another process"), Ranks(1, 2).answered():
            raise RuntimeError("Launch kernel failed: Default/reduced-Reduced/AllReduce-op0")

    def test_what_fails_otherwise_stays_what_it_is(self) -> None:
        with pytest.raises(RuntimeError, match="MatMul"), Ranks(1, 2).answered():
            raise RuntimeError("Launch kernel failed: Default/MatMul-op0")

    def test_a_rank_shows_progress_when_it_begins_to_wait(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("BERTRUN_HEARTBEAT", str(tmp_path / "beat"))
        with Ranks(1, 2).answered():
            assert (tmp_path / "beat").exists()

    @given(st.lists(st.integers(1, 40), min_size=1, max_size=20), st.integers(1, 60))
    def test_messages_hold_neighbours_and_no_more_than_they_may(self, sizes: list[int], most: int) -> None:
        found = list(buckets(sizes, most))
        assert [number for first, last, *_ in found for number in range(first, last)] == list(range(len(sizes)))
        for first, last, begins, ends in found:
            assert last - first == 1 or sum(sizes[first:last]) <= most
            assert list(np.subtract(ends, begins)) == sizes[first:last]
            assert (begins[0], begins[1:]) == (0, ends[:-1])


class TestLeaving:
    def test_alone_ones_own_signal_counts_at_once(self) -> None:
        flag = StopFlag()
        leaving = Leaving(flag, Ranks(), None)
        leaving.check()
        flag.signal_number = signal.SIGTERM
        with pytest.raises(StopAsked):
            leaving.check()

    def test_among_several_it_counts_when_all_have_heard_of_it(self) -> None:
        flag = StopFlag()
        leaving = Leaving(flag, Ranks(1, 2), None)
        flag.signal_number = signal.SIGTERM
        leaving.check()
        assert list(leaving.told()) == [1, 0]
        leaving.heard([1, 0])
        with pytest.raises(StopAsked):
            leaving.check()

    def test_the_first_ones_clock_is_everybodys(self) -> None:
        first, second = (Leaving(StopFlag(), Ranks(rank, 2), 1e-9) for rank in range(2))
        assert (list(first.told()), list(second.told())) == ([0, 1], [0, 0])
        assert not first.late
        for leaving in (first, second):
            leaving.heard([0, 1])
            assert leaving.late
        assert Leaving(StopFlag(), Ranks(), 1e-9).late
        assert not Leaving(StopFlag(), Ranks(), None).late
