"""A whole run of the NER task: what it leaves behind, and what can be done with it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from bert_core.cli.main import run
from bert_core.training.checkpoints import committed, damage

Command = Callable[..., list[str]]


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_run_leaves_what_the_design_says(finished: Path) -> None:
    names = {path.name for path in finished.iterdir()}
    expected = {"run.toml", "environment.json", "metrics.jsonl", "scores.json", "predictions.jsonl", "log.txt"}
    assert expected | {"checkpoints", "best", "latest"} == names
    inside = {path.name for path in (finished / "best").iterdir()}
    files = {"model.safetensors", "config.json", "vocab.txt", "tokenizer_config.json", "training.safetensors"}
    assert files | {"state.json", "manifest.json"} == inside
    kept = committed(finished / "checkpoints")
    assert 2 <= len(kept) <= 3
    assert all(damage(path) == "" for path in kept)
    assert (finished / "latest").resolve().name == "step-00000024"


def test_metrics_have_a_line_for_each_logged_step_and_each_evaluation(finished: Path) -> None:
    rows = lines(finished / "metrics.jsonl")
    steps = [row["step"] for row in rows if "loss" in row]
    assert steps == list(range(1, 25))
    assert [row["step"] for row in rows if row.get("title", "").startswith("eval at")] == [4, 8, 12, 16, 20, 24]
    assert all(row["loss"] > 0 and row["grad_norm"] > 0 and row["tokens_per_s"] > 0 for row in rows if "loss" in row)


def test_the_loss_falls(finished: Path) -> None:
    losses = [row["loss"] for row in lines(finished / "metrics.jsonl") if "loss" in row]
    assert np.mean(losses[-4:]) < 0.7 * np.mean(losses[:4])


def test_every_word_of_the_evaluation_has_one_prediction_in_order(finished: Path, data: Path) -> None:
    blocks = (data / "dev.conll").read_text(encoding="utf-8").strip().split("\n\n")
    words = [[line.split(" ")[0] for line in block.splitlines()] for block in blocks]
    rows = lines(finished / "predictions.jsonl")
    assert [row["words"] for row in rows] == words
    assert all(len(row["tags"]) == len(row["words"]) for row in rows)
    assert all(row["text"][e["start"] : e["end"]] == e["surface"] for row in rows for e in row["entities"])


def test_parameters_have_hugging_faces_names(finished: Path) -> None:
    names = set(load_file(finished / "best" / "model.safetensors"))
    assert {"classifier.weight", "classifier.bias"} <= names
    assert "bert.encoder.layer.0.attention.self.query.weight" in names
    assert all(name.startswith(("bert.", "classifier.")) for name in names)


def test_labels_are_in_the_checkpoint_by_name(finished: Path) -> None:
    config = json.loads((finished / "best" / "config.json").read_text(encoding="utf-8"))
    assert config["id2label"]["0"] == "O"
    assert config["model_type"] == "bert"
    assert set(config["label2id"]) == {"O", *(f"{p}-{t}" for p in "BI" for t in ("LOC", "ORG", "PER", "PROD"))}


def test_a_run_file_does_the_run_again_to_the_byte(finished: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    assert run(["--config", str(finished / "run.toml"), "--output", str(again)]) == 0
    for name in ("model.safetensors", "training.safetensors"):
        assert (again / "latest" / name).read_bytes() == (finished / "latest" / name).read_bytes()
    assert (again / "predictions.jsonl").read_bytes() == (finished / "predictions.jsonl").read_bytes()


def test_stop_and_resume_end_with_the_same_bytes(
    finished: Path, command: Command, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also from another folder, and without the vocabulary, which the checkpoint holds."""
    output = tmp_path / "stopped"
    shutil.copytree(data, tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    line = [word.replace(str(data), "data") for word in command(output, "--epochs", "6", "--stop-after", "7")]
    assert run(line) == 0
    assert (output / "latest").resolve().name == "step-00000007"
    Path("data/vocab.txt").unlink()
    monkeypatch.chdir("/")
    assert run(["resume", str(output)]) == 0
    for name in ("model.safetensors", "training.safetensors"):
        assert (output / "latest" / name).read_bytes() == (finished / "latest" / name).read_bytes()
    drop = ("tokens_per_s", "seconds")
    rows, straight = lines(output / "metrics.jsonl"), lines(finished / "metrics.jsonl")
    assert [{k: v for k, v in row.items() if k not in drop} for row in rows] == [
        {k: v for k, v in row.items() if k not in drop} for row in straight
    ]


def test_eval_gives_the_scores_of_the_run(
    finished: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "predictions.jsonl"
    assert run(["eval", str(finished), "--eval-data", f"{data}/dev.conll", "--json", "--predictions", str(file)]) == 0
    scores = json.loads(capsys.readouterr().out)
    assert scores == json.loads((finished / "scores.json").read_text(encoding="utf-8"))["eval"]["scores"]
    assert file.read_bytes() == (finished / "predictions.jsonl").read_bytes()


def test_eval_without_data_takes_what_the_run_was_scored_on(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["eval", str(finished), "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)
    assert scores == json.loads((finished / "scores.json").read_text(encoding="utf-8"))["eval"]["scores"]


def test_a_run_does_not_go_on_with_other_data(
    command: Command, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = tmp_path / "mine.conll"
    shutil.copy(data / "train.conll", mine)
    assert run(command(tmp_path / "run", "--train-data", str(mine), "--epochs", "2", "--stop-after", "1")) == 0
    blocks = mine.read_text(encoding="utf-8").split("\n\n")
    mine.write_text("\n\n".join(reversed(blocks)), encoding="utf-8")
    capsys.readouterr()
    assert run(["resume", str(tmp_path / "run")]) == 4
    assert f"{mine}: this file is not what the run began with" in capsys.readouterr().err


def test_a_run_that_is_to_be_replaced_is_back_where_nothing_replaced_it(
    finished: Path, command: Command, tmp_path: Path
) -> None:
    output = tmp_path / "run"
    shutil.copytree(finished, output, symlinks=True)
    assert run(command(output, "--overwrite", "--learning-rate", "1e30", "--clip-norm", "0")) == 7
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run"]
    assert (output / "best" / "model.safetensors").read_bytes() == (
        finished / "best" / "model.safetensors"
    ).read_bytes()
    assert run(command(output, "--overwrite", "--max-steps", "1", "--no-eval")) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run"]
    assert (output / "latest").resolve().name == "step-00000001"


def test_evaluating_weights_without_training(finished: Path, command: Command, tmp_path: Path) -> None:
    output = tmp_path / "only-eval"
    assert run(command(output, "--no-train", "--weights", str(finished))) == 0
    assert (output / "predictions.jsonl").read_bytes() == (finished / "predictions.jsonl").read_bytes()


def test_predict_gives_a_line_for_each_text(finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    texts = ["Ana Duarte lives in Porto.", "", "  \t", "\u200d\u0001 odd \U0001f600", "word " * 200]
    assert run(["predict", str(finished), *(part for text in texts for part in ("--text", text))]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["text"] for row in rows] == texts
    assert [len(row["tags"]) for row in rows] == [len(row["words"]) for row in rows]
    assert len(rows[-1]["tags"]) == 200
    file = tmp_path / "texts.jsonl"
    file.write_text(json.dumps({"text": texts[0]}) + "\n" + texts[0] + "\n", encoding="utf-8")
    assert run(["predict", str(finished), str(file)]) == 0
    again = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert again == [rows[0], rows[0]]


def test_a_crf_and_an_lstm_train_and_predict(
    command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "crf"
    assert run(command(output, "--crf", "--bilstm", "--max-steps", "4", "--accumulate", "2", "--seed", "1")) == 0
    tensors = load_file(output / "best" / "model.safetensors")
    assert np.abs(tensors["crf.transitions"]).max() > 0
    assert any(name.startswith("lstm.") for name in tensors)
    capsys.readouterr()
    assert run(["predict", str(output), "--text", "Ana Duarte lives in Porto."]) == 0
    tags = json.loads(capsys.readouterr().out)["tags"]
    previous = "O"
    for tag in tags:
        assert not tag.startswith("I-") or previous[2:] == tag[2:]
        previous = tag
