"""Tag schemes: how one tag a unit spells out spans, and which tags may follow which.

Every prefix is read alike, whatever the scheme that it comes from: `M-` is `I-`, `L-` is `E-` and `U-`
is `S-`; `_` may stand for `-`; a tag without a prefix is inside. So BMES and BILOU are BIOES in other
letters, and a sequence has one reading whoever wrote it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .sentence import Span

Mask = NDArray[np.bool_]


class Tag(NamedTuple):
    """A tag in the letters of BIOES.

    Args:
        letter: `B`, `I`, `O`, `E` or `S`.
        type: What it names; empty for `O`.
    """

    letter: str
    type: str


OUTSIDE = Tag("O", "")


@dataclass(frozen=True)
class Scheme:
    """One way to write spans as tags.

    Args:
        name: What people call it.
        prefixes: The prefixes that a file in it has; none for plain labels.
        may_follow: Whether the second tag may stand after the first; sentences are wrapped in `O`.
        letters: How it spells the beginning, inside and end of a span, and a span of one unit.
    """

    name: str
    prefixes: str
    may_follow: Callable[[Tag, Tag], bool]
    letters: str

    def __str__(self) -> str:
        return self.name


def _goes_on(before: Tag, tag: Tag) -> bool:
    return before.letter in "BI" and tag.type == before.type


def _closed_spans(before: Tag, tag: Tag) -> bool:
    return (tag.letter in "IE") == (before.letter in "BI") and (before.letter not in "BI" or tag.type == before.type)


IO = Scheme("IO", "", lambda _before, _tag: True, "")
IOB1 = Scheme("IOB1", "BI", lambda before, tag: tag.letter != "B" or _goes_on(before, tag), "IIII")
IOB2 = Scheme("IOB2", "BI", lambda before, tag: tag.letter != "I" or _goes_on(before, tag), "BIIB")
BIOES = Scheme("BIOES", "BIES", _closed_spans, "BIES")
BMES = Scheme("BMES", "BMES", _closed_spans, "BMES")
BILOU = Scheme("BILOU", "BILU", _closed_spans, "BILU")

SCHEMES = {scheme.name.lower(): scheme for scheme in (IO, IOB1, IOB2, BIOES, BMES, BILOU)}

_PREFIXED = re.compile(r"([BIESMLU])[-_](.+)", re.DOTALL)
_LETTERS = str.maketrans("MLU", "IES")


@lru_cache(maxsize=4096)
def parse(tag: str) -> Tag:
    """A tag in the letters of BIOES; one without a prefix (`PER`) counts as inside."""
    if tag == "O":
        return OUTSIDE
    found = _PREFIXED.fullmatch(tag)
    return Tag(found[1].translate(_LETTERS), found[2]) if found else Tag("I", tag)


@lru_cache(maxsize=4096)
def prefix(tag: str) -> str:
    """The prefix of a tag as the file spells it, empty where it has none."""
    found = _PREFIXED.fullmatch(tag)
    return found[1] if found else ""


def malformed(tag: str) -> str | None:
    """What is wrong with a tag by itself, as a sentence, or None."""
    if not tag:
        return "the tag is empty"
    if re.fullmatch(r"[BIESMLU][-_]?", tag):
        return f"the tag {tag!r} names no type"
    if re.match(r"[A-Za-z][-_]", tag) and not prefix(tag):
        return f"the tag {tag!r} begins with {tag[0]!r}, which is none of the prefixes B, I, E, S, M, L, U"
    return None


def share_a_scheme(prefixes: Iterable[str]) -> bool:
    """Whether some scheme has all of these prefixes (the empty one stands for plain labels)."""
    wanted = set(prefixes)
    return any(wanted <= (set(scheme.prefixes) or {""}) for scheme in SCHEMES.values())


def recognise(sequences: Iterable[Sequence[str]]) -> Scheme:
    """The scheme that sentences are tagged in.

    The prefixes decide among plain labels, BIOES, BMES and BILOU. With B and I alone it is whichever
    of IOB1 and IOB2 fewer tags break; no annotated file keeps the rules of both, since the first span
    begins with I in one and with B in the other. Without any span it is IOB2.

    Args:
        sequences: The tags of each sentence, each well-formed.

    Raises:
        ValueError: If no scheme has all the prefixes.
    """
    return recognise_pairs(Counter(pair for tags in sequences for pair in tag_pairs(tags)))


def recognise_pairs(pairs: Mapping[tuple[str, str], int]) -> Scheme:
    """As `recognise`, from how often each tag stands after each.

    Args:
        pairs: The numbers of the pairs that `tag_pairs` gives.

    Raises:
        ValueError: If no scheme has all the prefixes.
    """
    prefixes = {prefix(tag) for pair in pairs for tag in pair if tag != "O"}
    if prefixes <= {"B", "I"}:
        return min((IOB2, IOB1), key=lambda scheme: sum(pairs[pair] for pair in pairs if breaks(pair, scheme)))
    for scheme in (IO, BIOES, BMES, BILOU):
        if prefixes <= (set(scheme.prefixes) or {""}):
            return scheme
    raise ValueError(f"no tag scheme has all of the prefixes {sorted(prefixes)}")


def tag_pairs(tags: Sequence[str]) -> list[tuple[str, str]]:
    """Each tag of a sentence after the one before; `O` stands before the first and after the last."""
    return list(zip(("O", *tags), (*tags, "O"), strict=True))


def breaks(pair: tuple[str, str], scheme: Scheme) -> bool:
    """Whether the second tag may not stand after the first."""
    before, tag = pair
    return not scheme.may_follow(parse(before), parse(tag))


def trained(scheme: Scheme) -> Scheme:
    """The scheme of the labels that a model learns from data in this one: IO, IOB2 or BIOES."""
    if scheme is IO:
        return IO
    return IOB2 if scheme in (IOB1, IOB2) else BIOES


def violations(tags: Sequence[str], scheme: Scheme) -> list[int]:
    """Where tags break the rules of a scheme: indices of tags that may not stand after the one before.

    The number of the tags itself is among them where the last one may not end the sentence.
    """
    return [index for index, pair in enumerate(tag_pairs(tags)) if breaks(pair, scheme)]


def explain(tags: Sequence[str], index: int, scheme: Scheme) -> str:
    """One violation as a sentence."""
    if index == len(tags):
        return f"the tag {tags[-1]!r} may not end a sentence in {scheme}"
    if index == 0:
        return f"the tag {tags[0]!r} may not begin a sentence in {scheme}"
    return f"the tag {tags[index]!r} may not follow {tags[index - 1]!r} in {scheme}"


def lenient_spans(tags: Sequence[str]) -> tuple[Span, ...]:
    """The spans of any tags, read as conlleval and seqeval's default mode read them.

    A span begins at B and S, and at I and E where none of the same type is open; it ends after E and S,
    and before O, a beginning or another type.

    https://www.clips.uantwerpen.be/conll2000/chunking/output.html
    """
    if tags.count("O") == len(tags):
        return ()  # most sentences, and the loop is slow
    spans: list[Span] = []
    begun: int | None = None
    before = OUTSIDE
    for index, tag in enumerate([*map(parse, tags), OUTSIDE]):
        if begun is not None and (before.letter in "ES" or tag.letter in "BSO" or tag.type != before.type):
            spans.append(Span(before.type, begun, index))
            begun = None
        if begun is None and tag.letter != "O":
            begun = index
        before = tag
    return tuple(spans)


def strict_spans(tags: Sequence[str], scheme: Scheme) -> tuple[Span, ...]:
    """The spans that keep the rules of a scheme from end to end, as seqeval's `mode="strict"` reads them.

    In IOB2 a span is B and all I of its type that follow; in BIOES it is S, or B, any I, E of one type.
    Plain labels and IOB1 tags have no wrong sequences worth dropping: they are read leniently.
    """
    if scheme in (IO, IOB1):
        return lenient_spans(tags)
    parsed = [parse(tag) for tag in tags]
    spans = (_strict_span(parsed, index, scheme is IOB2) for index in range(len(parsed)))
    return tuple(span for span in spans if span is not None)


def _strict_span(tags: Sequence[Tag], start: int, open_ended: bool) -> Span | None:
    first = tags[start]
    if first.letter not in "BS":
        return None
    end = start + 1
    while tags[end - 1].letter in "BI" and end < len(tags) and tags[end] in (("I", first.type), ("E", first.type)):
        end += 1
    return Span(first.type, start, end) if open_ended or tags[end - 1].letter in "ES" else None


def tags_of(spans: Iterable[Span], length: int, scheme: Scheme) -> tuple[str, ...]:
    """The tags that spell spans out.

    Args:
        spans: None overlapping.
        length: How many units the sentence has.
        scheme: How to write them. IO cannot keep neighbours of one type apart.
    """
    tags = ["O"] * length
    before: Span | None = None
    for span in sorted(spans, key=lambda span: span.start):
        touching = before is not None and before.end == span.start and before.type == span.type
        for index in range(span.start, span.end):
            tags[index] = _written(span, index, scheme, touching)
        before = span
    return tuple(tags)


def _written(span: Span, index: int, scheme: Scheme, touching: bool) -> str:
    if scheme is IO:
        return span.type
    begin, inside, end, single = tuple(scheme.letters)
    letter = inside
    if span.end - span.start == 1:
        letter = single
    elif index == span.start:
        letter = begin
    elif index == span.end - 1:
        letter = end
    if scheme is IOB1 and touching and index == span.start:
        letter = "B"
    return f"{letter}-{span.type}"


def label_names(types: Iterable[str], scheme: Scheme) -> tuple[str, ...]:
    """The labels that a model in a scheme chooses among: `O`, then for each type in order B, I, E, S.

    Args:
        types: The types, in any order.
        scheme: One that `trained` gives.
    """
    names = sorted(set(types))
    if scheme is IO:
        return ("O", *names)
    return ("O", *(f"{letter}-{name}" for name in names for letter in scheme.prefixes))


def allowed(labels: Sequence[str]) -> tuple[Mask, Mask, Mask]:
    """Which labels may follow which, for a decoder that is to break no rule.

    The scheme is that of the labels: BIOES where some begin with E or S, IOB2 where some begin with B
    or I; between plain labels everything is allowed.

    Returns:
        (labels, labels) bool, true where the second may follow the first; (labels,) bool, true for those
        that may begin a sentence; (labels,) bool, true for those that may end it.
    """
    scheme = trained(recognise([[label] for label in labels]))
    tags = [parse(label) for label in labels]
    transitions = np.array([[scheme.may_follow(before, tag) for tag in tags] for before in tags], dtype=bool)
    start = np.array([scheme.may_follow(OUTSIDE, tag) for tag in tags], dtype=bool)
    end = np.array([scheme.may_follow(tag, OUTSIDE) for tag in tags], dtype=bool)
    return transitions, start, end
