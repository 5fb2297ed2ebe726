"""From windows to the encoder's vectors, without a head."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from mindspore import Tensor, nn
from numpy.typing import NDArray

from bert_core.interrupt import ctrl_c_later
from bert_core.protocols import Encoder
from bert_core.text.batches import evaluation_order, pad
from bert_core.types import Window

from .step import open_shapes

INPUTS = ("input_ids", "token_type_ids", "attention_mask")


class Undropped(nn.Cell):  # type: ignore[misc]
    """An encoder without dropout."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.bert: Any = encoder

    def construct(self, input_ids: Any, token_type_ids: Any, attention_mask: Any) -> Any:
        """See `bert_core.protocols.Encoder`."""
        return self.bert(input_ids, token_type_ids, attention_mask, ())


class Encoding:
    """Runs an encoder over windows; one graph, compiled at the first batch, serves every batch and length.

    Args:
        encoder: The encoder.
        pad_id: The id of the padding piece.
        batch_size: Windows at once.
    """

    def __init__(self, encoder: Encoder, *, pad_id: int, batch_size: int) -> None:
        self._cell = Undropped(encoder)
        self._cell.set_train(False)
        self._pad_id = pad_id
        self._batch_size = batch_size
        self._described = False

    def __call__(self, windows: Sequence[Window]) -> Iterator[tuple[int, NDArray[np.float32], NDArray[np.float32]]]:
        """For each window, the longest first: its index, its pieces' vectors, and what the encoder gives beside them.

        The vectors are (pieces, hidden_size), without padding. The other is the pooled vector, (hidden_size,),
        where the encoder was built with a pooler. Both are parts of the batch's arrays.
        """
        lengths = [len(window.input_ids) for window in windows]
        for rows in evaluation_order(lengths, self._batch_size):
            batch = pad([windows[row] for row in rows], {}, pad_id=self._pad_id)
            sequences, pooled = self._run([Tensor.from_numpy(batch[name]) for name in INPUTS])
            for place, row in enumerate(rows):
                yield int(row), sequences[place, : lengths[row]], pooled[place]

    def _run(self, arguments: list[Any]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        if not self._described:
            self._cell.set_inputs(*open_shapes([None, *arguments])[1:])
            self._described = True
        with ctrl_c_later():
            sequences, pooled = self._cell(*arguments)
            return sequences.asnumpy(), pooled.asnumpy()
