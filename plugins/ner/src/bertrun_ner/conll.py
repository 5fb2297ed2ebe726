"""Sentences from CoNLL columns: a word and a tag a line, an empty line between sentences."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from bert_core import DataError, UsageError

from .schemes import Scheme, explain, lenient_spans, malformed, prefix, recognise, share_a_scheme, violations
from .sentence import Corpus, Sentence, from_words

TOLERATED = 0.01
"""Published corpora have slips (10 of Weibo's 1,895 spans begin with I). In a file whose scheme is only
guessed, up to this share of its spans may break the rules; more is damage."""

_DOCUMENT = re.compile(r"-DOCSTART-(\s|$)")
_SEGMENTED = re.compile(r"([^0-9]+|[0-9])([0-9]+)")


@dataclass(frozen=True)
class Columns:
    """Where a line keeps what is read; negative numbers count from the end.

    Args:
        word: The column of the word.
        tag: The column of the tag; a file with one column only has no tags.
    """

    word: int = 0
    tag: int = -1


class _Token(NamedTuple):
    line: int
    word: str
    tag: str | None
    glued: bool = False


_Block = list[_Token]


def parse_conll(
    text: str,
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
        text: The content of the file.
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
    blocks = _blocks(text, path, columns)
    if not blocks:
        hint = "Write a word and its tag in each line, and an empty line after each sentence."
        raise DataError("the file has no sentence", where=path, hint=hint)
    notes: list[str] = []
    if strip_word_digits or (strip_word_digits is None and _is_segmented(blocks)):
        blocks = [_without_digits(block, path) for block in blocks]
        notes.append("the numbers after the words were taken for places in a segmented word and left out")
    if blocks[0][0].tag is None:
        return Corpus(tuple(_sentence(block) for block in blocks), tuple(notes))
    _check_forms(blocks, path)
    notes += _check_rules(blocks, path, scheme)
    return Corpus(tuple(_sentence(block) for block in blocks), tuple(notes))


def tagged_sentences(text: str, path: Path, columns: Columns) -> tuple[Sentence, ...]:
    """The sentences of a file in columns that a system tagged, whose tags may break the rules of their scheme.

    A file of one column has tags alone: they are the words too.

    Args:
        text: The content of the file.
        path: Its path, for messages.
        columns: Where the word and the tag are.

    Raises:
        DataError: With the line; a tag is none in any scheme.
        UsageError: If there is no such column.
    """
    blocks = _blocks(text, path, columns)
    if not blocks:
        raise DataError("the file has no sentence", where=path)
    if blocks[0][0].tag is None:
        blocks = [[token._replace(tag=token.word) for token in block] for block in blocks]
    if _is_segmented(blocks):
        blocks = [_without_digits(block, path) for block in blocks]
    _check_forms(blocks, path)
    return tuple(_sentence(block) for block in blocks)


def _sentence(block: _Block) -> Sentence:
    words, glued = [token.word for token in block], [token.glued for token in block]
    if block[0].tag is None:
        return from_words(words, glued=glued, line=block[0].line)
    tags = _tags(block)
    return from_words(words, glued=glued, spans=lenient_spans(tags), tags=tags, line=block[0].line)


def _tags(block: _Block) -> tuple[str, ...]:
    return tuple(token.tag or "" for token in block)


def _blocks(text: str, path: Path, columns: Columns) -> list[_Block]:
    lines = re.split(r"\r*\n|\r", text)
    delimiter = _delimiter(lines)
    blocks: list[_Block] = [[]]
    width = 0
    for number, line in enumerate(lines, 1):
        if not line.strip(" \t") or _DOCUMENT.match(line):
            blocks.append([])
        elif not _is_comment(line, delimiter):
            fields = _fields(line, delimiter)
            width = width or _width(fields, path, number, columns)
            if len(fields) != width:
                raise _ragged(path, number, len(fields), width, delimiter)
            blocks[-1].append(_token(fields, path, number, columns))
    return [block for block in blocks if block]


def _delimiter(lines: Sequence[str]) -> str | None:
    rows = [line for line in lines if line.strip(" \t") and not _DOCUMENT.match(line)]
    if any("\t" in line for line in rows):
        return "\t"
    return " " if any(" " in line.strip(" ") for line in rows if not line.startswith("# ")) else None


def _is_comment(line: str, delimiter: str | None) -> bool:
    return delimiter != " " and line.startswith("# ") and "\t" not in line


def _fields(line: str, delimiter: str | None) -> list[str]:
    if delimiter == "\t":
        return line.split("\t")
    return re.split(" +", line.strip(" "))


def _width(fields: Sequence[str], path: Path, number: int, columns: Columns) -> int:
    count = len(fields)
    for name, column in (("word", columns.word), ("tag", columns.tag)):
        if not -count <= column < count and not (name == "tag" and count == 1):
            what = f"the {name} is looked for in column {column}, but line {number} has {count} columns"
            raise UsageError(what, where=path, hint="Columns count from 0, or from -1 backwards.")
    if count > 1 and columns.word % count == columns.tag % count:
        what = f"the word and the tag are looked for in the same column, {columns.word}"
        raise UsageError(what, where=path, hint="Columns count from 0, or from -1 backwards.")
    return count


def _ragged(path: Path, number: int, count: int, width: int, delimiter: str | None) -> DataError:
    separator = "one tab" if delimiter == "\t" else "blanks"
    here = f"{count} column{'s' if count > 1 else ''}"
    hint = f"Columns are separated by {separator} in this file."
    return DataError.at(path, number, f"the line has {here}, the lines before have {width}", hint=hint)


def _token(fields: Sequence[str], path: Path, number: int, columns: Columns) -> _Token:
    word = fields[columns.word]
    if not word:
        raise DataError.at(path, number, "the word is empty", hint="Columns are separated by one tab in this file.")
    return _Token(number, word, fields[columns.tag].strip(" ") if len(fields) > 1 else None)


def _is_segmented(blocks: Sequence[_Block]) -> bool:
    steps = 0
    for block in blocks:
        last = -1
        for token in block:
            found = _SEGMENTED.fullmatch(token.word)
            if found is None:
                return False
            place = int(found[2])
            steps += place in (0, last + 1)
            last = place
    return steps >= (1 - TOLERATED) * sum(len(block) for block in blocks)


def _without_digits(block: _Block, path: Path) -> _Block:
    stripped = []
    for token in block:
        found = _SEGMENTED.fullmatch(token.word)
        if found is None:
            what = f"the word {token.word!r} has no number at its end to take off"
            raise DataError.at(path, token.line, what, hint="Leave --strip-word-digits out for this file.")
        stripped.append(_Token(token.line, found[1], token.tag, glued=int(found[2]) > 0))
    return stripped


def _check_forms(blocks: Sequence[_Block], path: Path) -> None:
    first: dict[str, _Token] = {}
    for token in (token for block in blocks for token in block if token.tag != "O"):
        tag = token.tag or ""
        problem = malformed(tag)
        if problem is not None:
            hint = "Tags are O, a plain label, or a prefix and a type such as B-PER."
            raise DataError.at(path, token.line, problem, hint=hint)
        if prefix(tag) not in first and not share_a_scheme([*first, prefix(tag)]):
            other = next(other for seen, other in first.items() if _clash(first, seen, prefix(tag)))
            what = f"no tag scheme has both {tag!r} and {other.tag!r} of line {other.line}"
            raise DataError.at(path, token.line, what, hint="One file has one scheme: IOB, BIOES, BMES or BILOU.")
        first.setdefault(prefix(tag), token)


def _clash(first: dict[str, _Token], seen: str, new: str) -> bool:
    return not share_a_scheme([seen, new]) or all(share_a_scheme([one, new]) for one in first)


def _check_rules(blocks: Sequence[_Block], path: Path, declared: Scheme | None) -> list[str]:
    tagged = [_tags(block) for block in blocks]
    found = recognise(tagged)
    scheme = found if declared is None else declared
    if declared is not None:
        _check_prefixes(blocks, path, declared)
    slips = [(block, index) for block, tags in zip(blocks, tagged, strict=True) for index in violations(tags, scheme)]
    if not slips:
        return []
    block, index = slips[0]
    line, problem = block[min(index, len(block) - 1)].line, explain(_tags(block), index, scheme)
    spans = sum(len(lenient_spans(tags)) for tags in tagged)
    slipped = "1 tag breaks" if len(slips) == 1 else f"{len(slips):,} tags break"
    share = f"{slipped} the rules of {scheme} in {spans:,} span{'' if spans == 1 else 's'}"
    if declared is not None or len(slips) > TOLERATED * spans:
        raise DataError.at(path, line, problem, hint=f"{share}.")
    return [f"{share} and {'was' if len(slips) == 1 else 'were'} read as conlleval reads; line {line}: {problem}"]


def _check_prefixes(blocks: Sequence[_Block], path: Path, scheme: Scheme) -> None:
    for token in (token for block in blocks for token in block if token.tag != "O"):
        letter = prefix(token.tag or "")
        if letter not in (set(scheme.prefixes) or {""}):
            wanted = ", ".join(f"{one}-" for one in scheme.prefixes) or "none"
            what = f"the tag {token.tag!r} is not one of {scheme}, whose prefixes are {wanted}"
            raise DataError.at(path, token.line, what, hint="Leave the scheme out and it is found from the tags.")
