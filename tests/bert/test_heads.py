"""The pre-training heads on their encoder, beside transformers' recorded logits and gradients."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import mindspore as ms
import numpy as np
import pytest
from mindspore import Parameter, ParameterTuple, Tensor, nn, ops
from numpy.typing import NDArray
from safetensors.numpy import load_file

from bert_core.bert.config import BertOptions
from bert_core.bert.encoder import BertModel, Maker
from bert_core.bert.heads import Both, PretrainingHeads
from bert_core.bert.operators import PLAIN
from bert_core.types import EncoderParts

FOLDER = Path(__file__).parent / "tiny_pretraining"
INPUTS = ("input_ids", "token_type_ids", "attention_mask", "masked_positions")
TARGETS = ("masked_ids", "masked_weights", "next_sentence_labels")
TRUNCATED = 0.879626  # the deviation of a standard normal distribution cut at two deviations

Array = NDArray[Any]


class Pretrained(nn.Cell):
    """An encoder and its heads."""

    def __init__(self, options: BertOptions, seed: int = 0) -> None:
        super().__init__()
        parts = EncoderParts(operators={}, pooler=True, seed=seed)
        self.bert = BertModel(options, parts)
        self.heads = PretrainingHeads(Maker(options, parts), self.bert.embeddings.word_embeddings.weight)

    def construct(self, input_ids: Any, token_type_ids: Any, attention_mask: Any, masked_positions: Any) -> Any:
        sequence, pooled = self.bert(input_ids, token_type_ids, attention_mask, ())
        return self.heads(sequence, pooled, masked_positions)

    def named(self) -> dict[str, Parameter]:
        return {name.removeprefix("heads."): p for name, p in self.parameters_and_names()}


class Loss(nn.Cell):
    """The loss whose gradients were recorded: the masked pieces' weighted mean and the pairs' mean."""

    def __init__(self, model: Pretrained) -> None:
        super().__init__()
        self.model = model

    def construct(self, ids: Any, types: Any, mask: Any, positions: Any, wanted: Any, weights: Any, labels: Any) -> Any:
        words, pairs = self.model(ids, types, mask, positions)
        weights = weights.reshape((-1,)).astype(ms.float32)
        chosen = ops.one_hot(wanted.reshape((-1,)), words.shape[-1], 1.0, 0.0)
        lost = (ops.log_softmax(words, -1) * chosen).sum(-1)
        right = ops.log_softmax(pairs, -1) * ops.one_hot(labels, 2, 1.0, 0.0)
        return -(lost * weights).sum() / weights.sum() - right.sum(-1).mean()


class Gradients(nn.Cell):
    """A loss and its gradients with respect to every parameter, compiled for every shape."""

    def __init__(self, loss: Loss) -> None:
        super().__init__()
        self.parameters = ParameterTuple(list(loss.model.get_parameters()))
        self.gradient = ops.value_and_grad(loss, None, weights=self.parameters)
        self.set_inputs(*[Tensor(shape=[None, None], dtype=ms.int32)] * 6, Tensor(shape=[None], dtype=ms.int32))

    def construct(self, *batch: Any) -> Any:
        return self.gradient(*batch)


@pytest.fixture(scope="module")
def stored() -> dict[str, Array]:
    return load_file(FOLDER / "model.safetensors")


@pytest.fixture(scope="module")
def recorded() -> dict[str, Array]:
    with np.load(FOLDER / "outputs.npz") as arrays:
        return dict(arrays)


@pytest.fixture(scope="module")
def model(stored: dict[str, Array]) -> Pretrained:
    config = json.loads((FOLDER / "config.json").read_text("utf-8"))
    known = {field.name: config[field.name] for field in fields(BertOptions) if field.name in config}
    model = Pretrained(BertOptions(**known))
    for name, parameter in model.named().items():
        parameter.set_data(Tensor(stored[name]))
    return model


@pytest.fixture(scope="module")
def forward(model: Pretrained) -> Callable[[Sequence[Array]], tuple[Array, Array]]:
    model.set_inputs(*[Tensor(shape=[None, None], dtype=ms.int32)] * 4)

    def forward(arrays: Sequence[Array]) -> tuple[Array, Array]:
        words, pairs = model(*map(Tensor, arrays))
        return words.asnumpy(), pairs.asnumpy()

    return forward


@pytest.fixture(scope="module")
def slopes(model: Pretrained) -> Callable[[Sequence[Array]], tuple[float, dict[str, Array]]]:
    cell = Gradients(Loss(model))

    def slopes(arrays: Sequence[Array]) -> tuple[float, dict[str, Array]]:
        loss, gradients = cell(*map(Tensor, arrays))
        found = zip(model.named(), gradients, strict=True)
        return float(loss.asnumpy()), {name: gradient.asnumpy() for name, gradient in found}

    return slopes


def batch(recorded: dict[str, Array], *, targets: bool = False) -> list[Array]:
    return [recorded[name] for name in (*INPUTS, *(TARGETS if targets else ()))]


class TestRecorded:
    def test_parameter_names_and_shapes_are_exactly_the_files(
        self, model: Pretrained, stored: dict[str, Array]
    ) -> None:
        assert {name: p.shape for name, p in model.named().items()} == {name: a.shape for name, a in stored.items()}

    def test_logits(self, forward: Any, recorded: dict[str, Array]) -> None:
        words, pairs = forward(batch(recorded))
        np.testing.assert_allclose(words, recorded["prediction_logits"], rtol=0, atol=1e-5)
        np.testing.assert_allclose(pairs, recorded["seq_relationship_logits"], rtol=0, atol=1e-5)

    def test_loss_and_gradients_the_tables_from_both_of_its_uses(self, slopes: Any, recorded: dict[str, Array]) -> None:
        loss, found = slopes(batch(recorded, targets=True))
        wanted = {key.removeprefix("gradient/"): recorded[key] for key in recorded if key.startswith("gradient/")}
        assert loss == pytest.approx(float(recorded["loss"]), abs=1e-5)
        assert set(found) == set(wanted)
        for name, gradient in wanted.items():
            np.testing.assert_allclose(found[name], gradient, rtol=0, atol=1e-5, err_msg=name)


class TestBatches:
    def test_one_compilation_serves_every_shape(
        self, model: Pretrained, forward: Any, recorded: dict[str, Array]
    ) -> None:
        logits = recorded["prediction_logits"].reshape(5, 4, -1)
        for rows, length, predictions in ((5, 17, 4), (2, 17, 4), (5, 17, 1), (1, 17, 2)):
            ids, types, mask, positions = batch(recorded)
            cut = [array[:rows, :length] for array in (ids, types, mask)]
            words, pairs = forward([*cut, positions[:rows, :predictions]])
            np.testing.assert_allclose(
                words, logits[:rows, :predictions].reshape(rows * predictions, -1), rtol=0, atol=1e-5
            )
            np.testing.assert_allclose(pairs, recorded["seq_relationship_logits"][:rows], rtol=0, atol=1e-5)
        assert len(model.compile_cache) == 1

    def test_a_longer_row_moves_no_position_into_another(self, forward: Any, recorded: dict[str, Array]) -> None:
        *pieces, positions = batch(recorded)
        words, _ = forward([*(np.pad(array, ((0, 0), (0, 6))) for array in pieces), positions])
        np.testing.assert_allclose(words, recorded["prediction_logits"], rtol=0, atol=1e-5)

    def test_what_fills_positions_up_changes_neither_loss_nor_gradients(
        self, slopes: Any, recorded: dict[str, Array]
    ) -> None:
        *pieces, positions, wanted, weights, labels = batch(recorded, targets=True)
        loss, gradients = slopes([*pieces, positions, wanted, weights, labels])
        elsewhere = [np.where(weights > 0, positions, 16), np.where(weights > 0, wanted, 63), weights]
        wider = [np.pad(array, ((0, 0), (0, 3))) for array in (positions, wanted, weights)]
        for changed in (elsewhere, wider):
            other, others = slopes([*pieces, *changed, labels])
            assert other == pytest.approx(loss, abs=1e-6)
            for name, gradient in gradients.items():
                np.testing.assert_allclose(others[name], gradient, rtol=0, atol=1e-6, err_msg=name)


class TestFirstValues:
    OPTIONS = BertOptions(
        vocab_size=50, hidden_size=64, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8
    )

    def make(self, seed: int) -> dict[str, Array]:
        named = Pretrained(self.OPTIONS, seed).named()
        return {name: p.asnumpy() for name, p in named.items() if not name.startswith("bert.")}

    def test_matrices_are_small_and_random_norms_identity_and_biases_zero(self) -> None:
        found = self.make(0)
        dense, pairs = found["cls.predictions.transform.dense.weight"], found["cls.seq_relationship.weight"]
        assert dense.std() == pytest.approx(0.02 * TRUNCATED, rel=4 / math.sqrt(2 * dense.size))
        assert np.abs(dense).max() <= 0.04
        assert 0 < np.abs(pairs).max() <= 0.04
        for name, values in found.items():
            if values.ndim == 1:
                assert (values == (1 if name.endswith("LayerNorm.weight") else 0)).all(), name

    def test_they_depend_on_the_seed_alone(self) -> None:
        first, again, other = self.make(3), self.make(3), self.make(4)
        for name, values in first.items():
            np.testing.assert_array_equal(values, again[name])
            assert values.ndim == 1 or (values != other[name]).mean() > 0.99, name


@pytest.mark.parametrize("activation", ["gelu", "relu"])
def test_the_devices_own_operators_are_used_and_the_encoders_activation(activation: str) -> None:
    asked: list[str] = []

    def own(name: str) -> Callable[..., Any]:
        def build(*arguments: Any) -> Any:
            asked.append(name)
            return PLAIN[name](*arguments)

        return build

    parts = EncoderParts(operators={name: own(name) for name in PLAIN}, pooler=True, seed=0)
    Both(Maker(replace(TestFirstValues.OPTIONS, hidden_act=activation), parts))
    assert sorted(asked) == sorted([activation, "layer_norm", "linear", "linear", "linear"])
