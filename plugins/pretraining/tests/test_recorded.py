"""The records that Google's script made of its sample text, beside ours of the same text."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from bertrun_pretraining.block import RecordMaker
from bertrun_pretraining.columns import columns_of
from bertrun_pretraining.corpus import documents
from bertrun_pretraining.settings import Settings

from bert_core.text.tokenizer import WordPiece

SETS = {"english": "uncased", "chinese": "chinese"}


def recorded(path: Path):
    """The rows of a TFRecord file, read by the format's description alone."""
    content, place, rows = path.read_bytes(), 0, []
    while place < len(content):
        (size,) = struct.unpack_from("<Q", content, place)
        rows.append(dict(feature(entry) for entry in fields(one(fields_of(content[place + 12 : place + 12 + size])))))
        place += 16 + size
    return rows


def varint(data, place):
    value = shift = 0
    while True:
        byte = data[place]
        value |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            return value, place


def fields_of(data):
    place, found = 0, []
    while place < len(data):
        _, place = varint(data, place)
        size, place = varint(data, place)
        found.append(data[place : place + size])
        place += size
    return found


fields = fields_of


def one(found):
    assert len(found) == 1
    return found[0]


def feature(entry):
    name, value = fields_of(entry)
    kind, inner = value[0] >> 3, one(fields_of(value))
    packed = one(fields_of(inner))
    if kind == 2:
        return name.decode(), list(struct.unpack(f"<{len(packed) // 4}f", packed))
    numbers, place = [], 0
    while place < len(packed):
        number, place = varint(packed, place)
        numbers.append(number)
    return name.decode(), numbers


@pytest.fixture(params=SETS)
def both(request, shared):
    folder = shared / "bert-tfrecords" / request.param
    theirs = recorded(folder / "tf_examples.tfrecord")
    path = shared / "vocabs" / f"bert-base-{SETS[request.param]}-vocab.txt"
    encoder = WordPiece.from_vocab(path, lowercase=True, max_length=128)
    length, predictions = len(theirs[0]["input_ids"]), len(theirs[0]["masked_lm_positions"])
    chosen = Settings(max_length=length, max_predictions=predictions, dupe_factor=200)
    maker = RecordMaker(chosen, encoder, encoder.mask_id)
    block = maker.pieces(list(documents(folder / "sample_text.txt")))
    parts = list(maker.records(block, 0))
    ours = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return chosen, {name: np.array([row[name] for row in theirs]) for name in theirs[0]}, ours, encoder, block


def test_columns_are_the_same(both):
    chosen, theirs, ours, *_ = both
    assert set(theirs) == set(ours)
    for name, column in columns_of(chosen).items():
        assert theirs[name].shape[1] == ours[name].shape[1] == column.length
        assert (theirs[name].dtype.kind == "f") == (column.type == "float32")


def test_their_texts_are_stretches_of_our_pieces(both):
    """Tokenization, packing's borders and un-masking agree, or a text of theirs would not be found in ours."""
    _, theirs, _, encoder, block = both
    if (theirs["input_ids"] <= encoder.unk_id).all():
        pytest.skip("the Chinese file was recorded with a vocabulary that knew no piece: every id is 1")
    text = block.ids.tolist()
    spelled = "".join(f"{piece} " for piece in text)
    for row in range(len(theirs["input_ids"])):
        ids = theirs["input_ids"][row].copy()
        count = int(theirs["masked_lm_weights"][row].sum())
        ids[theirs["masked_lm_positions"][row, :count]] = theirs["masked_lm_ids"][row, :count]
        n = int(theirs["input_mask"][row].sum())
        middle = int(np.nonzero(ids == encoder.sep_id)[0][0])
        for part in (ids[1:middle], ids[middle + 1 : n - 1]):
            assert "".join(f"{piece} " for piece in part) in spelled
        assert count == min(theirs["masked_lm_ids"].shape[1], max(1, round(n * 0.15)))


def test_shares_are_those_of_the_recorded_ones(both):
    """Means of theirs, of few rows, within five of their own standard errors of ours, of many."""
    _, theirs, ours, encoder, _ = both

    def figures(rows):
        weights = rows["masked_lm_weights"] > 0
        now = np.take_along_axis(rows["input_ids"], rows["masked_lm_positions"], axis=1)
        lengths = rows["input_mask"].sum(axis=1)
        shares = {
            "masked": weights.sum(axis=1) / lengths,
            "random next": rows["next_sentence_labels"][:, 0],
        }
        # The Chinese file: its vocabulary knew no piece, and its lengths are not those that Google's code gives for the
        # text beside it (a mean of 107.9 with the vocabulary of bert-base-chinese, and of 108.0 where all is [UNK]).
        if (theirs["input_ids"] <= 1).all():
            return shares
        return shares | {
            "[MASK]": ((now == encoder.mask_id) & weights).sum(axis=1) / weights.sum(axis=1),
            "kept": ((now == rows["masked_lm_ids"]) & weights).sum(axis=1) / weights.sum(axis=1),
            "length": lengths,
            "b": rows["segment_ids"].sum(axis=1) / lengths,
        }

    mine, found = figures(ours), figures(theirs)
    for name, values in found.items():
        error = max(values.std(), mine[name].std()) / np.sqrt(len(values))
        assert abs(values.mean() - mine[name].mean()) < 5 * error + 0.002, name


def test_as_many_records_as_the_published_code_makes(both):
    """Means of 20 runs of google-research/bert's code, seeds 0 to 19, dupe factor 10, and their deviations of a run."""
    chosen, theirs, ours, *_ = both
    english = len(theirs["input_ids"]) == 60
    count, deviation = (123.65, 7.84) if english else (328.55, 14.46)
    length, random = (104.40, 0.582) if english else (107.91, 0.606)
    assert abs(len(ours["input_ids"]) / (chosen.dupe_factor / 10) - count) < 5 * deviation * (1 / 20 + 1 / 20) ** 0.5
    assert abs(ours["input_mask"].sum(axis=1).mean() - length) < 3
    assert abs(ours["next_sentence_labels"].mean() - random) < 0.03
