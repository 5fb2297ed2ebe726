"""Records cut into parts: each record once, its columns as they were, the same pieces on one side."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from bert_core.cli.main import run
from bert_core.data.columns import Column, Row
from bert_core.data.records import Format, open_records
from bert_core.datasets.conversion import Target
from bert_core.datasets.record_splitting import split_records
from bert_core.errors import DataError, UsageError

INTO = {"train": 0.7, "dev": 0.2, "test": 0.1}
COLUMNS = [Column("input_ids", "int32", (3,)), Column("labels", "int64", (1,)), Column("weights", "float32", (2,))]
FORMATS: list[Format] = ["tfrecord", "mindrecord"]


def rows(count: int) -> list[Row]:
    return [
        {
            "input_ids": np.array([number % 60, 3, 4], np.int32),
            "labels": np.array([number], np.int64),
            "weights": np.array([number / 7, -0.5], np.float32),
        }
        for number in range(count)
    ]


def written(path: Path, format_: Format, count: int = 150, names: str = "bertrun") -> Path:
    path.parent.mkdir(exist_ok=True)
    Target(path=path, format=format_, names="modelzoo" if names == "modelzoo" else "bertrun").write(
        rows(count), COLUMNS
    )
    return path


def spelled(row: Row) -> dict[str, bytes]:
    return {name: values.tobytes() for name, values in row.items()}


def contents(path: Path) -> list[dict[str, bytes]]:
    records = open_records(path)
    return [spelled(records.read(number)) for number in range(len(records))]


@pytest.mark.parametrize("format_", FORMATS)
def test_every_record_is_in_one_part_as_it_was(tmp_path: Path, format_: Format) -> None:
    source = written(tmp_path / f"all.{format_}", format_)
    counts = split_records(source, tmp_path / "parts", INTO, seed=0)
    assert list(counts) == [tmp_path / "parts" / f"{name}.{format_}" for name in INTO]
    parts = [contents(path) for path in counts]
    assert [len(part) for part in parts] == list(counts.values())
    assert all(0 < len(part) < 150 for part in parts)
    before = contents(source)
    order = {row["labels"]: number for number, row in enumerate(before)}
    assert sorted((row for part in parts for row in part), key=lambda row: order[row["labels"]]) == before
    for part in parts:
        places = [order[row["labels"]] for row in part]
        assert places == sorted(places)


@pytest.mark.parametrize("format_", FORMATS)
def test_the_same_pieces_are_on_one_side_whatever_their_labels(tmp_path: Path, format_: Format) -> None:
    counts = split_records(written(tmp_path / f"all.{format_}", format_), tmp_path / "parts", INTO, seed=0)
    sides = [{row["input_ids"] for row in contents(path)} for path in counts]
    assert sum(map(len, sides)) == 60


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("names", ["modelzoo", "bertrun"])
def test_names_types_and_shapes_are_kept(tmp_path: Path, format_: Format, names: str) -> None:
    source = written(tmp_path / f"all.{format_}", format_, names=names)
    split_records(source, tmp_path / "parts", INTO, seed=0)
    parts = open_records(tmp_path / "parts" / f"train.{format_}")
    assert dict(parts.columns) == dict(open_records(source).columns)
    assert dict(parts.stored) == dict(open_records(source).stored)
    assert parts.stored["labels"] == ("label_ids" if names == "modelzoo" else "labels")
    if format_ == "tfrecord":
        said = json.loads((tmp_path / "parts" / "train.schema.json").read_text())
        assert said == json.loads((tmp_path / "all.schema.json").read_text()) | {"numRows": len(parts)}


def test_mindspore_reads_the_parts(tmp_path: Path) -> None:
    import mindspore.dataset as ds

    source = written(tmp_path / "all.mindrecord", "mindrecord")
    counts = split_records(source, tmp_path / "parts", {"a": 0.5, "b": 0.5}, seed=0)
    found = [
        int(row["labels"][0])
        for path in counts
        for row in ds.MindDataset(str(path), shuffle=False).create_dict_iterator(num_epochs=1, output_numpy=True)
    ]
    assert sorted(found) == list(range(150))


def test_the_seed_and_the_pieces_decide_and_not_the_place(tmp_path: Path) -> None:
    written(tmp_path / "all.tfrecord", "tfrecord")
    written(tmp_path / "elsewhere" / "other.mindrecord", "mindrecord")
    labels = []
    for name, source, seed in (("a", "all.tfrecord", 0), ("b", "elsewhere/*.mindrecord", 0), ("c", "all.tfrecord", 1)):
        counts = split_records(tmp_path / source, tmp_path / name, {"train": 0.5, "dev": 0.5}, seed=seed)
        labels.append([[row["labels"] for row in contents(path)] for path in counts])
    assert labels[0] != labels[2]
    assert labels[0] == labels[1]


def test_a_label_file_goes_along(tmp_path: Path) -> None:
    written(tmp_path / "all.tfrecord", "tfrecord")
    (tmp_path / "labels.txt").write_text("O\nB-PER\n")
    split_records(tmp_path / "all.tfrecord", tmp_path / "parts", INTO, seed=0)
    assert (tmp_path / "parts" / "labels.txt").read_text() == "O\nB-PER\n"
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "labels.txt").write_text("O\n")
    with pytest.raises(DataError, match="the labels beside these records are others"):
        split_records(tmp_path / "all.tfrecord", tmp_path / "other", INTO, seed=0)


def test_nothing_is_replaced_and_damaged_records_leave_nothing(tmp_path: Path) -> None:
    source = written(tmp_path / "all.tfrecord", "tfrecord")
    (tmp_path / "dev.tfrecord").write_bytes(b"mine")
    with pytest.raises(UsageError, match=r"dev\.tfrecord: this is there already"):
        split_records(source, None, INTO, seed=0)
    content = bytearray(source.read_bytes())
    content[len(content) // 2 + 20] ^= 1
    source.write_bytes(content)
    with pytest.raises(DataError, match=r"all\.tfrecord: record \d+.*checksum"):
        split_records(source, tmp_path / "parts", INTO, seed=0)
    source.write_bytes(content[:-5])
    with pytest.raises(DataError, match=r"all\.tfrecord: record \d+"):
        split_records(source, tmp_path / "parts", INTO, seed=0)
    assert not (tmp_path / "parts").exists()


def test_records_are_split_by_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = written(tmp_path / "records" / "all.tfrecord", "tfrecord")
    assert run(["data", "split", str(source), "--into", "a=0.5,b=0.5", "--output", str(tmp_path / "parts")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(": ")[0] for line in lines] == [str(tmp_path / "parts" / f"{name}.tfrecord") for name in "ab"]
    assert sum(int(line.split(": ")[1].split()[0]) for line in lines) == 150
    source.write_bytes(source.read_bytes()[:-5])
    assert run(["data", "split", str(source), "--output", str(tmp_path / "cut")]) == 4
    assert "--on-bad-record skip:1" in capsys.readouterr().err
    command = ["data", "split", str(source), "--into", "a=0.5,b=0.5", "--output", str(tmp_path / "cut")]
    assert run([*command, "--on-bad-record", "skip:1"]) == 0
    assert sum(int(line.split(": ")[1].split()[0]) for line in capsys.readouterr().out.splitlines()) == 149
    assert run(["data", "split", str(source.parent)]) == 2
    assert "nothing says where the parts of these files go. Say --output" in capsys.readouterr().err
    assert run(["data", "split", str(source), "--header"]) == 2
    assert "these are records, and --header is of text" in capsys.readouterr().err
