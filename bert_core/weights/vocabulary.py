"""The vocabulary beside weights: how many pieces it has for how many embeddings, and whether its text is lower-case."""

from __future__ import annotations

from dataclasses import dataclass

from bert_core.errors import CheckpointError
from bert_core.text.folder import TokenizerFolder

from .opened import Weights

_WORDS = "bert.embeddings.word_embeddings.weight"


@dataclass(frozen=True, kw_only=True)
class Beside:
    """What was found.

    Args:
        line: For a person.
        is_wrong: Whether these weights cannot be used with it.
    """

    line: str
    is_wrong: bool = False


def vocabulary(weights: Weights) -> Beside:
    """Look at the vocabulary beside weights: in `vocab.txt`, else in `tokenizer.json`."""
    if not has_vocabulary(weights):
        return Beside(line="none beside them")
    try:
        found = TokenizerFolder.read(weights.folder)
    except CheckpointError as error:
        return Beside(line=str(error), is_wrong=True)
    pieces = len(found.vocabulary.pieces)
    line = f"{found.vocabulary.source.name}, {pieces} pieces, {_casing(found)}"
    rows = weights.tensors[_WORDS].shape[0] if _WORDS in weights.tensors else pieces
    if pieces > rows:
        return Beside(line=f"{line}, and there are only {rows} embeddings", is_wrong=True)
    if pieces < rows:
        return Beside(line=f"{line}, for {rows} embeddings; the last {rows - pieces} are padding")
    return Beside(line=line)


def has_vocabulary(weights: Weights) -> bool:
    """Whether there is a file of it."""
    return any((weights.folder / name).exists() for name in ("vocab.txt", "tokenizer.json"))


def _casing(found: TokenizerFolder) -> str:
    """Whether text is lower-cased, and who says so."""
    if found.lowercase is None:
        return f"{_word(found.vocabulary.looks_lowercase)} by the look of the pieces"
    return _word(found.lowercase)


def _word(lowercase: bool) -> str:
    return "lower-case" if lowercase else "cased"
