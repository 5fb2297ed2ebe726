"""What sits on the encoder: two scores for each piece, and the loss of where the answer starts and ends."""

from __future__ import annotations

from typing import Any

import mindspore as ms
import numpy as np
from mindspore import Parameter, Tensor, nn, ops

from bert_core import truncated_normal

DEVIATION = 0.02 / 0.88  # what is left of it when the values are cut off at twice it: 0.02, as elsewhere for heads
MASKED = -1e9  # the score of padding in the loss


class Outputs(nn.Cell):  # type: ignore[misc]
    """A start score and an end score of each vector."""

    def __init__(self, width: int, seed: int) -> None:
        super().__init__()
        weight = truncated_normal("qa_outputs.weight", (2, width), deviation=DEVIATION, seed=seed)
        self.weight = Parameter(Tensor(weight), name="weight")
        self.bias = Parameter(Tensor(np.zeros(2, np.float32)), name="bias")
        self.matmul = ops.MatMul(transpose_b=True)

    def construct(self, vectors: Any) -> Any:
        """Scores of (n, width) vectors: (n, 2)."""
        return self.matmul(vectors, self.weight) + self.bias


class SpanHead(nn.Cell):  # type: ignore[misc]
    """Scores of each piece to be the answer's first and its last, under the names of `BertForQuestionAnswering`.

    Args:
        hidden_size: Width of the encoder's vectors.
        seed: Of the first values.
    """

    def __init__(self, hidden_size: int, seed: int) -> None:
        super().__init__()
        self.qa_outputs = Outputs(hidden_size, seed)

    def construct(self, sequence: Any) -> Any:
        """Logits (batch, length, 2) of (batch, length, hidden_size)."""
        batch, length, width = sequence.shape
        return self.qa_outputs(sequence.reshape((batch * length, width))).reshape((batch, length, 2))


class SpanLoss(nn.Cell):  # type: ignore[misc]
    """The mean of the cross entropies of start and end, over the number of windows.

    Google's script lets the padding up to its fixed length take part in the softmax; here it has no share.
    """

    def construct(self, logits: Any, totals: Any, piece_mask: Any, start_positions: Any, end_positions: Any) -> Any:
        """The loss.

        Args:
            logits: (batch, length, 2).
            totals: (1,) float32, the windows of the global batch.
            piece_mask: (batch, length) int32, 1 for pieces and 0 for padding.
            start_positions: (batch,) int32.
            end_positions: (batch,) int32.
        """
        mask = piece_mask.astype(ms.float32)
        length = logits.shape[1]
        starts = ops.log_softmax(logits[:, :, 0] * mask + (1.0 - mask) * MASKED, -1)
        ends = ops.log_softmax(logits[:, :, 1] * mask + (1.0 - mask) * MASKED, -1)
        chosen = starts * ops.one_hot(start_positions, length, 1.0, 0.0)
        chosen = chosen + ends * ops.one_hot(end_positions, length, 1.0, 0.0)
        return -(chosen * mask).sum() / (2.0 * totals[0])
