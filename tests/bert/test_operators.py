"""Each operator, forward and backward, beside its formula in float64 NumPy."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from mindspore import Tensor, nn, ops
from numpy.typing import NDArray

from bert_core.bert.operators import PLAIN

Array = NDArray[Any]


class Weighed(nn.Cell):
    """The sum of an operator's value times given weights, whose gradients check every element at once."""

    def __init__(self, operator: nn.Cell, several: bool) -> None:
        super().__init__()
        self.operator = operator
        self.several = several

    def construct(self, weights: Any, *arguments: Any) -> Any:
        found = self.operator(*arguments)
        value = found[0] if self.several else found
        return (value * weights).sum(), value


class Sloped(nn.Cell):
    """The value, and the gradients of its weighed sum with respect to the first arguments."""

    def __init__(self, operator: nn.Cell, count: int, several: bool) -> None:
        super().__init__()
        weighed = Weighed(operator, several)
        self.gradient = ops.value_and_grad(weighed, tuple(range(1, count + 1)), has_aux=True)

    def construct(self, weights: Any, *arguments: Any) -> Any:
        return self.gradient(weights, *arguments)


def ran(
    operator: nn.Cell, weights: Array, arguments: Sequence[Any], *, count: int, several: bool = True
) -> tuple[Array, list[Array]]:
    """The value, and the gradients of the first `count` arguments."""
    given = [Tensor(item) if isinstance(item, np.ndarray) else item for item in arguments]
    (_, value), gradients = Sloped(operator, count, several)(Tensor(weights), *given)
    gradients = gradients if isinstance(gradients, tuple) else (gradients,)
    return value.asnumpy(), [gradient.asnumpy() for gradient in gradients]


def slopes(
    function: Callable[..., Array], weights: Array, arguments: Sequence[Array], direction: Sequence[Array]
) -> float:
    """The directional derivative of the weighed sum by central differences in float64."""

    def scalar(sign: float) -> float:
        moved = [a.astype(np.float64) + sign * 1e-6 * d for a, d in zip(arguments, direction, strict=True)]
        return float((function(*moved) * weights).sum())

    return (scalar(1.0) - scalar(-1.0)) / 2e-6


def check_gradients(
    function: Callable[..., Array], weights: Array, arguments: Sequence[Array], found: list[Array]
) -> None:
    """Each argument's gradient against the formula's slope along several random directions."""
    generator = np.random.default_rng(11)
    for place, gradient in enumerate(found):
        assert gradient.shape == arguments[place].shape
        for _ in range(8):
            direction = [np.zeros(argument.shape) for argument in arguments]
            direction[place] = generator.standard_normal(gradient.shape)
            wanted = slopes(function, weights, arguments, direction)
            tolerance = 1e-5 * float(np.linalg.norm(gradient)) + 1e-6
            assert float((gradient * direction[place]).sum()) == pytest.approx(wanted, abs=tolerance), place


def normal(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng([seed, *shape]).standard_normal(shape).astype(np.float32)


class TestLinear:
    def test_value_and_gradients(self) -> None:
        x, w, b, weights = normal(7, 5), normal(6, 5), normal(6), normal(7, 6)
        value, (dx, dw, db) = ran(PLAIN["linear"](), weights, [x, w, b], count=3, several=False)
        np.testing.assert_allclose(value, x.astype(np.float64) @ w.T + b, rtol=0, atol=1e-5)
        np.testing.assert_allclose(dx, weights.astype(np.float64) @ w, rtol=0, atol=1e-5)
        np.testing.assert_allclose(dw, weights.T.astype(np.float64) @ x, rtol=0, atol=1e-5)
        np.testing.assert_allclose(db, weights.sum(0, dtype=np.float64), rtol=0, atol=1e-5)


def normal_share(x: float) -> float:
    return 0.5 * math.erfc(-x / math.sqrt(2))


def gelu(x: float) -> float:
    return x * normal_share(x)


def gelu_slope(x: float) -> float:
    return normal_share(x) + x * math.exp(-min(x * x / 2, 700)) / math.sqrt(2 * math.pi)


def gelu_new(x: float) -> float:
    return 0.5 * x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def gelu_new_slope(x: float) -> float:
    tanh = math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))
    inner = math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * x**2)
    return 0.5 * (1 + tanh) + 0.5 * x * (1 - tanh**2) * inner


def logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x > 0 else math.exp(max(x, -700)) / (1 + math.exp(max(x, -700)))


def quick_gelu(x: float) -> float:
    return x * logistic(1.702 * x)


def quick_gelu_slope(x: float) -> float:
    share = logistic(1.702 * x)
    return share + 1.702 * x * share * (1 - share)


def relu(x: float) -> float:
    return max(x, 0.0)


def relu_slope(x: float) -> float:
    return float(x > 0)


Scalar = Callable[[float], float]
ACTIVATIONS: Mapping[str, tuple[Scalar, Scalar]] = {
    "gelu": (gelu, gelu_slope),
    "gelu_new": (gelu_new, gelu_new_slope),
    "quick_gelu": (quick_gelu, quick_gelu_slope),
    "relu": (relu, relu_slope),
    "tanh": (math.tanh, lambda x: 1 - math.tanh(x) ** 2),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
class TestActivations:
    X = np.concatenate([np.linspace(-12, 12, 4001), [0.0, -0.0, 1e-30, -1e-30, 40, -40, 1e4, -1e4]]).astype(np.float32)

    def test_value_and_slope(self, name: str) -> None:
        function, slope = ACTIVATIONS[name]
        value, (found,) = ran(PLAIN[name](), np.ones_like(self.X), [self.X], count=1)
        np.testing.assert_allclose(value, [function(x) for x in self.X.tolist()], rtol=1e-6, atol=2e-6)
        np.testing.assert_allclose(found, [slope(x) for x in self.X.tolist()], rtol=0, atol=2e-6)

    def test_the_slopes_written_here_are_those_of_the_functions(self, name: str) -> None:
        function, slope = ACTIVATIONS[name]
        for x in np.linspace(-6, 6, 96).tolist():  # without 0, where ReLU has a corner
            assert slope(x) == pytest.approx((function(x + 1e-6) - function(x - 1e-6)) / 2e-6, abs=1e-8)

    def test_the_gradient_that_comes_back_is_multiplied(self, name: str) -> None:
        x, weights = normal(5, 7), normal(5, 7, seed=1)
        _, (plain,) = ran(PLAIN[name](), np.ones_like(x), [x], count=1)
        _, (weighed,) = ran(PLAIN[name](), weights, [x], count=1)
        np.testing.assert_allclose(weighed, plain * weights, rtol=0, atol=1e-6)


class TestLayerNorm:
    # A small epsilon must not be lost and a large one not be left out, in either direction.
    @pytest.mark.parametrize("epsilon", [1e-12, 1e-5, 0.5])
    def test_value_and_gradients(self, epsilon: float) -> None:
        def formula(x: Array, weight: Array, bias: Array) -> Array:
            centred = x - x.mean(-1, keepdims=True)
            return centred / np.sqrt((centred**2).mean(-1, keepdims=True) + epsilon) * weight + bias

        x, weight, bias, weights = normal(6, 16) * 0.5 + 1, normal(16), normal(16, seed=1), normal(6, 16, seed=1)
        value, gradients = ran(PLAIN["layer_norm"](epsilon, 16), weights, [x, weight, bias], count=3)
        np.testing.assert_allclose(value, formula(x.astype(np.float64), weight, bias), rtol=0, atol=5e-6)
        check_gradients(formula, weights, [x, weight, bias], gradients)


class TestAttention:
    BATCH, LENGTH, WIDTH = 3, 6, 4

    def formula(self, heads: int, mask: Array, factors: Array) -> Callable[[Array, Array, Array], Array]:
        """Attention with factors (heads, batch, length, length)."""

        def split(x: Array) -> Array:
            return x.reshape(self.BATCH, self.LENGTH, heads, self.WIDTH).transpose(2, 0, 1, 3)

        def attend(q: Array, k: Array, v: Array) -> Array:
            scores = split(q) @ split(k).transpose(0, 1, 3, 2) / math.sqrt(self.WIDTH)
            scores = np.where(mask[:, None] > 0, scores, -np.inf)
            shares = np.exp(scores - scores.max(-1, keepdims=True))
            shares = shares / shares.sum(-1, keepdims=True) * factors
            return (shares @ split(v)).transpose(1, 2, 0, 3).reshape(self.BATCH * self.LENGTH, -1)

        return attend

    def vectors(self, heads: int) -> list[Array]:
        return [normal(self.BATCH * self.LENGTH, heads * self.WIDTH, seed=seed) for seed in range(4)]

    @pytest.mark.parametrize(("heads", "drops"), [(2, False), (2, True), (3, True), (1, True)])
    def test_value_and_gradients_with_padding(self, heads: int, drops: bool) -> None:
        shape = (heads, self.BATCH, self.LENGTH, self.LENGTH)
        mask = (np.arange(self.LENGTH)[None] < np.array([[6], [1], [4]])).astype(np.float32)
        bias = np.broadcast_to(((1 - mask) * -1e9)[:, None], shape).astype(np.float32)
        kept = (np.random.default_rng(4).random(shape) >= 0.4).astype(np.float32) / np.float32(0.6)
        *qkv, weights = self.vectors(heads)
        given = [*qkv, bias, kept if drops else 1.0, self.BATCH, self.LENGTH]
        value, gradients = ran(PLAIN["attention"](heads, self.WIDTH), weights, given, count=3)
        formula = self.formula(heads, mask, kept if drops else np.ones(shape))
        np.testing.assert_allclose(value, formula(*(x.astype(np.float64) for x in qkv)), rtol=0, atol=5e-6)
        check_gradients(formula, weights, qkv, gradients)
        for gradient in gradients[1:]:
            assert not gradient.reshape(self.BATCH, self.LENGTH, -1)[mask == 0].any()

    def test_large_scores_stay_finite(self) -> None:
        shape = (2, self.BATCH, self.LENGTH, self.LENGTH)
        *qkv, weights = self.vectors(2)
        qkv = [x * 100 for x in qkv]
        given = [*qkv, np.zeros(shape, np.float32), 1.0, self.BATCH, self.LENGTH]
        value, gradients = ran(PLAIN["attention"](2, self.WIDTH), weights, given, count=3)
        formula = self.formula(2, np.ones((self.BATCH, self.LENGTH)), np.ones(shape))
        # Scores near 1e4 are rounded by 1e-3 in float32, and the shares of near equals follow.
        np.testing.assert_allclose(value, formula(*(x.astype(np.float64) for x in qkv)), rtol=0, atol=0.5)
        assert all(np.isfinite(gradient).all() for gradient in gradients)


class TestRelativeAttention:
    BATCH, LENGTH, WIDTH = 2, 7, 4

    def formula(self, heads: int, reach: int, mask: Array, factors: Array) -> Callable[..., Array]:
        """Attention to keys and values that know how far they are, query by query and key by key."""

        def attend(q: Array, k: Array, v: Array, table: Array) -> Array:
            q, k, v = (x.reshape(self.BATCH, self.LENGTH, heads, self.WIDTH) for x in (q, k, v))
            out = np.zeros_like(q)
            for row in range(self.BATCH):
                kept = np.flatnonzero(mask[row])
                for head, i in np.ndindex(heads, self.LENGTH):
                    far = table[np.clip(kept - i, -reach, reach) + reach]
                    scores = (k[row, kept, head] + far) @ q[row, i, head] / math.sqrt(self.WIDTH)
                    shares = np.exp(scores - scores.max())
                    shares = shares / shares.sum() * factors[head, row, i, kept]
                    out[row, i, head] = shares @ (v[row, kept, head] + far)
            return out.reshape(self.BATCH * self.LENGTH, -1)

        return attend

    # The table reaches less far than the pieces, as far, and farther.
    @pytest.mark.parametrize(("heads", "reach", "drops"), [(2, 3, True), (2, 6, False), (3, 9, True), (1, 1, True)])
    def test_value_and_gradients_with_padding(self, heads: int, reach: int, drops: bool) -> None:
        shape = (heads, self.BATCH, self.LENGTH, self.LENGTH)
        mask = (np.arange(self.LENGTH)[None] < np.array([[7], [4]])).astype(np.float32)
        bias = np.broadcast_to(((1 - mask) * -1e9)[:, None], shape).astype(np.float32)
        kept = (np.random.default_rng(4).random(shape) >= 0.4).astype(np.float32) / np.float32(0.6)
        *qkv, weights = (normal(self.BATCH * self.LENGTH, heads * self.WIDTH, seed=seed) for seed in range(4))
        table = normal(2 * reach + 1, self.WIDTH)
        operator = Last(PLAIN["relative_attention"](heads, self.WIDTH, reach))
        given = [*qkv, table, bias, kept if drops else 1.0, self.BATCH, self.LENGTH]
        value, gradients = ran(operator, weights, given, count=4)
        formula = self.formula(heads, reach, mask, kept if drops else np.ones(shape))
        exact = formula(*(x.astype(np.float64) for x in (*qkv, table)))
        np.testing.assert_allclose(value, exact, rtol=0, atol=5e-6)
        check_gradients(formula, weights, [*qkv, table], gradients)
        for gradient in gradients[1:3]:
            assert not gradient.reshape(self.BATCH, self.LENGTH, -1)[mask == 0].any()


class Last(nn.Cell):
    """Relative attention with its table among the first arguments, whose gradients are asked for."""

    def __init__(self, operator: nn.Cell) -> None:
        super().__init__()
        self.operator = operator

    def construct(self, q: Any, k: Any, v: Any, table: Any, bias: Any, factors: Any, batch: Any, length: Any) -> Any:
        return self.operator(q, k, v, bias, factors, batch, length, table)


class TestEmbed:
    def test_a_row_for_each_id_and_gradients_of_repeated_ids_add_up(self) -> None:
        table, ids, weights = normal(9, 4), np.array([3, 0, 3, 8, 3, 0], np.int32), normal(6, 4)
        value, (gradient,) = ran(PLAIN["embed"](9), weights, [table, ids], count=1, several=False)
        np.testing.assert_array_equal(value, table[ids])
        wanted = np.zeros((9, 4))
        np.add.at(wanted, ids, weights.astype(np.float64))
        np.testing.assert_allclose(gradient, wanted, rtol=0, atol=1e-6)

    def test_many_ids_give_the_same_bits_every_time(self) -> None:
        ids = np.random.default_rng(0).integers(0, 5, 3000).astype(np.int32)
        table, weights = normal(5, 64), normal(3000, 64)
        first, second = (ran(PLAIN["embed"](5), weights, [table, ids], count=1, several=False)[1] for _ in range(2))
        np.testing.assert_array_equal(first[0], second[0])


class TestFloat16:
    """Products of factors rounded to 11 bits, summed in at least as many: each term is off by 2 u, the sum by u."""

    UNIT = 2.0**-11

    def near(self, found: Array, a: Array, b: Array) -> None:
        bound = 3.01 * self.UNIT * (np.abs(a) @ np.abs(b)) + 1e-5
        error = np.abs(found - a.astype(np.float64) @ b)
        assert (error <= bound).all()
        assert error.max() > 1e-4  # float32 would not be so far off

    def test_linear(self) -> None:
        x, w, b, weights = normal(7, 50), normal(60, 50), normal(60), normal(7, 60)
        value, (dx, dw, db) = ran(PLAIN["linear"]("float16"), weights, [x, w, b], count=3, several=False)
        self.near(value - b, x, w.T)
        self.near(dx, weights, w)
        self.near(dw, weights.T, x)
        np.testing.assert_allclose(db, weights.sum(0, dtype=np.float64), rtol=0, atol=1e-5)
        assert {array.dtype for array in (value, dx, dw, db)} == {np.dtype(np.float32)}

    @pytest.mark.parametrize("name", ["attention", "relative_attention"])
    def test_attention(self, name: str) -> None:
        heads, batch, length, width = 2, 2, 6, 8
        *qkv, weights = (normal(batch * length, heads * width, seed=seed) for seed in range(4))
        given = [*qkv, np.zeros((heads, batch, length, length), np.float32), 1.0, batch, length]
        given, sizes = (
            ([*given, normal(7, width)], (heads, width, 3)) if "relative" in name else (given, (heads, width))
        )
        exact, slopes = ran(PLAIN[name](*sizes), weights, given, count=3)
        rounded, rounded_slopes = ran(PLAIN[name](*sizes, "float16"), weights, given, count=3)
        # Four products one after the other, each off by 3 u at most, of factors of about this size.
        for found, wanted in zip([rounded, *rounded_slopes], [exact, *slopes], strict=True):
            assert found.dtype == np.float32
            error = np.abs(found - wanted).max() / np.abs(wanted).max()
            assert 1e-5 < error < 12 * self.UNIT


def test_every_operator_is_tested_here() -> None:
    tested = {"linear", "layer_norm", "attention", "relative_attention", "embed"}
    assert set(PLAIN) == {*tested, *ACTIVATIONS}
