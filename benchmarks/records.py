"""Records a second: TFRecord and MindRecord, in order and at random, here and by MindSpore's pipelines.

    python benchmarks/records.py [--records 20000] [--length 512] [--folder FOLDER]

The records are pre-training ones of random pieces, with the columns, types and lengths of Google's script.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from pathlib import Path

import numpy as np

from bert_core import protobuf
from bert_core.data import example
from bert_core.data.columns import Column
from bert_core.data.mindrecord_index import index_of
from bert_core.data.mindrecord_writer import mindrecord_writer
from bert_core.data.records import open_records
from bert_core.data.schema import write_schema
from bert_core.data.shards import Shards
from bert_core.data.tfrecord_writer import tfrecord_writer

BATCH = 32
ROUNDS = 7


def rows(count, length):
    masks = 20 if length <= 128 else 76
    random = np.random.default_rng(0)
    for _ in range(count):
        used, first = random.integers(length // 2, length + 1), random.integers(length // 4, length // 2)
        places = np.arange(length)
        yield {
            "input_ids": np.where(places < used, random.integers(999, 30522, length), 0),
            "input_mask": (places < used).astype(np.int64),
            "segment_ids": ((places < used) & (places >= first)).astype(np.int64),
            "masked_lm_positions": np.sort(random.choice(length, masks, replace=False)),
            "masked_lm_ids": random.integers(999, 30522, masks),
            "masked_lm_weights": np.ones(masks, np.float32),
            "next_sentence_labels": random.integers(0, 2, 1),
        }


def seconds(function):
    """The least of some rounds."""
    taken = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        function()
        taken.append(time.perf_counter() - start)
    return min(taken)


def report(what, count, taken):
    print(f"{what:<46}{count / taken:>10,.0f} records/s {taken / count * 1e6:>9.1f} us a record", flush=True)


def write(folder, count, length):
    columns = {name: Column(name, str(values.dtype), values.shape) for name, values in next(rows(1, length)).items()}
    tfrecord, mindrecord = folder / "a.tfrecord", folder / "a.mindrecord"
    made = list(rows(count, length))
    start = time.perf_counter()
    with tfrecord_writer(tfrecord) as writer:
        for row in made:
            writer.write(row)
    report("write TFRecord", count, time.perf_counter() - start)
    start = time.perf_counter()
    with mindrecord_writer(mindrecord, list(columns.values())) as writer:
        for row in made:
            writer.write(row)
    report("write MindRecord", count, time.perf_counter() - start)
    write_schema(folder / "schema.json", columns.values(), count)
    past = time.time() - 60
    os.utime(tfrecord, (past, past))
    sizes = [path.stat().st_blocks * 512 / count for path in (tfrecord, mindrecord)]
    print(f"  {sizes[0]:.0f} and {sizes[1]:.0f} bytes of disk a record")
    return tfrecord, mindrecord


def read(records, order, size):
    for start in range(0, len(order), size):
        records.read_many(order[start : start + size])


def time_ours(path, name):
    start = time.perf_counter()
    records = open_records(path)
    report(f"{name}: first open, every checksum compared", len(records), time.perf_counter() - start)
    report(f"{name}: later open", len(records), seconds(lambda: open_records(path)))
    count = len(records)
    in_order, shuffled = np.arange(count), Shards(records=count, seed=1).order(0)
    report(f"{name}: in order, batches of {BATCH}", count, seconds(lambda: read(records, in_order, BATCH)))
    report(f"{name}: at random, batches of {BATCH}", count, seconds(lambda: read(records, shuffled, BATCH)))
    some = shuffled[:2000].tolist()
    report(f"{name}: at random, one by one", len(some), seconds(lambda: [records.read(one) for one in some]))


def time_mindspore(tfrecord, mindrecord):
    from mindspore.dataset import MindDataset, TFRecordDataset

    def through(data):
        return sum(1 for _ in data.create_dict_iterator(num_epochs=1, output_numpy=True))

    schema = str(tfrecord.with_name("schema.json"))
    for workers in sorted({1, min(8, os.cpu_count() or 1)}):
        pipelines = {
            "TFRecordDataset": lambda n=workers: TFRecordDataset(
                str(tfrecord), schema, shuffle=False, num_parallel_workers=n
            ),
            "MindDataset": lambda n=workers: MindDataset(str(mindrecord), shuffle=False, num_parallel_workers=n),
        }
        for name, pipeline in pipelines.items():
            count = through(pipeline())
            report(f"MindSpore {name}, in order, {workers} threads", count, seconds(lambda p=pipeline: through(p())))


def time_decoding(length):
    """One Example, and the same number by number."""
    content = example.encode(next(rows(1, length)))
    names = list(example.parse(content))

    def by_number():
        for kind, parts in example.parse(content).values():
            if kind == example.INT64_LIST:
                (packed,) = (value for _, _, value in protobuf.fields(parts[0]))
                place, numbers = 0, []
                while place < len(packed):
                    number, place = protobuf.varint(packed, place)
                    numbers.append(number)
                np.array(numbers)

    times = 300
    for name, function, many in (
        ("decode an Example", lambda: example.decode([example.parse(content)], names), 1),
        (
            f"decode an Example, {BATCH} at once",
            lambda: example.decode([example.parse(content) for _ in range(BATCH)], names),
            BATCH,
        ),
        ("decode an Example, number by number", by_number, 1),
    ):
        report(name, times, seconds(lambda f=function, n=many: [f() for _ in range(times // n + 1)]))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=20000)
    parser.add_argument("--length", type=int, default=512)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        os.environ["BERTRUN_CACHE"] = folder
        time_decoding(options.length)
        tfrecord, mindrecord = write(Path(folder), options.records, options.length)
        assert index_of(mindrecord).is_file()
        time_ours(tfrecord, "TFRecord")
        time_ours(mindrecord, "MindRecord")
        print(f"  {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10} MB of memory at most until here")
        time_mindspore(tfrecord, mindrecord)


if __name__ == "__main__":
    main()
