"""Records of pre-training's columns, and files of them."""

from __future__ import annotations

import os
import time

import numpy as np
import pytest

from bert_core.data.tfrecord_writer import tfrecord_writer


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    """A cache of the test's own."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("BERTRUN_CACHE", str(folder))
    return folder / "records"


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


@pytest.fixture
def make_rows():
    return lambda count, **sizes: [pretraining_row(number, **sizes) for number in range(count)]


@pytest.fixture
def aged():
    """Makes a file one that was not written just now, so that its index is kept."""

    def aged(path):
        past = time.time() - 60
        os.utime(path, (past, past))
        return path

    return aged


@pytest.fixture
def write_tfrecord(aged):
    def write(path, rows):
        with tfrecord_writer(path) as writer:
            for row in rows:
                writer.write(row)
        return aged(path)

    return write
