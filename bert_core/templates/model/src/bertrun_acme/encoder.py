"""The cells of the family with shared layers, in MindSpore's own operators."""

from __future__ import annotations

import mindspore as ms
from bert_core import Noise, truncated_normal
from mindspore import Parameter, Tensor, nn, ops


class Maker:
    """Makes parameters with their first values."""

    def __init__(self, seed):
        self.seed = seed

    def matrix(self, name, rows, columns):
        """Small random values."""
        return Tensor(truncated_normal(name, (rows, columns), deviation=0.02, seed=self.seed))

    def dense(self, name, columns, rows):
        """A linear map from `columns` to `rows`."""
        return nn.Dense(columns, rows, weight_init=self.matrix(name, rows, columns), bias_init="zeros")


class Embeddings(nn.Cell):
    """Word, position and segment embeddings, added and normalised; narrower than the layer."""

    def __init__(self, size, maker):
        super().__init__()
        width = size.embedding_size
        self.words = Parameter(maker.matrix("words", size.vocab_size, width), name="words")
        self.positions = Parameter(maker.matrix("positions", size.max_position_embeddings, width), name="positions")
        self.types = Parameter(maker.matrix("types", size.type_vocab_size, width), name="types")
        self.norm = nn.LayerNorm((width,), epsilon=1e-12)
        self.gather = ops.Gather()

    def construct(self, input_ids, token_type_ids):
        """(batch, length, embedding_size)."""
        places = self.positions[: input_ids.shape[1]]
        return self.norm(self.gather(self.words, input_ids, 0) + self.gather(self.types, token_type_ids, 0) + places)


class Layer(nn.Cell):
    """Self-attention and a feed-forward part, each with its residual."""

    def __init__(self, size, maker):
        super().__init__()
        width = size.hidden_size
        self.heads = size.num_attention_heads
        self.width = width // self.heads
        self.query = maker.dense("query", width, width)
        self.key = maker.dense("key", width, width)
        self.value = maker.dense("value", width, width)
        self.output = maker.dense("output", width, width)
        self.inner = maker.dense("inner", width, size.intermediate_size)
        self.outer = maker.dense("outer", size.intermediate_size, width)
        self.attention_norm = nn.LayerNorm((width,), epsilon=1e-12)
        self.norm = nn.LayerNorm((width,), epsilon=1e-12)
        self.product = ops.BatchMatMul()
        self.product_b = ops.BatchMatMul(transpose_b=True)
        self.softmax = ops.Softmax(-1)

    def split(self, vectors):
        """(batch, heads, length, width of one) from (batch, length, hidden_size)."""
        batch, length, _ = vectors.shape
        return vectors.reshape((batch, length, self.heads, self.width)).transpose((0, 2, 1, 3))

    def construct(self, vectors, bias, factors):
        """(batch, length, hidden_size) from the same."""
        batch, length, _ = vectors.shape
        q, k, v = self.split(self.query(vectors)), self.split(self.key(vectors)), self.split(self.value(vectors))
        shares = self.softmax(self.product_b(q, k) * self.width**-0.5 + bias) * factors[0]
        context = self.product(shares, v).transpose((0, 2, 1, 3)).reshape((batch, length, self.heads * self.width))
        vectors = self.attention_norm(vectors + self.output(context) * factors[1])
        return self.norm(vectors + self.outer(ops.relu(self.inner(vectors))) * factors[2])


class SharedLayers(nn.Cell):
    """The encoder."""

    def __init__(self, size, parts):
        super().__init__()
        maker = Maker(parts.seed)
        self.hidden_size = size.hidden_size
        self.max_length = size.max_position_embeddings
        self.noises = noises(size)
        self.uses = size.num_hidden_layers
        self.embeddings = Embeddings(size, maker)
        self.widen = maker.dense("widen", size.embedding_size, size.hidden_size)
        self.layer = Layer(size, maker)
        self.pooled = parts.pooler
        if parts.pooler:
            self.pooler = maker.dense("pooler", size.hidden_size, size.hidden_size)

    def construct(self, input_ids, token_type_ids, attention_mask, noise):
        """The last use's vectors and the pooled vector."""
        bias = ((1.0 - attention_mask.astype(ms.float32)) * -1e9).expand_dims(1).expand_dims(1)
        vectors = self.embeddings(input_ids, token_type_ids)
        if len(noise) > 0:
            vectors = vectors * noise[0]
        vectors = self.widen(vectors)
        for index in range(self.uses):
            factors = (1.0, 1.0, 1.0)
            if len(noise) > 0:
                factors = noise[1 + 3 * index : 4 + 3 * index]
            vectors = self.layer(vectors, bias, factors)
        return vectors, ops.tanh(self.pooler(vectors[:, 0])) if self.pooled else vectors


def noises(size):
    """Where values drop out: after the embeddings, then three places in each use of the layer."""
    narrow = Noise(shape=lambda batch, length: (batch, length, size.embedding_size), rate=size.dropout)
    wide = Noise(shape=lambda batch, length: (batch, length, size.hidden_size), rate=size.dropout)
    heads = size.num_attention_heads
    shares = Noise(shape=lambda batch, length: (batch, heads, length, length), rate=size.dropout)
    return [narrow, *[shares, wide, wide] * size.num_hidden_layers]
