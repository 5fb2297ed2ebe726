"""Whole runs of pre-training on records that `bertrun data pretrain` made."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from bert_core.cli.main import run
from bert_core.data import remembered

from .conftest import SENTENCES

TINY = (
    "--hidden-size 32 --num-hidden-layers 1 --num-attention-heads 2 --intermediate-size 48 --max-position-embeddings 48"
)
HEAD = {
    "cls.predictions.bias",
    "cls.predictions.transform.dense.weight",
    "cls.predictions.transform.dense.bias",
    "cls.predictions.transform.LayerNorm.weight",
    "cls.predictions.transform.LayerNorm.bias",
}
PAIRS = {"cls.seq_relationship.weight", "cls.seq_relationship.bias"}
Command = Callable[..., list[str]]


@pytest.fixture(scope="module")
def command(corpus: Path) -> Command:
    """The command line of a tiny run from scratch, with more words at its end."""

    def make(output: Path, *more: str, data: str = "stored") -> list[str]:
        fixed = f"--task pretrain --vocab {corpus}/vocab.txt --lowercase {TINY} --max-length 32 --batch-size 8"
        files = f"--train-data {corpus}/{data} --eval-data {corpus}/{data} --learning-rate 1e-2 --log-every 1"
        return [*fixed.split(), *files.split(), "--output", str(output), *more]

    return make


@pytest.fixture(scope="module")
def straight(command: Command, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of 20 steps, with dropout, over records that are masked anew in each epoch."""
    output = tmp_path_factory.mktemp("runs") / "straight"
    assert run(command(output, "--max-steps", "20", "--no-eval", data="records")) == 0
    return output


@pytest.fixture(scope="module")
def learnt(command: Command, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that learns a few records by heart."""
    output = tmp_path_factory.mktemp("runs") / "learnt"
    still = ("--hidden-dropout-prob", "0", "--attention-probs-dropout-prob", "0")
    assert run(command(output, "--max-steps", "200", "--eval-every", "50", "--learning-rate", "1e-2", *still)) == 0
    return output


def scores(output: Path) -> list[dict[str, float]]:
    rows = map(json.loads, (output / "metrics.jsonl").read_text(encoding="utf-8").splitlines())
    return [row["scores"] for row in rows if "scores" in row]


def same(one: Path, other: Path) -> None:
    for name in ("model.safetensors", "training.safetensors"):
        assert (one / "latest" / name).read_bytes() == (other / "latest" / name).read_bytes()


def losses(output: Path) -> list[float]:
    rows = map(json.loads, (output / "metrics.jsonl").read_text(encoding="utf-8").splitlines())
    return [row["loss"] for row in rows if "loss" in row]


def test_a_frozen_table_is_frozen_for_the_head_too(
    command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also where it is decayed: the scores of pieces use it, and their loss does not move it."""
    output = tmp_path / "run"
    assert run(command(output, "--max-steps", "2", "--save-every", "1", "--no-eval", "--freeze-embeddings")) == 0
    table = "bert.embeddings.word_embeddings.weight"
    assert f"frozen: {table}, with which the head scores pieces too\n" in capsys.readouterr().out
    one, two = (load_file(output / "checkpoints" / f"step-0000000{n}" / "model.safetensors") for n in (1, 2))
    assert one[table].tobytes() == two[table].tobytes()
    assert not np.array_equal(one["cls.predictions.bias"], two["cls.predictions.bias"])
    assert not any(table in name for name in load_file(output / "latest" / "training.safetensors"))


def test_masked_pieces_are_learnt(learnt: Path) -> None:
    first, *_, last = scores(learnt)
    assert last["masked_lm_accuracy"] > 0.9 > first["masked_lm_accuracy"]
    assert last["masked_lm_loss"] < 0.5 < first["masked_lm_loss"]
    assert last["perplexity"] == pytest.approx(np.exp(last["masked_lm_loss"]))
    assert last["loss"] == pytest.approx(last["masked_lm_loss"] + last["next_sentence_loss"])
    assert 0 <= last["next_sentence_accuracy"] <= 1


def test_a_checkpoint_has_the_names_of_bert_for_pretraining(learnt: Path) -> None:
    names = set(load_file(learnt / "best" / "model.safetensors"))
    assert {name for name in names if not name.startswith("bert.")} == HEAD | PAIRS
    assert {"bert.embeddings.word_embeddings.weight", "bert.pooler.dense.weight"} <= names


def test_eval_gives_the_scores_of_the_run(learnt: Path, corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert run(["eval", str(learnt), "--eval-data", f"{corpus}/stored", "--json"]) == 0
    wanted = json.loads((learnt / "scores.json").read_text(encoding="utf-8"))["eval"]["scores"]
    assert json.loads(capsys.readouterr().out) == wanted


def test_predictions_say_what_was_masked_and_what_was_predicted(learnt: Path) -> None:
    rows = [json.loads(line) for line in (learnt / "predictions.jsonl").read_text(encoding="utf-8").splitlines()]
    masked = [one for row in rows for one in row["masked"]]
    right = sum(one["piece"] == one["predicted"] for one in masked) / len(masked)
    assert right == pytest.approx(scores(learnt)[-1]["masked_lm_accuracy"])
    sentences = " ".join(SENTENCES.split())
    assert all(row["text"] in sentences for row in rows)
    follows = np.mean([row["follows"] == row["follows_predicted"] for row in rows])
    assert follows == pytest.approx(scores(learnt)[-1]["next_sentence_accuracy"])


def test_predict_fills_in_what_is_masked(learnt: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert run(["predict", str(learnt), "--text", "the cat [MASK] on the [MASK]", "--text", "the cat"]) == 0
    row, none = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [set(one) for one in row["masked"]] == [{"predicted", "score"}] * 2
    assert all(one["predicted"] in SENTENCES.split() for one in row["masked"])
    assert none["masked"] == []


def test_stop_and_resume_end_with_the_same_bytes(straight: Path, command: Command, tmp_path: Path) -> None:
    output = tmp_path / "stopped"
    assert run(command(output, "--max-steps", "20", "--no-eval", "--stop-after", "7", data="records")) == 0
    assert run(["resume", str(output)]) == 0
    same(output, straight)
    assert losses(output) == losses(straight)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own."""
    monkeypatch.setenv("BERTRUN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_text_is_made_into_the_records_that_the_command_makes(
    straight: Path, command: Command, corpus: Path, tmp_path: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fixed = ("--max-steps", "20", "--no-eval", "--dupe-factor", "3")
    line = command(tmp_path / "text", *fixed, "--stop-after", "7", data="text.txt")
    assert run(line) == 0
    said = capsys.readouterr().out
    assert f"train: making records of {corpus}/text.txt, which are kept in {cache}" in said
    assert "train: made " in said
    made = {path: path.stat().st_mtime_ns for path in cache.rglob("*.tfrecord")}
    assert run(["resume", str(tmp_path / "text")]) == 0
    assert "train: records that were made of this text before" in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in cache.rglob("*.tfrecord")} == made
    same(tmp_path / "text", straight)


def test_text_is_scored_during_a_run_and_after_it(
    command: Command, corpus: Path, tmp_path: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "run"
    assert run(command(output, "--max-steps", "2", "--no-dynamic-masking", data="text.txt")) == 0
    capsys.readouterr()
    assert run(["eval", str(output), "--eval-data", f"{corpus}/text.txt", "--json"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out) == scores(output)[-1]
    assert "eval: records that were made of this text before" in printed.err
    train, scored = sorted(len(path.read_bytes()) for path in cache.rglob("*.tfrecord"))[::-1]
    assert train > 5 * scored  # packed ten times, and once
    inputs = json.loads((output / "environment.json").read_text(encoding="utf-8"))["inputs"]
    assert str(corpus / "text.txt") in inputs


def test_a_part_of_a_large_set_is_scored(
    command: Command, corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "run"
    assert run(command(output, "--max-steps", "1", "--eval-records", "5")) == 0
    said = capsys.readouterr().out
    assert "eval: 5 of " in said
    assert "train: 5 of " not in said
    assert len((output / "predictions.jsonl").read_text(encoding="utf-8").splitlines()) == 5
    assert run(["eval", str(output), "--eval-data", f"{corpus}/stored", "--json"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out) == scores(output)[-1]
    assert "eval: 5 of " in printed.err


def test_a_run_on_text_that_changed_is_not_gone_on_with(
    command: Command, tmp_path: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text.txt").write_text(SENTENCES, encoding="utf-8")
    line = command(tmp_path / "run", "--max-steps", "2", "--no-eval", "--stop-after", "1")
    line[line.index("--train-data") + 1] = str(tmp_path / "text.txt")
    assert run(line) == 0
    (tmp_path / "text.txt").write_text(SENTENCES.replace("mat", "park"), encoding="utf-8")
    assert run(["resume", str(tmp_path / "run")]) == 4
    assert "this file is not what the run began with" in capsys.readouterr().err


def test_a_large_text_is_not_read_again_to_go_on(
    command: Command, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its digest and its records are remembered, so nobody sees that here its content is gone."""
    monkeypatch.setattr(remembered, "_LARGE", 0)
    long_ago = (time.time_ns() - 10**11,) * 2
    (tmp_path / "text.txt").write_text(SENTENCES, encoding="utf-8")
    os.utime(tmp_path / "text.txt", ns=long_ago)
    line = command(tmp_path / "run", "--max-steps", "2", "--no-eval", "--stop-after", "1")
    line[line.index("--train-data") + 1] = str(tmp_path / "text.txt")
    assert run(line) == 0
    (tmp_path / "text.txt").write_bytes(bytes(len(SENTENCES)))
    os.utime(tmp_path / "text.txt", ns=long_ago)
    assert run(["resume", str(tmp_path / "run")]) == 0


def test_weights_are_gone_on_from(straight: Path, command: Command, tmp_path: Path) -> None:
    output = tmp_path / "from-weights"
    line = command(output, "--weights", str(straight), "--no-train", data="records")
    assert run(line) == 0
    line = command(output, "--weights", str(straight), "--overwrite", "--max-steps", "1", "--no-eval", data="records")
    assert run(line) == 0
    assert losses(output)[0] < losses(straight)[0]


@pytest.mark.parametrize("task", ["ner", "classifier", "squad"])
def test_a_checkpoint_begins_the_fine_tuning_of_another_task(
    task: str, straight: Path, data: Path, tmp_path: Path
) -> None:
    answer = {"text": "the mat", "answer_start": 15}
    question = {"id": "1", "question": "where sat the cat", "answers": [answer]}
    paragraph = {"context": "the cat sat on the mat", "qas": [question]}
    (tmp_path / "squad.json").write_text(json.dumps({"data": [{"paragraphs": [paragraph]}]}), encoding="utf-8")
    (tmp_path / "classes.tsv").write_text("text\tlabel\nthe cat sat\tcat\nthe dog ran\tdog\n", encoding="utf-8")
    files = {"ner": data / "train.conll", "classifier": tmp_path / "classes.tsv", "squad": tmp_path / "squad.json"}
    fixed = f"--task {task} --weights {straight} --train-data {files[task]} --max-length 32 --max-steps 1 --no-eval"
    output = tmp_path / task
    window = ["--doc-stride", "8", "--max-query-length", "8"] if task == "squad" else []
    assert run([*fixed.split(), "--output", str(output), "--learning-rate", "1e-12", *window]) == 0
    began, found = (load_file(path / "latest" / "model.safetensors") for path in (straight, output))
    shared = [name for name in found if name.startswith("bert.")]
    assert len(shared) > 10
    for name in shared:
        np.testing.assert_allclose(found[name], began[name], rtol=0, atol=1e-6, err_msg=name)


def test_masked_pieces_alone(
    command: Command, corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "words"
    assert run(command(output, "--max-steps", "2", "--no-next-sentence")) == 0
    names = set(load_file(output / "latest" / "model.safetensors"))
    assert {name for name in names if not name.startswith("bert.")} == HEAD
    assert not any("pooler" in name for name in names)
    found = scores(output)[-1]
    assert found["loss"] == found["masked_lm_loss"]
    assert found["perplexity"] == pytest.approx(np.exp(found["masked_lm_loss"]))
    assert not any(name.startswith("next_sentence") for name in found)
    capsys.readouterr()
    assert run(["eval", str(output), "--eval-data", f"{corpus}/stored", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == found


def test_micro_batches_make_the_update_of_one_batch(command: Command, tmp_path: Path) -> None:
    still = ("--hidden-dropout-prob", "0", "--attention-probs-dropout-prob", "0", "--max-steps", "2", "--no-eval")
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert run(command(whole, *still)) == 0
    assert run(command(parts, *still, "--accumulate", "2")) == 0
    assert losses(parts) == pytest.approx(losses(whole), rel=1e-4)


def test_nezha_is_trained_and_resumed_too(command: Command, tmp_path: Path) -> None:
    output = tmp_path / "nezha"
    assert run(command(output, "--model", "nezha", "--max-steps", "3", "--stop-after", "1", "--no-eval")) == 0
    assert run(["resume", str(output)]) == 0
    assert set(load_file(output / "latest" / "model.safetensors")) >= HEAD | PAIRS


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        (["--max-length", "16"], 4, "and --max-length is 16"),
        (["--whole-word-mask", "chinese"], 4, "no column word_starts"),
        (["--train-data", "broken.txt"], 4, "broken.txt:2: byte 1 of the line, 0xff, is not UTF-8"),
        (["--train-data", "nothing"], 4, "there is no such file"),
        (
            ["--train-data", "text.txt", "--masked-share", "0"],
            2,
            "--masked-share (command line) must be greater than 0",
        ),
    ],
)
def test_what_cannot_be_read_is_said(
    more: list[str],
    code: int,
    said: str,
    command: Command,
    corpus: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(corpus)
    (corpus / "broken.txt").write_bytes(b"one\n\xff\n")
    assert run(command(tmp_path / "run", *more, data="records")) == code
    assert said in capsys.readouterr().err


def test_without_data_it_is_said_how_to_make_some(
    command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = command(tmp_path / "run")
    keep = [word for word in line if word not in ("--train-data", "--eval-data") and not word.endswith("/stored")]
    assert run(keep) == 2
    said = capsys.readouterr().err
    assert "It may be text" in said
    assert "`bertrun data pretrain TEXT" in said


@pytest.mark.parametrize("form", ["mindir", "onnx"])
def test_both_heads_are_exported(straight: Path, tmp_path: Path, form: str) -> None:
    assert run(["export", str(straight), "--format", form, "--output", str(tmp_path / form)]) == 0
    record = json.loads((tmp_path / form / "export.json").read_text())
    assert [output["name"] for output in record["outputs"]] == ["prediction_logits", "seq_relationship_logits"]
    assert [item["name"] for item in record["inputs"]][-1] == "masked_lm_positions"
    assert record["max_difference"] <= 1e-4


def test_google_and_modelzoo_records_are_read(command: Command, tmp_path: Path) -> None:
    shared = Path(__file__).parents[3] / "shared" / "data"
    if not shared.is_dir():
        pytest.skip("no ../shared/data beside the checkout")
    vocab = shared / "vocabs" / "bert-base-uncased-vocab.txt"
    shutil.copy(shared / "bert-tfrecords" / "english" / "tf_examples.tfrecord", tmp_path)
    line = f"--task pretrain --vocab {vocab} --train-data {tmp_path}/*.tfrecord {TINY} --max-position-embeddings 128"
    more = ["--output", str(tmp_path / "run"), "--max-steps", "1", "--no-eval", "--batch-size", "4"]
    assert run([*line.split(), *more]) == 0
    assert losses(tmp_path / "run")[0] == pytest.approx(np.log(30522) + np.log(2), rel=0.02)
