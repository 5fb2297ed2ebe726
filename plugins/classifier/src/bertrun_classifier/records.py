"""Examples as records, and records as examples: pieces of one or two texts, and a label.

A record has `input_ids`, `attention_mask`, `token_type_ids` and `labels`, `label_ids` in the ModelZoo's: the id of the
class, or 1 and 0 for each class, or a number.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from bert_core import Arrays, DataError, TextEncoder

from .example import Example, Pieces
from .targets import Targets

GLUE = "##"


def from_records(rows: Iterable[tuple[str, Arrays]], targets: Targets, text: TextEncoder) -> Iterator[Example]:
    """An example of each record.

    Args:
        rows: For each record where it stands, for messages, and its columns.
        targets: The kind of its label, with classes in the order of the ids in the records.
        text: The tokenizer of the vocabulary that the records were made with.

    Raises:
        DataError: A label is none of those.
    """
    for where, row in rows:
        first, second = pieces = _pieces(row, text)
        try:
            label = targets.from_record(row["labels"])
        except ValueError as error:
            raise DataError(str(error), where=where) from None
        pair = None if second is None else _spelled(second, text)
        yield Example(_spelled(first, text), pair, label, where, pieces)


def _pieces(row: Arrays, text: TextEncoder) -> Pieces:
    """The pieces of both texts without the special ones: the second has token type 1."""
    kept = row["attention_mask"] > 0
    ids, types = row["input_ids"][kept].tolist(), row["token_type_ids"][kept].tolist()
    first = [piece for piece, kind in zip(ids, types, strict=True) if kind == 0]
    second = [piece for piece, kind in zip(ids, types, strict=True) if kind == 1]
    plain = _without(first[int(first[:1] == [text.cls_id]) :], text)
    return plain, _without(second, text) if second else None


def _without(ids: Sequence[int], text: TextEncoder) -> tuple[int, ...]:
    return tuple(ids[: len(ids) - int(list(ids[-1:]) == [text.sep_id])])


def _spelled(ids: Sequence[int], text: TextEncoder) -> str:
    return " ".join(text.spelled(ids)).replace(f" {GLUE}", "")


def to_record(input_ids: Sequence[int], token_type_ids: Sequence[int], label: Sequence[float]) -> dict[str, Any]:
    """The columns of a record, without padding."""
    return {
        "input_ids": input_ids,
        "attention_mask": [1] * len(input_ids),
        "token_type_ids": token_type_ids,
        "labels": label,
    }
