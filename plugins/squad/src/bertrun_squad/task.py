"""Extractive question answering as a task of bertrun."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bert_core import Arrays, DataError, Feature, Reading, Split, TextEncoder, Window

from .options import SquadOptions
from .prediction import Prediction, official_files, rendered
from .question import Question, describe, misalignments, shown
from .reader import read_questions
from .records import COLUMNS, RecordWindow, from_records, to_records
from .spans import Search, search
from .unanswerable import tuned_threshold
from .windows import Cut, Windows

SAMPLE = Path(__file__).parent / "sample"
SAMPLE_FILES = {"train": "train.json", "eval": "dev.json", "test": "test.json"}
SHOWN = 20  # misaligned answers that a reading names; the others are counted
CHINESE = ("\u4e00", "\u9fff")

_ALWAYS = "Train with --version2 or on data with such questions, or score a file of answers with `bertrun score squad`"
_UNANSWERED = 'Where the text does not answer, say "is_impossible": true; `bertrun predict` needs no answers'


class SquadTask:
    """Finds the span of a text that answers a question.

    Args:
        options: What the user said.
        state: What `state` gave when a checkpoint was written.
    """

    labels: tuple[str, ...] = ()
    reads: Literal["sequence"] = "sequence"
    best = "f1"
    rates: Mapping[str, float] = {}
    undecayed: tuple[str, ...] = ()
    head_dropout = 0.0
    features: Mapping[str, Feature] = {
        "piece_mask": Feature(),
        "start_positions": Feature(ragged=False),
        "end_positions": Feature(ragged=False),
    }
    head_inputs: tuple[str, ...] = ()
    loss_inputs = ("piece_mask", "start_positions", "end_positions")
    record_columns = COLUMNS

    def __init__(self, options: SquadOptions, state: Mapping[str, Any] | None = None) -> None:
        self._options = options
        self._version2: bool | None = state["version2"] if state else options.version2
        self._metric: str | None = state["metric"] if state else None
        self._threshold: float = state["threshold"] if state else 0.0
        self._dev: Sequence[Question] | None = None

    @property
    def metrics(self) -> tuple[str, ...]:
        """The official scores of the kind of data."""
        return (self._metric or "squad",)

    def read(self, source: Path | None, split: Split) -> Reading:
        """The questions of a file, or of the embedded sample.

        Questions to train on whose annotated answers are not where they are said to be are left out. Those to score
        with stay: a score needs the answers' texts alone.
        """
        format_ = self._options.data_format
        if format_ in ("tfrecord", "mindrecord"):
            raise DataError(f"this is text, and --data-format says {format_}", where=source)
        path = source or SAMPLE / SAMPLE_FILES[split]
        questions = list(read_questions(path))
        bare = next((one for one in questions if one.answers is None), None)
        if bare is not None:
            what = f"question {bare.id} has no answer, and is not said to be impossible"
            raise DataError(what, where=bare.where, hint=_UNANSWERED)
        kept = [one for one in questions if split != "train" or one.answers or one.is_impossible]
        if split != "train":
            self._settle(kept)
            self._check_answered(kept)
        notes = (*_left_out(len(questions) - len(kept)), *_misaligned(questions))
        faults = tuple(misalignments(questions))
        reading = Reading(examples=tuple(kept), summary=describe(questions), notes=notes, faults=faults)
        self._dev = reading.examples if split == "eval" else self._dev
        return reading

    def from_records(self, rows: Iterable[tuple[str, Arrays]], text: TextEncoder, source: Path) -> Reading:
        """A question of each record, which is one window."""
        found = tuple(from_records(rows, text))
        answered = sum(bool(one.answers) for one in found)
        summary = f"{len(found):,} windows of records, {answered:,} with an answer"
        note = "records are windows: each is scored by itself, in the spelling of its pieces, where it is scored"
        return Reading(examples=found, summary=summary, notes=(note,))

    def to_records(self, examples: Sequence[Question], text: TextEncoder) -> Iterator[dict[str, Any]]:
        """A record of each window."""
        return to_records(examples, self._windows(text))

    def record_labels(self) -> Sequence[str]:
        """None."""
        return ()

    def inspect(self, example: Question) -> tuple[str, Sequence[str], Sequence[str]]:
        """Where a question is, it and its text, and whether it has an answer."""
        line = example.where.rpartition(":")[2]
        where = f"question {example.id}" + (f" (line {line})" if line.isdigit() else "")
        answered = "answered" if example.answers or example.misaligned else "answer not shown"
        label = "impossible" if example.is_impossible else answered
        return where, [example.question, example.context], [label]

    def learn(self, examples: Sequence[Question]) -> None:
        """Find out whether questions may have no answer, and which scores suit the data."""
        if not any(one.answers for one in examples):
            raise DataError("no question of the training data has an answer", hint="Is this the training file?")
        self._settle(examples)

    def _settle(self, examples: Sequence[Question]) -> None:
        """Take from data what neither the user nor the training data has said."""
        impossible = any(one.is_impossible for one in examples)
        if self._version2 is None:
            self._version2 = impossible
        if self._metric is None:
            without = "cmrc" if _is_chinese(examples) else "squad2" if self._version2 else "squad"
            auto = "squad2" if impossible else without  # no other has scores of such questions
            self._metric = auto if self._options.metric == "auto" else self._options.metric

    def _check_answered(self, examples: Sequence[Question]) -> None:
        """Refuse now what scores would refuse when an epoch has been trained."""
        impossible = next((one for one in examples if one.is_impossible), None)
        if impossible is not None and self._metric != "squad2":
            what = (
                f"question {impossible.id} has no answer in its text, and the model was made to answer every question"
            )
            raise DataError(what, where=impossible.where, hint=_ALWAYS)

    def state(self) -> Mapping[str, Any]:
        """Whether questions may have no answer, the metric, and the threshold that suited the evaluation set."""
        return {"version2": bool(self._version2), "metric": self._metric or "squad", "threshold": self._threshold}

    def recall(self, state: Mapping[str, Any]) -> None:
        """Take the threshold of a checkpoint back."""
        self._threshold = state["threshold"]

    def _windows(self, text: TextEncoder) -> Windows:
        return Windows(text, Cut(self._options.doc_stride, self._options.max_query_length))

    def encode(self, examples: Sequence[Question], text: TextEncoder) -> Sequence[Window]:
        """Windows of pieces."""
        windows = self._windows(text)
        encoded: list[Window] = []
        for index, one in enumerate(examples):
            encoded += [one.window(index)] if isinstance(one, RecordWindow) else windows.of(index, one)
        return encoded

    def head(self, hidden_size: int, seed: int) -> Any:
        """Two scores for each piece."""
        from .heads import SpanHead

        return SpanHead(hidden_size, seed)

    def loss(self, seed: int) -> Any:
        """Cross entropy of the answer's first and last piece."""
        from .heads import SpanLoss

        return SpanLoss()

    def loss_terms(self, batch: Arrays) -> NDArray[np.float32]:
        """The number of windows."""
        return np.array([len(batch["start_positions"])], np.float32)

    def predict(
        self,
        examples: Sequence[Question],
        windows: Sequence[Window],
        outputs: Sequence[NDArray[Any]],
        parameters: Arrays,
    ) -> list[Prediction]:
        """The best span over all windows of each question, or none where the null score is too far above its score.

        Where the user named no threshold, the evaluation set's predictions find the one that suits it best.
        """
        options = self._options
        how = Search(options.n_best, options.max_answer_length, bool(self._version2), math.inf)
        found = search(examples, windows, outputs, how)
        if examples is self._dev and self._version2 and examples:
            odds = [one.null_odds or 0.0 for one in found]
            answers = [self.reference(one) for one in examples]
            self._threshold, _ = tuned_threshold([one.text for one in found], answers, odds)
        threshold = self._threshold if options.null_threshold is None else options.null_threshold
        return [one.below(threshold) for one in found]

    def reference(self, example: Question) -> tuple[str, ...]:
        """The texts of the acceptable answers, also of those that are not where the file says.

        A window of a record that does not show the answer has the empty text as its answer.
        """
        texts = (*(one.text for one in example.answers or ()), *(one.text for one in example.misaligned))
        return texts or (("",) if isinstance(example, RecordWindow) and self._metric != "squad2" else ())

    def from_text(self, text: str) -> Question:
        """A question and its context: a JSON object with both, or the two with a tab between them.

        Raises:
            DataError: It is neither.
        """
        question, context, id_ = _asked(text)
        if not question.strip() or not context.strip():
            raise DataError(f"{text[:40]!r} has no question and context", hint=ASKED)
        return Question(id=id_, question=question, context=context)

    def from_row(self, row: Mapping[str, Any]) -> Question:
        """The same, from the members of a JSON object; an `id` is optional.

        Raises:
            DataError: It lacks a question or a context.
        """
        for name in ("question", "context"):
            if not isinstance(row.get(name), str) or not row[name].strip():
                raise DataError(f'this JSON line has no "{name}", or none that is a text', hint=ASKED)
        return Question(id=str(row.get("id", "")), question=row["question"], context=row["context"])

    def shown(self, example: Question) -> dict[str, Any]:
        """The question, its context, and its answers with their offsets."""
        return shown(example)

    def render(self, example: Question, prediction: Prediction) -> dict[str, Any]:
        """The answer with its offsets into the context, and the best others."""
        return rendered(example, prediction)

    def files(self, examples: Sequence[Question], predictions: Sequence[Prediction]) -> Mapping[str, Any]:
        """The files that the official scripts read."""
        return official_files(examples, predictions)


ASKED = 'Write QUESTION<TAB>CONTEXT, or {"question": "...", "context": "..."}'


def _asked(text: str) -> tuple[str, str, str]:
    if text.lstrip().startswith("{"):
        try:
            row = json.loads(text)
        except (ValueError, RecursionError):
            row = None
        if isinstance(row, dict) and isinstance(row.get("question"), str) and isinstance(row.get("context"), str):
            return row["question"], row["context"], str(row.get("id", ""))
    question, _, context = text.partition("\t")
    return question, context, ""


def _left_out(count: int) -> tuple[str, ...]:
    if not count:
        return ()
    if count == 1:
        return ("1 question is left out, as the text has none of its answers where the file says",)
    return (f"{count:,} questions are left out, as the text has none of their answers where the file says",)


def _misaligned(questions: Sequence[Question]) -> tuple[str, ...]:
    found = misalignments(questions)
    more = len(found) - SHOWN
    return (*found[:SHOWN], *((f"{more:,} more answers are not where the file says",) if more > 0 else ()))


def _is_chinese(examples: Sequence[Question]) -> bool:
    """Whether most letters of the answers and questions are Chinese."""
    letters = [letter for one in examples[:1000] for letter in one.question if letter.isalpha()]
    first, last = CHINESE
    return 2 * sum(first <= letter <= last for letter in letters) > len(letters)
