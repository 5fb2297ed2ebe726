"""The host's own models and weights keep the contracts of everybody's."""

from __future__ import annotations

from bert_core.testing import ModelContract, WeightsContract


class TestBert(ModelContract):
    name = "bert"


class TestNezha(ModelContract):
    name = "nezha"


class TestMiniLM(WeightsContract):
    name = "minilm-l6"
