"""Folders of weights: what opens, what fits a model, and what is said when it does not."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from bert_core.errors import CheckpointError
from bert_core.weights.known import MINILM_L6
from bert_core.weights.opened import Weights
from bert_core.weights.report import LoadReport
from bert_core.weights.sizes import encoder_shapes
from bert_core.weights.store import folder_of

WORDS = "bert.embeddings.word_embeddings.weight"
NORM = "bert.embeddings.LayerNorm.weight"
POOLER = "bert.pooler.dense.weight"
HEAD = "classifier.weight"
WANTED = {WORDS: (10, 4), NORM: (4,), POOLER: (4, 4), HEAD: (3, 4)}
ENCODER = {WORDS, NORM, POOLER}


def folder(path: Path, shapes: dict[str, tuple[int, ...]], **config: object) -> Path:
    path.mkdir(exist_ok=True)
    (path / "config.json").write_text(json.dumps({"hidden_size": 4, **config}), "utf-8")
    save_file({name: np.full(shape, 0.5, np.float32) for name, shape in shapes.items()}, path / "model.safetensors")
    return path


def matched(
    path: Path, shapes: dict[str, tuple[int, ...]], may_be_new: Collection[str] = (), other: Collection[str] = ()
) -> LoadReport:
    return Weights(folder(path, shapes)).match(
        WANTED,
        required=set(ENCODER) - set(may_be_new),
        head={HEAD},
        other=other,
        wanted_by="run.toml",
    )


def refused(report: LoadReport) -> str:
    with pytest.raises(CheckpointError) as caught:
        report.check()
    return str(caught.value)


class TestOpen:
    def test_names_shapes_and_tensors(self, tmp_path: Path) -> None:
        opened = Weights(folder(tmp_path, {WORDS: (10, 4)}, model_type="bert"))
        assert opened.config["model_type"] == "bert"
        assert opened.shapes() == {WORDS: (10, 4)}
        assert opened.tensor(WORDS).shape == (10, 4)
        with pytest.raises(CheckpointError, match="no tensor 'x'"):
            opened.tensor("x")

    @pytest.mark.parametrize(
        ("config", "said"),
        [
            ("[1]", "holds a JSON list"),
            ("{", "is not JSON"),
            ('{"hidden_size": 0}', "hidden_size is 0, and a positive whole number was expected"),
            ('{"vocab_size": "10"}', "vocab_size is '10'"),
            ('{"num_attention_heads": true}', "num_attention_heads is True"),
            ('{"num_hidden_layers": 2.0}', "num_hidden_layers is 2.0"),
        ],
    )
    def test_bad_config(self, tmp_path: Path, config: str, said: str) -> None:
        (folder(tmp_path, {}) / "config.json").write_text(config, "utf-8")
        with pytest.raises(CheckpointError, match=said):
            Weights(tmp_path)

    def test_what_is_missing(self, tmp_path: Path) -> None:
        with pytest.raises(CheckpointError, match="there are no such weights"):
            Weights(tmp_path / "nowhere")
        with pytest.raises(CheckpointError, match="there are no weights in this folder"):
            Weights(tmp_path)
        (folder(tmp_path, {WORDS: (10, 4)}) / "config.json").unlink()
        with pytest.raises(CheckpointError, match=r"there is no config\.json or bert_config\.json"):
            Weights(tmp_path)

    @pytest.mark.parametrize("name", ["pytorch_model.bin", "bert_model.ckpt", "weights.bin", "any.safetensors"])
    def test_the_format_is_what_the_file_holds(self, tmp_path: Path, name: str) -> None:
        (folder(tmp_path, {WORDS: (10, 4)}) / "model.safetensors").rename(tmp_path / name)
        assert (Weights(tmp_path).format, Weights(tmp_path / name).shapes()) == ("safetensors", {WORDS: (10, 4)})

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            (b"\x89HDF\r\n\x1a\n", "this is a Keras file"),
            (b"version https://git-lfs.github.com/spec/v1\noid", "a pointer of Git LFS"),
            (b"<!DOCTYPE html>", "a web page"),
            (b"[]", "no weights in a format that is known"),
            (b'{"a": 1}', "this is JSON, and no index of weights"),
            (b"", "no weights in a format that is known"),
            ((1 << 40).to_bytes(8, "little") + b"{}", "too few for the header of 1099511627776 bytes"),
        ],
    )
    def test_what_is_no_weights_is_named(self, tmp_path: Path, content: bytes, said: str) -> None:
        (folder(tmp_path, {}) / "model.safetensors").write_bytes(content)
        with pytest.raises(CheckpointError, match=said):
            Weights(tmp_path)

    def test_of_several_weights_one_must_be_named(self, tmp_path: Path) -> None:
        for name in ("a.ckpt", "b.ckpt"):
            (folder(tmp_path, {WORDS: (10, 4)}) / "model.safetensors").rename(tmp_path / name)
        with pytest.raises(
            CheckpointError, match=r"there are several weights: a\.ckpt, b\.ckpt\. Name the file itself"
        ):
            Weights(tmp_path)
        assert WORDS in Weights(tmp_path / "b.ckpt").tensors

    def test_a_folder_of_hugging_faces_cache_may_link_to_its_blobs(self, tmp_path: Path) -> None:
        snapshot = tmp_path / "models--a--b" / "snapshots" / "1234"
        snapshot.mkdir(parents=True)
        folder(snapshot, {WORDS: (10, 4)})
        blobs = tmp_path / "models--a--b" / "blobs"
        blobs.mkdir()
        for name in ("config.json", "model.safetensors"):
            (snapshot / name).rename(blobs / name)
            (snapshot / name).symlink_to(f"../../blobs/{name}")
        assert Weights(snapshot).shapes() == {WORDS: (10, 4)}

    @pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
    def test_a_file_may_not_lead_out_of_the_folder(self, tmp_path: Path, name: str) -> None:
        inside, outside = folder(tmp_path / "in", {WORDS: (1, 1)}), tmp_path / "outside"
        (inside / name).rename(outside)
        (inside / name).symlink_to(outside)
        with pytest.raises(CheckpointError, match="a link that leaves the folder"):
            Weights(inside)

    def test_the_folder_may_be_a_link_and_files_may_link_within(self, tmp_path: Path) -> None:
        step = folder(tmp_path / "step-1", {WORDS: (1, 1)})
        (step / "model.safetensors").rename(step / "blob")
        (step / "model.safetensors").symlink_to("blob")
        (tmp_path / "latest").symlink_to("step-1")
        assert Weights(tmp_path / "latest").shapes() == {WORDS: (1, 1)}


class TestMatch:
    def test_names_without_prefix_and_with_old_words(self, tmp_path: Path) -> None:
        stored = {
            "embeddings.word_embeddings.weight": (10, 4),
            "embeddings.token_type_embeddings.weight": (2, 4),
            "embeddings.LayerNorm.gamma": (4,),
            "pooler.dense.weight": (4, 4),
            "embeddings.position_ids": (1, 8),
        }
        report = matched(tmp_path, stored)
        assert report.loaded == (WORDS, NORM, POOLER)
        assert report.new == (HEAD,)
        assert report.unexpected == ("bert.embeddings.token_type_embeddings.weight",)
        report.check()

    def test_a_whole_model_with_another_head(self, tmp_path: Path) -> None:
        report = matched(tmp_path, {**WANTED, "cls.predictions.bias": (10,), "gamma": (1,)})
        assert set(report.loaded) == set(WANTED)
        assert report.unexpected == ("cls.predictions.bias", "gamma")
        report.check()

    def test_a_missing_encoder_tensor_is_refused(self, tmp_path: Path) -> None:
        said = refused(matched(tmp_path, {WORDS: (10, 4), "roberta.pooler.dense.weight": (4, 4)}))
        assert said == (
            f"{tmp_path}/model.safetensors: the weights do not fit the model: "
            f"2 of the encoder's tensors are not stored: {NORM}, {POOLER}. "
            "Are they of this family? What is left over there: roberta.pooler.dense.weight"
        )

    def test_the_pooler_may_be_new_where_nobody_reads_it(self, tmp_path: Path) -> None:
        stored = {WORDS: (10, 4), NORM: (4,)}
        assert POOLER in refused(matched(tmp_path, stored))
        matched(tmp_path, stored, may_be_new={POOLER}).check()

    def test_a_head_of_another_shape_or_of_other_labels_is_new(self, tmp_path: Path) -> None:
        other_shape = matched(tmp_path / "shape", {**WANTED, HEAD: (7, 4)})
        assert (other_shape.wrong_shape, HEAD in other_shape.loaded) == ({HEAD: (WANTED[HEAD], (7, 4))}, False)
        other_shape.check()
        other_labels = matched(tmp_path / "labels", WANTED, other={HEAD})
        assert (other_labels.new, other_labels.unexpected) == ((HEAD,), (HEAD,))
        other_labels.check()

    def test_another_vocabulary(self, tmp_path: Path) -> None:
        said = refused(matched(tmp_path, {**WANTED, WORDS: (12, 4)}))
        assert f"{WORDS} has 12 rows in {tmp_path}/model.safetensors" in said
        assert "run.toml has 10 pieces" in said
        assert said.endswith(f"Use the vocabulary that belongs to these weights: {tmp_path}/vocab.txt")

    def test_another_width(self, tmp_path: Path) -> None:
        report = matched(tmp_path, {**WANTED, WORDS: (10, 8), NORM: (8,)})
        said = refused(report)
        assert f"{WORDS} is (10, 8) in {tmp_path}/model.safetensors and (10, 4) in run.toml" in said
        assert f"{NORM} is (8) in" in said
        assert set(report.loaded) == {POOLER, HEAD}

    def test_table(self, tmp_path: Path) -> None:
        report = matched(tmp_path, {WORDS: (12, 4), NORM: (4,), "evil\x1b[2J": (1,)})
        assert report.table().splitlines() == [
            f"loaded          1  from {tmp_path}/model.safetensors",
            f"new             2  {POOLER}, {HEAD}",
            "unexpected      1  'evil\\x1b[2J'",
            f"wrong shape     1  {WORDS} (12, 4) for (10, 4)",
        ]


@pytest.mark.skipif(not folder_of("minilm-l6").is_dir(), reason="run `bertrun weights pull minilm-l6` once")
def test_minilm_is_a_whole_bert() -> None:
    opened = Weights(folder_of("minilm-l6"))
    assert opened.table is not None
    assert (opened.table.name, opened.unknown) == ("Hugging Face's BERT without a prefix", ())
    assert {dropped.reason for dropped in opened.dropped.values()} <= {"0, 1, 2 and so on"}
    assert len(opened.tensors) == 103
    assert not set(encoder_shapes(opened.config)) - set(opened.tensors)
    assert opened.config["hidden_size"] == 384
    words = opened.tensor("bert.embeddings.word_embeddings.weight")
    assert words.shape == (30522, 384)
    assert 0.01 < float(words.std()) < 1
    assert MINILM_L6.wheel is not None
