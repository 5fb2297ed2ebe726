"""A task's data as records: what the reference's network reads, and what a run here reads, is what was written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bert_core.cli.main import run

TINY = ["--hidden-size", "16", "--num-hidden-layers", "1", "--num-attention-heads", "2", "--intermediate-size", "24"]
IDS = [[2, 4, 5, 6, 7, 8, 9, 3], [2, 10, 11, 3], [2, 12, 6, 7, 10, 3]]
LABELS = [[0, 3, 4, 0, 0, 1, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0, 1, 0]]  # O, B-LOC, I-LOC, B-PER, I-PER
ROWS = {
    "input_ids": IDS,
    "input_mask": [[1] * len(row) for row in IDS],
    "segment_ids": [[0] * len(row) for row in IDS],
    "label_ids": LABELS,
}
DATA = ["data", "convert", "--task", "ner"]


def filled(rows: list[list[int]], length: int = 12) -> list[list[int]]:
    return [row + [0] * (length - len(row)) for row in rows]


def convert(source: Path, target: Path, vocab: Path, *more: str) -> int:
    return run([*DATA, str(source), str(target), "--vocab", str(vocab), "--max-length", "12", *more])


@pytest.mark.parametrize("kind", ["tfrecord", "mindrecord"])
def test_mindspore_reads_the_references_columns(train: Path, vocab: Path, tmp_path: Path, kind: str) -> None:
    import mindspore.dataset as ds

    target = tmp_path / f"train.{kind}"
    assert convert(train, target, vocab) == 0
    if kind == "tfrecord":
        dataset: Any = ds.TFRecordDataset(str(target), schema=str(tmp_path / "train.schema.json"), shuffle=False)
    else:
        dataset = ds.MindDataset(str(target), shuffle=False)
    rows = list(dataset.create_dict_iterator(num_epochs=1, output_numpy=True))
    assert {name: [row[name].tolist() for row in rows] for name in rows[0]} == {
        name: filled(values) for name, values in ROWS.items()
    }
    assert {row["input_ids"].dtype for row in rows} == {np.dtype("int64" if kind == "tfrecord" else "int32")}
    assert (tmp_path / "labels.txt").read_text() == "O\nB-LOC\nI-LOC\nB-PER\nI-PER\n"


def test_ids_follow_the_label_file(
    train: Path, vocab: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    types = tmp_path / "types"
    types.write_text("LOC\nPER\n")  # as the ModelZoo's run_ner takes them: O, then S, B, M, E of each
    assert convert(train, tmp_path / "train.tfrecord", vocab, "--label-file", str(types)) == 0
    capsys.readouterr()
    assert run(["data", "show", str(tmp_path / "train.tfrecord"), "--count", "9"]) == 0
    labels = [line for line in capsys.readouterr().out.splitlines() if line.startswith("  labels")]
    assert [line.partition(": ")[2].partition("  +")[0] for line in labels] == [
        "0 6 8 0 0 1 0 0",
        "0 1 0 0",
        "0 0 0 0 1 0",
    ]


def test_records_become_records_of_another_format(train: Path, vocab: Path, tmp_path: Path) -> None:
    from bert_core.data.records import open_records

    assert convert(train, tmp_path / "a.tfrecord", vocab, "--names", "bertrun") == 0
    steps = [("a.tfrecord", "b.mindrecord"), ("b.mindrecord", "c.tfrecord")]
    for source, target in steps:
        assert run(["data", "convert", str(tmp_path / source), str(tmp_path / target)]) == 0
    first, last = (open_records(tmp_path / name) for name in ("a.tfrecord", "c.tfrecord"))
    for left, right in zip(first.read_many(range(3)), last.read_many(range(3)), strict=True):
        assert left.keys() == right.keys() == {"input_ids", "attention_mask", "token_type_ids", "labels"}
        for name in left:
            np.testing.assert_array_equal(left[name], right[name])
    schema = json.loads((tmp_path / "c.schema.json").read_text())
    assert schema["numRows"] == 3
    assert schema["columns"]["label_ids"] == {"type": "int64", "rank": 1, "shape": [-1]}


def test_a_run_on_records_takes_the_steps_of_a_run_on_the_text(train: Path, vocab: Path, tmp_path: Path) -> None:
    """Each word is one piece here, so both runs see the same windows."""
    losses = []
    (tmp_path / "records").mkdir()
    assert convert(train, tmp_path / "records" / "train.tfrecord", vocab) == 0
    for name, source in (("text", train), ("records", tmp_path / "records")):
        output = tmp_path / "runs" / name
        words = ["--task", "ner", "--vocab", str(vocab), *TINY, "--max-length", "12", "--train-data", str(source)]
        words += ["--eval-data", str(source), "--batch-size", "2", "--max-steps", "3", "--log-every", "1"]
        assert run([*words, "--output", str(output)]) == 0
        lines = map(json.loads, (output / "metrics.jsonl").read_text().splitlines())
        losses.append([line["loss"] for line in lines if "loss" in line])
        predicted = [json.loads(line)["words"] for line in (output / "predictions.jsonl").read_text().splitlines()]
        assert [len(words) for words in predicted] == [6, 2, 4]
    assert losses[0] == losses[1]
    inputs = json.loads((tmp_path / "runs" / "records" / "environment.json").read_text())["inputs"]
    assert str(tmp_path / "records" / "train.tfrecord") in inputs


def test_a_damaged_record_stops_a_run_or_is_left_out(
    train: Path, vocab: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "train.tfrecord"
    assert convert(train, target, vocab) == 0
    content = bytearray(target.read_bytes())
    content[len(content) // 2] ^= 1
    target.write_bytes(content)
    words = ["--task", "ner", "--vocab", str(vocab), *TINY, "--max-length", "12", "--train-data", str(target)]
    capsys.readouterr()
    assert run([*words, "--dry-run"]) == 4
    assert f"{target}: record 2 at byte" in capsys.readouterr().err
    assert run([*words, "--dry-run", "--on-bad-record", "skip:1"]) == 0
    assert f"train: left out: {target}: record 2" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([*DATA, "train.conll", "x.tfrecord"], "text becomes records by --vocab or --weights"),
        (["data", "convert", "train.conll", "x.tfrecord", "--vocab", "vocab.txt"], "by --task, whose data it is,"),
        ([*DATA, "train.conll", "x", "--vocab", "vocab.txt"], "the name does not say which records it is to hold"),
        ([*DATA, "train.conll", "vocab.txt", "--to", "tfrecord", "--vocab", "vocab.txt"], "this is there already"),
        ([*DATA, "train.conll", "no/x.tfrecord", "--vocab", "vocab.txt"], "there is no such folder"),
        (["data", "show", "train.conll"], "this is text, and nothing says whose. Say --task"),
        (["data", "show", "nothing.tfrecord"], "there is no such file"),
    ],
)
def test_what_cannot_be_is_said_and_writes_nothing(
    words: list[str], said: str, train: Path, vocab: Path, monkeypatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(train.parent)
    before = sorted(train.parent.iterdir())
    assert run(words) in (2, 4)
    assert said in capsys.readouterr().err
    assert sorted(train.parent.iterdir()) == before


def test_other_labels_beside_the_records_are_not_mixed(
    train: Path, vocab: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "labels.txt").write_text("O\nB-X\nI-X\n")
    assert convert(train, tmp_path / "train.tfrecord", vocab) == 4
    assert "the labels beside these records are others. Give it with --label-file" in capsys.readouterr().err
    assert not (tmp_path / "train.tfrecord").exists()


def test_text_is_shown_as_its_task_renders_it(train: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "show", "--task", "ner", str(train), "--start", "2", "--count", "1"]) == 0
    assert json.loads(capsys.readouterr().out)["tags"] == ["B-LOC", "O"]


def test_a_part_of_the_examples_has_the_labels_of_all(train: Path, vocab: Path, tmp_path: Path) -> None:
    from bert_core.data.records import open_records

    assert convert(train, tmp_path / "a.tfrecord", vocab, "--begin", "0.6") == 0
    (row,) = open_records(tmp_path / "a.tfrecord").read_many(range(2))[-1:]
    assert len(open_records(tmp_path / "a.tfrecord")) == 2
    assert row["input_ids"].tolist() == filled(IDS)[2]
    assert (tmp_path / "labels.txt").read_text() == "O\nB-LOC\nI-LOC\nB-PER\nI-PER\n"
    assert convert(train, tmp_path / "b.tfrecord", vocab, "--begin", "0.6", "--end", "0.5") == 2


def test_records_alone_are_checked_and_counted(
    train: Path, vocab: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "a.tfrecord"
    assert convert(train, target, vocab) == 0
    capsys.readouterr()
    assert run(["data", "check", str(target), "--vocab", str(vocab)]) == 0
    assert f"{target}: 3 records are whole" in capsys.readouterr().out
    assert run(["data", "stats", str(target), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["records"], found["pieces"]["mean"], found["columns"]["labels"]) == (3, 6.0, "int64 [-1]")
    short = tmp_path / "short.txt"
    short.write_text("\n".join(vocab.read_text().splitlines()[:8]))
    assert run(["data", "check", str(target), "--vocab", str(short)]) == 4
    assert "the column 'input_ids' holds 8, and the vocabulary has 8 pieces" in capsys.readouterr().err


def test_pre_training_records_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from bert_core.data.tfrecord_writer import tfrecord_writer

    rows = [
        {"input_mask": [1] * 10 + [0] * 2, "masked_lm_weights": [1.0, 1.0, 0.0], "next_sentence_labels": [n % 2]}
        for n in range(3)
    ]
    with tfrecord_writer(tmp_path / "a.tfrecord") as writer:
        for row in rows:
            writer.write({name: np.array(v, "f4" if "weights" in name else "i8") for name, v in row.items()})
    assert run(["data", "stats", str(tmp_path / "a.tfrecord"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["masked share"], found["next sentences"], found["other sentences"]) == (0.2, 2, 1)
