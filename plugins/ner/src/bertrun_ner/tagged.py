"""Whether the tags of a file keep the rules of a scheme, told as they come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from bert_core import DataError

from .schemes import Scheme, breaks, explain, malformed, prefix, recognise_pairs, share_a_scheme, tag_pairs
from .sentence import Span

TOLERATED = 0.01
"""Published corpora have slips (10 of Weibo's 1,895 spans begin with I). In a file whose scheme is only
guessed, up to this share of its spans may break the rules; more is damage."""


class _Place(NamedTuple):
    """A tag in a sentence; one behind the last is the sentence's end."""

    line: int
    at: int
    tags: Sequence[str]


class TagRules:
    """Takes the tags of one sentence after the other, and keeps which stand after which, and where first.

    Args:
        path: The file, for messages.
        scheme: The scheme that was declared; None finds it out.
    """

    def __init__(self, path: Path, scheme: Scheme | None) -> None:
        self._path, self._declared = path, scheme
        self._spans = 0
        self._pairs: Counter[tuple[str, str]] = Counter()
        self._first: dict[tuple[str, str], _Place] = {}
        self._known = {"O"}
        self._prefixes: dict[str, tuple[str, int]] = {}

    def add(self, tags: Sequence[str], spans: Sequence[Span], lines: Sequence[int]) -> None:
        """Take a sentence.

        Args:
            tags: Its tags.
            spans: What they spell.
            lines: The line of each tag.

        Raises:
            DataError: A tag is none, or of another scheme.
        """
        if not self._known.issuperset(tags):
            for line, tag in zip(lines, tags, strict=True):
                if tag not in self._known:
                    self._check(tag, line)
        if not spans:
            return  # all are O
        self._spans += len(spans)
        pairs = tag_pairs(tags)
        if not self._first.keys() >= set(pairs):
            for index, pair in enumerate(pairs):
                self._first.setdefault(pair, _Place(lines[min(index, len(lines) - 1)], index, tags))
        self._pairs.update(pairs)

    def _check(self, tag: str, line: int) -> None:
        problem = malformed(tag)
        if problem is not None:
            hint = "Tags are O, a plain label, or a prefix and a type such as B-PER."
            raise DataError.at(self._path, line, problem, hint=hint)
        if prefix(tag) not in self._prefixes and not share_a_scheme([*self._prefixes, prefix(tag)]):
            other, there = next(self._prefixes[seen] for seen in self._prefixes if self._clash(seen, prefix(tag)))
            what = f"no tag scheme has both {tag!r} and {other!r} of line {there}"
            raise DataError.at(self._path, line, what, hint="One file has one scheme: IOB, BIOES, BMES or BILOU.")
        declared = self._declared
        if declared is not None and prefix(tag) not in (set(declared.prefixes) or {""}):
            wanted = ", ".join(f"{one}-" for one in declared.prefixes) or "none"
            what = f"the tag {tag!r} is not one of {declared}, whose prefixes are {wanted}"
            raise DataError.at(self._path, line, what, hint="Leave the scheme out and it is found from the tags.")
        self._known.add(tag)
        self._prefixes.setdefault(prefix(tag), (tag, line))

    def _clash(self, seen: str, new: str) -> bool:
        return not share_a_scheme([seen, new]) or all(share_a_scheme([one, new]) for one in self._prefixes)

    def notes(self) -> Iterable[str]:
        """What was read leniently.

        Raises:
            DataError: Too many tags break the rules, or one breaks those of the declared scheme.
        """
        scheme = recognise_pairs(self._pairs) if self._declared is None else self._declared
        broken = [pair for pair in self._pairs if breaks(pair, scheme)]
        if not broken:
            return []
        slips = sum(self._pairs[pair] for pair in broken)
        line, at, tags = min((self._first[pair] for pair in broken), key=lambda place: (place.line, place.at))
        problem = explain(tags, at, scheme)
        slipped = "1 tag breaks" if slips == 1 else f"{slips:,} tags break"
        share = f"{slipped} the rules of {scheme} in {self._spans:,} span{'' if self._spans == 1 else 's'}"
        if self._declared is not None or slips > TOLERATED * self._spans:
            raise DataError.at(self._path, line, problem, hint=f"{share}.")
        return [f"{share} and {'was' if slips == 1 else 'were'} read as conlleval reads; line {line}: {problem}"]
