"""The BERT encoder (Devlin et al. 2019), its parameters under Hugging Face's names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import Parameter, Tensor, nn, ops

from bert_core.initial import truncated_normal
from bert_core.types import EncoderParts, HostHead, Noise

from .config import BertOptions
from .fused import FusedAttention
from .layer import Layer, SelfAttention
from .operators import MULTIPLYING, PLAIN

MASKED = -1e9  # added to the score of padding; exp of it is exactly 0 in float32


class Weights(nn.Cell):  # type: ignore[misc]
    """A weight and, where wanted, a bias, which operators take as arguments.

    Args:
        weight: First value of the weight.
        bias: Whether there is one; it begins at zero.
    """

    def __init__(self, weight: Any, *, bias: bool = True) -> None:
        super().__init__()
        self.weight = Parameter(Tensor(weight), name="weight")
        if bias:
            self.bias = Parameter(Tensor(np.zeros(weight.shape[0], np.float32)), name="bias")


class Maker:
    """Makes the cells of one encoder: parameters with their first values, and the operators in force.

    Those of BERT; a subclass makes those in which another family differs.

    Args:
        options: The sizes.
        parts: Seed, operators, and how they compute.
    """

    absolute_positions = True  # whether the embeddings have a table of positions

    def __init__(self, options: BertOptions, parts: EncoderParts) -> None:
        self.options = options
        self.recompute = parts.recompute
        self._seed = parts.seed
        self._compute_dtype = parts.compute_dtype
        self._operators: Mapping[str, Any] = {**PLAIN, **parts.operators}

    def operator(self, name: str, *arguments: Any) -> Any:
        """An operator: the device's own where it has one."""
        kind = (self._compute_dtype,) if name in MULTIPLYING else ()
        return self._operators[name](*arguments, *kind)

    def attention(self) -> Any:
        """The attention operator: the device's fused one where it has one that fits."""
        heads = self.options.num_attention_heads
        width = self.options.hidden_size // heads
        fused = self._operators.get("fused_attention")
        if fused is None or not fused.fits(heads, width, self._compute_dtype):
            return self.operator("attention", heads, width)
        drops = self.options.attention_probs_dropout_prob > 0
        made = fused(heads, width, self._compute_dtype)
        return FusedAttention(heads, width, self._compute_dtype, made, drops=drops)

    def self_attention(self, name: str) -> SelfAttention:
        """The parameters of a layer's attention."""
        return SelfAttention(self, name)

    def matrix(self, name: str, rows: int, columns: int, *, bias: bool = True) -> Weights:
        """A matrix (rows, columns) of small random values."""
        deviation = self.options.initializer_range
        return Weights(truncated_normal(name, (rows, columns), deviation=deviation, seed=self._seed), bias=bias)

    def norm(self) -> Weights:
        """The scale and shift of a layer norm."""
        return Weights(np.ones(self.options.hidden_size, np.float32))


class Embeddings(nn.Cell):  # type: ignore[misc]
    """Word, segment and, where there is a table of them, position embeddings, added and normalised."""

    def __init__(self, maker: Maker) -> None:
        super().__init__()
        size = maker.options
        width = size.hidden_size
        self.word_embeddings = maker.matrix("word_embeddings", size.vocab_size, width, bias=False)
        self.placed = maker.absolute_positions
        if self.placed:
            places = size.max_position_embeddings
            self.position_embeddings = maker.matrix("position_embeddings", places, width, bias=False)
            self.positions = maker.operator("embed", places)
        self.token_type_embeddings = maker.matrix("token_type_embeddings", size.type_vocab_size, width, bias=False)
        self.LayerNorm = maker.norm()
        self.words = maker.operator("embed", size.vocab_size)
        self.types = maker.operator("embed", size.type_vocab_size)
        self.norm = maker.operator("layer_norm", size.layer_norm_eps, width)

    def construct(self, input_ids: Any, token_type_ids: Any) -> Any:
        """(batch * length, hidden_size)."""
        vectors = self.words(self.word_embeddings.weight, input_ids.reshape((-1,)))
        vectors = vectors + self.types(self.token_type_embeddings.weight, token_type_ids.reshape((-1,)))
        if self.placed:
            length = input_ids.shape[1]
            place = ops.arange(0, length).astype(ms.int32).reshape((1, length)) + ops.zeros_like(input_ids)
            vectors = vectors + self.positions(self.position_embeddings.weight, place.reshape((-1,)))
        return self.norm(vectors, self.LayerNorm.weight, self.LayerNorm.bias)[0]


class Stack(nn.Cell):  # type: ignore[misc]
    """All layers."""

    def __init__(self, maker: Maker) -> None:
        super().__init__()
        self.layer = nn.CellList([Layer(maker, f"layer.{i}") for i in range(maker.options.num_hidden_layers)])


class Pooler(nn.Cell):  # type: ignore[misc]
    """The first piece's vector through a layer with tanh."""

    def __init__(self, maker: Maker) -> None:
        super().__init__()
        self.dense = maker.matrix("pooler.dense", maker.options.hidden_size, maker.options.hidden_size)
        self.linear = maker.operator("linear")
        self.tanh = maker.operator("tanh")

    def construct(self, vectors: Any) -> Any:
        """(batch, hidden_size) from (batch, hidden_size)."""
        return self.tanh(self.linear(vectors, self.dense.weight, self.dense.bias))[0]


class BertModel(nn.Cell):  # type: ignore[misc]
    """BERT: the encoder of `bert_core.protocols.Encoder`.

    Args:
        options: The sizes and rates.
        parts: Seed, operators, how they compute, and whether there is a pooler.
        family: What makes its cells: BERT's or another family's.
    """

    def __init__(self, options: BertOptions, parts: EncoderParts, family: type[Maker] = Maker) -> None:
        super().__init__()
        maker = family(options, parts)
        self.maker = maker
        self.hidden_size = options.hidden_size
        self.heads = options.num_attention_heads
        self.max_length = options.max_position_embeddings
        self.noises = noises(options)
        self.embeddings = Embeddings(maker)
        self.encoder = Stack(maker)
        self.pooled = parts.pooler
        if parts.pooler:
            self.pooler = Pooler(maker)

    def construct(self, input_ids: Any, token_type_ids: Any, attention_mask: Any, noise: Any) -> Any:
        """See `bert_core.protocols.Encoder`."""
        batch, length = input_ids.shape
        bias = ((1.0 - attention_mask.astype(ms.float32)) * MASKED).reshape((1, batch, 1, length))
        bias = ops.broadcast_to(bias, (self.heads, batch, length, length))  # once, so that no layer broadcasts
        vectors = self.embeddings(input_ids, token_type_ids)
        if len(noise) > 0:
            vectors = vectors * noise[0]
        for index, layer in enumerate(self.encoder.layer):
            factors = (1.0, 1.0, 1.0)
            if len(noise) > 0:
                factors = noise[1 + 3 * index : 4 + 3 * index]
            vectors = layer(vectors, bias, factors, batch, length)
        sequence = vectors.reshape((batch, length, self.hidden_size))
        return sequence, self.pooler(sequence[:, 0]) if self.pooled else sequence

    def pretraining_head(self, name: HostHead) -> nn.Cell:
        """See `bert_core.protocols.PretrainingEncoder`."""
        from .heads import MaskedLanguageModelHead, PretrainingHeads  # they are made by this module's `Maker`

        kind = {"masked-lm": MaskedLanguageModelHead, "pretraining": PretrainingHeads}[name]
        return kind(self.maker, self.embeddings.word_embeddings.weight)


def noises(options: BertOptions) -> list[Noise]:
    """Where the encoder drops values out: after the embeddings, then three places in each layer."""

    def vectors(batch: int, length: int) -> tuple[int, ...]:
        return (batch * length, options.hidden_size)

    def scores(batch: int, length: int) -> tuple[int, ...]:
        return (options.num_attention_heads, batch, length, length)

    hidden = Noise(shape=vectors, rate=options.hidden_dropout_prob)
    attention = Noise(shape=scores, rate=options.attention_probs_dropout_prob, axis=1)
    return [hidden, *[attention, hidden, hidden] * options.num_hidden_layers]
