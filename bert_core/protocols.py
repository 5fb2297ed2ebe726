"""What the objects that plugins build can do; a class has the methods and inherits nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from .types import Arrays, Feature, HostHead, Noise, Reading, Split, Window

if TYPE_CHECKING:
    import numpy as np
    from mindspore import Tensor, nn
    from numpy.typing import NDArray


class Encoder(Protocol):
    """A cell from pieces to vectors."""

    hidden_size: int
    max_length: int
    noises: Sequence[Noise]

    def construct(
        self, input_ids: Tensor, token_type_ids: Tensor, attention_mask: Tensor, noise: tuple[Tensor, ...]
    ) -> Any:
        """The last layer's vectors and the pooled vector.

        Args:
            input_ids: (batch, length) int32.
            token_type_ids: (batch, length) int32.
            attention_mask: (batch, length) int32, 1 for pieces and 0 for padding.
            noise: The factors of each of `noises` (0 or 1 / (1 - rate)), in order; empty where nothing drops out.

        Returns:
            (batch, length, hidden_size) and, where it was built with a pooler, (batch, hidden_size).
        """


@runtime_checkable
class PretrainingEncoder(Protocol):
    """What an encoder offers beside `Encoder`, so that it can be pre-trained."""

    def pretraining_head(self, name: HostHead) -> nn.Cell:
        """A head with the encoder's own operators, whose scores of pieces share its table of word embeddings.

        Each is called with what `Task.reads` names, then `masked_positions` (batch, predictions) int32.

        Args:
            name: `masked-lm` is given the encoder's vectors, and gives logits (batch * predictions, vocab_size) of
                the pieces at the masked positions. `pretraining` is given the pooled vectors too, and gives a pair:
                those logits, and the logits (batch, 2) of whether the second text follows the first (0) or not (1).
        """


class TextEncoder(Protocol):
    """The tokenizer as tasks see it."""

    max_length: int
    cls_id: int
    sep_id: int
    pad_id: int
    unk_id: int

    def pieces(self, words: Sequence[str]) -> list[list[int]]:
        """The piece ids of each word, none empty: a word that leaves nothing becomes the unknown piece."""

    def encode(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        """The piece ids of a text, without special pieces, and for each piece its characters [start, end)."""

    def spelled(self, ids: Iterable[int]) -> list[str]:
        """Each piece as the vocabulary has it, such as `##ing`."""


class Task(Protocol):
    """What a run trains, evaluates and predicts."""

    @property
    def labels(self) -> Sequence[str]:
        """Label names in the order of their ids; empty before `learn`, and for tasks without labels."""

    @property
    def metrics(self) -> Sequence[str]:
        """Names of the metrics of an evaluation."""

    @property
    def best(self) -> str:
        """The score that chooses the best checkpoint, the greater the better."""

    @property
    def rates(self) -> Mapping[str, float]:
        """Multiples of the learning rate, by the beginning of the names of the head's and loss's parameters."""

    @property
    def undecayed(self) -> Sequence[str]:
        """Beginnings of the names of matrices that are not decayed."""

    @property
    def reads(self) -> Literal["sequence", "pooled", "both"]:
        """Which of the encoder's outputs the head takes; `both` as two arguments."""

    @property
    def head_dropout(self) -> float:
        """Dropout of what the head takes."""

    @property
    def features(self) -> Mapping[str, Feature]:
        """The task's own features, by name."""

    @property
    def head_inputs(self) -> Sequence[str]:
        """Features that the head takes after the vectors, in order."""

    @property
    def loss_inputs(self) -> Sequence[str]:
        """Features that the loss takes after the logits and the totals, in order."""

    def read(self, source: Path | None, split: Split) -> Reading:
        """The examples of a file, or of the task's own embedded sample where there is none.

        Raises:
            DataError: With the file and the line; also where labels are not among those learnt.
        """

    def learn(self, examples: Sequence[Any]) -> None:
        """Take label names and whatever else must be known before encoding from training examples."""

    def state(self) -> Mapping[str, Any]:
        """What was learnt, as JSON values, for `TaskSpec.build` to take back."""

    def encode(self, examples: Sequence[Any], text: TextEncoder) -> Sequence[Window]:
        """Windows in the order of the examples; none for an example without content.

        They may be `LazyWindows`, of which only those of a batch are made.
        """

    def head(self, hidden_size: int, seed: int) -> nn.Cell | HostHead:
        """From the encoder's vectors (what `reads` names) and the features in `head_inputs` to logits.

        Instead of a cell it may be the name of a head that shares the encoder's word embeddings and operators, which
        the encoder builds: see `PretrainingEncoder`.
        """

    def loss(self, seed: int) -> nn.Cell:
        """From logits, `totals` and the features in `loss_inputs` to a scalar: each term over its total."""

    def loss_terms(self, batch: Arrays) -> NDArray[np.float32]:
        """How much each of the loss's terms counts in a batch (tokens, sequences): (terms,) float32."""

    def predict(
        self, examples: Sequence[Any], windows: Sequence[Window], outputs: Sequence[NDArray[Any]], parameters: Arrays
    ) -> Sequence[Any]:
        """One prediction for each example.

        Args:
            examples: What was encoded.
            windows: What `encode` gave.
            outputs: The logits of each window, or what the cell of a `DigestingTask` made of them; rows may be padded.
            parameters: The head's and the loss's parameters by name.
        """

    def reference(self, example: Any) -> Any:
        """What a metric compares this example's prediction with."""

    def from_text(self, text: str) -> Any:
        """An example to predict, from one text."""

    def render(self, example: Any, prediction: Any) -> Mapping[str, Any]:
        """A prediction as a JSON object: label names and original text, never ids."""


@runtime_checkable
class LazyWindows(Protocol):
    """A sequence of windows that are made when a batch holds them, so that a corpus need not fit in memory."""

    @property
    def lengths(self) -> NDArray[np.int32]:
        """How many pieces each has."""

    def cut(self, rows: Sequence[int], *, seed: int, epoch: int) -> Sequence[Window]:
        """Some of them, the same for the same arguments.

        Args:
            rows: Their numbers, from 0.
            seed: Of the run; 0 where a set is scored.
            epoch: How often the set was gone through before; 0 where it is scored.
        """


class Metric(Protocol):
    """A score over a whole set."""

    def __call__(self, predictions: Sequence[Any], references: Sequence[Any]) -> Mapping[str, float]:
        """Scores by name; the metric's summary says their range where it is not 0 to 1."""


class Schedule(Protocol):
    """The learning rate over a run."""

    def __call__(self, step: int) -> float:
        """The factor of the base learning rate for the step, counted from 0."""


class Optimizer(Protocol):
    """A cell that updates parameters."""

    def construct(self, gradients: tuple[Tensor, ...], learning_rate: Tensor, step: Tensor) -> Any:
        """Update every parameter of every group once.

        Args:
            gradients: One for each parameter, in the groups' order.
            learning_rate: () float32.
            step: () float32, the number of this update, from 1.
        """


@runtime_checkable
class ClippingOptimizer(Optimizer, Protocol):
    """An optimizer that measures gradients and takes the factor of clipping itself, which saves passes over memory.

    For others the host measures gradients, and multiplies them before they get them.
    """

    def lengths(self, gradients: tuple[Tensor, ...]) -> Any:
        """Half the squared length of each gradient, (parameters,), and the global norm, (), float32.

        The norm is not finite where a gradient is not: by that an update is left out. With `--shard-optimizer` this
        process updates a part of the parameters, and measures the gradients of all.

        Args:
            gradients: One for each parameter that any process updates.
        """

    def clipped(self, gradients: tuple[Tensor, ...], factor: Tensor, learning_rate: Tensor, step: Tensor) -> Any:
        """What `construct` does, by the gradients times a factor.

        Args:
            gradients: One for each parameter, in the groups' order.
            factor: () float32, from 0 to 1.
            learning_rate: () float32.
            step: () float32, the number of this update, from 1.
        """


@runtime_checkable
class NotingOptimizer(Protocol):
    """An optimizer that decides something when it is built: this beside the methods of `Optimizer`."""

    @property
    def notes(self) -> Sequence[str]:
        """One sentence for each thing that was decided."""
