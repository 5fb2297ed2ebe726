"""Masking records when they are read: another mask in each epoch, the same one whenever it is asked for again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .block import Columns
from .masking import Masking
from .pieces import PieceEncoder
from .shards import mask_of
from .words import WholeWords, beginnings


class DynamicMasking:
    """Masks what `--dynamic-masking` stored, as a pure function of (seed, epoch, index of the record).

    Args:
        encoder: The tokenizer that the records were made with.
        masked_share: The share of pieces that are masked.
        max_predictions: At most so many masked pieces of a record.
        whole_words: What is masked together; `chinese` needs the column `word_starts`.
    """

    def __init__(
        self,
        encoder: PieceEncoder,
        *,
        masked_share: float = 0.15,
        max_predictions: int = 20,
        whole_words: WholeWords = "off",
    ) -> None:
        self._special = (encoder.cls_id, encoder.sep_id)
        self._whole_words = whole_words
        self._beginnings = beginnings(encoder)
        self._masking = Masking(masked_share, max_predictions, mask_of(encoder), encoder.vocab_size)

    def mask(self, columns: Mapping[str, NDArray[Any]], *, seed: int, epoch: int, indexes: Sequence[int]) -> Columns:
        """Records with the columns of masked ones.

        Args:
            columns: `input_ids`, `input_mask`, `segment_ids`, `next_sentence_labels`, and `word_starts` where they
                were stored; each (records, ...).
            seed: Of the run.
            epoch: From 0.
            indexes: Of the records in the whole set, which their places in a batch do not change.
        """
        ids = columns["input_ids"].astype(np.int32)
        present = columns["input_mask"] > 0
        maskable = present & ~np.isin(ids, self._special)
        begins = None if self._whole_words == "off" else maskable & self._word_starts(columns, ids)
        raw = np.stack([self._draws(seed, epoch, index, ids.shape[1]) for index in indexes])
        masked = self._masking.mask(ids, present.sum(axis=1), maskable, begins, raw)
        return {
            "input_ids": masked.input_ids,
            "input_mask": present.astype(np.int32),
            "segment_ids": columns["segment_ids"].astype(np.int32),
            "masked_lm_positions": masked.positions,
            "masked_lm_ids": masked.ids,
            "masked_lm_weights": masked.weights,
            "next_sentence_labels": columns["next_sentence_labels"].astype(np.int32),
        }

    def _word_starts(self, columns: Mapping[str, NDArray[Any]], ids: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Stored ones, else pieces without `##` and those behind [CLS] and [SEP]."""
        if "word_starts" in columns:
            starts: NDArray[np.bool_] = columns["word_starts"] > 0
            return starts
        starts = self._beginnings[ids]
        starts[:, 1:] |= np.isin(ids[:, :-1], self._special)
        return starts

    def _draws(self, seed: int, epoch: int, index: int, length: int) -> NDArray[np.uint64]:
        bits = np.random.Philox(key=[seed, epoch], counter=[0, index, 0, 0])
        return bits.random_raw(self._masking.draws(length))
