"""Records for people to read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from numpy.typing import NDArray

from bert_core.data.columns import unpadded
from bert_core.data.records import Records
from bert_core.text.tokenizer import WordPiece

OF_PIECES = ("input_ids", "masked_lm_ids")
_MASK = "attention_mask"
_FIRST = ("input_ids",)  # the others by name


def shown(records: Records, numbers: range, text: WordPiece | None) -> Iterator[str]:
    """Lines about some records: each one's place, then its columns.

    What stands behind the last piece of the attention mask is padding and is only counted.

    Args:
        records: The records.
        numbers: Which.
        text: The tokenizer, so that ids of pieces are shown as pieces; None shows numbers.
    """
    for number in numbers:
        yield records.where(number)
        row = records.read(number)
        kept = unpadded(row) if _MASK in row and "input_ids" in row else row
        for name, values in sorted(row.items(), key=lambda column: (column[0] not in _FIRST, column[0])):
            yield f"  {name} {values.dtype} {list(values.shape)}: {_values(name, values, kept[name].ravel(), text)}"


def _values(name: str, values: NDArray[Any], kept: NDArray[Any], text: WordPiece | None) -> str:
    padding = f"  + {values.size - kept.size} of padding" if kept.size < values.size else ""
    if name in OF_PIECES and text is not None and ((kept >= 0) & (kept < text.vocab_size)).all():
        return " ".join(text.spelled(kept.tolist())) + padding
    shown = (f"{value:g}" if kept.dtype.kind == "f" else str(value) for value in kept.tolist())
    return " ".join(shown) + padding
