"""A model family from an installed plugin, through a whole run: nothing in the host knows it."""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import importlib_metadata
import numpy as np
import pytest
from safetensors.numpy import load_file

import bert_core
from bert_core.cli.main import run
from bert_core.testing import TINY_MODEL, ModelContract, PluginContract

SOURCE = Path(__file__).parents[2] / "examples" / "albert" / "src"
MODEL = ("--model", "albert", "--embedding-size", "8", "--num-hidden-layers", "3", "--epochs", "5")

Command = Callable[..., list[str]]


@pytest.fixture(scope="module", autouse=True)
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[pytest.MonkeyPatch]:
    """The example, beside the others."""
    site = tmp_path_factory.mktemp("site")
    metadata = site / "bertrun_albert-0.1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: bertrun-albert\nVersion: 0.1.0\n", encoding="utf-8"
    )
    (metadata / "entry_points.txt").write_text("[bertrun]\nalbert = bertrun_albert.plugin\n", encoding="utf-8")
    (point,) = (point for found in importlib_metadata.distributions(path=[str(site)]) for point in found.entry_points)
    points = [*importlib_metadata.entry_points(group="bertrun"), point]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(importlib_metadata, "entry_points", lambda group: points)
        patch.syspath_prepend(SOURCE)
        yield patch
    for name in [name for name in sys.modules if name.startswith("bertrun_albert")]:
        del sys.modules[name]


@pytest.fixture(scope="module")
def trained(command: Command, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of five epochs of four steps."""
    output = tmp_path_factory.mktemp("model") / "straight"
    assert run(command(output, *MODEL)) == 0
    return output


class TestContract(PluginContract):
    entry_point = "bertrun_albert.plugin"


@pytest.mark.slow
class TestModel(ModelContract):
    name = "albert-like"
    tiny = {**TINY_MODEL, "embedding_size": 8}


def test_the_plugin_imports_the_public_face_of_the_host_alone() -> None:
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                assert not any(name.name.startswith("bert_core") for name in node.names), path
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("bert_core"):
                assert node.module == "bert_core", path
                assert {name.name for name in node.names} <= set(bert_core.__all__), path


def test_its_options_are_on_the_help_page(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--task", "ner", "--model", "albert", "--help"]) == 0
    page = capsys.readouterr().out
    assert "--embedding-size" in page
    assert "How often the one layer is used." in page
    assert "--layer-norm-eps" not in page  # an option of BERT's


def test_it_learns(trained: Path) -> None:
    lines = (trained / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    losses = [row["loss"] for line in lines if "loss" in (row := json.loads(line))]
    assert len(losses) == 20
    assert np.mean(losses[-4:]) < 0.8 * np.mean(losses[:4])


def test_a_checkpoint_holds_the_layer_once_and_names_the_family(trained: Path) -> None:
    tensors = load_file(trained / "best" / "model.safetensors")
    queries = [name for name in tensors if "query.weight" in name]
    assert queries == ["bert.layer.query.weight"]
    assert tensors["bert.embeddings.words"].shape[1] == 8
    assert tensors["bert.widen.weight"].shape == (16, 8)
    config = json.loads((trained / "best" / "config.json").read_text(encoding="utf-8"))
    assert (config["model_type"], config["embedding_size"], config["num_hidden_layers"]) == ("albert", 8, 3)


def test_stop_and_resume_end_with_the_same_bytes(trained: Path, command: Command, tmp_path: Path) -> None:
    output = tmp_path / "stopped"
    assert run(command(output, *MODEL, "--stop-after", "6")) == 0
    assert (output / "latest").resolve().name == "step-00000006"
    assert run(["resume", str(output)]) == 0
    for name in ("model.safetensors", "training.safetensors"):
        assert (output / "latest" / name).read_bytes() == (trained / "latest" / name).read_bytes()
    assert (output / "predictions.jsonl").read_bytes() == (trained / "predictions.jsonl").read_bytes()


def test_its_one_layer_is_frozen_or_learns_slower_as_its_spec_says(
    command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = ("--freeze-layers", "1", "--layer-decay", "0.5", "--max-steps", "1", "--no-eval")
    assert run(command(tmp_path / "run", *MODEL, *more)) == 0
    said = capsys.readouterr().out
    assert "layer decay: the learning rate times embeddings 0.25, layers 0.5 to 0.5, all else 1" in said
    assert "frozen: the lowest 1 of 1 layers; 0.0 of 0.0 million parameters train" in said
    moments = load_file(tmp_path / "run" / "latest" / "training.safetensors")
    assert "first_moment.bert.widen.weight" in moments
    assert not any(".bert.layer." in name for name in moments)
    assert run(command(tmp_path / "more", *MODEL, "--freeze-layers", "2")) == 2
    assert "--freeze-layers 2: the model 'albert' has one layer" in capsys.readouterr().err


def test_eval_gives_the_scores_of_the_run(trained: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["eval", str(trained), "--eval-data", f"{data}/dev.conll", "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)
    assert scores == json.loads((trained / "scores.json").read_text(encoding="utf-8"))["eval"]["scores"]


def test_predict_tags_every_word(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["predict", str(trained), "--text", "Ana Duarte lives in Porto."]) == 0
    row = json.loads(capsys.readouterr().out)
    assert len(row["tags"]) == len(row["words"]) == 6


def test_without_the_plugin_its_checkpoint_says_which_model_is_missing(
    trained: Path, installed: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    points = [point for point in importlib_metadata.entry_points(group="bertrun") if point.name != "albert"]
    with installed.context() as patch:
        patch.setattr(importlib_metadata, "entry_points", lambda group: points)
        assert run(["predict", str(trained), "--text", "Ana"]) == 3
    assert "no model named 'albert'" in capsys.readouterr().err


def test_a_model_without_heads_for_pretraining_says_what_it_lacks(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text.txt").write_text("the cat sat\nthe dog ran\n\na bird sang\na fish swam\n", encoding="utf-8")
    vocab = ["--vocab", f"{data}/vocab.txt"]
    made = f"data pretrain {tmp_path}/text.txt --max-length 32 --dupe-factor 2 --quiet --output {tmp_path}/records"
    assert run([*made.split(), *vocab]) == 0
    line = f"--task pretrain --model albert --train-data {tmp_path}/records --output {tmp_path}/run"
    assert run([*line.split(), *vocab]) == 2
    said = capsys.readouterr().err
    assert "the task wants the encoder's own head 'pretraining', and this model has none" in said
    assert "Take --model bert or nezha" in said
