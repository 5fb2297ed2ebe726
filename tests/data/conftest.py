"""Records of every task's columns, and files of them."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest

from bert_core.data.tfrecord_writer import tfrecord_writer

SHARED = Path(__file__).parents[3] / "shared" / "data"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="no ../shared/data: it holds records of other programs")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A cache of the test's own."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("BERTRUN_CACHE", str(folder))
    return folder


def pretraining_row(number, length=16, masks=4):
    """A record as Google's script makes it, of any values."""
    random = np.random.default_rng(number)
    return {
        "input_ids": random.integers(0, 30522, length),
        "input_mask": np.ones(length, np.int64),
        "segment_ids": np.repeat([0, 1], length // 2),
        "masked_lm_positions": random.integers(0, length, masks),
        "masked_lm_ids": random.integers(0, 30522, masks),
        "masked_lm_weights": random.random(masks, np.float32),
        "next_sentence_labels": np.array([number % 2]),
    }


def write_tfrecord(path, rows):
    """A file that was not written just now, so that its index is kept."""
    with tfrecord_writer(path) as writer:
        for row in rows:
            writer.write(row)
    age(path)
    return path


def age(path):
    past = time.time() - 60
    os.utime(path, (past, past))


def assert_same(row, other):
    assert row.keys() == other.keys()
    for name, values in row.items():
        np.testing.assert_array_equal(values, other[name], err_msg=name)
