"""Lists of whole numbers as protocol buffers pack them, coded and decoded at once, not number by number."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from bert_core.protobuf import WireError

_LIMIT = 10  # bytes of a number of 64 bits


def decode_lists(packed: Sequence[memoryview]) -> list[NDArray[np.int64]]:
    """The numbers of each packed list; all lists are decoded together, which costs little more than one.

    Raises:
        WireError: A list is cut short inside a number, or a number has more than 64 bits.
    """
    lists = [bytes(coded) for coded in packed]
    long = [place for place, coded in enumerate(lists) if not coded.isascii()]  # a number of more bytes than one
    if any(lists[place][-1] >= 0x80 for place in long):
        raise WireError("a list of whole numbers is cut short")
    numbers = [np.frombuffer(coded, np.uint8).astype(np.int64) for coded in lists]
    for place, joined in zip(long, _decoded([lists[place] for place in long]), strict=True):
        numbers[place] = joined
    return numbers


def _decoded(lists: Sequence[bytes]) -> list[NDArray[np.int64]]:
    if not lists:
        return []
    content = np.frombuffer(b"".join(lists), np.uint8)
    ends = np.flatnonzero(content < 0x80)  # the last byte of each number
    numbers = _joined(content, ends)
    cuts = [0, *np.searchsorted(ends, np.cumsum([len(coded) for coded in lists])).tolist()]
    return [numbers[start:end] for start, end in pairwise(cuts)]


def _joined(content: NDArray[np.uint8], ends: NDArray[np.intp]) -> NDArray[np.int64]:
    """The numbers that end at the places: seven bits of each byte, the lowest first."""
    starts = np.concatenate([[0], ends[:-1] + 1])
    sizes = ends - starts + 1
    longest = int(sizes.max())
    bits = content & 0x7F
    numbers = bits[starts].astype(np.uint64)
    for place in range(1, min(longest, _LIMIT)):
        longer = np.flatnonzero(sizes > place)
        numbers[longer] |= bits[starts[longer] + place].astype(np.uint64) << np.uint64(7 * place)
    if longest > _LIMIT or (longest == _LIMIT and bool((content[ends[sizes == _LIMIT]] > 1).any())):
        raise WireError("a whole number has more than 64 bits")
    joined: NDArray[np.int64] = numbers.view(np.int64)
    return joined


def encode_list(numbers: NDArray[np.int64]) -> bytes:
    """A packed list; a negative number takes ten bytes, as everywhere in protocol buffers."""
    if not numbers.size:
        return b""
    unsigned = numbers.ravel().astype(np.int64).view(np.uint64)
    if unsigned.max() < 0x80:
        return unsigned.astype(np.uint8).tobytes()
    places = np.arange(-(-int(unsigned.max()).bit_length() // 7))
    groups = unsigned[:, None] >> (7 * places).astype(np.uint64)  # (numbers, bytes of the longest)
    coded = (groups & np.uint64(0x7F)).astype(np.uint8)
    last = np.maximum((groups != 0).sum(1), 1)[:, None] - 1
    coded[places < last] |= 0x80  # more bytes follow
    return bytes(coded[places <= last].tobytes())
