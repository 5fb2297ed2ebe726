"""Which pieces begin a word, for masking whole words."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from bert_core import UsageError

from .options import WholeWords
from .pieces import PieceEncoder

__all__ = ["ChineseWords", "WholeWords", "beginnings"]

_IDEOGRAPH = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0002ebef\uf900-\ufaff]")


def beginnings(encoder: PieceEncoder) -> NDArray[np.bool_]:
    """For each id of the vocabulary whether the piece can begin a word: it has no `##`. (vocab_size,)"""
    spelled = encoder.spelled(range(encoder.vocab_size))
    return np.array([not piece.startswith("##") for piece in spelled], dtype=np.bool_)


class ChineseWords:
    """Finds the words of Chinese text with `rjieba`, whose dictionary is jieba's.

    Google's whole-word masking changes nothing in Chinese, where each character is a piece of its own without `##`.
    Here a character that continues a word counts as `##`, as in the published Chinese BERTs with whole-word masking
    (Cui et al. 2019, "Pre-Training with Whole Word Masking for Chinese BERT").

    Args:
        encoder: The tokenizer.
        beginnings: What `beginnings` gave for it.

    Raises:
        UsageError: `rjieba` is not installed.
    """

    def __init__(self, encoder: PieceEncoder, beginnings: NDArray[np.bool_]) -> None:
        try:
            import rjieba
        except ImportError:
            what = "whole-word masking of Chinese needs rjieba, which is not installed"
            raise UsageError(what, hint='pip install "bertrun-pretraining[chinese]"') from None
        self._segment = rjieba.tokenize
        self._encoder = encoder
        self._beginnings = beginnings

    def ids(self, text: str) -> tuple[list[int], list[bool]]:
        """The piece ids of a text, and for each whether it begins a word."""
        ids, spans = self._encoder.encode(text)
        if not _IDEOGRAPH.search(text):
            return ids, self._beginnings[ids].tolist()
        starts = {start for _, start, _ in self._segment(text)}
        return ids, [
            bool(self._beginnings[piece]) and (start in starts or not _IDEOGRAPH.match(text, start))
            for piece, (start, _) in zip(ids, spans, strict=True)
        ]
