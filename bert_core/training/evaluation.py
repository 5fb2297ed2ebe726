"""From windows to logits to predictions to scores, with nothing dropped."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from mindspore import Tensor, nn
from numpy.typing import NDArray

from bert_core.abilities import DigestingTask
from bert_core.interrupt import ctrl_c_later
from bert_core.protocols import Metric, Task, TextEncoder
from bert_core.text.batches import cut, evaluation_order, lengths_of, pad
from bert_core.types import Window

from .encoding import INPUTS
from .network import Network, Objective, parameters_of
from .ranks import Ranks
from .step import open_shapes


class Forward(nn.Cell):  # type: ignore[misc]
    """A network without dropout, its arguments in one row."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def construct(self, input_ids: Any, token_type_ids: Any, attention_mask: Any, *head_inputs: Any) -> Any:
        """The logits."""
        return self.network(input_ids, token_type_ids, attention_mask, head_inputs, ())


class Digest(nn.Cell):  # type: ignore[misc]
    """A network without dropout, and what a task makes of its logits; its arguments in one row."""

    def __init__(self, network: Network, task: DigestingTask) -> None:
        super().__init__()
        self.network = network
        self.digest = task.digest()
        self.count = len(task.head_inputs)

    def construct(self, input_ids: Any, token_type_ids: Any, attention_mask: Any, *features: Any) -> Any:
        """The digest; `features` are the head's inputs, then the loss's."""
        logits = self.network(input_ids, token_type_ids, attention_mask, features[: self.count], ())
        return self.digest(logits, *features[self.count :])


class Evaluator:
    """Predicts, and scores predictions.

    Args:
        objective: The network and the loss, whose parameters predictions may need.
        task: What is predicted.
        text: The tokenizer.
        batch_size: Windows at once.
        ranks: The processes that share the batches; each gets what all have found.
    """

    def __init__(
        self, objective: Objective, task: Task, text: TextEncoder, batch_size: int, ranks: Ranks | None = None
    ) -> None:
        self._forward: nn.Cell = Forward(objective.network)
        self._inputs = (*INPUTS, *task.head_inputs)
        if isinstance(task, DigestingTask):
            self._forward = Digest(objective.network, task)
            self._inputs += (*task.loss_inputs,)
        self._objective = objective
        self._task = task
        self._text = text
        self._batch_size = batch_size
        self._ranks = ranks or Ranks()
        self._described = False

    def predict(self, examples: Sequence[Any], poll: Callable[[], None] = lambda: None) -> Sequence[Any]:
        """One prediction for each example.

        Args:
            examples: What the task read.
            poll: Called between batches; may raise to give up.
        """
        windows = self._task.encode(examples, self._text)
        outputs = self._logits(windows, poll)
        own = {n: p.asnumpy() for n, p in parameters_of(self._objective).items() if not n.startswith("bert.")}
        return self._task.predict(examples, windows, outputs, own)

    def _logits(self, windows: Sequence[Window], poll: Callable[[], None]) -> list[NDArray[np.float32]]:
        outputs: list[Any] = [None] * len(windows)
        for found in self._ranks.gathered(list(self._own_logits(windows, poll))):
            for rows, logits in found:
                for row, values in zip(rows, logits, strict=True):
                    outputs[row] = values
        return outputs

    def _own_logits(
        self, windows: Sequence[Window], poll: Callable[[], None]
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        """The rows of each batch of this process, and their logits; batches of one length are dealt out in turn."""
        self._forward.set_train(False)
        batches = list(evaluation_order(lengths_of(windows), self._batch_size))
        for rows in batches[self._ranks.rank :: self._ranks.size]:
            poll()
            batch = pad(cut(windows, rows, seed=0, epoch=0), self._task.features, pad_id=self._text.pad_id)
            arguments = [Tensor.from_numpy(batch[name]) for name in self._inputs]
            if not self._described:
                self._forward.set_inputs(*open_shapes([None, *arguments])[1:])
                self._described = True
            with ctrl_c_later():
                logits = self._forward(*arguments).asnumpy()
            yield rows, logits


def score(
    task: Task, metrics: Mapping[str, Metric], examples: Sequence[Any], predictions: Sequence[Any]
) -> dict[str, float]:
    """Every metric's scores of a whole set."""
    references = [task.reference(example) for example in examples]
    scores: dict[str, float] = {}
    for metric in metrics.values():
        scores.update(metric(predictions, references))
    return scores
