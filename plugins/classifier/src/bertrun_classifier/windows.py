"""Texts and pairs of texts as windows of pieces, and how much of them was cut."""

from __future__ import annotations

from collections.abc import Sequence

from bert_core import TextEncoder

from .example import Example
from .options import ClassifierOptions
from .truncation import Counted, cut_pair, cut_single, slide


class Windows:
    """Cuts what is too long, and counts it.

    Args:
        options: What the user said.
    """

    def __init__(self, options: ClassifierOptions) -> None:
        self._how = options.truncate
        self._stride = options.window_stride
        self._counted = Counted()

    def of(self, example: Example, text: TextEncoder) -> list[tuple[list[int], list[int]]]:
        """The pieces of each window, and their types."""
        known = example.pieces
        first = known[0] if known else text.encode(example.text)[0]
        if example.pair is None:
            return self._single(first, text)
        second = known[1] or () if known else text.encode(example.pair)[0]
        one, other = cut_pair(first, second, text.max_length - 3)
        self._counted.add(len(first) + len(second), len(one) + len(other), 1)
        types = [0] * (len(one) + 2) + [1] * (len(other) + 1)
        return [([text.cls_id, *one, text.sep_id, *other, text.sep_id], types)]

    def _single(self, pieces: Sequence[int], text: TextEncoder) -> list[tuple[list[int], list[int]]]:
        room, how = text.max_length - 2, self._how
        shown = slide(pieces, room, self._stride) if how == "windows" else [cut_single(pieces, room, how)]
        self._counted.add(len(pieces), len(pieces) if how == "windows" else len(shown[0]), len(shown))
        return [([text.cls_id, *kept, text.sep_id], [0] * (len(kept) + 2)) for kept in shown]

    def notes(self, *, pairs: bool) -> Sequence[str]:
        """How many texts were cut, and how much of all, or how many windows they took."""
        return self._counted.notes("the longer text of a pair lost its end" if pairs else f"kept: {self._how}")
