"""Label files: which types there are, and which label has which id."""

from __future__ import annotations

import json
import re
from pathlib import Path

from bert_core import DataError

from .schemes import parse, prefix

_JSON = re.compile(r'\s*(\{|\[\s*")')  # a line of text may be [PAD]
_SPECIAL = ("<", "[")

LABELS = "labels.txt"  # beside records


def read_labels(path: Path) -> tuple[str, ...]:
    """The labels of a label file in the order of their ids.

    A file of tags says them itself, one a line or in JSON. One of types alone stands for `O` and then `S_`, `B_`,
    `M_` and `E_` of each type in order, as the ModelZoo's run_ner takes it.

    Raises:
        DataError: It cannot be read, or says one id twice or none.
    """
    names = _names(path)
    if any(prefix(name) for name in names):
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise DataError(f"the label file says {twice!r} twice", where=path)
        return tuple(names)
    types = [name for name in names if name != "O" and not name.startswith(_SPECIAL)]
    return ("O", *(f"{letter}_{name}" for name in dict.fromkeys(types) for letter in "SBME"))


def read_types(path: Path) -> list[str]:
    """The entity types of a label file, of tags or of types: one a line, or in JSON.

    In JSON they are a list, the keys of an object from labels to ids, or the values of one from ids to labels.

    Raises:
        DataError: It cannot be read or names no type.
    """
    labels = [name for name in _names(path) if not name.startswith(_SPECIAL)]
    types = list(dict.fromkeys(parse(label).type for label in labels if parse(label).type))
    if not types:
        raise DataError("the label file names no entity type", where=path, hint="Write one type a line, such as PER")
    return types


def _names(path: Path) -> list[str]:
    """What the file lists, without empty lines, in the order of ids where it has ids."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise DataError(f"the label file cannot be read: {reason}", where=path) from None
    lines = _json_labels(text, path) if _JSON.match(text) else re.split(r"\r*\n|\r", text)
    return [label for line in lines if (label := line.strip())]


def _json_labels(text: str, path: Path) -> list[str]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        reason = "too deep" if isinstance(error, RecursionError) else error
        raise DataError(f"the label file is not JSON: {reason}", where=path) from None
    labels = _by_id(found, path) if isinstance(found, dict) else found
    texts = [label for label in labels if isinstance(label, str)]
    if len(texts) < len(labels):
        what = "the label file's JSON holds something other than labels"
        raise DataError(what, where=path, hint='Write ["PER", "LOC"], {"PER": 0, "LOC": 1} or {"0": "PER", "1": "LOC"}')
    return texts


def _by_id(found: dict[str, object], path: Path) -> list[object]:
    """The labels of an object from ids to labels, or from labels to ids."""
    numbered = all(key.isdecimal() for key in found)
    labels: list[object] = [*(found.values() if numbered else found)]
    ids = [int(key) for key in found] if numbered else [number for number in found.values() if type(number) is int]
    if len(ids) < len(labels):
        return labels  # it maps types to something else
    if sorted(ids) != list(range(len(ids))):
        raise DataError(f"the label file's ids are not 0 to {len(ids) - 1}, each once", where=path)
    return [labels[ids.index(number)] for number in range(len(ids))]
