"""Rates by layer and freezing, beside factors that are written out by hand."""

from __future__ import annotations

import pytest

from bert_core.builtin import bertrun_register_models
from bert_core.errors import PluginError
from bert_core.run_options import RunOptions
from bert_core.training.layers import ByLayer, levels
from bert_core.types import ModelSpec

MODELS: dict[str, ModelSpec] = {spec.name: spec for spec in bertrun_register_models()}
EMBEDDINGS = ("bert.embeddings.word_embeddings.weight", "bert.embeddings.LayerNorm.bias")
LAYERS = tuple(f"bert.encoder.layer.{number}.output.dense.weight" for number in range(12))
ABOVE = ("bert.pooler.dense.weight", "classifier.weight", "embeddings.of.a.head")
SIZES = dict.fromkeys((*EMBEDDINGS, *LAYERS, *ABOVE), 1000000)


def by_layer(run: RunOptions, family: str = "bert") -> ByLayer:
    model = MODELS[family]
    assert model.layers is not None
    beginnings = model.layers(model.options(num_hidden_layers=12)) if run.by_layer else ()
    return ByLayer(levels(family, beginnings, SIZES), run)


@pytest.mark.parametrize("family", ["bert", "nezha"])
def test_each_layer_learns_at_the_decay_times_the_rate_of_the_one_above(family: str) -> None:
    factors = by_layer(RunOptions(layer_decay=0.5), family).factors
    assert factors == {
        **dict.fromkeys(EMBEDDINGS, 1 / 8192),
        **{LAYERS[number]: 1 / 2 ** (12 - number) for number in range(12)},
    }
    assert factors[LAYERS[11]] == 0.5
    assert factors[LAYERS[1]] != factors[LAYERS[10]]  # whose names begin alike


def test_without_options_for_layers_nothing_goes_by_layer() -> None:
    plain = by_layer(RunOptions())
    assert (plain.factors, plain.frozen, list(plain.notes(SIZES, ABOVE))) == ({}, frozenset(), [])


@pytest.mark.parametrize(
    ("embeddings", "count", "frozen"),
    [(True, 0, EMBEDDINGS), (False, 2, LAYERS[:2]), (True, 12, EMBEDDINGS + LAYERS), (False, 1, LAYERS[:1])],
)
def test_the_lowest_layers_are_frozen_and_the_embeddings_where_that_is_said(
    embeddings: bool, count: int, frozen: tuple[str, ...]
) -> None:
    found = by_layer(RunOptions(freeze_embeddings=embeddings, freeze_layers=count))
    assert found.frozen == set(frozen)
    assert set(found.factors.values()) == {1.0}


def test_it_says_what_learns_slower_and_what_does_not_learn() -> None:
    run = RunOptions(freeze_embeddings=True, freeze_layers=3, layer_decay=0.9)
    assert list(by_layer(run).notes(SIZES, [EMBEDDINGS[0], "cls.predictions.bias"])) == [
        "layer decay: the learning rate times embeddings 0.254, layers 0.282 to 0.9, all else 1",
        "frozen: the embeddings and the lowest 3 of 12 layers; 12.0 of 17.0 million parameters train",
        f"frozen: {EMBEDDINGS[0]}, with which the head scores pieces too",
    ]
    (alone,) = by_layer(RunOptions(freeze_layers=12)).notes(SIZES, [EMBEDDINGS[0]])
    assert alone == "frozen: the lowest 12 of 12 layers; 5.0 of 17.0 million parameters train"


@pytest.mark.parametrize(
    ("beginnings", "why"),
    [
        (
            ["embeddings.", "blocks.0."],
            "the model 'acme' has a layer named 'blocks.0.', and no parameter's name begins so",
        ),
        (["embeddings.", "encoder.layer.1", "encoder.layer.11."], f"two layers to which {LAYERS[11]} belongs"),
    ],
)
def test_layers_that_a_model_does_not_have_are_its_plugins_error(beginnings: list[str], why: str) -> None:
    with pytest.raises(PluginError, match="acme") as raised:
        levels("acme", beginnings, SIZES)
    assert why in str(raised.value)


def test_a_layer_may_have_parameters_of_several_beginnings() -> None:
    shared = levels("acme", [("embeddings.word", "embeddings.Layer"), "encoder."], SIZES)
    assert shared == [list(EMBEDDINGS), list(LAYERS)]
