"""NEZHA beside transformers' recorded outputs and beside its forward written in NumPy, pair of pieces by pair."""

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

from bert_core.bert.config import NEZHA_PRESETS, NezhaOptions
from bert_core.bert.encoder import BertModel
from bert_core.bert.nezha import NezhaMaker, sinusoids
from bert_core.types import EncoderParts

TINY = Path(__file__).parent / "tiny_nezha"
INPUTS = ("input_ids", "token_type_ids", "attention_mask")
LEARNED = NezhaOptions(
    vocab_size=20,
    hidden_size=12,
    num_hidden_layers=2,
    num_attention_heads=2,
    intermediate_size=16,
    max_position_embeddings=30,
    max_relative_position=3,
    relative_positions="learned",
    initializer_range=0.3,
)

Array = NDArray[Any]


def encoder(options: NezhaOptions) -> BertModel:
    return BertModel(options, EncoderParts(operators={}, pooler=True, seed=3), NezhaMaker)


def named(model: BertModel) -> dict[str, Parameter]:
    return dict(model.parameters_and_names())


class Target(nn.Cell):
    """A scalar of every piece's vector, the one whose gradients were recorded; and the vectors."""

    def __init__(self, model: BertModel) -> None:
        super().__init__()
        self.model = model
        self.weights = Tensor(np.linspace(-1, 1, model.hidden_size, dtype=np.float32))

    def construct(self, input_ids: Any, token_type_ids: Any, attention_mask: Any, *noise: Any) -> Any:
        sequence, pooled = self.model(input_ids, token_type_ids, attention_mask, noise)
        mask = attention_mask.astype(ms.float32).expand_dims(-1)
        return (ops.sin(sequence) * mask * self.weights).sum(), sequence, pooled


class Slopes(nn.Cell):
    """The scalar, the vectors and the gradients of the scalar, compiled once for every length."""

    def __init__(self, model: BertModel, noises: int) -> None:
        super().__init__()
        self.parameters = ParameterTuple(list(model.get_parameters()))
        self.gradient = ops.value_and_grad(Target(model), None, weights=self.parameters, has_aux=True)
        ranks = [noise.shape(1, 1) for noise in model.noises[:noises]]
        self.set_inputs(
            *[Tensor(shape=[None, None], dtype=ms.int32) for _ in INPUTS],
            *[Tensor(shape=[None] * len(rank), dtype=ms.float32) for rank in ranks],
        )

    def construct(self, *batch: Any) -> Any:
        return self.gradient(*batch)


class Found:
    """What a model makes of a batch."""

    def __init__(self, cell: Slopes, names: Sequence[str], batch: Sequence[Array]) -> None:
        (value, sequence, pooled), gradients = cell(*map(Tensor, batch))
        self.value = float(value.asnumpy())
        self.sequence, self.pooled = sequence.asnumpy(), pooled.asnumpy()
        self.gradients = {name: gradient.asnumpy() for name, gradient in zip(names, gradients, strict=True)}


def forward_in_numpy(
    weights: Mapping[str, Array], tables: Sequence[Array], heads: int, batch: Sequence[Array], factors: Sequence[Array]
) -> tuple[Array, Array]:
    """NEZHA in float64: each pair of pieces looks its distance up by itself."""
    ids, types, mask = batch
    rows, length = ids.shape
    drops = iter(factors)

    def linear(values: Array, name: str) -> Array:
        return values @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    def normed(values: Array, name: str) -> Array:
        centred = values - values.mean(-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-12)
        return scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"]

    def dropped(values: Array) -> Array:
        return values * next(drops).reshape(values.shape)

    words, kinds = (weights[f"embeddings.{name}_embeddings.weight"] for name in ("word", "token_type"))
    vectors = dropped(normed(words[ids] + kinds[types], "embeddings.LayerNorm"))
    for index, table in enumerate(tables):
        layer, reach = f"encoder.layer.{index}", len(table) // 2
        q, k, v = (
            linear(vectors, f"{layer}.attention.self.{part}").reshape(rows, length, heads, -1)
            for part in ("query", "key", "value")
        )
        kept, context = next(drops), np.zeros_like(q)
        for row, head, i in np.ndindex(rows, heads, length):
            far = np.stack([table[min(max(j - i, -reach), reach) + reach] for j in range(length)])
            scores = (k[row, :, head] + far) @ q[row, i, head] / math.sqrt(q.shape[-1])
            shares = np.where(mask[row] > 0, np.exp(scores - scores.max()), 0.0)
            context[row, i, head] = (shares / shares.sum() * kept[head, row, i]) @ (v[row, :, head] + far)
        output = dropped(linear(context.reshape(vectors.shape), f"{layer}.attention.output.dense"))
        vectors = normed(output + vectors, f"{layer}.attention.output.LayerNorm")
        inner = linear(vectors, f"{layer}.intermediate.dense")
        inner = inner * 0.5 * (1 + np.vectorize(math.erf)(inner / math.sqrt(2)))
        vectors = normed(dropped(linear(inner, f"{layer}.output.dense")) + vectors, f"{layer}.output.LayerNorm")
    return vectors, np.tanh(linear(vectors[:, 0], "pooler.dense"))


def ones(model: BertModel, rows: int, length: int) -> list[Array]:
    return [np.ones(noise.shape(rows, length)) for noise in model.noises]


class TestSinusoids:
    @pytest.fixture(scope="class")
    def recorded(self) -> dict[str, Array]:
        with np.load(TINY / "outputs.npz") as arrays:
            return dict(arrays)

    @pytest.fixture(scope="class")
    def stored(self) -> dict[str, Array]:
        return load_file(TINY / "model.safetensors")

    @pytest.fixture(scope="class")
    def tiny(self, stored: dict[str, Array]) -> BertModel:
        config = json.loads((TINY / "config.json").read_text("utf-8"))
        known = {field.name: config[field.name] for field in fields(NezhaOptions) if field.name in config}
        model = encoder(NezhaOptions(**known))
        for name, parameter in named(model).items():
            parameter.set_data(Tensor(stored[name]))
        return model

    @pytest.fixture(scope="class")
    def slopes(self, tiny: BertModel) -> Slopes:
        return Slopes(tiny, 0)

    @pytest.fixture(scope="class")
    def batch(self, recorded: dict[str, Array]) -> list[Array]:
        return [recorded[name] for name in INPUTS]

    @pytest.fixture(scope="class")
    def found(self, tiny: BertModel, slopes: Slopes, batch: list[Array]) -> Found:
        return Found(slopes, list(named(tiny)), batch)

    def test_parameter_names_and_shapes_are_exactly_the_files(self, tiny: BertModel, stored: dict[str, Array]) -> None:
        assert {name: p.shape for name, p in named(tiny).items()} == {name: a.shape for name, a in stored.items()}

    def test_outputs_are_those_recorded(self, found: Found, recorded: dict[str, Array]) -> None:
        np.testing.assert_allclose(found.sequence, recorded["sequence"], rtol=0, atol=1e-5)
        np.testing.assert_allclose(found.pooled, recorded["pooled"], rtol=0, atol=1e-5)

    def test_gradients_are_those_recorded(self, found: Found, recorded: dict[str, Array]) -> None:
        wanted = {key.removeprefix("gradient/bert."): recorded[key] for key in recorded if key.startswith("gradient/")}
        assert set(found.gradients) - set(wanted) == {"pooler.dense.weight", "pooler.dense.bias"}
        largest = max(np.abs(gradient).max() for gradient in wanted.values())
        for name, gradient in wanted.items():
            # A key's bias moves all scores of a row alike: its gradient is 0 but for rounding.
            scale = largest if name.endswith("key.bias") else np.abs(gradient).max()
            np.testing.assert_allclose(found.gradients[name], gradient, rtol=0, atol=1e-4 * scale, err_msg=name)

    def test_outputs_are_the_formulas(
        self, tiny: BertModel, found: Found, batch: list[Array], stored: dict[str, Array]
    ) -> None:
        weights = {name: array.astype(np.float64) for name, array in stored.items()}
        # The table as the paper's code fills it, entry by entry.
        table = np.zeros((17, 8))
        for p, c in np.ndindex(17, 8):
            angle = p / 10000 ** ((c - c % 2) / 8)
            table[p, c] = math.cos(angle) if c % 2 else math.sin(angle)
        wanted, wanted_pooled = forward_in_numpy(weights, [table, table], 4, batch, ones(tiny, *batch[0].shape))
        real = batch[2] > 0
        np.testing.assert_allclose(found.sequence[real], wanted[real], rtol=0, atol=1e-5)
        np.testing.assert_allclose(found.pooled, wanted_pooled, rtol=0, atol=1e-5)

    def test_one_compilation_serves_every_shape(self, tiny: BertModel, slopes: Slopes, batch: list[Array]) -> None:
        for rows, length in ((5, 23), (2, 3), (1, 11), (5, 1)):
            other = Found(slopes, list(named(tiny)), [array[:rows, :length] for array in batch])
            assert other.sequence.shape == (rows, length, 32)
        assert len(slopes.compile_cache) == 1

    @pytest.mark.parametrize("more", [1, 17])
    def test_padding_changes_neither_outputs_nor_gradients(
        self, tiny: BertModel, slopes: Slopes, batch: list[Array], found: Found, more: int
    ) -> None:
        wider = Found(slopes, list(named(tiny)), [np.pad(array, ((0, 0), (0, more))) for array in batch])
        real = batch[2] > 0
        np.testing.assert_allclose(wider.sequence[:, :23][real], found.sequence[real], rtol=0, atol=2e-6)
        np.testing.assert_allclose(wider.pooled, found.pooled, rtol=0, atol=2e-6)
        for name, gradient in found.gradients.items():
            scale = max(1.0, float(np.abs(gradient).max()))
            np.testing.assert_allclose(wider.gradients[name], gradient, rtol=0, atol=1e-5 * scale, err_msg=name)

    def test_the_windows_length_is_the_configurations(self, tiny: BertModel) -> None:
        assert tiny.max_length == 40

    def test_the_table_of_the_published_model(self) -> None:
        table = sinusoids(129, 64)
        assert table.shape == (129, 64)
        assert table[:, 0] == pytest.approx([math.sin(p) for p in range(129)], abs=1e-6)
        assert table[128, 63] == pytest.approx(math.cos(128 / 10000 ** (62 / 64)), abs=1e-6)


class TestLearned:
    @pytest.fixture(scope="class")
    def model(self) -> BertModel:
        return encoder(LEARNED)

    @pytest.fixture(scope="class")
    def batch(self) -> list[Array]:
        generator = np.random.default_rng(8)
        mask = (np.arange(9)[None] < np.array([[9], [5], [2]])).astype(np.int32)
        ids = generator.integers(1, 20, mask.shape).astype(np.int32) * mask
        return [ids, generator.integers(0, 2, mask.shape).astype(np.int32) * mask, mask]

    @pytest.fixture(scope="class")
    def factors(self, model: BertModel) -> list[Array]:
        generator = np.random.default_rng(5)
        shapes = [noise.shape(3, 9) for noise in model.noises]
        return [(generator.random(shape) >= 0.3).astype(np.float32) / np.float32(0.7) for shape in shapes]

    @pytest.fixture(scope="class")
    def found(self, model: BertModel, batch: list[Array], factors: list[Array]) -> Found:
        return Found(Slopes(model, len(factors)), list(named(model)), [*batch, *factors])

    @pytest.fixture
    def weights(self, model: BertModel) -> dict[str, Array]:
        return {name: parameter.asnumpy().astype(np.float64) for name, parameter in named(model).items()}

    def test_each_layer_has_one_table_and_there_are_no_absolute_positions(self, weights: dict[str, Array]) -> None:
        tables = {name: array for name, array in weights.items() if "position" in name}
        names = [f"encoder.layer.{layer}.attention.self.relative_positions.weight" for layer in range(2)]
        assert {name: array.shape for name, array in tables.items()} == dict.fromkeys(names, (7, 6))
        assert not np.array_equal(*tables.values())
        assert all(0.1 < array.std() < 0.3 and np.abs(array).max() <= 0.6 for array in tables.values())

    def test_outputs_and_gradients_with_dropout_are_the_formulas(
        self, found: Found, batch: list[Array], factors: list[Array], weights: dict[str, Array]
    ) -> None:
        def outputs() -> tuple[Array, Array]:
            tables = [weights[f"encoder.layer.{i}.attention.self.relative_positions.weight"] for i in range(2)]
            return forward_in_numpy(weights, tables, 2, batch, factors)

        def scalar() -> float:
            return float((np.sin(outputs()[0]) * batch[2][..., None] * np.linspace(-1, 1, 12)).sum())

        real = batch[2] > 0
        np.testing.assert_allclose(found.sequence[real], outputs()[0][real], rtol=0, atol=1e-5)
        np.testing.assert_allclose(found.pooled, outputs()[1], rtol=0, atol=1e-5)
        assert found.value == pytest.approx(scalar(), rel=1e-5)
        generator = np.random.default_rng(2)
        for name, array in list(weights.items()):
            direction = generator.standard_normal(array.shape)
            weights[name] = array + 1e-6 * direction
            above = scalar()
            weights[name] = array - 1e-6 * direction
            slope = (above - scalar()) / 2e-6
            weights[name] = array
            gradient = found.gradients[name]
            tolerance = 1e-4 * float(np.linalg.norm(gradient)) + 1e-5
            assert float((gradient * direction).sum()) == pytest.approx(slope, abs=tolerance), name


class TestOptions:
    def test_the_distance_belongs_to_the_kind_of_positions(self) -> None:
        assert NezhaOptions().max_relative_position == 64
        assert NezhaOptions(relative_positions="learned").max_relative_position == 16
        assert NezhaOptions(relative_positions="learned", max_relative_position=64).max_relative_position == 64

    def test_the_published_sizes(self) -> None:
        base, large = (NezhaOptions(**NEZHA_PRESETS[name]) for name in ("nezha-base", "nezha-large"))
        assert (base.num_hidden_layers, base.hidden_size, base.num_attention_heads) == (12, 768, 12)
        assert (large.num_hidden_layers, large.hidden_size, large.num_attention_heads) == (24, 1024, 16)
        assert (large.intermediate_size, base.vocab_size, large.vocab_size) == (4096, 21128, 21128)
