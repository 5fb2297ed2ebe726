"""The losses of pre-training (Devlin et al. 2019), and what of its logits is kept for scores."""

from __future__ import annotations

from typing import Any

import mindspore as ms
from mindspore import nn, ops


class Surprise(nn.Cell):  # type: ignore[misc]
    """Minus the logarithm of the probability of the right classes."""

    def __init__(self) -> None:
        super().__init__()
        self.log_softmax = ops.LogSoftmax(-1)
        self.chosen = ops.NLLLoss("none")  # a third of the time of taking elements: its way back is one operator

    def construct(self, logits: Any, classes: Any) -> Any:
        """(n,) of logits (n, classes) and the right classes (n,) int32."""
        alike = ops.ones((logits.shape[1],), ms.float32)
        return self.chosen(self.log_softmax(logits), classes, alike)[0]


class MaskedLoss(nn.Cell):  # type: ignore[misc]
    """The weighted mean over the masked pieces of the global batch."""

    def __init__(self) -> None:
        super().__init__()
        self.surprise = Surprise()

    def construct(self, logits: Any, totals: Any, ids: Any, weights: Any) -> Any:
        """The loss.

        Args:
            logits: (batch * predictions, vocab_size).
            totals: float32; the first is the weights of the global batch.
            ids: (batch, predictions) int32, the right pieces.
            weights: (batch, predictions) float32, 0 where a row has fewer.
        """
        return (self.surprise(logits, ids.reshape((-1,))) * weights.reshape((-1,))).sum() / totals[0]


class PretrainingLoss(nn.Cell):  # type: ignore[misc]
    """That of masked pieces, and the mean over the pairs of the global batch."""

    def __init__(self) -> None:
        super().__init__()
        self.masked = MaskedLoss()
        self.surprise = Surprise()

    def construct(self, logits: Any, totals: Any, ids: Any, weights: Any, labels: Any) -> Any:
        """The loss.

        Args:
            logits: Those of `MaskedLoss`, and (batch, 2).
            totals: (2,) float32, the weights and the pairs of the global batch.
            ids: See `MaskedLoss`.
            weights: See `MaskedLoss`.
            labels: (batch,) int32, 0 where the second text follows the first.
        """
        words, pairs = logits
        return self.masked(words, totals, ids, weights) + self.surprise(pairs, labels).sum() / totals[1]


class Best(nn.Cell):  # type: ignore[misc]
    """The best class of each row, and the logarithms of the probabilities of it and of the right one."""

    def __init__(self) -> None:
        super().__init__()
        self.surprise = Surprise()
        self.best = ops.ArgMaxWithValue(axis=-1)

    def construct(self, logits: Any, classes: Any) -> Any:
        """(n, 3) float32 of logits (n, classes) and the right classes (n,); ids below 2^24 are exact in it."""
        best = self.best(logits)[0].astype(ms.int32)
        return ops.stack((best.astype(ms.float32), -self.surprise(logits, best), -self.surprise(logits, classes)), -1)


class MaskedDigest(nn.Cell):  # type: ignore[misc]
    """What is kept of the logits of masked pieces."""

    def __init__(self) -> None:
        super().__init__()
        self.best = Best()

    def construct(self, logits: Any, ids: Any, weights: Any) -> Any:
        """(batch, predictions, 3): see `Best`; the arguments are those of `MaskedLoss`."""
        batch, predictions = ids.shape
        return self.best(logits, ids.reshape((-1,))).reshape((batch, predictions, 3))


class PretrainingDigest(nn.Cell):  # type: ignore[misc]
    """The same, with a row for the pair before those of the masked pieces."""

    def __init__(self) -> None:
        super().__init__()
        self.masked = MaskedDigest()
        self.best = Best()

    def construct(self, logits: Any, ids: Any, weights: Any, labels: Any) -> Any:
        """(batch, 1 + predictions, 3): see `Best`; the arguments are those of `PretrainingLoss`."""
        words, pairs = logits
        return ops.concat((self.best(pairs, labels).expand_dims(1), self.masked(words, ids, weights)), 1)
