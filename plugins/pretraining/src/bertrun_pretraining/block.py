"""A block of documents as pieces, and the records that are made of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

import numpy as np
from numpy.typing import NDArray

from .corpus import Document, sentences
from .masking import Masking
from .packing import Pairs, Segments, pack
from .pieces import PieceEncoder, RememberingEncoder
from .settings import Settings
from .words import ChineseWords, beginnings

Columns = dict[str, NDArray[np.int32] | NDArray[np.float32]]

_ROWS = 512


@dataclass(frozen=True)
class PieceBlock:
    """Documents as pieces.

    Args:
        ids: (pieces,) int32.
        begins: (pieces,) whether a piece begins a word; None where words do not matter.
        segments: Where sentences and documents begin.
    """

    ids: NDArray[np.int32]
    begins: NDArray[np.bool_] | None
    segments: Segments


class RecordMaker:
    """Makes the records of blocks; one for each process, for it remembers words.

    Args:
        settings: What decides the records.
        encoder: The tokenizer, with a [MASK].
    """

    def __init__(self, settings: Settings, encoder: PieceEncoder, mask_id: int) -> None:
        self._settings = settings
        self._encoder = encoder
        self._remembering = RememberingEncoder(encoder)
        self._beginnings = None if settings.whole_word_mask == "off" else beginnings(encoder)
        chinese = self._beginnings is not None and settings.whole_word_mask == "chinese"
        self._chinese = ChineseWords(encoder, self._beginnings) if chinese and self._beginnings is not None else None
        self._masking = Masking(settings.masked_share, settings.max_predictions, mask_id, encoder.vocab_size)

    def pieces(self, documents: Sequence[Document]) -> PieceBlock:
        """Tokenize documents; sentences and documents of which nothing is left are left out."""
        ids: list[int] = []
        begins: list[bool] = []
        bounds, firsts = [0], [0]
        for document in documents:
            for sentence in sentences(document, self._settings.sentences, self._settings.language):
                if self._chinese is None:
                    ids += self._remembering.ids(sentence)
                else:
                    found, starts = self._chinese.ids(sentence)
                    ids += found
                    begins += starts
                if len(ids) > bounds[-1]:
                    bounds.append(len(ids))
            if len(bounds) - 1 > firsts[-1]:
                firsts.append(len(bounds) - 1)
        pieces = np.array(ids, dtype=np.int32)
        flags = None if self._beginnings is None else self._beginnings[pieces]
        if self._chinese is not None:
            flags = np.array(begins, dtype=np.bool_)
        return PieceBlock(pieces, flags, Segments(bounds, firsts))

    def records(self, block: PieceBlock, number: int) -> Iterator[Columns]:
        """The records of a block in the order in which they are stored, some at a time.

        Args:
            block: The pieces.
            number: The block's number in the corpus: with the seed it decides all that is drawn.
        """
        settings = self._settings
        pairs = pack(
            block.segments,
            max_length=settings.max_length,
            short_share=settings.short_share,
            dupe_factor=settings.passes,
            random_next=settings.random_next,
            random=Random(f"bertrun {settings.seed} {number}"),
        )
        # Raw words of the generator, for NumPy keeps only these the same from version to version.
        bits = np.random.PCG64(np.random.SeedSequence((settings.seed, number)))
        count = len(pairs.a_start)
        order = np.argsort(bits.random_raw(count), kind="stable")
        for first in range(0, count, _ROWS):
            yield self._rows(block, pairs.rows(order[first : first + _ROWS]), bits)

    def _rows(self, block: PieceBlock, pairs: Pairs, bits: np.random.PCG64) -> Columns:
        length = self._settings.max_length
        places = np.arange(length, dtype=np.int32)  # 64 bits would take twice the time
        middle = pairs.a_length[:, None] + 1  # of the first [SEP]
        end = middle + pairs.b_length[:, None] + 1  # of the second
        in_b = places > middle
        present = places <= end
        source = places + np.where(in_b, pairs.b_start[:, None] - middle - 1, pairs.a_start[:, None] - 1)
        ids = block.ids.take(source, mode="clip")
        special = (places == 0) | (places == middle) | (places == end)
        ids[special] = self._encoder.sep_id
        ids[:, 0] = self._encoder.cls_id
        ids[~present] = self._encoder.pad_id
        maskable = present & ~special
        begins = None
        if block.begins is not None:
            begins = maskable & (block.begins.take(source, mode="clip") | (places == 1) | (places == middle + 1))
        columns: Columns = {
            "input_ids": ids,
            "input_mask": present.astype(np.int32),
            "segment_ids": (in_b & present).astype(np.int32),
        }
        if not self._settings.dynamic_masking:
            rows = len(ids)
            draws = self._masking.draws(length)
            raw = bits.random_raw(rows * draws).reshape(rows, draws)
            masked = self._masking.mask(ids, end[:, 0] + 1, maskable, begins, raw)
            columns["input_ids"] = masked.input_ids
            columns["masked_lm_positions"] = masked.positions
            columns["masked_lm_ids"] = masked.ids
            columns["masked_lm_weights"] = masked.weights
        elif begins is not None:
            columns["word_starts"] = begins.astype(np.int32)
        columns["next_sentence_labels"] = pairs.random_next[:, None]
        return columns
