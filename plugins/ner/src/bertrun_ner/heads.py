"""What sits on the encoder: the tagger, a bidirectional LSTM before it where wanted, and the two losses."""

from __future__ import annotations

from typing import Any

import mindspore as ms
import numpy as np
from mindspore import Parameter, Tensor, nn, ops

from bert_core import UsageError, truncated_normal

from .crf import LinearChainCrf

DEVIATION = 0.02 / 0.88  # what is left of it when the values are cut off at twice it: 0.02, as elsewhere for heads


class Classifier(nn.Cell):  # type: ignore[misc]
    """One score for each label."""

    def __init__(self, width: int, labels: int, seed: int) -> None:
        super().__init__()
        weight = truncated_normal("classifier.weight", (labels, width), deviation=DEVIATION, seed=seed)
        self.weight = Parameter(Tensor(weight), name="weight")
        self.bias = Parameter(Tensor(np.zeros(labels, np.float32)), name="bias")
        self.matmul = ops.MatMul(transpose_b=True)

    def construct(self, vectors: Any) -> Any:
        """Scores of (n, width) vectors: (n, labels)."""
        return self.matmul(vectors, self.weight) + self.bias


class TaggingHead(nn.Cell):  # type: ignore[misc]
    """Logits of words: of the vector of each word's first piece.

    Args:
        hidden_size: Width of the encoder's vectors.
        labels: How many labels there are.
        seed: Of the first values.
        bilstm: Whether an LSTM of half the width reads the words in both directions first.
    """

    def __init__(self, hidden_size: int, labels: int, seed: int, *, bilstm: bool) -> None:
        super().__init__()
        self.labels = labels
        self.bilstm = bilstm
        self.gather = ops.Gather()
        if bilstm:
            self.lstm = BiLstm(hidden_size, seed)
        self.classifier = Classifier(hidden_size, labels, seed)

    def construct(self, sequence: Any, word_positions: Any, word_mask: Any) -> Any:
        """Logits (batch, words, labels).

        Args:
            sequence: (batch, length, hidden_size).
            word_positions: (batch, words) int32, where each word's first piece stands.
            word_mask: (batch, words) int32, 1 for words and 0 for padding.
        """
        batch, words = word_positions.shape
        vectors = take_rows(self.gather, sequence, word_positions)
        if self.bilstm:
            vectors = self.lstm(vectors, word_mask)
        logits = self.classifier(vectors.reshape((batch * words, -1)))
        return logits.reshape((batch, words, self.labels))


def take_rows(gather: Any, vectors: Any, positions: Any) -> Any:
    """Vectors (batch, words, width) of (batch, length, width) at positions (batch, words)."""
    batch, length, width = vectors.shape
    words = positions.shape[1]
    rows = positions + ops.arange(0, batch).astype(ms.int32).reshape((batch, 1)) * length
    taken = gather(vectors.reshape((batch * length, width)), rows.reshape((batch * words,)), 0)
    return taken.reshape((batch, words, width))


class BiLstm(nn.Cell):  # type: ignore[misc]
    """Two LSTMs, one over the words and one over the words from the last to the first.

    Padding stands behind the words in both, so it changes nothing: the second one reads each row turned
    round within its own length.

    Args:
        width: Of the vectors read and given; each direction has half of it.
        seed: Of the first values, uniform within 1 / sqrt(width / 2).

    Raises:
        UsageError: The width is odd, so that it has no half.
    """

    def __init__(self, width: int, seed: int) -> None:
        if width % 2:
            what = f"--bilstm gives each direction half of --hidden-size, and {width} is odd"
            raise UsageError(what, hint="Leave --bilstm out, or take a model of an even width")
        super().__init__()
        self.ahead = nn.LSTM(width, width // 2, batch_first=True)
        self.back = nn.LSTM(width, width // 2, batch_first=True)
        self.gather = ops.Gather()
        generator = np.random.default_rng([seed, width])
        bound = (width // 2) ** -0.5
        for parameter in self.get_parameters():
            values = generator.uniform(-bound, bound, parameter.shape).astype(np.float32)
            parameter.set_data(Tensor(values))

    def construct(self, vectors: Any, word_mask: Any) -> Any:
        """(batch, words, width) from (batch, words, width)."""
        words = word_mask.shape[1]
        last = ops.ReduceSum(keep_dims=True)(word_mask, 1) - 1  # (batch, 1)
        place = ops.arange(0, words).astype(ms.int32).reshape((1, words))
        turned = ops.where(place <= last, last - place, place)  # (batch, words)
        ahead = self.ahead(vectors)[0]
        back = take_rows(self.gather, self.back(take_rows(self.gather, vectors, turned))[0], turned)
        return ops.concat((ahead, back), -1)


class TokenLoss(nn.Cell):  # type: ignore[misc]
    """Cross entropy of each word's label, over the number of words."""

    def construct(self, logits: Any, totals: Any, word_mask: Any, labels: Any) -> Any:
        """The loss.

        Args:
            logits: (batch, words, labels).
            totals: (1,) float32, the words of the global batch.
            word_mask: (batch, words) int32.
            labels: (batch, words) int32.
        """
        scores = ops.log_softmax(logits, -1)
        chosen = ops.one_hot(labels, logits.shape[-1], 1.0, 0.0) * word_mask.astype(ms.float32).expand_dims(-1)
        return -(scores * chosen).sum() / totals[0]


class CrfLoss(nn.Cell):  # type: ignore[misc]
    """Negative log likelihood of the sentences' label sequences, over the number of words.

    Dividing by words, not by sentences, gives it the size of the cross entropy, so that one learning rate
    and one clipping norm serve both; it equals it while all transitions are zero.
    """

    def __init__(self, labels: int) -> None:
        super().__init__()
        self.crf = LinearChainCrf(labels)

    def construct(self, logits: Any, totals: Any, word_mask: Any, labels: Any) -> Any:
        """The loss; arguments as for `TokenLoss`."""
        return self.crf(logits, labels, word_mask).sum() / totals[0]
