"""`bertrun embed`: texts become vectors."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bert_core.errors import DataError, UsageError
from bert_core.interrupt import ctrl_c_later

from .evaluate import BATCH, DEVICE
from .outputs import check_replaceable, replaced
from .state import State
from .texts import given

if TYPE_CHECKING:
    from bert_core.embedder import Embedder
    from bert_core.vector_files import VectorLines, VectorTensors

    from .progress import Progress

JSONL, SAFETENSORS = "jsonl", "safetensors"
TOKENS = "tokens"

HELP = """Turn texts into vectors, such as those that search and clustering compare.

WEIGHTS is a name from `bertrun weights list`, a folder in Hugging Face layout, or the folder of a RUN. FILE holds a
text a line, or JSON lines with a "text"; - reads standard input. Vectors come in the order of the texts.

A JSON line has text and vector; with tokens: text, pieces, offsets (characters) and vectors. A safetensors file has
embeddings, a row a text; with tokens: vectors, a row a piece, of which those of text i begin at row starts[i], and
piece_ids and offsets.

\b
Examples:
  bertrun embed minilm-l6 --text "A man is eating." --text "Somebody eats."
  bertrun embed minilm-l6 texts.txt --normalize --output texts.safetensors
  bertrun embed runs/ner texts.txt --pooling tokens
"""

POOLING = """One vector a text: mean of its pieces' vectors, that of its first piece (cls), or cls through the model's
pooler. Or one for each piece: tokens."""


@click.command("embed", help=HELP, short_help="Turn texts into vectors, with weights or with a run.")
@click.argument("weights", metavar="WEIGHTS|RUN")
@click.argument("file", required=False, metavar="[FILE|-]")
@click.option("--text", multiple=True, help="A text to embed; may be repeated.")
@click.option(
    "--pooling", type=click.Choice(["mean", "cls", "pooler", TOKENS]), default="mean", show_default=True, help=POOLING
)
@click.option("--normalize", is_flag=True, help="Scale each vector to length 1: a product is then a cosine.")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write a file, whole or not at all. Default: lines go to standard output.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice([JSONL, SAFETENSORS]),
    help="JSON lines, or one file of float32. Default: safetensors for a FILE.safetensors, else jsonl.",
)
@click.option(
    "--max-length",
    type=click.IntRange(min=3),
    metavar="PIECES",
    help="Read so many pieces of each text, [CLS] and [SEP] counted. Default: as many as the model takes.",
)
@DEVICE
@BATCH
@click.pass_obj
def embed(
    state: State,
    weights: str,
    file: str | None,
    text: tuple[str, ...],
    pooling: str,
    normalize: bool,
    output: Path | None,
    form: str | None,
    max_length: int | None,
    device: str | None,
    batch_size: int,
) -> None:
    """Turn texts into vectors."""
    texts = given(text, file)
    form = form or (SAFETENSORS if output is not None and output.suffix == ".safetensors" else JSONL)
    if output is not None:
        check_replaceable(output, "--output")
    elif form == SAFETENSORS:
        raise UsageError("--format safetensors is a file", hint="Name it with --output")
    first = next(texts, None)
    if first is None:
        raise DataError("there is no text to embed", where=file)
    with ctrl_c_later():  # NumPy starts threads
        from bert_core.embedder import Embedder

    from .progress import Progress

    embedder = Embedder.open(weights, state.manager, device=device, batch_size=batch_size, max_length=max_length)
    metadata = {"weights": weights, "pooling": pooling, "normalized": str(normalize).lower()}
    if pooling == TOKENS:
        metadata["vocabulary"] = json.dumps(embedder.vocabulary)
    live = output is not None or not sys.stdout.isatty()
    with Progress(live=live) as progress, _opened(output, form, metadata) as sink:
        done = _write(embedder, chain([first], texts), pooling, normalize, sink, progress)
    if output is not None:
        progress.say(f"{output}: vectors of {embedder.hidden_size} numbers; texts: {done}")
    if embedder.cut:
        progress.say(f"texts with more than {embedder.max_length} pieces, which were cut: {embedder.cut} of {done}")


@contextmanager
def _opened(output: Path | None, form: str, metadata: Mapping[str, str]) -> Iterator[VectorLines | VectorTensors]:
    """Where the vectors go; a file is whole at the end, or as it was before."""
    from bert_core.vector_files import VectorLines, VectorTensors

    if output is None:
        yield VectorLines(click.echo)
        return
    with replaced(output) as stream:
        if form == SAFETENSORS:
            tensors = VectorTensors(stream, metadata)
            yield tensors
            tensors.close()
        else:
            yield VectorLines(lambda line: stream.write(f"{line}\n".encode()))


def _write(
    embedder: Embedder,
    texts: Iterator[str],
    pooling: str,
    normalize: bool,
    sink: VectorLines | VectorTensors,
    progress: Progress,
) -> int:
    """Embed the texts and write their vectors as they come; give the number of texts."""
    from bert_core.embedder import normalized

    done = 0
    if pooling == TOKENS:
        for found in embedder.token_chunks(texts, progress=progress):
            shaped = [replace(one, vectors=normalized(one.vectors)) for one in found] if normalize else found
            sink.add_pieces(shaped)
            done += len(found)
        return done
    for chunk, vectors in embedder.embed_chunks(texts, pooling, progress=progress):
        sink.add(chunk, normalized(vectors) if normalize else vectors)
        done += len(chunk)
    return done
