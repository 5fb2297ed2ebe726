"""Pre-training as a task of bertrun: masked language model and next sentence (Devlin et al. 2019)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from bert_core import Arrays, DataError, Feature, Reading, Split, TextEncoder, UsageError, Window

from .example import Example, Guess, Truth, cloze, guess, rendered
from .options import PretrainOptions, RecordOptions
from .pieces import PieceEncoder
from .prepared import Bench, prepared
from .recorded import (
    COLUMNS,
    MASKED,
    DrawnMasks,
    RecordedExamples,
    RecordedWindows,
    Rows,
    StoredMasks,
    checked_lengths,
)
from .settings import Settings
from .shards import mask_of

LABEL = "next_sentence_labels"
_MAKE = "`bertrun data pretrain TEXT --vocab FILE --output FOLDER` makes records of text"
_GIVE = f"It may be text (plain, WikiExtractor's, a MediaWiki dump) or records; {_MAKE}"
_TINY = 1e-5  # as in Google's code: a batch in which nothing is masked has the loss 0


class PretrainTask:
    """Finds masked pieces, and says whether the second text follows the first.

    Args:
        options: What the user said.
    """

    labels: Sequence[str] = ()
    metrics = ("pretraining",)
    best = "masked_lm_accuracy"
    rates: Mapping[str, float] = {}
    undecayed: Sequence[str] = ()
    head_dropout = 0.0
    head_inputs = ("masked_lm_positions",)
    record_columns: Mapping[str, Feature] = COLUMNS

    def __init__(self, options: PretrainOptions) -> None:
        self._options = options
        self._pairs = options.next_sentence
        self._text: TextEncoder | None = None
        self.reads: Literal["sequence", "both"] = "both" if self._pairs else "sequence"
        self.loss_inputs = ("masked_lm_ids", "masked_lm_weights", *((LABEL,) if self._pairs else ()))
        self.features = {name: COLUMNS[name] for name in (*MASKED, *((LABEL,) if self._pairs else ()))}

    def read(self, source: Path | None, split: Split) -> Reading:
        """Nothing: there is no sample, and text is made into records first."""
        if source is None:
            raise UsageError("the task 'pretrain' carries no sample to train on", hint=f"Give --train-data. {_GIVE}")
        raise DataError("it holds no TFRecords or MindRecords, which pre-training reads", where=source, hint=_GIVE)

    def build_records(self, source: Path, split: Split, bench: Bench) -> tuple[Path, Sequence[Path]]:
        """The records of a text, made now or before; text to score is packed once."""
        options = self._options
        settings = Settings(
            **{field.name: getattr(options, field.name) for field in fields(RecordOptions)},
            max_length=bench.text.max_length,
            dynamic_masking=options.dynamic_masking,
        )
        settings = settings if split == "train" else replace(settings, dupe_factor=1)
        return prepared(source, settings, bench, workers=options.record_workers)

    def from_records(self, rows: Rows, text: TextEncoder, source: Path) -> Reading:
        """Records, masked or to be masked when they are read."""
        if not len(rows):
            raise DataError("there is no record in it", where=source, hint=_MAKE)
        missing = [name for name in MASKED if name not in rows.columns]
        if 0 < len(missing) < len(MASKED):
            raise DataError(f"there is no column {missing[0]}", where=source, hint="Masked records have all three")
        if self._pairs and LABEL not in rows.columns:
            hint = "Say --no-next-sentence to learn masked pieces alone"
            raise DataError(f"there is no column {LABEL}", where=source, hint=hint)
        lengths, width = checked_lengths(rows, text.max_length)
        masks = self._drawn(rows, text, width, source) if missing else StoredMasks()
        how = "masked anew in each epoch" if missing else "masked as they were stored"
        summary = f"{len(rows):,} records of {lengths.mean():.0f} pieces in the mean, {lengths.max()} at most, {how}"
        return Reading(examples=RecordedExamples(rows, masks, lengths), summary=summary)

    def scored(self, reading: Reading) -> Reading:
        """What of a set is scored: all of it, or `eval_records` of it."""
        most, examples = self._options.eval_records, reading.examples
        if len(examples) <= most or not isinstance(examples, RecordedExamples):
            return reading
        note = f"{most:,} of {len(examples):,} records are scored, evenly taken, as --eval-records says"
        return replace(reading, examples=examples.evenly(most), notes=(*reading.notes, note))

    def _drawn(self, rows: Rows, text: TextEncoder, width: int, source: Path) -> DrawnMasks:
        options = self._options
        if options.whole_word_mask == "chinese" and "word_starts" not in rows.columns:
            hint = "Make them with `bertrun data pretrain --whole-word-mask chinese --dynamic-masking`"
            what = "there is no column word_starts, which --whole-word-mask chinese wants"
            raise DataError(what, where=source, hint=hint)
        return DrawnMasks(
            cast(PieceEncoder, text),
            width,
            masked_share=options.masked_share,
            max_predictions=options.max_predictions,
            whole_words=options.whole_word_mask,
        )

    def to_records(self, examples: Sequence[Any], text: TextEncoder) -> Iterator[Mapping[str, Any]]:
        """Not here: text becomes records by a command of its own."""
        raise UsageError("records of pre-training are made by another command", hint=_MAKE)

    def record_labels(self) -> Sequence[str]:
        """There are none."""
        return ()

    def learn(self, examples: Sequence[Any]) -> None:
        """There is nothing to know before."""

    def state(self) -> Mapping[str, Any]:
        """Nothing was learnt."""
        return {}

    def encode(self, examples: Sequence[Example] | Sequence[str], text: TextEncoder) -> Sequence[Window]:
        """A window of each record, made when it is asked for; of a text at once."""
        self._text = text
        if isinstance(examples, RecordedExamples):
            return RecordedWindows(examples, next_sentence=self._pairs)
        mask = mask_of(cast(PieceEncoder, text))
        clozes = [cloze(example, text, mask) if isinstance(example, str) else example for example in examples]
        return [example.window(number, next_sentence=self._pairs) for number, example in enumerate(clozes)]

    def head(self, hidden_size: int, seed: int) -> Literal["masked-lm", "pretraining"]:
        """The encoder's own heads, whose scores share its word embeddings."""
        return "pretraining" if self._pairs else "masked-lm"

    def loss(self, seed: int) -> Any:
        """The weighted mean of masked pieces, plus the mean of pairs where they are learnt."""
        from .losses import MaskedLoss, PretrainingLoss

        return PretrainingLoss() if self._pairs else MaskedLoss()

    def digest(self) -> Any:
        """The best piece of each masked position: all logits of a set would be gigabytes."""
        from .losses import MaskedDigest, PretrainingDigest

        return PretrainingDigest() if self._pairs else MaskedDigest()

    def loss_terms(self, batch: Arrays) -> NDArray[np.float32]:
        """The weights of the masked pieces, and the pairs."""
        masked = max(float(batch["masked_lm_weights"].sum(dtype=np.float64)), _TINY)
        return np.array([masked, *([len(batch["input_ids"])] if self._pairs else [])], np.float32)

    def head_numbers(self, window: Window, model: Any) -> int:
        """A score of each piece of the vocabulary for each masked one, its probability and its gradient."""
        return 3 * len(window.features["masked_lm_positions"]) * int(model.vocab_size)

    def predict(
        self,
        examples: Sequence[Example] | Sequence[str],
        windows: Sequence[Window],
        outputs: Sequence[NDArray[np.float32]],
        parameters: Arrays,
    ) -> list[Guess]:
        """The best piece of each masked position, and whether the second text follows."""
        return [
            guess(found, len(window.features["masked_lm_positions"]), next_sentence=self._pairs)
            for window, found in zip(windows, outputs, strict=True)
        ]

    def reference(self, example: Example) -> Truth:
        """What was masked."""
        return example.truth

    def from_text(self, text: str) -> str:
        """A text with [MASK] where pieces are to be found."""
        return text

    def render(self, example: Example | str, prediction: Guess) -> dict[str, Any]:
        """The text, or the two texts, and each masked piece with what was predicted."""
        assert self._text is not None, "encode comes before"
        if isinstance(example, str):
            return {"text": example, "masked": rendered(prediction, self._text, None)}
        texts = example.texts(self._text)
        shown: dict[str, Any] = {"text": texts[0], "text_pair": texts[1]}
        shown["masked"] = rendered(prediction, self._text, example.ids.tolist())
        if prediction.label is not None:
            shown |= {"follows": example.label == 0, "follows_predicted": prediction.label == 0}
        return shown
