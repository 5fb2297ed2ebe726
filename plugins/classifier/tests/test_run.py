"""Whole runs of the task through the command line, from tables and from records."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from bert_core.cli.main import run

TINY = (
    "--hidden-size 16 --num-hidden-layers 1 --num-attention-heads 2 --intermediate-size 24 --max-position-embeddings 32"
)
ROWS = [
    ("red", "apple brick"),
    ("blue", "sea sky"),
    ("red", "brick apple fire"),
    ("blue", "sky ice sea"),
    ("red", "fire"),
]
Command = Callable[..., list[str]]
pytestmark = pytest.mark.usefixtures("graph_mode")


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("classifier")
    table = "text\tlabel\n" + "".join(f"{text}\t{label}\n" for label, text in ROWS * 4)
    (folder / "train.tsv").write_text(table, encoding="utf-8")
    (folder / "dev.tsv").write_text("label\ttext\nblue\tsea ice\nred\tfire brick\n", encoding="utf-8")
    pairs = "".join(f'{{"a": "{text}", "b": "sea sky", "y": {len(text)}.5}}\n' for _, text in ROWS * 4)
    (folder / "pairs.jsonl").write_text(pairs, encoding="utf-8")
    words = sorted({word for _, text in ROWS for word in text.split()})
    (folder / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *words]) + "\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def command(data: Path) -> Command:
    def make(output: Path, train: str, dev: str, *more: str) -> list[str]:
        fixed = f"--task classifier --vocab {data}/vocab.txt {TINY} --max-length 16 --log-every 1 --quiet"
        files = f"--train-data {data / train} --eval-data {data / dev} --batch-size 5 --learning-rate 2e-2"
        return [*fixed.split(), *files.split(), "--output", str(output), *more]

    return make


@pytest.fixture(scope="session")
def finished(command: Command, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of fifteen epochs of four steps."""
    output = tmp_path_factory.mktemp("runs") / "classifier"
    assert run(command(output, "train.tsv", "dev.tsv", "--epochs", "15")) == 0
    return output


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_run_learns_and_leaves_names_and_the_baseline(finished: Path) -> None:
    losses = [row["loss"] for row in rows(finished / "metrics.jsonl") if "loss" in row]
    assert np.mean(losses[-4:]) < 0.7 * np.mean(losses[:4])
    scores = json.loads((finished / "scores.json").read_text(encoding="utf-8"))["eval"]["scores"]
    assert scores["accuracy"] == 1.0
    assert scores["majority_accuracy"] == 0.5
    predictions = rows(finished / "predictions.jsonl")
    assert [(row["text"], row["label"]) for row in predictions] == [("sea ice", "blue"), ("fire brick", "red")]
    assert all(sum(row["probabilities"].values()) == pytest.approx(1, abs=1e-3) for row in predictions)


def test_the_checkpoint_has_the_names_of_bert_for_sequence_classification(finished: Path) -> None:
    tensors = load_file(finished / "best" / "model.safetensors")
    assert tensors["classifier.weight"].shape == (2, 16)
    assert {"classifier.bias", "bert.pooler.dense.weight", "bert.pooler.dense.bias"} <= set(tensors)
    assert all(name.startswith(("bert.", "classifier.")) for name in tensors)
    config = json.loads((finished / "best" / "config.json").read_text(encoding="utf-8"))
    assert config["id2label"] == {"0": "blue", "1": "red"}


def test_it_evaluates_and_predicts(finished: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["eval", str(finished), "--eval-data", str(data / "train.tsv"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["majority_accuracy"] == 0.6
    assert run(["predict", str(finished), "--text", "sky", "--text", "fire apple"]) == 0
    assert [json.loads(line)["label"] for line in capsys.readouterr().out.splitlines()] == ["blue", "red"]


def test_records_train_to_the_same_bytes_as_the_table(
    finished: Path, command: Command, data: Path, tmp_path: Path
) -> None:
    for name in ("train", "dev"):
        words = [
            "data",
            "convert",
            "--task",
            "classifier",
            str(data / f"{name}.tsv"),
            str(tmp_path / f"{name}.tfrecord"),
        ]
        assert run([*words, "--vocab", str(data / "vocab.txt"), "--max-length", "16"]) == 0
    output = tmp_path / "run"
    train, dev = str(tmp_path / "train.tfrecord"), str(tmp_path / "dev.tfrecord")
    assert run(command(output, train, dev, "--epochs", "15")) == 0
    name = "model.safetensors"
    assert (output / "latest" / name).read_bytes() == (finished / "latest" / name).read_bytes()


def test_pairs_with_numbers_run_from_files_of_json(
    command: Command, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output, file = tmp_path / "run", tmp_path / "new.jsonl"
    columns = ["--regression", "--text-column", "a", "--pair-column", "b", "--label-column", "y", "--max-steps", "4"]
    assert run(command(output, "pairs.jsonl", "pairs.jsonl", *columns)) == 0
    assert load_file(output / "best" / "model.safetensors")["classifier.weight"].shape == (1, 16)
    capsys.readouterr()
    file.write_text('{"text": "sea", "pair": "sky"}\nsea\tsky\n', encoding="utf-8")
    assert run(["predict", str(output), str(file)]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == second
    assert set(json.loads(first)) == {"text", "pair", "score"}


def test_any_number_of_classes_runs_and_is_cut_aloud(
    command: Command, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sets = data / "sets.csv"
    sets.write_text('text,label\nsea sky ice,"blue, cold"\nfire,\nbrick,red\n', encoding="utf-8")
    words = [word for word in command(tmp_path / "run", "sets.csv", "sets.csv", "--multi-label") if word != "--quiet"]
    assert run([*words, "--max-steps", "2", "--max-length", "4", "--class-weights", "balanced"]) == 0
    printed = capsys.readouterr().out
    assert "train: 1 of 3 were longer than --max-length and were cut; kept: head" in printed
    assert "eval: 1 of 3 were longer" in printed
    assert "majority_exact 0.3333" in printed


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ([], "single_label_classification"),
        (["--multi-label"], "multi_label_classification"),
        (["--regression"], "regression"),
    ],
)
def test_a_checkpoint_says_to_transformers_what_its_logits_mean(
    more: list[str], problem: str, command: Command, data: Path, tmp_path: Path
) -> None:
    (data / "numbers.tsv").write_text("text\tlabel\nsea\t1\nfire\t2\n", encoding="utf-8")
    assert run(command(tmp_path / "run", "numbers.tsv", "numbers.tsv", *more, "--max-steps", "1", "--no-eval")) == 0
    config = json.loads((tmp_path / "run" / "latest" / "config.json").read_text(encoding="utf-8"))
    assert config["problem_type"] == problem


def test_an_old_command_line_of_run_classifier_works(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = (
        f"--task classifier --device_target CPU --do_train true --do_eval=true --assessment_method Mcc --num_class 2 "
        f"--epoch_num 3 --train_data_shuffle true --eval_data_shuffle false --train_batch_size 5 "
        f"--train_data_file_path {data}/train.tsv --eval_data_file_path {data}/dev.tsv --schema_file_path= "
        f"--save_finetune_checkpoint_path {tmp_path}/run --vocab_file_path {data}/vocab.txt"
    )
    assert run([*old.split(), *TINY.split(), "--max-length", "16", "--max-steps", "2", "--quiet"]) == 0
    assert "matthews" in capsys.readouterr().out
    assert run([*old.replace("Mcc", "bf1").split(), "--dry-run"]) == 2
    said = "--assessment_method must be one of accuracy, f1, mcc, spearman_correlation, not 'bf1'"
    assert said in capsys.readouterr().err


def test_the_correlation_of_run_classifier_learns_numbers(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "numbers.tsv").write_text("text\tlabel\nsea\t0.5\nfire\t2\n", encoding="utf-8")
    old = (
        f"--task classifier --do_train true --do_eval true --assessment_method spearman_correlation --num_class 1 "
        f"--train_data_file_path {tmp_path}/numbers.tsv --eval_data_file_path {tmp_path}/numbers.tsv "
        f"--vocab_file_path {data}/vocab.txt"
    )
    assert run([*old.split(), *TINY.split(), "--max-length", "16", "--dry-run"]) == 0
    assert "scores from 0.5 to 2" in capsys.readouterr().out


def test_json_lines_of_pairs_are_predicted_and_a_bad_one_is_named(
    command: Command, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    columns = ["--text-column", "a", "--pair-column", "b", "--label-column", "y", "--regression", "--max-steps", "2"]
    assert run(command(tmp_path / "pairs", "pairs.jsonl", "pairs.jsonl", *columns)) == 0
    rows = [{"text": "sea sky", "text_b": "ice"}, {"a": "fire", "b": "ice"}, {"text": "alone"}, {"a": "x", "b": "y"}]
    (tmp_path / "file").write_text("sea\tice\n" + "".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    capsys.readouterr()
    assert run(["predict", str(tmp_path / "pairs"), str(tmp_path / "file")]) == 4
    printed = capsys.readouterr()
    found = [json.loads(line) for line in printed.out.splitlines()]
    assert [(row["text"], row["pair"]) for row in found] == [("sea", "ice"), ("sea sky", "ice"), ("fire", "ice")]
    assert 'file:4: this JSON line has no "b" or "text_b" or "pair" that is a text; its keys are: text' in printed.err


@pytest.mark.parametrize(
    ("how", "said"), [("windows", "took 4 windows"), ("head-tail", "were cut; kept: head-tail; 33.3% of all pieces")]
)
def test_long_texts_are_cut_aloud_in_every_command(
    how: str, said: str, command: Command, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (data / "long.tsv").write_text("text\tlabel\nsea sky ice\tblue\nfire apple brick\tred\n", encoding="utf-8")
    words = [word for word in command(tmp_path / "run", "long.tsv", "long.tsv", "--truncate", how) if word != "--quiet"]
    assert run([*words, "--max-steps", "2", "--max-length", "4"]) == 0
    said = f"2 of 2 were longer than --max-length and {said}"
    printed = capsys.readouterr().out
    assert f"train: {said}" in printed
    assert f"eval: {said}" in printed
    assert run(["eval", str(tmp_path / "run"), "--json"]) == 0
    assert said in capsys.readouterr().err
    (tmp_path / "file").write_text("sea sky ice\nsea\nice sky sea\n", encoding="utf-8")
    assert run(["predict", str(tmp_path / "run"), str(tmp_path / "file")]) == 0
    printed = capsys.readouterr()
    assert len(printed.out.splitlines()) == 3
    assert "texts 1 to 3: 2 of 3 were longer than --max-length and" in printed.err
