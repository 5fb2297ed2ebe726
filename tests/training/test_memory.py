"""What is said about memory before training, by hand."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from bert_core.training.memory import activation_bytes

TINY = SimpleNamespace(hidden_size=4, intermediate_size=10, num_hidden_layers=3, num_attention_heads=2)
LAYER = 5 * 7 * (16 * 4 + 4 * 10) + 4 * 5 * 2 * 7 * 7  # 5 windows of 7 pieces


@pytest.mark.parametrize(
    ("recompute", "head", "numbers"),
    [(False, 0, 3 * LAYER), (False, 1000, 3 * LAYER + 5000), (True, 10, LAYER + 3 * 5 * 7 * 4 + 50)],
)
def test_each_layer_and_each_windows_head_take_memory(recompute: bool, head: int, numbers: int) -> None:
    assert activation_bytes(TINY, windows=5, length=7, recompute=recompute, head=head) == 4 * numbers


def test_a_model_without_such_sizes_is_not_guessed_at() -> None:
    assert activation_bytes(SimpleNamespace(width=4), windows=5, length=7, recompute=False) is None
