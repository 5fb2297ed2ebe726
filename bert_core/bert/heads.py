"""BERT's heads for pre-training (Devlin et al. 2019), their parameters under Hugging Face's names."""

from __future__ import annotations

from typing import Any

import numpy as np
from mindspore import Parameter, Tensor, nn, ops

from .encoder import Maker


class Transform(nn.Cell):  # type: ignore[misc]
    """A linear map, the activation of the encoder and a layer norm."""

    def __init__(self, maker: Maker) -> None:
        super().__init__()
        size = maker.options
        self.dense = maker.matrix("cls.predictions.transform.dense", size.hidden_size, size.hidden_size)
        self.LayerNorm = maker.norm()
        self.linear = maker.operator("linear")
        self.activation = maker.operator(size.hidden_act)
        self.norm = maker.operator("layer_norm", size.layer_norm_eps, size.hidden_size)

    def construct(self, vectors: Any) -> Any:
        """(n, hidden_size) from the same."""
        vectors = self.activation(self.linear(vectors, self.dense.weight, self.dense.bias))[0]
        return self.norm(vectors, self.LayerNorm.weight, self.LayerNorm.bias)[0]


class MaskedLanguageModel(nn.Cell):  # type: ignore[misc]
    """Which piece stood at each masked position.

    Only the masked positions are scored. The matrix of the scores is the encoder's table of word embeddings,
    given as an argument: it is one parameter, whose gradient is the sum of both uses.

    Args:
        maker: Of the encoder.
    """

    def __init__(self, maker: Maker) -> None:
        super().__init__()
        self.width = maker.options.hidden_size
        self.transform = Transform(maker)
        self.bias = Parameter(Tensor(np.zeros(maker.options.vocab_size, np.float32)), name="bias")
        self.linear = maker.operator("linear")
        self.gather = ops.Gather(batch_dims=1)

    def construct(self, sequence: Any, masked_positions: Any, table: Any) -> Any:
        """Logits (batch * predictions, vocab_size), row by row.

        Args:
            sequence: (batch, length, hidden_size).
            masked_positions: (batch, predictions) int32, from 0 to length - 1. A row with fewer is filled up
                with any of these; the loss gives what is found there the weight 0.
            table: The word embeddings (vocab_size, hidden_size).
        """
        # Not by rows of (batch * length, hidden_size): with `ops.arange` in it, MindSpore 2.10 compiles some
        # gradients of this cell not at all ("pointer[manager] is null").
        vectors = self.gather(sequence, masked_positions, 1).reshape((-1, self.width))
        return self.linear(self.transform(vectors), table, self.bias)


class NextSentence(nn.Cell):  # type: ignore[misc]
    """Whether the second text follows the first: class 0 where it does, 1 where it is from elsewhere.

    Args:
        maker: Of the encoder.
    """

    def __init__(self, maker: Maker) -> None:
        super().__init__()
        made = maker.matrix("cls.seq_relationship", 2, maker.options.hidden_size)
        self.weight, self.bias = made.weight, made.bias
        self.linear = maker.operator("linear")

    def construct(self, pooled: Any) -> Any:
        """Logits (batch, 2) of (batch, hidden_size)."""
        return self.linear(pooled, self.weight, self.bias)


class Both(nn.Cell):  # type: ignore[misc]
    """The two heads, by the names that they have in checkpoints."""

    def __init__(self, maker: Maker) -> None:
        super().__init__()
        self.predictions = MaskedLanguageModel(maker)
        self.seq_relationship = NextSentence(maker)


class Words(nn.Cell):  # type: ignore[misc]
    """The masked-LM head alone, by the name that it has in checkpoints."""

    def __init__(self, maker: Maker) -> None:
        super().__init__()
        self.predictions = MaskedLanguageModel(maker)


class MaskedLanguageModelHead(nn.Cell):  # type: ignore[misc]
    """The masked-LM head, as what sits on an encoder.

    Args:
        maker: Of the encoder.
        table: Its word embeddings; see `PretrainingHeads`.
    """

    def __init__(self, maker: Maker, table: Parameter) -> None:
        super().__init__()
        self.cls = Words(maker)
        self.table = table

    def construct(self, sequence: Any, masked_positions: Any) -> Any:
        """See `MaskedLanguageModel`."""
        return self.cls.predictions(sequence, masked_positions, self.table)


class PretrainingHeads(nn.Cell):  # type: ignore[misc]
    """Both heads, as what sits on an encoder.

    Args:
        maker: Of the encoder.
        table: Its word embeddings (vocab_size, hidden_size). The parameter stays the encoder's: a network that
            holds the encoder before this cell lists it once, under the encoder's name.
    """

    outputs = ("prediction_logits", "seq_relationship_logits")  # as transformers calls them

    def __init__(self, maker: Maker, table: Parameter) -> None:
        super().__init__()
        self.cls = Both(maker)
        self.table = table

    def construct(self, sequence: Any, pooled: Any, masked_positions: Any) -> Any:
        """The logits of the masked pieces (batch * predictions, vocab_size) and of the pairs (batch, 2).

        Args:
            sequence: (batch, length, hidden_size).
            pooled: (batch, hidden_size).
            masked_positions: See `MaskedLanguageModel`.
        """
        words = self.cls.predictions(sequence, masked_positions, self.table)
        return words, self.cls.seq_relationship(pooled)
