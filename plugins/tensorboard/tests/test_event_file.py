"""Files of events as TensorBoard itself reads them."""

from __future__ import annotations

from pathlib import Path

import pytest
from bertrun_tensorboard.event_file import EventFile, cut, event_files, read
from bertrun_tensorboard.events import begun_again, is_before, scalars, table
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def shown(folder: Path) -> EventAccumulator:
    return EventAccumulator(str(folder)).Reload()


def steps(path: Path) -> list[int]:
    return [event.step for event in read(path)]


@pytest.fixture
def written(tmp_path: Path) -> Path:
    file = EventFile(tmp_path)
    for step in (1, 2, 3):
        file.add(scalars("train/", {"loss": 1 / step, "epoch": step / 4}, step))
    file.close()
    return file.path


def test_tensorboard_reads_what_is_written(written: Path) -> None:
    found = shown(written.parent)
    assert sorted(found.Tags()["scalars"]) == ["train/epoch", "train/loss"]
    assert [(one.step, one.value) for one in found.Scalars("train/epoch")] == [(1, 0.25), (2, 0.5), (3, 0.75)]


def test_a_table_of_options_is_a_text(tmp_path: Path) -> None:
    EventFile(tmp_path).add(table("options/run", {"epochs": 3, "metric": ("f1", "a|b"), "name": "x\ny"}))
    found = shown(tmp_path)
    assert found.Tags()["tensors"] == ["options/run"]
    assert found.SummaryMetadata("options/run").plugin_data.plugin_name == "text"
    (text,) = found.Tensors("options/run")[0].tensor_proto.string_val
    rows = ["| option | value |", "|---|---|", "| epochs | 3 |", "| metric | f1, a\\|b |", "| name | x y |"]
    assert text.decode().splitlines() == rows


def test_files_of_later_starts_come_after_the_earlier_ones(tmp_path: Path) -> None:
    paths = [EventFile(tmp_path).path for _ in range(3)]
    assert event_files(tmp_path) == paths


def test_what_is_kept_is_kept_byte_for_byte(written: Path) -> None:
    before = written.read_bytes()
    cut(written, lambda event: True)
    assert written.read_bytes() == before
    cut(written, lambda event: event.step < 3)
    assert before.startswith(written.read_bytes())
    assert steps(written) == [0, 1, 2]
    assert list(written.parent.iterdir()) == [written]


@pytest.mark.parametrize("lost", [1, 4, 5, 30])
def test_an_event_that_was_not_written_to_its_end_is_left_out(written: Path, lost: int) -> None:
    written.write_bytes(written.read_bytes()[:-lost])
    cut(written, lambda event: True)
    assert steps(written) == [0, 1, 2]
    assert [one.step for one in shown(written.parent).Scalars("train/loss")] == [1, 2]


def test_a_file_that_is_damaged_is_read_to_the_damage(written: Path) -> None:
    content = bytearray(written.read_bytes())
    content[8 + 4 + 30 :] = b"\xff" * 100
    written.write_bytes(content)
    assert steps(written) in ([], [0])


def test_a_run_that_goes_on_keeps_the_steps_before_and_no_final_scores(tmp_path: Path) -> None:
    events = [
        scalars("train/", {"loss": 1.0}, 4),
        scalars("eval/", {"f1": 0.5}, 4),
        scalars("final/", {"f1": 0.5}, 4),
        scalars("train/", {"loss": 1.0}, 5),
        table("options/run", {}),
        begun_again(4),
    ]
    assert [is_before(event, 4) for event in events] == [True, True, False, False, True, True]
