"""Shards for plugins' commands: whole or not there, in any process."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from bert_core.cli.state import State
from bert_core.data.records import open_records


class Described(NamedTuple):
    type: str
    length: int


COLUMNS = {"input_ids": Described("int32", 3), "masked_lm_weights": Described("float32", 2)}
PARTS = [
    {"input_ids": np.array([[1, 2, 3], [4, 5, 6]], np.int32), "masked_lm_weights": np.array([[1, 0], [0.5, 1]], "f4")},
    {"input_ids": np.array([[7, 8, 9]], np.int32), "masked_lm_weights": np.array([[0, 0]], "f4")},
]


@pytest.mark.parametrize("kind", ["tfrecord", "mindrecord"])
class TestShards:
    def test_what_is_committed_is_read_back(self, tmp_path: Path, kind) -> None:
        sinks = pickle.loads(pickle.dumps(State().record_sinks(kind)))
        path = tmp_path / f"00000{sinks.suffix}"
        sink = sinks(path, COLUMNS)
        for part in PARTS:
            sink.write(part)
            assert not path.exists()
        assert sink.commit() == sorted(tmp_path.iterdir())
        records = open_records(path)
        rows = records.read_many(range(len(records)))
        for name in COLUMNS:
            np.testing.assert_array_equal([row[name] for row in rows], np.concatenate([part[name] for part in PARTS]))

    def test_what_is_aborted_leaves_nothing(self, tmp_path: Path, kind) -> None:
        sink = State().record_sinks(kind)(tmp_path / "00000", COLUMNS)
        sink.write(PARTS[0])
        sink.abort()
        assert list(tmp_path.iterdir()) == []


def test_the_tokenizer_opens_in_another_process(tmp_path: Path) -> None:
    vocab = tmp_path / "vocab.txt"
    vocab.write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\nporto\n")
    text = pickle.loads(pickle.dumps(State().encoder(vocab, None)))()
    assert text.encode("Porto !")[0] == [4, 1]
