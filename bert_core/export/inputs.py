"""What an exported network takes: names, types and sizes, and batches to try it on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bert_core.errors import BertrunError
from bert_core.protocols import Task
from bert_core.text.batches import pad
from bert_core.text.tokenizer import WordPiece
from bert_core.types import Window

PIECES = ("input_ids", "token_type_ids", "attention_mask")
TEXTS = (
    "Ana Duarte lives in [MASK].",
    "张三在[MASK]的一家公司工作。",
    "Halden Optics of Porto, which Ana [MASK] left in May, now [MASK] lenses for a firm in Oslo; she does not.",
)  # what is masked is a word as others are to every task but one
TOGETHER = 8  # windows in the largest batch that is tried where the batch size is open

Batch = Mapping[str, "NDArray[Any]"]


@dataclass(frozen=True)
class Input:
    """One input of a network.

    Args:
        name: What it is called.
        dtype: The name of its NumPy type.
        padding: What fills rows up.
        axes: For each axis its size, or a name where the size is open.
    """

    name: str
    dtype: str
    padding: float
    axes: tuple[int | str, ...]

    @property
    def sizes(self) -> list[int | None]:
        """The size of each axis, None where it is open."""
        return [axis if isinstance(axis, int) else None for axis in self.axes]


def example_windows(task: Task, text: WordPiece) -> Sequence[Window]:
    """Windows of a few sentences, else of the task's sample, where it takes no plain sentences."""
    try:
        examples: Sequence[Any] = [task.from_text(one) for one in TEXTS]
    except BertrunError:
        examples = task.read(None, "test").examples[:TOGETHER]
    return task.encode(examples, text)[:TOGETHER]


def inputs_of(
    task: Task, windows: Sequence[Window], text: WordPiece, *, batch_size: int | None, length: int | None
) -> list[Input]:
    """The inputs of a task's network, in order.

    Args:
        task: The task.
        windows: Some of its windows, for the sizes of features that do not depend on the text.
        text: The tokenizer.
        batch_size: Rows in a batch; None leaves it open.
        length: Pieces in a row, and values in a row of the task's ragged features; None leaves them open.
    """
    rows: int | str = "batch" if batch_size is None else batch_size
    pieces: int | str = "length" if length is None else length
    inputs = [Input(name, "int32", text.pad_id if name == "input_ids" else 0, (rows, pieces)) for name in PIECES]
    batch = pad(windows, task.features, pad_id=text.pad_id)
    for name in task.head_inputs:
        feature = task.features[name]
        values: int | str = f"{name}_length" if length is None else length
        axes = (rows, values) if feature.ragged else (rows, *batch[name].shape[1:])
        inputs.append(Input(name, feature.dtype, feature.padding, axes))
    return inputs


def batches_of(task: Task, windows: Sequence[Window], text: WordPiece, inputs: Sequence[Input]) -> list[Batch]:
    """Two batches of these windows, as unlike in size as the inputs' axes allow."""
    batches: list[Batch] = []
    for chosen in (windows, windows[:1]):
        rows = inputs[0].sizes[0]
        kept = chosen if rows is None else [chosen[row % len(chosen)] for row in range(rows)]
        batch = pad(kept, task.features, pad_id=text.pad_id)
        batches.append({item.name: _filled_up(batch[item.name], item) for item in inputs})
    return batches


def _filled_up(array: NDArray[Any], item: Input) -> NDArray[Any]:
    wanted = [have if size is None else size for have, size in zip(array.shape, item.sizes, strict=True)]
    more = [(0, size - have) for have, size in zip(array.shape, wanted, strict=True)]
    return np.pad(array, more, constant_values=item.padding)
