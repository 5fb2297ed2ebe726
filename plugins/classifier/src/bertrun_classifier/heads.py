"""What sits on the encoder: the classifier and the losses of classes, of sets of classes and of numbers."""

from __future__ import annotations

from typing import Any

import mindspore as ms
import numpy as np
from mindspore import Parameter, Tensor, nn, ops

from bert_core import truncated_normal

DEVIATION = 0.02 / 0.88  # what is left of it when the values are cut off at twice it: 0.02, as elsewhere for heads


class Classifier(nn.Cell):  # type: ignore[misc]
    """A linear map from vectors to scores."""

    def __init__(self, width: int, outputs: int, seed: int) -> None:
        super().__init__()
        weight = truncated_normal("classifier.weight", (outputs, width), deviation=DEVIATION, seed=seed)
        self.weight = Parameter(Tensor(weight), name="weight")
        self.bias = Parameter(Tensor(np.zeros(outputs, np.float32)), name="bias")
        self.matmul = ops.MatMul(transpose_b=True)

    def construct(self, vectors: Any) -> Any:
        """Scores (n, outputs) of vectors (n, width)."""
        return self.matmul(vectors, self.weight) + self.bias


class PooledHead(nn.Cell):  # type: ignore[misc]
    """Logits of the pooled vector.

    Args:
        hidden_size: Width of the encoder's vectors.
        outputs: How many logits there are.
        seed: Of the first values.
    """

    def __init__(self, hidden_size: int, outputs: int, seed: int) -> None:
        super().__init__()
        self.classifier = Classifier(hidden_size, outputs, seed)

    def construct(self, pooled: Any) -> Any:
        """Logits (batch, outputs) of pooled vectors (batch, hidden_size)."""
        return self.classifier(pooled)


class ClassLoss(nn.Cell):  # type: ignore[misc]
    """Cross entropy of each example's class, over the weights of the examples.

    Args:
        classes: How many there are.
        smoothing: The share of the target that is spread over all classes (Szegedy et al. 2016).
    """

    def __init__(self, classes: int, smoothing: float) -> None:
        super().__init__()
        self.classes = classes
        self.on = 1.0 - smoothing + smoothing / classes
        self.off = smoothing / classes

    def construct(self, logits: Any, totals: Any, labels: Any, weights: Any) -> Any:
        """The loss.

        Args:
            logits: (batch, classes).
            totals: (1,) float32, the weights of the global batch.
            labels: (batch,) int32.
            weights: (batch,) float32, of each example.
        """
        target = ops.one_hot(labels, self.classes, self.on, self.off)
        entropies = -(ops.log_softmax(logits, -1) * target).sum(-1)
        return (entropies * weights).sum() / totals[0]


class SetLoss(nn.Cell):  # type: ignore[misc]
    """Binary cross entropy of each class of each example, over their number.

    Args:
        smoothing: The share of the target that yes and no get alike.
    """

    def __init__(self, smoothing: float) -> None:
        super().__init__()
        self.smoothing = smoothing

    def construct(self, logits: Any, totals: Any, labels: Any, weights: Any) -> Any:
        """The loss; max(x, 0) - x y + log(1 + exp(-|x|)) overflows for no logit x.

        Args:
            logits: (batch, classes).
            totals: (1,) float32, the examples of the global batch times the classes.
            labels: (batch, classes) float32, 1 for the classes of the example and 0 for others.
            weights: (batch, classes) float32.
        """
        target = labels * (1.0 - self.smoothing) + 0.5 * self.smoothing
        entropies = ops.relu(logits) - logits * target + ops.log1p(ops.exp(-ops.abs(logits)))
        return (entropies * weights).sum() / totals[0]


class SquareLoss(nn.Cell):  # type: ignore[misc]
    """The squared difference of each example's logit and its number, over their number."""

    def construct(self, logits: Any, totals: Any, labels: Any, weights: Any) -> Any:
        """The loss.

        Args:
            logits: (batch, 1).
            totals: (1,) float32, the examples of the global batch.
            labels: (batch,) float32.
            weights: (batch,) float32, 1 each.
        """
        difference = logits.reshape((-1,)).astype(ms.float32) - labels
        return (difference * difference * weights).sum() / totals[0]
