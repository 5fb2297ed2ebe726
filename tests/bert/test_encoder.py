"""The encoder beside transformers' recorded outputs and beside BERT's forward written in NumPy."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import mindspore as ms
import numpy as np
import pytest
from mindspore import Parameter, ParameterTuple, Tensor, nn, ops
from numpy.typing import NDArray
from safetensors.numpy import load_file

from bert_core.bert.config import BertOptions
from bert_core.bert.encoder import BertModel
from bert_core.types import EncoderParts
from bert_core.weights.opened import Weights
from bert_core.weights.store import folder_of

HERE = Path(__file__).parent
TINY = HERE / "tiny"
MINILM = folder_of("minilm-l6")
INPUTS = ("input_ids", "token_type_ids", "attention_mask")
TRUNCATED = 0.879626  # the deviation of a standard normal distribution cut at two deviations

Array = NDArray[Any]


def options_of(config: Mapping[str, Any]) -> BertOptions:
    return BertOptions(**{field.name: config[field.name] for field in fields(BertOptions)})


def encoder(options: BertOptions, seed: int = 0, *, pooler: bool = True) -> BertModel:
    return BertModel(options, EncoderParts(operators={}, pooler=pooler, seed=seed))


def named(model: BertModel) -> dict[str, Parameter]:
    return dict(model.parameters_and_names())


class Forward(nn.Cell):
    """An encoder with its noise in a row, compiled for every length."""

    def __init__(self, model: BertModel, noises: int = 0) -> None:
        super().__init__()
        self.model = model
        ranks = [noise.shape(1, 1) for noise in model.noises[:noises]]
        self.set_inputs(
            *[Tensor(shape=[None, None], dtype=ms.int32) for _ in INPUTS],
            *[Tensor(shape=[None] * len(rank), dtype=ms.float32) for rank in ranks],
        )

    def construct(self, input_ids: Any, token_type_ids: Any, attention_mask: Any, *noise: Any) -> Any:
        return self.model(input_ids, token_type_ids, attention_mask, noise)


class Target(nn.Cell):
    """A scalar of every piece's vector, the one whose gradients were recorded; and the pooled vectors' sum."""

    def __init__(self, model: BertModel, pooled: float) -> None:
        super().__init__()
        self.model = model
        self.pooled = pooled
        self.weights = Tensor(np.linspace(-1, 1, model.hidden_size, dtype=np.float32))

    def construct(self, input_ids: Any, token_type_ids: Any, attention_mask: Any, *noise: Any) -> Any:
        sequence, pooled = self.model(input_ids, token_type_ids, attention_mask, noise)
        mask = attention_mask.astype(ms.float32).expand_dims(-1)
        return (ops.sin(sequence) * mask * self.weights).sum() + pooled.sum() * self.pooled


class Gradients(nn.Cell):
    """The gradients of a target with respect to every parameter."""

    def __init__(self, target: Target) -> None:
        super().__init__()
        self.parameters = ParameterTuple(list(target.model.get_parameters()))
        self.gradient = ops.value_and_grad(target, None, weights=self.parameters)

    def construct(self, *batch: Any) -> Any:
        return self.gradient(*batch)


def target_in_numpy(sequence: Array, pooled: Array, mask: Array, *, pooled_weight: float) -> float:
    weights = np.linspace(-1, 1, sequence.shape[-1])
    return float((np.sin(sequence) * mask[..., None] * weights).sum() + pooled.sum() * pooled_weight)


def forward_in_numpy(
    weights: Mapping[str, Array], heads: int, batch: Sequence[Array], factors: Sequence[Array]
) -> tuple[Array, Array]:
    """BERT as Devlin et al. describe it, in float64; dropout's factors in the order of the places."""
    ids, types, mask = batch
    rows, length = ids.shape
    drops = iter(factors)

    def dropped(values: Array) -> Array:
        return values * next(drops).reshape(values.shape)

    def linear(values: Array, name: str) -> Array:
        return values @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    def normed(values: Array, name: str) -> Array:
        centred = values - values.mean(-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-12)
        return scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"]

    def split(values: Array) -> Array:
        return values.reshape(rows, length, heads, -1).transpose(0, 2, 1, 3)

    table = "embeddings.{}_embeddings.weight"
    summed = weights[table.format("word")][ids] + weights[table.format("token_type")][types]
    vectors = dropped(normed(summed + weights[table.format("position")][:length], "embeddings.LayerNorm"))
    for index in range(sum(name.endswith("self.query.weight") for name in weights)):
        layer = f"encoder.layer.{index}"
        query, key, value = (
            split(linear(vectors, f"{layer}.attention.self.{part}")) for part in ("query", "key", "value")
        )
        scores = query @ key.transpose(0, 1, 3, 2) / math.sqrt(query.shape[-1])
        scores = np.where(mask[:, None, None] > 0, scores, -np.inf)
        shares = np.exp(scores - scores.max(-1, keepdims=True))
        shares = shares / shares.sum(-1, keepdims=True) * next(drops).swapaxes(0, 1)  # noise has heads before rows
        context = (shares @ value).transpose(0, 2, 1, 3).reshape(rows, length, -1)
        output = dropped(linear(context, f"{layer}.attention.output.dense"))
        vectors = normed(output + vectors, f"{layer}.attention.output.LayerNorm")
        inner = linear(vectors, f"{layer}.intermediate.dense")
        inner = inner * 0.5 * (1 + np.vectorize(math.erf)(inner / math.sqrt(2)))
        output = dropped(linear(inner, f"{layer}.output.dense"))
        vectors = normed(output + vectors, f"{layer}.output.LayerNorm")
    assert next(drops, None) is None
    return vectors, np.tanh(linear(vectors[:, 0], "pooler.dense"))


@pytest.fixture(scope="module")
def stored() -> dict[str, Array]:
    return load_file(TINY / "model.safetensors")


@pytest.fixture(scope="module")
def recorded() -> dict[str, Array]:
    with np.load(TINY / "outputs.npz") as arrays:
        return dict(arrays)


@pytest.fixture(scope="module")
def tiny(stored: dict[str, Array]) -> BertModel:
    model = encoder(options_of(json.loads((TINY / "config.json").read_text("utf-8"))))
    for name, parameter in named(model).items():
        parameter.set_data(Tensor(stored[name]))
    return model


@pytest.fixture(scope="module")
def forward(tiny: BertModel) -> Forward:
    return Forward(tiny).set_train(False)


@pytest.fixture(scope="module")
def batch(recorded: dict[str, Array]) -> list[Array]:
    return [recorded[name] for name in INPUTS]


@pytest.fixture(scope="module")
def factors(tiny: BertModel, batch: list[Array]) -> list[Array]:
    generator = np.random.default_rng(5)
    shapes = [noise.shape(*batch[0].shape) for noise in tiny.noises]
    return [(generator.random(shape) >= 0.3).astype(np.float32) / np.float32(0.7) for shape in shapes]


def outputs(cell: nn.Cell, arrays: Sequence[Array]) -> tuple[Array, Array]:
    sequence, pooled = cell(*map(Tensor, arrays))
    return sequence.asnumpy(), pooled.asnumpy()


def widened(arrays: Sequence[Array], more: int) -> list[Array]:
    return [np.pad(array, ((0, 0), (0, more))) for array in arrays]


class TestRecorded:
    def test_parameter_names_and_shapes_are_exactly_the_files(self, tiny: BertModel, stored: dict[str, Array]) -> None:
        assert {name: p.shape for name, p in named(tiny).items()} == {name: a.shape for name, a in stored.items()}

    def test_outputs(self, forward: Forward, batch: list[Array], recorded: dict[str, Array]) -> None:
        sequence, pooled = outputs(forward, batch)
        np.testing.assert_allclose(sequence, recorded["sequence"], rtol=0, atol=1e-5)
        np.testing.assert_allclose(pooled, recorded["pooled"], rtol=0, atol=1e-5)

    def test_gradients(self, tiny: BertModel, batch: list[Array], recorded: dict[str, Array]) -> None:
        cell = Gradients(Target(tiny, 0.0))
        _, gradients = cell(*map(Tensor, batch))
        found = dict(zip(named(tiny), gradients, strict=True))
        wanted = {key.removeprefix("gradient/bert."): recorded[key] for key in recorded if key.startswith("gradient/")}
        assert set(found) - set(wanted) == {"pooler.dense.weight", "pooler.dense.bias"}
        largest = max(np.abs(gradient).max() for gradient in wanted.values())
        for name, gradient in wanted.items():
            # A key's bias moves all scores of a row alike: its gradient is 0 but for rounding.
            scale = largest if name.endswith("key.bias") else np.abs(gradient).max()
            np.testing.assert_allclose(found[name].asnumpy(), gradient, rtol=0, atol=1e-4 * scale, err_msg=name)

    @pytest.mark.skipif(not MINILM.is_dir(), reason="needs the weights: bertrun weights pull minilm-l6")
    def test_outputs_of_minilm(self) -> None:
        weights = Weights(MINILM)
        model = encoder(options_of(weights.config))
        parameters = named(model)
        assert set(parameters) == {name.removeprefix("bert.") for name in weights.tensors}
        for name, parameter in parameters.items():
            parameter.set_data(Tensor(weights.tensor(f"bert.{name}")))
        with np.load(HERE / "minilm_outputs.npz") as arrays:
            sequence, pooled = outputs(Forward(model), [arrays[name] for name in INPUTS])
            np.testing.assert_allclose(sequence, arrays["sequence"], rtol=0, atol=1e-5)
            np.testing.assert_allclose(pooled, arrays["pooled"], rtol=0, atol=1e-5)


class TestBatches:
    def test_one_compilation_serves_every_shape(self, forward: Forward, batch: list[Array]) -> None:
        for rows, length in ((5, 17), (2, 3), (1, 11), (5, 1)):
            sequence, pooled = outputs(forward, [array[:rows, :length] for array in batch])
            assert sequence.shape == (rows, length, 32)
            assert pooled.shape == (rows, 32)
        assert len(forward.compile_cache) == 1

    # Not bitwise: the processor's vectorised sums over a row take other turns at other lengths.
    @pytest.mark.parametrize("more", [1, 3, 7, 23])
    def test_padding_changes_no_output(self, forward: Forward, batch: list[Array], more: int) -> None:
        sequence, pooled = outputs(forward, batch)
        wider, wider_pooled = outputs(forward, widened(batch, more))
        real = batch[2] > 0
        np.testing.assert_allclose(wider[:, :17][real], sequence[real], rtol=0, atol=1e-6)
        np.testing.assert_allclose(wider_pooled, pooled, rtol=0, atol=1e-6)

    def test_the_pieces_under_padding_change_nothing_at_all(self, forward: Forward, batch: list[Array]) -> None:
        ids, types, mask = batch
        sequence, pooled = outputs(forward, batch)
        other, other_pooled = outputs(forward, [np.where(mask > 0, ids, 9), np.where(mask > 0, types, 1), mask])
        np.testing.assert_array_equal(other[mask > 0], sequence[mask > 0])
        np.testing.assert_array_equal(other_pooled, pooled)

    def test_the_order_of_rows_changes_nothing_at_all(self, forward: Forward, batch: list[Array]) -> None:
        sequence, pooled = outputs(forward, batch)
        for rows in ([4, 3, 2, 1, 0], [1, 0, 3, 4, 2]):
            other, other_pooled = outputs(forward, [array[rows] for array in batch])
            np.testing.assert_array_equal(other, sequence[rows])
            np.testing.assert_array_equal(other_pooled, pooled[rows])

    # Not bitwise: a product with one row is another routine than one with several.
    @pytest.mark.parametrize("rows", [[2, 0], [3]])
    def test_the_company_of_a_row_changes_nothing(self, forward: Forward, batch: list[Array], rows: list[int]) -> None:
        sequence, pooled = outputs(forward, batch)
        other, other_pooled = outputs(forward, [array[rows] for array in batch])
        np.testing.assert_allclose(other, sequence[rows], rtol=0, atol=1e-6)
        np.testing.assert_allclose(other_pooled, pooled[rows], rtol=0, atol=1e-6)

    def test_rows_may_be_as_long_as_there_are_positions(
        self, forward: Forward, tiny: BertModel, stored: dict[str, Array]
    ) -> None:
        assert tiny.max_length == 40
        generator = np.random.default_rng(1)
        full = [generator.integers(0, 64, (2, 40)), generator.integers(0, 2, (2, 40)), np.ones((2, 40))]
        full = [array.astype(np.int32) for array in full]
        sequence, _ = outputs(forward, full)
        ones = [np.ones(noise.shape(2, 40)) for noise in tiny.noises]
        wanted, _ = forward_in_numpy({n: a.astype(np.float64) for n, a in stored.items()}, 4, full, ones)
        np.testing.assert_allclose(sequence, wanted, rtol=0, atol=1e-5)


class TestDropout:
    def test_places_shapes_and_rates(self) -> None:
        options = BertOptions(
            hidden_size=32,
            num_attention_heads=4,
            num_hidden_layers=2,
            hidden_dropout_prob=0.2,
            attention_probs_dropout_prob=0.3,
            vocab_size=8,
            intermediate_size=8,
        )
        vectors, scores = ((3 * 7, 32), 0.2), ((4, 3, 7, 7), 0.3)
        found = [(noise.shape(3, 7), noise.rate) for noise in encoder(options).noises]
        assert found == [vectors, scores, vectors, vectors, scores, vectors, vectors]

    def test_factors_apply_where_bert_drops_out_forward_and_backward(
        self, tiny: BertModel, batch: list[Array], factors: list[Array], stored: dict[str, Array]
    ) -> None:
        weights = {name: array.astype(np.float64) for name, array in stored.items()}

        def scalar() -> float:
            sequence, pooled = forward_in_numpy(weights, 4, batch, factors)
            return target_in_numpy(sequence, pooled, batch[2], pooled_weight=1.0)

        value, gradients = Gradients(Target(tiny, 1.0))(*map(Tensor, [*batch, *factors]))
        assert float(value.asnumpy()) == pytest.approx(scalar(), rel=1e-5)
        generator = np.random.default_rng(2)
        for (name, array), gradient in zip(list(weights.items()), _by(tiny, gradients, weights), strict=True):
            direction = generator.standard_normal(array.shape)
            weights[name] = array + 1e-6 * direction
            above = scalar()
            weights[name] = array - 1e-6 * direction
            slope = (above - scalar()) / 2e-6
            weights[name] = array
            tolerance = 1e-4 * float(np.linalg.norm(gradient)) + 1e-5
            assert float((gradient * direction).sum()) == pytest.approx(slope, abs=tolerance), name

    def test_every_vector_with_factors(
        self, tiny: BertModel, batch: list[Array], factors: list[Array], stored: dict[str, Array]
    ) -> None:
        cell = Forward(tiny, len(factors))
        sequence, pooled = outputs(cell, [*batch, *factors])
        weights = {name: array.astype(np.float64) for name, array in stored.items()}
        wanted, wanted_pooled = forward_in_numpy(weights, 4, batch, factors)
        np.testing.assert_allclose(sequence, wanted, rtol=0, atol=1e-5)
        np.testing.assert_allclose(pooled, wanted_pooled, rtol=0, atol=1e-5)


def _by(model: BertModel, gradients: Sequence[Any], names: Mapping[str, Any]) -> list[Array]:
    found = dict(zip(named(model), gradients, strict=True))
    return [found[name].asnumpy() for name in names]


class TestFirstValues:
    SIZES: Mapping[str, int] = {
        "vocab_size": 400,
        "hidden_size": 32,
        "num_attention_heads": 4,
        "intermediate_size": 64,
        "max_position_embeddings": 128,
    }

    def make(self, seed: int = 0, *, pooler: bool = True, layers: int = 2, deviation: float = 0.05) -> dict[str, Array]:
        options = BertOptions(num_hidden_layers=layers, initializer_range=deviation, **self.SIZES)  # type: ignore[arg-type]
        return {name: p.asnumpy() for name, p in named(encoder(options, seed, pooler=pooler)).items()}

    def test_matrices_are_normal_cut_at_two_deviations(self) -> None:
        for name, values in self.make().items():
            if values.ndim == 2:
                spread = values.std() / (TRUNCATED * 0.05)
                assert np.abs(values).max() <= 0.05 * 2.000001, name
                assert np.abs(values).max() > 0.05 * (1.9 if values.size > 500 else 1), name
                assert spread == pytest.approx(1, abs=4 / math.sqrt(2 * values.size)), name
                assert abs(values.mean()) < 4 * 0.05 * TRUNCATED / math.sqrt(values.size), name

    def test_norms_begin_as_identity_and_biases_at_zero(self) -> None:
        for name, values in self.make().items():
            if values.ndim == 1:
                assert (values == (1 if name.endswith("LayerNorm.weight") else 0)).all(), name

    def test_no_two_matrices_are_alike(self) -> None:
        starts = [tuple(values.ravel()[:8]) for values in self.make().values() if values.ndim == 2]
        assert len(set(starts)) == len(starts)

    def test_they_do_not_depend_on_what_else_the_model_holds(self) -> None:
        whole, less = self.make(layers=2), self.make(layers=1, pooler=False)
        assert set(less) < set(whole)
        for name, values in less.items():
            np.testing.assert_array_equal(values, whole[name])

    def test_they_depend_on_the_seed_alone(self) -> None:
        first, again, other = self.make(3), self.make(3), self.make(4)
        for name, values in first.items():
            np.testing.assert_array_equal(values, again[name])
            if values.ndim == 2:
                assert (values != other[name]).mean() > 0.99, name


def test_without_a_pooler_there_are_no_parameters_of_one() -> None:
    bare = encoder(BertOptions(**TestFirstValues.SIZES, num_hidden_layers=1), pooler=False)  # type: ignore[arg-type]
    assert not any("pooler" in name for name in named(bare))
