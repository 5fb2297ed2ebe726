"""One layer of the encoder: its parameters, and what is computed of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mindspore import nn

from .recomputed import Recomputed

if TYPE_CHECKING:
    from .encoder import Maker


class SelfAttention(nn.Cell):  # type: ignore[misc]
    """The parameters of queries, keys and values."""

    def __init__(self, maker: Maker, name: str) -> None:
        super().__init__()
        width = maker.options.hidden_size
        self.query = maker.matrix(f"{name}.query", width, width)
        self.key = maker.matrix(f"{name}.key", width, width)
        self.value = maker.matrix(f"{name}.value", width, width)

    def weights(self) -> Any:
        """What `LayerFunction.gather` takes."""
        q, k, v = self.query, self.key, self.value
        return q.weight, q.bias, k.weight, k.bias, v.weight, v.bias, self.positions()

    def positions(self) -> Any:
        """What attention takes besides: nothing, where positions are part of the embeddings."""
        return ()


class Residual(nn.Cell):  # type: ignore[misc]
    """The parameters of a linear map and of the layer norm after it."""

    def __init__(self, maker: Maker, name: str, width: int) -> None:
        super().__init__()
        self.dense = maker.matrix(f"{name}.dense", maker.options.hidden_size, width)
        self.LayerNorm = maker.norm()

    def weights(self) -> Any:
        """What `LayerFunction.residual` takes."""
        return self.dense.weight, self.dense.bias, self.LayerNorm.weight, self.LayerNorm.bias


class AttentionBlock(nn.Cell):  # type: ignore[misc]
    """Self-attention and its residual; the two names are Hugging Face's."""

    def __init__(self, maker: Maker, name: str) -> None:
        super().__init__()
        self.self = maker.self_attention(f"{name}.self")
        self.output = Residual(maker, f"{name}.output", maker.options.hidden_size)


class Intermediate(nn.Cell):  # type: ignore[misc]
    """The parameters of the first half of the feed-forward part."""

    def __init__(self, maker: Maker, name: str) -> None:
        super().__init__()
        self.dense = maker.matrix(f"{name}.dense", maker.options.intermediate_size, maker.options.hidden_size)


class Layer(nn.Cell):  # type: ignore[misc]
    """One layer of the encoder."""

    def __init__(self, maker: Maker, name: str) -> None:
        super().__init__()
        self.attention = AttentionBlock(maker, f"{name}.attention")
        self.intermediate = Intermediate(maker, f"{name}.intermediate")
        self.output = Residual(maker, f"{name}.output", maker.options.intermediate_size)
        function = LayerFunction(maker)
        self.function = Recomputed(function) if maker.recompute else function

    def construct(self, vectors: Any, bias: Any, factors: Any, batch: Any, length: Any) -> Any:
        """(batch * length, hidden_size); `factors` are dropout's: attention, its output, the layer's output."""
        inner = self.intermediate.dense
        weights = (
            self.attention.self.weights(),
            self.attention.output.weights(),
            (inner.weight, inner.bias),
            self.output.weights(),
        )
        return self.function(vectors, bias, factors, batch, length, weights)


class LayerFunction(nn.Cell):  # type: ignore[misc]
    """What a layer computes; its weights are an argument, as they are of operators."""

    def __init__(self, maker: Maker) -> None:
        super().__init__()
        size = maker.options
        self.linear = maker.operator("linear")
        self.attend = maker.attention()
        self.activation = maker.operator(size.hidden_act)
        self.norm = maker.operator("layer_norm", size.layer_norm_eps, size.hidden_size)

    def construct(self, vectors: Any, bias: Any, factors: Any, batch: Any, length: Any, weights: Any) -> Any:
        """See `Layer`; `weights` are those of attention, its residual, the inner map and the outer residual."""
        context = self.gather(vectors, bias, factors[0], batch, length, weights[0])
        vectors = self.residual(context, vectors, factors[1], weights[1])
        inner = self.activation(self.linear(vectors, *weights[2]))[0]
        return self.residual(inner, vectors, factors[2], weights[3])

    def gather(self, vectors: Any, bias: Any, factors: Any, batch: Any, length: Any, weights: Any) -> Any:
        """The context vectors (batch * length, hidden_size)."""
        q = self.linear(vectors, weights[0], weights[1])
        k = self.linear(vectors, weights[2], weights[3])
        v = self.linear(vectors, weights[4], weights[5])
        return self.attend(q, k, v, bias, factors, batch, length, *weights[6])[0]

    def residual(self, values: Any, before: Any, factors: Any, weights: Any) -> Any:
        """A linear map, dropout, the sum with what came before, and a layer norm."""
        vectors = self.linear(values, weights[0], weights[1])
        return self.norm(before + vectors * factors, weights[2], weights[3])[0]
