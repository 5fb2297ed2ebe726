"""Sentences from CoNLL columns: a word and a tag a line, an empty line between sentences."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from bert_core import DataError

from .blocks import Block, Columns, read_blocks
from .schemes import Scheme, lenient_spans
from .sentence import Corpus, Sentence, from_words
from .tagged import TOLERATED, TagRules

_SEGMENTED = re.compile(r"([^0-9]+|[0-9])([0-9]+)")


def parse_conll(
    numbered: Iterable[tuple[int, str]],
    path: Path,
    columns: Columns,
    *,
    scheme: Scheme | None = None,
    strip_word_digits: bool | None = None,
) -> Corpus:
    """The sentences of a file in columns.

    Columns are separated by one tab where the file has a tab, so that words may hold blanks; else by
    blanks. Lines with nothing but blanks and tabs, and those with `-DOCSTART-`, end a sentence. A line
    that begins with `# ` and has no second column is a comment where others have tabs or no blanks;
    elsewhere it is the word `#` with its tag.

    Args:
        numbered: The lines of the file, each with its number; taken one at a time.
        path: Its path, for messages.
        columns: Where the word and the tag are.
        scheme: The scheme whose rules every tag keeps; None finds it out, and lets one span in a hundred
            break its rules: such tags are read as conlleval reads them, and a note says so.
        strip_word_digits: Whether words end in their place in a segmented word, as in Weibo NER
            (`口0 腔1 溃2 疡3`), which is taken off. None finds it out: each word is one digit, or
            characters that are none, and then a number, and 99 in 100 numbers are 0 or one more than
            the one before.

    Raises:
        DataError: With the line.
        UsageError: If there is no such column.
    """
    rules, places = TagRules(path, scheme), _Places()
    sentences: list[Sentence] = []
    for block in read_blocks(numbered, path, columns):
        if strip_word_digits:
            _check_digits(block, path)
        places.add(block.words)
        sentences.append(_sentence(block))
        if block.tags is not None:
            rules.add(block.tags, sentences[-1].spans or (), block.lines)
    if not sentences:
        hint = "Write a word and its tag in each line, and an empty line after each sentence."
        raise DataError("the file has no sentence", where=path, hint=hint)
    notes: list[str] = []
    if strip_word_digits or (strip_word_digits is None and places.segmented):
        sentences = [_without_digits(sentence) for sentence in sentences]
        notes.append("the numbers after the words were taken for places in a segmented word and left out")
    return Corpus(tuple(sentences), (*notes, *rules.notes()))


def tagged_sentences(numbered: Iterable[tuple[int, str]], path: Path, columns: Columns) -> tuple[Sentence, ...]:
    """The sentences of a file in columns that a system tagged, whose tags may break the rules of their scheme.

    A file of one column has tags alone: they are the words too.

    Args:
        numbered: The lines of the file, each with its number; taken one at a time.
        path: Its path, for messages.
        columns: Where the word and the tag are.

    Raises:
        DataError: With the line; a tag is none in any scheme.
        UsageError: If there is no such column.
    """
    rules, places = TagRules(path, None), _Places()
    sentences: list[Sentence] = []
    for block in read_blocks(numbered, path, columns):
        tags = tuple(block.words) if block.tags is None else block.tags
        places.add(block.words)
        sentences.append(_sentence(block._replace(tags=tags)))
        rules.add(tags, sentences[-1].spans or (), block.lines)
    if not sentences:
        raise DataError("the file has no sentence", where=path)
    return tuple(map(_without_digits, sentences) if places.segmented else sentences)


def _sentence(block: Block) -> Sentence:
    if block.tags is None:
        return from_words(block.words, line=block.lines[0])
    return from_words(block.words, spans=lenient_spans(block.tags), tags=block.tags, line=block.lines[0])


class _Places:
    """Whether all words so far end in their place in a segmented word."""

    def __init__(self) -> None:
        self._all = True
        self._words = self._steps = 0

    def add(self, words: Iterable[str]) -> None:
        """Look at a sentence."""
        last = -1
        for word in words if self._all else ():
            found = _SEGMENTED.fullmatch(word)
            if found is None:
                self._all = False
                return
            place = int(found[2])
            self._words += 1
            self._steps += place in (0, last + 1)
            last = place

    @property
    def segmented(self) -> bool:
        """Whether the places are those of segmented words, but for slips."""
        return self._all and self._steps >= (1 - TOLERATED) * self._words


def _check_digits(block: Block, path: Path) -> None:
    for number, word in zip(block.lines, block.words, strict=True):
        if not _SEGMENTED.fullmatch(word):
            what = f"the word {word!r} has no number at its end to take off"
            raise DataError.at(path, number, what, hint="Leave --strip-word-digits out for this file.")


def _without_digits(sentence: Sentence) -> Sentence:
    found: Sequence[re.Match[str]] = [one for word in sentence.words() if (one := _SEGMENTED.fullmatch(word))]
    bare = from_words([one[1] for one in found], glued=[int(one[2]) > 0 for one in found])
    return replace(sentence, text=bare.text, units=bare.units)
