"""First values are drawn where they stay, and only there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from bert_core.assembly import build_encoder, device_named, model_of, open_weights
from bert_core.initial import truncated_normal
from bert_core.manager import PluginManager

TINY = Path(__file__).parents[1] / "bert" / "tiny"


def test_no_seed_gives_zeros() -> None:
    values = truncated_normal("words", (3, 4), deviation=0.02, seed=None)
    assert values.dtype == np.float32
    np.testing.assert_array_equal(values, np.zeros((3, 4)))


def test_an_encoder_of_weights_draws_nothing_and_has_their_values(monkeypatch: pytest.MonkeyPatch) -> None:
    def drawn(*seed: Any) -> Any:
        raise AssertionError("first values were drawn")

    manager = PluginManager()
    device = device_named(manager, "cpu")
    weights = open_weights(TINY, manager)
    model, options = model_of(weights, manager)
    monkeypatch.setattr(np.random, "default_rng", drawn)
    encoder: Any = build_encoder(model, options, device, weights)
    found = {name: parameter.asnumpy() for name, parameter in encoder.parameters_and_names()}
    stored = load_file(TINY / "model.safetensors")
    assert found.keys() == stored.keys()
    for name, values in stored.items():
        np.testing.assert_array_equal(found[name], values)
