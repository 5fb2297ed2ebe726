"""Classification and regression of texts and of pairs of texts, as a task of bertrun."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bert_core import Arrays, DataError, Feature, Reading, Split, TextEncoder, UsageError, Window

from . import records
from .asked import example_of, pair_of, rendered
from .chosen_scores import best_of, metrics_of
from .class_weights import read_weights
from .columns import Columns
from .decision import all_alike
from .example import Example, describe
from .label_file import LABELS, listed, ordered, read_labels
from .options import BALANCED, ClassifierOptions
from .presets import columns_of
from .reader import read_examples
from .targets import Classes, LabelSets, Scores, Targets, balanced_for, most_common, names_of
from .truncation import pooled, shared
from .windows import Windows

SAMPLE = Path(__file__).parent / "sample"
SAMPLE_FILES = {"train": "train.tsv", "eval": "dev.tsv", "test": "test.tsv"}
SAMPLE_COLUMNS = Columns(text="text", label="label")


class ClassifierTask:
    """Gives a text, or a pair of texts, a class, any number of classes, or a number.

    Args:
        options: What the user said.
        state: What `state` gave when a checkpoint was written.
    """

    reads: Literal["pooled"] = "pooled"
    head_inputs = ()
    loss_inputs = ("labels", "weights")
    rates: Mapping[str, float] = {}
    undecayed = ()

    def __init__(self, options: ClassifierOptions, state: Mapping[str, Any] | None = None) -> None:
        self._options = options
        self._columns = columns_of(options)
        self._learnt = state is not None
        self._pairs = bool(state["pairs"]) if state else self._columns.pair is not None
        self._targets = self._kind(
            tuple(state["labels"]) if state else (),
            tuple(state["weights"]) if state else (),
            tuple(state["common"]) if state else (),
        )
        self._windows = Windows(options)
        self.head_dropout = options.head_dropout
        self.metrics = metrics_of(options)

    def _kind(self, labels: tuple[str, ...], weights: tuple[float, ...], common: tuple[int, ...]) -> Targets:
        if self._options.scores:
            return Scores()
        kind = LabelSets if self._options.multi_label else Classes
        return kind(labels=labels, weights=weights, common=common)

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes; of numbers the one name `score`, since checkpoints say by it that there is one logit."""
        return self._targets.labels

    @property
    def best(self) -> str:
        """The score of `--metric`."""
        return best_of(self._options, len(self.labels))

    @property
    def features(self) -> Mapping[str, Feature]:
        """Label and weight of a window."""
        return self._targets.features

    @property
    def record_columns(self) -> Mapping[str, Feature]:
        """The label."""
        return {"labels": self._targets.column}

    def read(self, source: Path | None, split: Split) -> Reading:
        """The examples of a file, or of the embedded sample."""
        format_ = self._options.data_format
        if format_ == "tfrecord" or format_ == "mindrecord":
            raise DataError(f"this is text, and --data-format says {format_}", where=source)
        if source is None:
            self._check_sample()
        path = source or SAMPLE / SAMPLE_FILES[split]
        columns = self._columns if source else SAMPLE_COLUMNS
        examples = read_examples(path, columns, data_format=format_ if source else "tsv")
        return self._reading(tuple(examples), path)

    def _check_sample(self) -> None:
        if self._options.dataset or self._options.scores or self._options.multi_label or self._pairs:
            what = "the embedded sample has single texts with one class each, and the options ask for something else"
            raise UsageError(what, hint="Give --train-data, or leave those options out")

    def from_records(self, rows: Iterable[tuple[str, Arrays]], text: TextEncoder, source: Path) -> Reading:
        """The examples of records, whose label ids are those of the label file or of `labels.txt` beside them."""
        labels, notes = self._labels_of(source)
        rows = list(rows)
        if labels is None:  # ids are all that is known
            most = max((int(row["labels"].max()) for _, row in rows), default=0)
            labels = tuple(map(str, range(max(most + 1, self._options.num_labels or 0))))
        examples = tuple(records.from_records(rows, self._kind(labels, (), ()), text))
        if not self._learnt:
            self._pairs = any(example.pair is not None for example in examples)
        reading = self._reading(examples, source)
        return replace(reading, notes=(*notes, *reading.notes))

    def _labels_of(self, source: Path) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
        """The classes by the ids of records, None where ids are all that is known, and what there is to say of them."""
        beside = (source if source.is_dir() else source.parent) / LABELS
        if self._options.scores:
            return (), ()
        if self._options.label_file is not None or beside.is_file():
            return read_labels(self._options.label_file or beside), ()
        if self._columns.labels:
            return self._columns.labels, ()
        if self._options.multi_label:
            what = "records hold a number for each class, and nothing says which class is which"
            raise UsageError(what, where=source, hint=f"Give --label-file, or put {LABELS} beside them, a class a line")
        return None, (f"there is no --label-file and no {LABELS}, so classes are called by their ids",)

    def to_records(self, examples: Sequence[Example], text: TextEncoder) -> Iterator[dict[str, Any]]:
        """A record of each example, or of each window of a long one, with the ids of `record_labels`."""
        targets = self._kind(tuple(self.record_labels()), (), ())
        for example in examples:
            for ids, types in self._windows.of(example, text):
                yield records.to_record(ids, types, targets.recorded(example.label))

    def record_labels(self) -> Sequence[str]:
        """Those of the label file in its order, else the task's own; none of numbers."""
        if self._options.scores:
            return ()
        return self.labels if self._options.label_file is None else read_labels(self._options.label_file)

    def inspect(self, example: Example) -> tuple[str, Sequence[str], Sequence[str | float]]:
        """Where an example is, its texts, and its classes or its score."""
        place = example.where.rpartition(":")[2].strip()
        texts = [example.text, *([] if example.pair is None else [example.pair])]
        said = [example.label] if isinstance(example.label, float | int) else sorted(names_of(example.label))
        return f"line {place}" if place.isdigit() else place, texts, said

    def _reading(self, examples: Sequence[Example], path: Path) -> Reading:
        """Leave out what has no label, and refuse what was not learnt."""
        labelled = tuple(example for example in examples if example.label is not None)
        if not labelled:
            hint = "`bertrun predict` needs no labels"
            raise DataError("no example has a label", where=path, hint=hint)
        bare = len(examples) - len(labelled)
        notes = (f"{bare:,} without a label {'is' if bare == 1 else 'are'} left out",) if bare else ()
        self._check(labelled, path)
        return Reading(examples=labelled, summary=describe(labelled), notes=notes)

    def _check(self, examples: Sequence[Example], path: Path) -> None:
        known = self._known()
        strange = next((e for e in examples if known and not set(names_of(e.label)) <= set(known)), None)
        if strange is not None:
            names = ", ".join(sorted(set(names_of(strange.label)) - set(known)))
            who = "the model knows" if self._learnt else "the classes are"
            what = f"the class {names} is none of those that there are; {who} {listed(known)}"
            raise DataError(what, where=strange.where or path, hint="Rename it, or train on data that has it")
        single = next((e for e in examples if (e.pair is None) == self._pairs), None)
        if single is not None:
            has, wants = ("one text", "pairs") if self._pairs else ("a pair", "single texts")
            raise DataError(f"this example is {has}, and the others or the model have {wants}", where=single.where)

    def _known(self) -> tuple[str, ...]:
        """The classes, where something says them before the data does."""
        if self._options.scores:
            return ()
        return self.labels if self._learnt else self._said()

    def _said(self) -> tuple[str, ...]:
        if self._options.label_file is not None:
            return read_labels(self._options.label_file)
        return self._columns.labels

    def learn(self, examples: Sequence[Example]) -> None:
        """Take the classes from the label file, the preset or the data, and how often each comes."""
        if self._learnt:
            return
        self._learnt = True
        if self._options.scores:
            return
        labels = self._said() or ordered({name for example in examples for name in names_of(example.label)})
        self._check_number(labels)
        weights = self._weights(examples, labels)
        self._targets = self._kind(labels, weights, most_common(examples, labels))

    def _check_number(self, labels: tuple[str, ...]) -> None:
        wanted = self._options.num_labels
        if wanted is not None and len(labels) > wanted:
            what = f"there are {len(labels)} classes, and --num-labels says {wanted}: {listed(labels)}"
            raise DataError(what, hint="Leave out --num-labels, or is --label-column right?")
        if len(labels) < 2 and not self._options.multi_label:
            what = f"the training data has one class alone, {listed(labels)}"
            raise DataError(what, hint="There must be two at least. Is --label-column right?")

    def _weights(self, examples: Sequence[Example], labels: tuple[str, ...]) -> tuple[float, ...]:
        said = self._options.class_weights
        if said is None:
            return ()
        if said == BALANCED:
            return balanced_for(examples, labels, several=self._options.multi_label)
        return read_weights(Path(said), labels)

    def state(self) -> Mapping[str, Any]:
        """The classes, their weights, what most examples have, and whether there are pairs."""
        own = {} if isinstance(self._targets, Scores) else vars(self._targets)
        return {
            "labels": list(own.get("labels", ())),
            "weights": list(own.get("weights", ())),
            "common": list(own.get("common", ())),
            "pairs": self._pairs,
        }

    def encode(self, examples: Sequence[Example], text: TextEncoder) -> Sequence[Window]:
        """A window of each example, or with `--truncate windows` as many as a long one needs.

        Each window learns the label of its text, since a batch may hold any windows; those of one text together weigh
        as much as one short text. (Of sets of classes the loss is over the number of windows all the same.)
        """
        windows: list[Window] = []
        self._windows = Windows(self._options)
        for index, example in enumerate(examples):
            own = self._windows.of(example, text)
            target = self._targets.target(example.label)
            target = shared(target, len(own)) if len(own) > 1 else target
            windows += [
                Window(example=index, input_ids=ids, token_type_ids=types, features=target) for ids, types in own
            ]
        return windows

    def encoding_notes(self) -> Sequence[str]:
        """How many texts were cut, and how much of all, or how many windows they took."""
        return self._windows.notes(pairs=self._pairs)

    def head(self, hidden_size: int, seed: int) -> Any:
        """The classifier."""
        from .heads import PooledHead

        if not self.labels:
            self._targets = self._kind(self._said(), (), ())  # weights that no run of ours has written are scored
        if not self.labels:
            what = "nothing says which classes these weights know"
            raise UsageError(what, hint="Give --label-file; or --weights with the folder of a run")
        return PooledHead(hidden_size, len(self.labels), seed)

    def head_config(self) -> Mapping[str, Any]:
        """What the logits mean, so that a pipeline of `transformers` shows the same probabilities."""
        options = self._options
        if options.scores:
            return {"problem_type": "regression"}
        return {"problem_type": f"{'multi' if options.multi_label else 'single'}_label_classification"}

    def loss(self, seed: int) -> Any:
        """That of the kind of label."""
        return self._targets.loss(self._options.label_smoothing)

    def loss_terms(self, batch: Arrays) -> NDArray[np.float32]:
        """What the loss of the batch is divided by."""
        return np.array([self._targets.total(batch)], np.float32)

    def predict(
        self,
        examples: Sequence[Example],
        windows: Sequence[Window],
        outputs: Sequence[NDArray[np.float32]],
        parameters: Arrays,
    ) -> list[Any]:
        """A decision, or a number, for each example, from the logits of all of its windows."""
        rows: list[list[NDArray[np.float32]]] = [[] for _ in examples]
        for window, logits in zip(windows, outputs, strict=True):
            rows[window.example].append(logits)
        return [self._targets.predicted(pooled(own, self._options.window_pooling)) for own in rows]

    def doubts(self, predictions: Sequence[Any]) -> list[str]:
        """Whether everything was given one class."""
        return all_alike(predictions)

    def reference(self, example: Example) -> Any:
        """The annotation."""
        return self._targets.said(example.label)

    def from_text(self, text: str) -> Example:
        """A text; where the model reads pairs, two with a tab between, or a JSON object with `text` and `pair`."""
        return pair_of(text) if self._pairs else Example(text)

    def from_row(self, row: Mapping[str, Any]) -> Example:
        """An example from the members of a JSON object: `text`, and of pairs `text_b` or `pair`, or the data's columns.

        Raises:
            DataError: It lacks a text.
        """
        return example_of(row, self._columns, pairs=self._pairs)

    def render(self, example: Example, prediction: Any) -> dict[str, Any]:
        """The text or texts, and the label with its probability, or the number."""
        return rendered(example, prediction)
