"""What a task may do beside the methods that every task has: the host asks whether a class has them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from .protocols import Task, TextEncoder
from .types import Arrays, Feature, Reading, Split, Window, Workbench

if TYPE_CHECKING:
    from mindspore import nn
    from numpy.typing import NDArray


@runtime_checkable
class DigestingTask(Task, Protocol):
    """A task whose logits are too many to be kept for a whole evaluation set."""

    def digest(self) -> nn.Cell:
        """From the logits and the features in `loss_inputs` to one array with a row for each window: (batch, ...)."""


class Rows(Protocol):
    """The records that a task reads: all of them one after the other, or some by number."""

    @property
    def columns(self) -> Sequence[str]:
        """Which of the task's columns the records have, under our names."""

    def __len__(self) -> int:
        """How many there are."""

    def __iter__(self) -> Iterator[tuple[str, Arrays]]:
        """For each record where it stands, for messages, and its columns, checked, in the task's types."""

    def take(self, numbers: Sequence[int]) -> list[Arrays]:
        """The columns of records, by their numbers from 0; quicker than one by one."""

    def where(self, number: int) -> str:
        """Where a record stands."""

    def remembered(self, what: str, make: Callable[[], Mapping[str, NDArray[Any]]]) -> Mapping[str, NDArray[Any]]:
        """What `make` learns by going through all records, or learnt in an earlier run while the files are the same.

        Args:
            what: What is learnt, with all that it depends on beside the records.
            make: Gives arrays by name; it takes every record, so that each is checked.
        """


@runtime_checkable
class RecordTask(Task, Protocol):
    """A task whose data may be records, TFRecord or MindRecord."""

    @property
    def record_columns(self) -> Mapping[str, Feature]:
        """The task's own columns beside `input_ids`, `attention_mask` and `token_type_ids`."""

    def from_records(self, rows: Rows, text: TextEncoder, source: Path) -> Reading:
        """The examples of records; they may read the rows later, when they are asked for.

        Args:
            rows: The records.
            text: The tokenizer.
            source: The file or folder.

        Raises:
            DataError: With where it stands.
        """

    def to_records(self, examples: Sequence[Any], text: TextEncoder) -> Iterator[Mapping[str, Any]]:
        """The columns of each record, without padding."""

    def record_labels(self) -> Sequence[str]:
        """Label names in the order of the ids in `to_records`; empty where there are none."""


@runtime_checkable
class BuildingTask(RecordTask, Protocol):
    """A task whose text is made into records before it is read; they are kept, and found again by later runs."""

    def build_records(self, source: Path, split: Split, bench: Workbench) -> tuple[Path, Sequence[Path]]:
        """Make the records of a text, or find those that were made of it before.

        Args:
            source: A file, a folder or a glob, which holds no records.
            split: What they are for.
            bench: What to make them with.

        Returns:
            The folder of records, and the files of text.

        Raises:
            DataError: The text cannot be read, or the records cannot be written.
        """


@runtime_checkable
class SamplingTask(Protocol):
    """A task whose sets may be too large to be scored whole: this beside the methods of `Task`."""

    def scored(self, reading: Reading) -> Reading:
        """What of a set that is not trained on is scored; what is left out is said in the notes."""


@runtime_checkable
class InspectedTask(Protocol):
    """A task whose data `bertrun data check` and `stats` can look at: this beside the methods of `Task`."""

    def inspect(self, example: Any) -> tuple[str, Sequence[str], Sequence[str | float]]:
        """Where an example stands in its file (`line 3`), its texts, and its labels or the types of its spans.

        Where the task learns a number, that is what stands for the labels.
        """


@runtime_checkable
class ShownTask(Protocol):
    """A task whose annotations look otherwise than its predictions: this beside the methods of `Task`."""

    def shown(self, example: Any) -> Mapping[str, Any]:
        """An example with its annotation as a JSON object, for `bertrun data show`."""


@runtime_checkable
class RowTask(Protocol):
    """A task that predicts from JSON lines with fields of its own: this beside the methods of `Task`.

    Lines for other tasks have a `text`, which `Task.from_text` gets.
    """

    def from_row(self, row: Mapping[str, Any]) -> Any:
        """An example to predict, from the members of a JSON object.

        Raises:
            DataError: It lacks a field, or has something else in it; without a place, which the caller knows.
        """


@runtime_checkable
class NotingTask(Protocol):
    """A task that decides something while it encodes: this beside the methods of `Task`."""

    def encoding_notes(self) -> Sequence[str]:
        """One sentence for each thing that the last `encode` decided, such as how many texts were cut."""


@runtime_checkable
class DoubtingTask(Protocol):
    """A task that sees when predictions look wrong: this beside the methods of `Task`."""

    def doubts(self, predictions: Sequence[Any]) -> Sequence[str]:
        """A sentence for each thing that looks wrong in the predictions of a set, such as one class for all."""


@runtime_checkable
class WideTask(Protocol):
    """A task whose head keeps so many numbers that memory is short of them: this beside the methods of `Task`."""

    def head_numbers(self, window: Window, model: Any) -> int:
        """How many numbers of a window the head keeps for the way back.

        Args:
            window: The longest one that is trained on.
            model: The options of the model, with its sizes.
        """


@runtime_checkable
class RecallingTask(Protocol):
    """A task that learns from evaluations too, such as a threshold: this beside the methods of `Task`."""

    def recall(self, state: Mapping[str, Any]) -> None:
        """Take back what `Task.state` gave when a checkpoint was written, whose parameters are in use again."""


@runtime_checkable
class DescribedTask(Protocol):
    """A task whose head `transformers` asks more about than label names: this beside the methods of `Task`."""

    def head_config(self) -> Mapping[str, Any]:
        """Members of a checkpoint's `config.json` in the words of `transformers`, such as `problem_type`."""


@runtime_checkable
class FilingTask(Protocol):
    """A task whose predictions are also written as files that others read: this beside the methods of `Task`."""

    def files(self, examples: Sequence[Any], predictions: Sequence[Any]) -> Mapping[str, Any]:
        """JSON values by the names of their files, which are none of a run's own."""
