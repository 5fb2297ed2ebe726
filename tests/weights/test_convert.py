"""Weights of every world through the command line: seen, converted there and back, verified, compared."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from bert_core.cli.main import run
from bert_core.weights.formats.mindspore_ckpt import MindsporeCkpt, write_ckpt
from bert_core.weights.opened import Weights

HERE = Path(__file__).parent
TINY = HERE.parent / "bert" / "tiny_pretraining"
MODELZOO = HERE / "data" / "modelzoo"
GOOGLE = HERE.parents[2] / "shared" / "data" / "tf-bert-checkpoint"
Answer = tuple[int, str, str]


@pytest.fixture
def bertrun(capsys: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    """Run a command line: its exit code, output and errors."""

    def bertrun(*arguments: object) -> Answer:
        code = run([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return code, said.out, said.err

    return bertrun


@pytest.mark.parametrize("world", ["modelzoo", "tf-names"])
def test_there_and_back_is_the_same_to_the_bit(bertrun: Callable[..., Answer], tmp_path: Path, world: str) -> None:
    assert bertrun("weights", "convert", TINY, tmp_path / "there", "--to", world)[0] == 0
    assert bertrun("weights", "convert", tmp_path / "there", tmp_path / "back", "--to", "hf")[0] == 0
    code, out, _ = bertrun("weights", "diff", TINY, tmp_path / "back")
    assert (code, out.splitlines()[-1].endswith("tensors are equal, 0 differ")) == (0, True)
    stored = load_file(tmp_path / "back" / "model.safetensors")
    for name, values in load_file(TINY / "model.safetensors").items():
        if name in stored:  # what is left aside is a copy
            np.testing.assert_array_equal(stored[name], values)
    assert Weights(tmp_path / "back").config == Weights(TINY).config


def test_googles_names_and_layouts(bertrun: Callable[..., Answer], tmp_path: Path) -> None:
    bertrun("weights", "convert", TINY, tmp_path / "there", "--to", "tf-names")
    there, here = load_file(tmp_path / "there" / "model.safetensors"), load_file(TINY / "model.safetensors")
    kernel = there["bert/encoder/layer_0/intermediate/dense/kernel"]
    np.testing.assert_array_equal(kernel, here["bert.encoder.layer.0.intermediate.dense.weight"].T)


@pytest.mark.parametrize("name", ["bert.ckpt", "nezha.ckpt"])
def test_a_checkpoint_of_the_modelzoo_without_a_configuration(bertrun: Callable[..., Answer], name: str) -> None:
    code, out, _ = bertrun("weights", "inspect", MODELZOO / name, "--json")
    found = json.loads(out)
    assert (code, found["format"], found["unknown"]) == (0, "a MindSpore checkpoint", [])
    assert found["config"]["model_type"] == name.removesuffix(".ckpt")
    assert (found["config"]["hidden_act"], found["config"]["layer_norm_eps"]) == ("gelu_new", 1e-7)
    assert "sizes were read off the tensors" in found["notes"][0]
    assert bertrun("weights", "verify", MODELZOO / name)[0] == 0


@pytest.mark.skipif(not GOOGLE.is_dir(), reason="shared/data is not here")
def test_a_checkpoint_of_google(bertrun: Callable[..., Answer], tmp_path: Path) -> None:
    for path in (GOOGLE, GOOGLE / "bert_model.ckpt", GOOGLE / "bert_model.ckpt.index"):
        assert bertrun("weights", "verify", path)[0] == 0
    assert bertrun("weights", "convert", GOOGLE, tmp_path / "hf", "--to", "hf")[0] == 0
    assert bertrun("weights", "diff", GOOGLE, tmp_path / "hf")[0] == 0
    assert {path.name for path in (tmp_path / "hf").iterdir()} >= {"config.json", "model.safetensors", "vocab.txt"}


def test_verify_names_what_is_wrong(bertrun: Callable[..., Answer], tmp_path: Path) -> None:
    copied = Path(shutil.copytree(TINY, tmp_path / "copied"))
    tensors = load_file(TINY / "model.safetensors")
    tensors["bert.embeddings.LayerNorm.bias"][0] = np.nan
    del tensors["bert.encoder.layer.0.attention.self.query.bias"]
    save_file(tensors, copied / "model.safetensors")
    code, _, err = bertrun("weights", "verify", copied)
    assert code == 6
    assert "bert.embeddings.LayerNorm.bias has 1 values that are not finite" in err
    assert "bert.encoder.layer.0.attention.self.query.bias is missing, which the configuration describes" in err
    assert err.endswith("2 things are wrong with these weights\n")
    code, out, _ = bertrun("weights", "diff", TINY, copied)
    assert (code, "only in the first: bert.encoder.layer.0.attention.self.query.bias" in out) == (6, True)


def test_names_that_a_world_does_not_have_are_listed(bertrun: Callable[..., Answer], tmp_path: Path) -> None:
    copied = Path(shutil.copytree(TINY, tmp_path / "copied"))
    save_file(
        {**load_file(TINY / "model.safetensors"), "adapter.x": np.ones(2, np.float32)}, copied / "model.safetensors"
    )
    code, _, err = bertrun("weights", "convert", copied, tmp_path / "there", "--to", "modelzoo")
    assert (code, "1 tensors have no name in" in err, "'adapter.x'" in err) == (6, True, True)
    assert [path.name for path in tmp_path.iterdir()] == ["copied"]


def test_a_folder_that_holds_something_is_not_written_to(bertrun: Callable[..., Answer], tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "thesis.tex").touch()
    code, _, err = bertrun("weights", "convert", TINY, tmp_path / "there", "--to", "hf")
    assert (code, "this is there already" in err) == (2, True)


def tagger(path: Path, *, crf: bool, lstm: bool) -> Path:
    """TINY's encoder with the head of the NER plugin, its values random."""
    random = np.random.default_rng(3)
    encoder = {name: values for name, values in load_file(TINY / "model.safetensors").items() if name[:4] == "bert"}
    width = encoder["bert.pooler.dense.bias"].size
    shapes: dict[str, tuple[int, ...]] = {"classifier.weight": (5, width), "classifier.bias": (5,)}
    if lstm:
        half = width // 2
        for way in ("ahead", "back"):
            shapes |= {f"lstm.{way}.weight_ih_l0": (4 * half, width), f"lstm.{way}.weight_hh_l0": (4 * half, half)}
            shapes |= {f"lstm.{way}.bias_ih_l0": (4 * half,), f"lstm.{way}.bias_hh_l0": (4 * half,)}
    if crf:
        shapes |= {"crf.transitions": (5, 5), "crf.start_transitions": (5,), "crf.end_transitions": (5,)}
    head = {name: random.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    path.mkdir()
    shutil.copy(TINY / "config.json", path)
    save_file({**encoder, **head}, path / "model.safetensors")
    return path


@pytest.mark.parametrize(("crf", "lstm"), [(True, False), (True, True), (False, True), (False, False)])
def test_a_tagger_goes_to_the_modelzoo_and_back(
    bertrun: Callable[..., Answer], tmp_path: Path, crf: bool, lstm: bool
) -> None:
    here = tagger(tmp_path / "here", crf=crf, lstm=lstm)
    code, out, _ = bertrun("weights", "convert", here, tmp_path / "there", "--to", "modelzoo")
    assert (code, "these stand beside its table, and bertrun alone reads them" in out) == (0, crf)
    assert bertrun("weights", "convert", tmp_path / "there", tmp_path / "back", "--to", "hf")[0] == 0
    code, out, _ = bertrun("weights", "diff", here, tmp_path / "back")
    assert (code, out) == (0, f"{len(load_file(here / 'model.safetensors'))} tensors are equal, 0 differ\n")


def test_a_tagger_of_the_modelzoo_says_where_its_ends_are_from(bertrun: Callable[..., Answer], tmp_path: Path) -> None:
    bertrun(
        "weights", "convert", tagger(tmp_path / "here", crf=True, lstm=False), tmp_path / "ours", "--to", "modelzoo"
    )
    archive = MindsporeCkpt(tmp_path / "ours" / "bert.ckpt")
    theirs = [(name, archive.read(name)) for name in archive.tensors if not name.startswith("crf.")]
    (tmp_path / "theirs").mkdir()
    write_ckpt(tmp_path / "theirs" / "ner.ckpt", theirs)
    code, out, _ = bertrun("weights", "inspect", tmp_path / "theirs")
    assert (code, "note: a CRF of the ModelZoo runs through [CLS] and [SEP] as O" in out) == (0, True)
    opened = Weights(tmp_path / "theirs")
    np.testing.assert_array_equal(opened.tensor("crf.start_transitions"), opened.tensor("crf.transitions")[0])
    np.testing.assert_array_equal(opened.tensor("crf.end_transitions"), opened.tensor("crf.transitions")[:, 0])
