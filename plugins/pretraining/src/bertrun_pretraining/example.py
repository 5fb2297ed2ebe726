"""A masked pair of texts, what a network says of it, and what is right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bert_core import TextEncoder, Window

MASK = "[MASK]"


class Truth(NamedTuple):
    """What is right.

    Args:
        ids: The piece at each masked position.
        weights: How much each counts.
        label: 0 where the second text follows the first, 1 where it is from elsewhere.
    """

    ids: NDArray[np.int32]
    weights: NDArray[np.float32]
    label: int


class Guess(NamedTuple):
    """What a network says.

    Args:
        ids: The best piece at each masked position.
        logs: The logarithms of their probabilities.
        right: The logarithms of the probabilities of the right pieces.
        label: 0 where the second text seems to follow the first, else 1; None where that was not learnt.
        label_right: The logarithm of the probability of the right one.
    """

    ids: NDArray[np.int32]
    logs: NDArray[np.float32]
    right: NDArray[np.float32]
    label: int | None
    label_right: float


class Example(NamedTuple):
    """A masked pair of texts, without padding.

    Args:
        input_ids: (pieces,) with masked ones replaced.
        token_type_ids: (pieces,) 1 for the second text and its [SEP].
        positions: (predictions,) where masked pieces stand.
        ids: (predictions,) what stood there.
        weights: (predictions,) how much each counts.
        label: 0 where the second text follows the first, 1 where it is from elsewhere.
    """

    input_ids: NDArray[np.int32]
    token_type_ids: NDArray[np.int32]
    positions: NDArray[np.int32]
    ids: NDArray[np.int32]
    weights: NDArray[np.float32]
    label: int

    @property
    def truth(self) -> Truth:
        """What is right."""
        return Truth(self.ids, self.weights, self.label)

    def window(self, number: int, *, next_sentence: bool) -> Window:
        """The whole of it as one window."""
        features: dict[str, Any] = {
            "masked_lm_positions": self.positions,
            "masked_lm_ids": self.ids,
            "masked_lm_weights": self.weights,
        }
        if next_sentence:
            features["next_sentence_labels"] = self.label
        # Lists would be made element by element; `pad` takes arrays as they are.
        pieces: Any = self.input_ids
        types: Any = self.token_type_ids
        return Window(example=number, input_ids=pieces, token_type_ids=types, features=features)

    def texts(self, text: TextEncoder) -> list[str]:
        """The two texts as they were before they were masked."""
        ids = self.input_ids.copy()
        ids[self.positions] = self.ids
        kept = (ids != text.cls_id) & (ids != text.sep_id)
        parts = [ids[kept & (self.token_type_ids == number)].tolist() for number in (0, 1)]
        return [" ".join(text.spelled(part)).replace(" ##", "") for part in parts]


def cloze(text: str, encoder: TextEncoder, mask_id: int) -> Example:
    """A text in which [MASK] stands for pieces to find; what does not fit is cut off."""
    ids: list[int] = [encoder.cls_id]
    for number, part in enumerate(text.split(MASK)):
        ids += [mask_id] if number else []
        ids += encoder.encode(part)[0]
    pieces = np.array([*ids[: encoder.max_length - 1], encoder.sep_id], np.int32)
    positions = np.flatnonzero(pieces == mask_id).astype(np.int32)
    nothing = np.zeros_like(positions)
    return Example(pieces, np.zeros_like(pieces), positions, nothing, nothing.astype(np.float32), 0)


def guess(found: NDArray[np.float32], predictions: int, *, next_sentence: bool) -> Guess:
    """What the digest of a window says.

    Args:
        found: (1 + predictions or more, 3) where there is a pair, else without its row; see `losses.Best`.
        predictions: How many masked positions there are.
        next_sentence: Whether there is a pair.
    """
    words = found[int(next_sentence) :][:predictions]
    label, label_right = (int(found[0, 0]), float(found[0, 2])) if next_sentence else (None, 0.0)
    return Guess(words[:, 0].astype(np.int32), words[:, 1].copy(), words[:, 2].copy(), label, label_right)


def rendered(guess: Guess, text: TextEncoder, ids: Sequence[int] | None) -> list[dict[str, Any]]:
    """Each masked piece: what the network says, how sure it is, and what stood there, where that is known."""
    said = [
        {"predicted": piece, "score": round(float(np.exp(log)), 4)}
        for piece, log in zip(text.spelled(guess.ids.tolist()), guess.logs, strict=True)
    ]
    if ids is None:
        return said
    return [{"piece": piece, **one} for piece, one in zip(text.spelled(ids), said, strict=True)]
