"""Real signals: the first sets a flag, the second interrupts, and handlers come back."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from bert_core.interrupt import StopAsked, StopFlag, Terminated, sigterm_as_ctrl_c

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@pytest.fixture(autouse=True)
def same_handlers_afterwards() -> Iterator[None]:
    before = [signal.getsignal(number) for number in SIGNALS]
    yield
    assert [signal.getsignal(number) for number in SIGNALS] == before


def send(*numbers: int) -> None:
    for number in numbers:
        os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_signal_lets_the_work_go_on_until_it_checks(number: int) -> None:
    with StopFlag() as flag:
        flag.check()
        send(number)
        assert flag.signal_number == number
        with pytest.raises(StopAsked):
            flag.check()


@pytest.mark.parametrize("second", SIGNALS)
def test_a_second_signal_interrupts_at_once(second: int) -> None:
    with StopFlag() as flag:
        send(signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt) as error:
            send(second)
        assert isinstance(error.value, Terminated) == (second == signal.SIGTERM)  # which has another exit code
        assert flag.signal_number == signal.SIGTERM


def test_without_a_signal_nothing_happens() -> None:
    with StopFlag() as flag:
        flag.check()
    assert flag.signal_number == 0


def test_handlers_come_back_after_an_error_and_after_a_second_signal() -> None:
    received: list[int] = []

    def own(number: int, frame: Any) -> None:
        received.append(number)

    before = signal.signal(signal.SIGTERM, own)
    try:
        with pytest.raises(ZeroDivisionError), StopFlag():
            raise ZeroDivisionError
        assert signal.getsignal(signal.SIGTERM) is own
        with pytest.raises(KeyboardInterrupt), StopFlag():
            send(signal.SIGTERM, signal.SIGTERM)
        assert signal.getsignal(signal.SIGTERM) is own
        assert received == []
        send(signal.SIGTERM)
        assert received == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, before)


def test_ignored_signals_are_ignored_again() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with StopFlag() as flag:
            send(signal.SIGINT)
            assert flag.signal_number == signal.SIGINT
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_sigterm_ends_work_as_ctrl_c_does_where_nobody_else_has_a_use_for_it() -> None:
    with sigterm_as_ctrl_c():
        with StopFlag() as flag:
            send(signal.SIGTERM)
            assert flag.signal_number == signal.SIGTERM
        with pytest.raises(Terminated):
            send(signal.SIGTERM)
    received: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: received.append(number))
    try:
        with sigterm_as_ctrl_c():
            send(signal.SIGTERM)
        assert received == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, before)
