"""Vectors of texts: those of transformers, the same in every batch, from folders and from runs."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn, ops
from safetensors.numpy import load_file, save_file

import bert_core
from bert_core.embedder import Embedder, normalized
from bert_core.errors import CheckpointError, PluginError, UsageError
from bert_core.manager import PluginManager
from bert_core.text.tokenizer import WordPiece

RECORDED = Path(__file__).parents[1] / "weights" / "embeddings"
ROWS: list[dict[str, Any]] = json.loads((RECORDED / "pieces.json").read_text("ascii"))
TEXTS = [row["text"] for row in ROWS]


@pytest.fixture(scope="module")
def manager() -> PluginManager:
    return PluginManager()


@pytest.fixture(scope="module")
def embedder(encoder_folder: Path, manager: PluginManager) -> Embedder:
    """Its batches hold texts of different lengths."""
    return Embedder.open(encoder_folder, manager, batch_size=4)


@pytest.fixture(scope="module")
def recorded() -> dict[str, Any]:
    with np.load(RECORDED / "vectors.npz") as arrays:
        return dict(arrays)


@pytest.fixture
def spoilt(encoder_folder: Path, tmp_path: Path) -> Path:
    """Weights that may be spoilt."""
    return Path(shutil.copytree(encoder_folder, tmp_path / "spoilt"))


@pytest.mark.parametrize("pooling", ["mean", "cls", "pooler"])
def test_vectors_are_those_of_transformers(embedder: Embedder, recorded: dict[str, Any], pooling: str) -> None:
    vectors = embedder.embed(TEXTS, pooling)
    assert (vectors.shape, vectors.dtype) == ((len(TEXTS), 32), np.float32)
    np.testing.assert_allclose(vectors, recorded[pooling], atol=1e-5)


def test_pieces_are_those_of_transformers(embedder: Embedder, recorded: dict[str, Any]) -> None:
    for number, (found, row) in enumerate(zip(embedder.tokens(TEXTS), ROWS, strict=True)):
        assert (found.text, found.pieces) == (row["text"], row["pieces"])
        assert [list(span) for span in found.offsets] == row["offsets"]
        assert [embedder.vocabulary[piece] for piece in found.ids] == row["pieces"]
        np.testing.assert_allclose(found.vectors, recorded[f"tokens/{number}"], atol=1e-5)


def test_padding_and_order_change_no_vector(embedder: Embedder, encoder_folder: Path, manager: PluginManager) -> None:
    many = [text + " cat" * extra for text in TEXTS[:5] for extra in range(6)]
    random.Random(5).shuffle(many)
    alone = np.concatenate([embedder.embed([text]) for text in many])
    np.testing.assert_allclose(embedder.embed(many), alone, rtol=0, atol=1e-6)
    np.testing.assert_allclose(embedder.embed(many[::-1])[::-1], alone, rtol=0, atol=1e-6)
    wide = Embedder.open(encoder_folder, manager, batch_size=64)
    np.testing.assert_allclose(wide.embed(many), alone, rtol=0, atol=1e-6)


def test_one_graph_serves_every_batch_and_length(embedder: Embedder) -> None:
    embedder.embed(TEXTS)
    compiled = set(embedder._encoding._cell.compile_cache)
    embedder.embed(["cat " * number for number in range(1, 8)])
    assert set(embedder._encoding._cell.compile_cache) == compiled
    assert len(compiled) == 1


class Table(nn.Cell):
    """An encoder of another family, without a pooler: piece number n is the vector (n, n * n)."""

    hidden_size, max_length, noises = 2, 9, ()

    def construct(self, input_ids: Any, token_type_ids: Any, attention_mask: Any, noise: Any) -> Any:
        numbers = input_ids.astype(ms.float32)
        vectors = ops.stack([numbers, numbers * numbers], axis=2)
        return vectors, vectors


def test_any_encoder_can_be_embedded_with(manager: PluginManager) -> None:
    ms.set_context(mode=ms.GRAPH_MODE)
    text = WordPiece.from_vocab(RECORDED / "vocab.txt", lowercase=None, max_length=Table.max_length)
    embedder = Embedder(Table(), text, pooler=False, batch_size=3)
    texts = ["the cat sat.", "a", "", "the the the the the the the the the"]
    wanted = []
    for one in texts:
        ids = [text.cls_id, *text.encode(one)[0][:7], text.sep_id]
        wanted.append([sum(ids) / len(ids), sum(number * number for number in ids) / len(ids)])
    np.testing.assert_allclose(embedder.embed(texts), wanted, rtol=1e-6)
    assert embedder.cut == 1


def test_what_is_longer_is_cut_and_counted(encoder_folder: Path, manager: PluginManager) -> None:
    short = Embedder.open(encoder_folder, manager, max_length=5)
    vectors = short.embed(["the cat sat. sat. sat.", "the cat sat", "the"])
    np.testing.assert_allclose(vectors[0], vectors[1], atol=1e-6)
    assert (short.max_length, short.cut) == (5, 1)
    assert [len(found.pieces) for found in short.tokens(["the cat sat. sat. sat.", "the"])] == [5, 3]
    assert short.cut == 2


@pytest.mark.parametrize(("said", "length"), [(17, 17), (512, 40), (10**30, 40), ("long", 40), (None, 40)])
def test_the_shorter_of_model_and_tokenizer_counts(
    spoilt: Path, manager: PluginManager, said: object, length: int
) -> None:
    (spoilt / "tokenizer_config.json").write_text(json.dumps({"model_max_length": said}), encoding="utf-8")
    assert Embedder.open(spoilt, manager).max_length == length


def test_texts_without_end_are_read_as_they_are_needed(embedder: Embedder) -> None:
    read: list[str] = []
    told: list[int] = []

    def endless() -> Iterator[str]:
        while True:
            read.append(TEXTS[len(read) % len(TEXTS)])
            yield read[-1]

    chunks = embedder.embed_chunks(endless(), size=4, progress=told.append)
    assert read == []
    first, second = next(chunks), next(chunks)
    assert (len(read), told) == (8, [1, 2, 3, 4, 5, 6, 7, 8])
    assert [*first[0], *second[0]] == read
    np.testing.assert_allclose(np.concatenate([first[1], second[1]]), embedder.embed(read), atol=1e-6)
    pieces = embedder.token_chunks(iter(TEXTS), size=4, progress=told.append)
    assert [[found.text for found in chunk] for chunk in pieces] == [TEXTS[:4], TEXTS[4:]]
    assert told[8:] == [1, 2, 3, 4, 5, 6]


def test_no_texts_have_no_vectors(embedder: Embedder) -> None:
    assert embedder.embed([]).shape == (0, 32)
    assert embedder.tokens([]) == []


def test_lengths_become_one(embedder: Embedder) -> None:
    vectors = embedder.embed(TEXTS)
    wanted = [row / np.sqrt(sum(float(value) ** 2 for value in row)) for row in vectors]
    np.testing.assert_allclose(normalized(vectors), wanted, rtol=1e-5)
    assert not normalized(np.zeros((1, 3), np.float32)).any()


def test_what_cannot_be_is_refused(embedder: Embedder, encoder_folder: Path, manager: PluginManager) -> None:
    with pytest.raises(UsageError, match=r"no pooling 'max'. Take one of: cls, mean, pooler"):
        embedder.embed(TEXTS, "max")
    with pytest.raises(UsageError, match="one string was given where several texts belong"):
        embedder.embed("the cat sat")
    with pytest.raises(UsageError, match="--max-length 41 is more than the model's 40 positions"):
        Embedder.open(encoder_folder, manager, max_length=41)
    with pytest.raises(UsageError, match="--max-length 2 leaves no piece"):
        Embedder.open(encoder_folder, manager, max_length=2)
    with pytest.raises(CheckpointError, match="no weights named 'nothing'"):
        Embedder.open("nothing", manager)


def _without(folder: Path, *names: str) -> None:
    tensors = load_file(folder / "model.safetensors")
    save_file({name: tensors[name] for name in tensors if name not in names}, folder / "model.safetensors")


def test_a_pooler_is_there_or_it_is_not(spoilt: Path, manager: PluginManager, recorded: dict[str, Any]) -> None:
    _without(spoilt, "pooler.dense.bias")
    with pytest.raises(CheckpointError, match=r"1 of the encoder's tensors are not stored: bert.pooler.dense.bias"):
        Embedder.open(spoilt, manager)
    _without(spoilt, "pooler.dense.weight")
    embedder = Embedder.open(spoilt, manager)
    with pytest.raises(UsageError, match=r"these weights have no pooler. Take the pooling mean or cls"):
        embedder.embed(TEXTS, "pooler")
    np.testing.assert_allclose(embedder.embed(TEXTS), recorded["mean"], atol=1e-5)


def test_the_model_is_found_by_what_config_says(spoilt: Path, manager: PluginManager) -> None:
    config = json.loads((spoilt / "config.json").read_text(encoding="utf-8"))
    (spoilt / "config.json").write_text(json.dumps({**config, "model_type": "brat"}), encoding="utf-8")
    with pytest.raises(PluginError, match="no model named 'brat'"):
        Embedder.open(spoilt, manager)


def test_a_vocabulary_with_pieces_that_have_no_vector_is_refused(spoilt: Path, manager: PluginManager) -> None:
    with (spoilt / "vocab.txt").open("a", encoding="utf-8") as file:
        file.write("more\nand\nthan\n##and\n")
    with pytest.raises(CheckpointError, match="has 66 pieces and the model 64 word embeddings"):
        Embedder.open(spoilt, manager)


def test_a_run_embeds_and_predicts(finished: Path, manager: PluginManager) -> None:
    texts = ["Ana Duarte lives in Porto.", "Nobody does."]
    loaded = bert_core.load(finished)
    assert [row["text"] for row in loaded.predict(texts)] == texts
    assert loaded.predict(texts)[0]["words"] == ["Ana", "Duarte", "lives", "in", "Porto", "."]
    vectors = loaded.embed(texts)
    assert vectors.shape == (2, 16)
    alone = Embedder.open(finished / "best", manager)
    np.testing.assert_allclose(alone.embed(texts), vectors, atol=1e-6)
    assert alone.max_length == 64
    with pytest.raises(UsageError, match="no pooler"):
        loaded.embed(texts, "pooler")


def test_plain_weights_embed_and_have_no_task(encoder_folder: Path, recorded: dict[str, Any]) -> None:
    loaded = bert_core.load(str(encoder_folder), batch_size=2)
    np.testing.assert_allclose(loaded.embed(TEXTS), recorded["mean"], atol=1e-5)
    assert loaded.cut == 1
    with pytest.raises(CheckpointError, match="these weights have no task, so they predict nothing"):
        loaded.predict(TEXTS)


def test_a_damaged_checkpoint_is_not_embedded_with(finished: Path, manager: PluginManager, tmp_path: Path) -> None:
    copied = Path(shutil.copytree(finished / "best", tmp_path / "copied"))
    with (copied / "vocab.txt").open("a", encoding="utf-8") as file:
        file.write("more\n")
    with pytest.raises(CheckpointError, match=r"this checkpoint is damaged: vocab.txt is not what was written"):
        Embedder.open(copied, manager)


def test_tensors_of_a_batch_are_not_kept_by_the_pieces_of_one_text(embedder: Embedder) -> None:
    assert all(found.vectors.base is None for found in embedder.tokens(TEXTS))
