"""Classification and regression of texts and of pairs of texts, as a task of bertrun."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bert_core import Arrays, DataError, Feature, Reading, Split, TextEncoder, UsageError, Window

from . import records
from .class_weights import read_weights
from .columns import Columns
from .decision import Decision, all_alike
from .example import Example, describe
from .label_file import LABELS, ordered, read_labels
from .options import BALANCED, ClassifierOptions
from .presets import METRICS, columns_of
from .reader import read_examples
from .targets import Classes, LabelSets, Scores, Targets, balanced_for, most_common, names_of
from .truncation import Counted, cut_pair, cut_single, pooled, shared, slide

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
        self._counted = Counted()
        self.head_dropout = options.head_dropout
        self._metric = _metric(options)
        self.metrics = _metrics(options, self._metric)

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
        if self._metric in ("f1", "macro-f1"):
            plain = self._metric == "f1" and len(self.labels) == 2 and not self._options.multi_label
            several = "micro_f1" if self._metric == "f1" and self._options.multi_label else "macro_f1"
            return "f1" if plain else several
        return "exact" if self._options.multi_label else self._metric

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
            for ids, types in self._windows(example, text):
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
            what = f"the class {names} is none of those that there are; {who} {_listed(known)}"
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
            what = f"there are {len(labels)} classes, and --num-labels says {wanted}: {_listed(labels)}"
            raise DataError(what, hint="Leave out --num-labels, or is --label-column right?")
        if len(labels) < 2 and not self._options.multi_label:
            what = f"the training data has one class alone, {_listed(labels)}"
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
        self._counted = Counted()
        for index, example in enumerate(examples):
            own = self._windows(example, text)
            target = self._targets.target(example.label)
            target = shared(target, len(own)) if len(own) > 1 else target
            windows += [
                Window(example=index, input_ids=ids, token_type_ids=types, features=target) for ids, types in own
            ]
        return windows

    def _windows(self, example: Example, text: TextEncoder) -> list[tuple[list[int], list[int]]]:
        """The pieces of each window, and their types."""
        known = example.pieces
        first = known[0] if known else text.encode(example.text)[0]
        if example.pair is None:
            return self._single_windows(first, text)
        second = known[1] or () if known else text.encode(example.pair)[0]
        one, other = cut_pair(first, second, text.max_length - 3)
        self._counted.add(len(first) + len(second), len(one) + len(other), 1)
        types = [0] * (len(one) + 2) + [1] * (len(other) + 1)
        return [([text.cls_id, *one, text.sep_id, *other, text.sep_id], types)]

    def _single_windows(self, pieces: Sequence[int], text: TextEncoder) -> list[tuple[list[int], list[int]]]:
        room, how = text.max_length - 2, self._options.truncate
        if how == "windows":
            shown = slide(pieces, room, self._options.window_stride)
        else:
            shown = [cut_single(pieces, room, how)]
        self._counted.add(len(pieces), len(pieces) if how == "windows" else len(shown[0]), len(shown))
        return [([text.cls_id, *kept, text.sep_id], [0] * (len(kept) + 2)) for kept in shown]

    def encoding_notes(self) -> Sequence[str]:
        """How many texts were cut, and how much of all, or how many windows they took."""
        kept = "the longer text of a pair lost its end" if self._pairs else f"kept: {self._options.truncate}"
        return self._counted.notes(kept)

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
        if not self._pairs:
            return Example(text)
        first, tab, second = text.partition("\t")
        if tab:
            return Example(first, second)
        try:
            said = json.loads(text)
        except (ValueError, RecursionError):
            said = None
        if isinstance(said, dict) and all(isinstance(said.get(name), str) for name in ("text", "pair")):
            return Example(said["text"], said["pair"])
        hint = 'Part them by a tab, or write {"text": "...", "pair": "..."}'
        raise DataError(f"this model reads pairs, and {text[:60]!r} is one text", hint=hint)

    def from_row(self, row: Mapping[str, Any]) -> Example:
        """An example from the members of a JSON object: `text`, and of pairs `text_b` or `pair`, or the data's columns.

        Raises:
            DataError: It lacks a text.
        """
        text = _member(row, (self._columns.text, "text", "text_a"))
        if not self._pairs:
            return Example(text)
        return Example(text, _member(row, (*((self._columns.pair,) if self._columns.pair else ()), "text_b", "pair")))

    def render(self, example: Example, prediction: Any) -> dict[str, Any]:
        """The text or texts, and the label with its probability, or the number."""
        texts = {"text": example.text} if example.pair is None else {"text": example.text, "pair": example.pair}
        if not isinstance(prediction, Decision):
            return {**texts, "score": round(float(prediction), 4)}
        names = [prediction.names[number] for number in prediction.chosen]
        shares = {n: round(p, 4) for n, p in zip(prediction.names, prediction.probabilities, strict=False)}
        if prediction.several:
            return {**texts, "labels": names, **({"probabilities": shares} if shares else {})}
        label = names[0] if names else None
        sure = {"probability": shares[str(label)], "probabilities": shares} if shares else {}
        return {**texts, "label": label, **sure}


def _member(row: Mapping[str, Any], names: Sequence[str]) -> str:
    text = next((row[name] for name in names if isinstance(row.get(name), str)), "")
    if not text.strip():
        wanted = " or ".join(f'"{name}"' for name in dict.fromkeys(names))
        raise DataError(f"this JSON line has no {wanted} that is a text; its keys are: {_listed(tuple(row))}")
    return str(text)


def _metric(options: ClassifierOptions) -> str:
    """The score that counts, by its own name."""
    said = {"mcc": "matthews", "spearman-correlation": "spearman"}.get(options.metric, options.metric)
    if said != "auto":
        return said
    if options.scores:
        return "spearman"
    return METRICS.get(options.dataset or "", "accuracy")


def _metrics(options: ClassifierOptions, metric: str) -> tuple[str, ...]:
    if options.scores:
        return ("pearson", "spearman")
    usual = ("label-sets",) if options.multi_label else ("accuracy", "f1")
    chosen = ("matthews",) if metric == "matthews" else ()
    more = (("classes",) if options.per_class else ()) + (("confusion",) if options.confusion else ())
    return (*usual, *chosen, "majority", *more)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names if len(names) <= 20 else (*names[:9], "...", names[-1]))
