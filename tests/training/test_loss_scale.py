"""The loss scale beside the ModelZoo's rule, said in its own counters."""

from __future__ import annotations

import random

import pytest

from bert_core.training.loss_scale import LossScale


def modelzoo(overflows: list[bool], scale: float, factor: float, window: int) -> list[float]:
    """The scale after each step, by the rule of its DynamicLossScaleUpdateCell."""
    last, now, scales = 0, 1, []
    for overflow in overflows:
        if overflow:
            scale, last = max(scale / factor, 1.0), now
        elif now - last >= window:
            scale, last = scale * factor, now
        now += 1
        scales.append(scale)
    return scales


@pytest.mark.parametrize("seed", range(20))
def test_it_moves_as_the_modelzoos(seed: int) -> None:
    generator = random.Random(seed)
    overflows = [generator.random() < 0.2 for _ in range(200)]
    scale = LossScale(value=2.0 ** generator.randrange(20), factor=generator.choice([2.0, 4.0]), window=seed % 7 + 1)
    wanted = modelzoo(overflows, scale.value, scale.factor, scale.window)
    found = []
    for overflow in overflows:
        (scale.overflowed if overflow else scale.passed)()
        found.append(scale.value)
    assert found == [min(value, 2.0**64) for value in wanted] or max(wanted) > 2.0**64


def test_it_stays_within_what_float32_has() -> None:
    scale = LossScale(value=2.0**32, factor=2.0, window=1)
    for _ in range(1000):
        scale.passed()
    assert scale.value == 2.0**64
    for _ in range(1000):
        scale.overflowed()
    assert scale.value == 1.0
