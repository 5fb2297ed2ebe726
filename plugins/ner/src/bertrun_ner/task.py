"""Named-entity recognition as a task of bertrun."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bert_core import Arrays, DataError, Feature, Reading, Split, TextEncoder, UsageError, Window

from . import decoding
from .files import describe, read_sentences
from .label_file import LABELS, read_labels, read_types
from .metrics import Tagging
from .options import NerOptions
from .records import COLUMNS, RecordLabels, from_records, to_records
from .schemes import IOB2, SCHEMES, Scheme, label_names, parse, recognise, tags_of, trained
from .sentence import Sentence, Unit, from_text, from_words
from .windows import windows

_MANY = 20  # texts in which it is no chance that nothing was found
SAMPLE = Path(__file__).parent / "sample"
SAMPLE_FILES = {
    "en": {"train": "en/train.conll", "eval": "en/dev.conll", "test": "en/test.conll"},
    "zh": {"train": "zh/train.json", "eval": "zh/dev.json", "test": "zh/test.json"},
}


class NerTask:
    """Tags each word (or character) with a label that spells entity spans.

    Args:
        options: What the user said.
        state: What `state` gave when a checkpoint was written.
    """

    reads: Literal["sequence"] = "sequence"
    best: str
    features: Mapping[str, Feature] = {"word_positions": Feature(), "word_mask": Feature(), "labels": Feature()}
    head_inputs = ("word_positions", "word_mask")
    loss_inputs = ("word_mask", "labels")
    undecayed = ("crf.",)
    record_columns = COLUMNS

    def __init__(self, options: NerOptions, state: Mapping[str, Any] | None = None) -> None:
        self._options = options
        self.labels: tuple[str, ...] = tuple(state["labels"]) if state else ()
        self._unit: Unit = state["unit"] if state else "word"
        self.head_dropout = options.head_dropout
        self.metrics = tuple(dict.fromkeys(("spans", options.metric)))
        self.best = {"cluener": "cluener_f1", "tokens": "token_accuracy"}.get(options.metric, "f1")
        self.rates = {"crf.": options.crf_rate}

    def read(self, source: Path | None, split: Split) -> Reading:
        """The sentences of a file, or of the embedded sample."""
        format_ = self._options.data_format
        if format_ == "tfrecord" or format_ == "mindrecord":
            raise DataError(f"this is text, and --data-format says {format_}", where=source)
        path = source or SAMPLE / SAMPLE_FILES[self._options.sample][split]
        scheme = self._options.tag_scheme
        corpus = read_sentences(
            path,
            word_column=self._options.word_column,
            tag_column=self._options.tag_column,
            data_format=format_,
            scheme=None if scheme == "auto" else SCHEMES[scheme],
            elements=self._options.xml_elements,
        )
        self._check(corpus.sentences, path)
        return Reading(examples=corpus.sentences, summary=describe(corpus.sentences), notes=corpus.notes)

    def from_records(self, rows: Iterable[tuple[str, Arrays]], text: TextEncoder, source: Path) -> Reading:
        """The sentences of records, whose label ids are those of the label file or of `labels.txt` beside them."""
        labels = read_labels(self._labels_of(source))
        sentences = tuple(from_records(rows, labels, text))
        self._check(sentences, source)
        return Reading(examples=sentences, summary=describe(sentences))

    def to_records(self, examples: Sequence[Sentence], text: TextEncoder) -> Iterator[dict[str, Any]]:
        """Records with a label for each piece, of the ids in `record_labels`."""
        return to_records(examples, RecordLabels(self.record_labels()), text)

    def record_labels(self) -> Sequence[str]:
        """Those of the label file in its order, else the task's own."""
        return self.labels if self._options.label_file is None else read_labels(self._options.label_file)

    def inspect(self, example: Sentence) -> tuple[str, Sequence[str], Sequence[str]]:
        """Where a sentence is, its text, and the types of its spans."""
        unit = "line" if example.pieces is None else "record"
        return f"{unit} {example.line}", [example.text], [span.type for span in example.spans or ()]

    def _labels_of(self, source: Path) -> Path:
        beside = (source if source.is_dir() else source.parent) / LABELS
        if self._options.label_file is None and not beside.is_file():
            what = "records hold label ids, and nothing says which label has which id"
            raise UsageError(what, where=source, hint=f"Give --label-file, or put {LABELS} beside them, a label a line")
        return self._options.label_file or beside

    def _check(self, sentences: Sequence[Sentence], path: Path) -> None:
        """Refuse what is not annotated, or annotated with other types than those learnt."""
        bare = next((sentence for sentence in sentences if sentence.spans is None), None)
        if bare is not None:
            raise DataError.at(
                path, bare.line, "this sentence is not annotated", hint="`bertrun predict` needs no tags"
            )
        known = self._types()
        found = _types_of(sentences)
        if known and not found <= known:
            line, strange = next((s.line, _types_of([s]) - known) for s in sentences if not _types_of([s]) <= known)
            who = "the model knows" if self.labels else f"{self._options.label_file} lists"
            both = f"the file's types are {_listed(found)}, and {who} {_listed(known)}"
            hint = "Rename the types, or train on data that has them all"
            raise DataError.at(path, line, f"this sentence has {_listed(strange)}; {both}", hint=hint)

    def _types(self) -> set[str]:
        if self.labels:
            return {parse(label).type for label in self.labels} - {""}
        return set() if self._options.label_file is None else set(read_types(self._options.label_file))

    def learn(self, examples: Sequence[Sentence]) -> None:
        """Take the label names from the types in the data, or from the label file."""
        if self.labels:
            return
        types = self._types() or _types_of(examples)
        if not types:
            raise DataError("no sentence of the training data has an entity", hint="Is --tag-column right?")
        self.labels = label_names(types, _scheme_of(examples))
        single = all(end - start == 1 for sentence in examples for start, end in sentence.units)
        self._unit = "character" if single else "word"

    @property
    def _scheme(self) -> Scheme:
        return trained(recognise([[label] for label in self.labels]))

    def state(self) -> Mapping[str, Any]:
        """The labels, and what a unit of text is."""
        return {"labels": list(self.labels), "unit": self._unit}

    def encode(self, examples: Sequence[Sentence], text: TextEncoder) -> Sequence[Window]:
        """Windows of pieces."""
        ids = {label: index for index, label in enumerate(self.labels)}
        encoded: list[Window] = []
        for index, sentence in enumerate(examples):
            labels = None
            if sentence.spans is not None:
                labels = [ids[tag] for tag in tags_of(sentence.spans, len(sentence.units), self._scheme)]
            pieces = sentence.pieces or text.pieces(sentence.words())
            encoded += windows(index, pieces, labels, text)
        return encoded

    def head(self, hidden_size: int, seed: int) -> Any:
        """The tagger."""
        from .heads import TaggingHead

        return TaggingHead(hidden_size, len(self.labels), seed, bilstm=self._options.bilstm)

    def loss(self, seed: int) -> Any:
        """Cross entropy, or the CRF's."""
        from .heads import CrfLoss, TokenLoss

        return CrfLoss(len(self.labels)) if self._options.crf else TokenLoss()

    def loss_terms(self, batch: Arrays) -> NDArray[np.float32]:
        """The number of words."""
        return np.array([batch["word_mask"].sum()], np.float32)

    def predict(
        self,
        examples: Sequence[Sentence],
        windows: Sequence[Window],
        outputs: Sequence[NDArray[np.float32]],
        parameters: Arrays,
    ) -> list[Tagging]:
        """The best path of labels through each sentence that the tag scheme allows."""
        return decoding.decode(examples, windows, outputs, parameters, self.labels)

    def reference(self, example: Sentence) -> Tagging:
        """The annotation."""
        spans = example.spans or ()
        return Tagging(sentence=example, tags=tags_of(spans, len(example.units), self._scheme), spans=spans)

    def doubts(self, predictions: Sequence[Tagging]) -> list[str]:
        """Whether nothing at all was found."""
        if len(predictions) < _MANY or any(prediction.spans for prediction in predictions):
            return []
        return [f"no entity was found in any of {len(predictions)} texts"]

    def from_text(self, text: str) -> Sentence:
        """A text, cut into the units that the model was trained on."""
        return from_text(text, self._unit)

    def from_row(self, row: Mapping[str, Any]) -> Sentence:
        """A sentence from the members of a JSON object: `words` as they were cut apart, else `text`.

        Raises:
            DataError: It has neither.
        """
        words = row.get("words")
        if isinstance(words, list) and words and all(isinstance(one, str) and one.strip() for one in words):
            return from_words(words)
        if isinstance(row.get("text"), str) and words is None:
            return self.from_text(row["text"])
        raise DataError(f'this JSON line has no "{"text" if words is None else "words"}"; its keys are: {_listed(row)}')

    def render(self, example: Sentence, prediction: Tagging) -> dict[str, Any]:
        """Text, entities with offsets into it (and how sure they are, where predicted), and a tag for each word."""
        scores = prediction.scores or [None] * len(prediction.spans)
        entities = [
            {
                "type": span.type,
                "surface": example.mention(span),
                "start": example.characters(span)[0],
                "end": example.characters(span)[1],
                **({} if score is None else {"score": round(float(score), 4)}),
            }
            for span, score in zip(prediction.spans, scores, strict=True)
        ]
        return {
            "text": example.text,
            "entities": entities,
            "words": list(example.words()),
            "tags": list(prediction.tags),
        }


def _scheme_of(sentences: Sequence[Sentence]) -> Scheme:
    """The scheme of the labels that are learnt from tags, which may be of several files."""
    tags = [sentence.tags for sentence in sentences if sentence.tags is not None]
    try:
        return trained(recognise(tags)) if tags else IOB2
    except ValueError as error:
        raise DataError(f"the files are tagged in two schemes: {error}", hint="Train on one of them") from None


def _types_of(sentences: Sequence[Sentence]) -> set[str]:
    return {span.type for sentence in sentences for span in sentence.spans or ()}


def _listed(types: Iterable[str]) -> str:
    return ", ".join(sorted(types))
