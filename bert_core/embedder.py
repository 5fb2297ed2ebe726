"""Texts become vectors: an encoder with its tokenizer, without a head."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .assembly import build_encoder, check_vocabulary, device_named, has_pooler, model_of, open_weights
from .errors import UsageError
from .manager import PluginManager
from .names import listed
from .protocols import Encoder
from .text.folder import said_length
from .text.tokenizer import Span, WordPiece
from .types import Window

Vectors = NDArray[np.float32]

TOGETHER = 4096  # texts of which the vectors are held at once
TOGETHER_PIECES = 256  # the same where each piece has a vector
_SPECIAL = 2  # [CLS] and [SEP]


def _mean(pieces: Vectors, pooled: Vectors) -> Any:
    """The mean over all pieces, [CLS] and [SEP] among them (Reimers and Gurevych 2019, section 3)."""
    return pieces.mean(axis=0, dtype=np.float64)


def _cls(pieces: Vectors, pooled: Vectors) -> Any:
    return pieces[0]


def _pooler(pieces: Vectors, pooled: Vectors) -> Any:
    return pooled


POOLINGS: Mapping[str, Callable[[Vectors, Vectors], Any]] = {"mean": _mean, "cls": _cls, "pooler": _pooler}


@dataclass(frozen=True, kw_only=True)
class TextPieces:
    """The pieces of one text, [CLS] first and [SEP] last, each with its vector.

    Args:
        text: The text.
        ids: The id of each piece.
        pieces: Each piece as the vocabulary has it, such as `##ing`.
        offsets: The characters [start, end) of each piece in the text; (0, 0) for [CLS] and [SEP].
        vectors: The encoder's last layer, (pieces, hidden_size).
    """

    text: str
    ids: Sequence[int]
    pieces: Sequence[str]
    offsets: Sequence[Span]
    vectors: Vectors


class Embedder:
    """Makes vectors of texts; `Embedder.open` makes one from weights.

    Args:
        encoder: The encoder, with its values.
        text: Its tokenizer.
        pooler: Whether the encoder was built with a pooler.
        batch_size: Texts that the encoder is given at once.

    Attributes:
        hidden_size: The length of a vector.
        max_length: How many pieces of a text are read, [CLS] and [SEP] counted; what is beyond is cut off.
        cut: How many texts were cut so far.
        vocabulary: The pieces in the order of their ids.
    """

    def __init__(self, encoder: Encoder, text: WordPiece, *, pooler: bool, batch_size: int) -> None:
        from .training.encoding import Encoding

        self.hidden_size = encoder.hidden_size
        self.max_length = text.max_length
        self.cut = 0
        self.vocabulary = text.spelled(range(text.vocab_size))
        self._text = text
        self._pooler = pooler
        self._encoding = Encoding(encoder, pad_id=text.pad_id, batch_size=batch_size)

    @classmethod
    def open(
        cls,
        name_or_path: str | Path,
        manager: PluginManager,
        *,
        device: str | None = None,
        batch_size: int = 32,
        max_length: int | None = None,
    ) -> Embedder:
        """From weights: a folder in Hugging Face layout, a name, the folder of a run or of a checkpoint.

        Args:
            name_or_path: The weights.
            manager: The plugins.
            device: The device's name; None takes the preferred one.
            batch_size: Texts that the encoder is given at once.
            max_length: How many pieces of a text are read; None reads as many as the model has positions
                and the tokenizer's settings allow.

        Raises:
            CheckpointError: There are no such weights, or they are damaged or do not fit their model.
            UsageError: The model has fewer positions than `max_length`.
        """
        weights = open_weights(name_or_path, manager)
        model, options = model_of(weights, manager)
        encoder = build_encoder(model, options, device_named(manager, device), weights)
        length = _length(max_length, said_length(weights.folder), encoder.max_length)
        text = WordPiece.from_folder(weights.folder, max_length=length)
        check_vocabulary(text, options.vocab_size, str(weights.folder))
        return cls(encoder, text, pooler=has_pooler(weights), batch_size=batch_size)

    def embed(self, texts: Iterable[str], pooling: str = "mean") -> Vectors:
        """A vector for each text, in order.

        Args:
            texts: The texts.
            pooling: `mean` of the pieces' vectors ([CLS] and [SEP] among them), `cls` (the vector of [CLS]), or
                `pooler` (that vector through the model's pooler).

        Returns:
            (texts, hidden_size) float32.

        Raises:
            UsageError: There is no such pooling, or the weights have no pooler.
        """
        nothing = np.zeros((0, self.hidden_size), np.float32)
        return np.concatenate([nothing, *(vectors for _, vectors in self.embed_chunks(texts, pooling))])

    def tokens(self, texts: Iterable[str]) -> list[TextPieces]:
        """The pieces of each text with their vectors, in order."""
        return [found for chunk in self.token_chunks(texts) for found in chunk]

    def embed_chunks(
        self,
        texts: Iterable[str],
        pooling: str = "mean",
        *,
        size: int = TOGETHER,
        progress: Callable[[int], None] = lambda done: None,
    ) -> Iterator[tuple[list[str], Vectors]]:
        """The same as `embed` for texts without end: some of the texts and their vectors at a time, in order.

        Args:
            texts: The texts; only `size` of them are held at once.
            pooling: As in `embed`.
            size: Texts at a time.
            progress: Called with the number of texts done so far.

        Raises:
            UsageError: As `embed`, before any text is read.
        """
        if pooling not in POOLINGS:
            raise UsageError(f"there is no pooling {pooling!r}", hint=f"Take one of: {listed(POOLINGS)}")
        if pooling == "pooler" and not self._pooler:
            raise UsageError("these weights have no pooler", hint="Take the pooling mean or cls")
        return self._embed_chunks(_chunks(texts, size), POOLINGS[pooling], _Counter(progress))

    def token_chunks(
        self,
        texts: Iterable[str],
        *,
        size: int = TOGETHER_PIECES,
        progress: Callable[[int], None] = lambda done: None,
    ) -> Iterator[list[TextPieces]]:
        """The same as `tokens` for texts without end; see `embed_chunks`."""
        return self._token_chunks(_chunks(texts, size), _Counter(progress))

    def _embed_chunks(
        self, chunks: Iterable[list[str]], pool: Callable[[Vectors, Vectors], Any], count: _Counter
    ) -> Iterator[tuple[list[str], Vectors]]:
        for chunk in chunks:
            vectors = np.empty((len(chunk), self.hidden_size), np.float32)
            for row, pieces, pooled in self._encoding(self._windows(chunk)):
                vectors[row] = pool(pieces, pooled)
                count()
            yield chunk, vectors

    def _token_chunks(self, chunks: Iterable[list[str]], count: _Counter) -> Iterator[list[TextPieces]]:
        for chunk in chunks:
            windows = self._windows(chunk)
            found: dict[int, TextPieces] = {}
            for row, vectors, _ in self._encoding(windows):
                found[row] = self._pieces(chunk[row], windows[row], vectors.astype(np.float32))  # a copy: not the batch
                count()
            yield [found[row] for row in range(len(chunk))]

    def _windows(self, texts: Sequence[str]) -> list[Window]:
        return [self._window(index, text) for index, text in enumerate(texts)]

    def _window(self, index: int, text: str) -> Window:
        ids, spans = self._text.encode(text)
        kept = self.max_length - _SPECIAL
        self.cut += len(ids) > kept
        inputs = [self._text.cls_id, *ids[:kept], self._text.sep_id]
        return Window(
            example=index, input_ids=inputs, token_type_ids=[0] * len(inputs), features={}, place=spans[:kept]
        )

    def _pieces(self, text: str, window: Window, vectors: Vectors) -> TextPieces:
        return TextPieces(
            text=text,
            ids=window.input_ids,
            pieces=self._text.spelled(window.input_ids),
            offsets=[(0, 0), *window.place, (0, 0)],
            vectors=vectors,
        )


class _Counter:
    """Tells how many texts are done."""

    def __init__(self, progress: Callable[[int], None]) -> None:
        self._progress = progress
        self._done = 0

    def __call__(self) -> None:
        self._done += 1
        self._progress(self._done)


def normalized(vectors: Vectors) -> Vectors:
    """Rows of length 1, so that the product of two is the cosine of their angle; rows of zeros stay.

    Args:
        vectors: (rows, hidden_size).
    """
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Vectors = vectors / np.maximum(lengths, np.finfo(np.float32).tiny)
    return unit


def _chunks(texts: Iterable[str], size: int) -> Iterator[list[str]]:
    if isinstance(texts, str):
        raise UsageError("one string was given where several texts belong", hint="Give a list, such as [text]")
    remaining = iter(texts)
    return iter(lambda: list(islice(remaining, size)), [])


def _length(wanted: int | None, said: int | None, positions: int) -> int:
    """How many pieces of a text are read."""
    length = min(positions, said or positions) if wanted is None else wanted
    if length > positions:
        hint = f"Say --max-length {positions}; what is beyond it in a text is not read"
        raise UsageError(f"--max-length {length} is more than the model's {positions} positions", hint=hint)
    if length <= _SPECIAL:
        raise UsageError(f"--max-length {length} leaves no piece of a text beside [CLS] and [SEP]")
    return length
