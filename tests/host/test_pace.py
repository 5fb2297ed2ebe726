"""`--save-every`: steps or minutes, on a command line and in a run file."""

from __future__ import annotations

import pytest

from bert_core.pace import Pace


def test_steps_and_minutes() -> None:
    assert (Pace("500").steps, Pace("500").seconds) == (500, None)
    assert (Pace("15m").steps, Pace("15m").seconds) == (None, 900.0)
    assert Pace(500) == "500"


@pytest.mark.parametrize("said", ["0", "-1", "m", "1.5m", "15 m", "15s", "", True, 2.5, None])
def test_anything_else_is_a_sentence(said: object) -> None:
    with pytest.raises(ValueError, match="must be a number of steps, such as 500, or of minutes, such as 15m, not"):
        Pace(said)
