"""How fast text becomes pre-training records, here and in google-research/bert, in turn; and memory and two workers.

    python benchmarks/corpus_speed.py --google GOOGLE_BERT --vocab VOCAB --text WIKI_EN

GOOGLE_BERT holds `create_pretraining_data.py` and `tokenization.py` as published, VOCAB is vocab.txt of
bert-base-uncased, WIKI_EN a folder of WikiExtractor's output. Both sides read the same file, a sentence a line, with
Google's default settings, and end with the padded numbers of every record; neither writes a record file. One core:
seconds of the processor, in which other work on the machine hardly shows, from the vocabulary to the last record.
"""

from __future__ import annotations

import argparse
import functools
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bertrun_pretraining.builder import build
from bertrun_pretraining.corpus import documents, files_of, sentences
from bertrun_pretraining.settings import Settings
from bertrun_pretraining.sinks import RecordSink

from bert_core.text.tokenizer import WordPiece


class Nowhere:
    """Shards that are thrown away: an empty file each."""

    format = "none"
    suffix = ".none"

    def __call__(self, path, columns) -> RecordSink:
        return _Nothing(path)


class _Nothing:
    def __init__(self, path):
        self.path = path

    def write(self, columns):
        pass

    def commit(self):
        self.path.touch()
        return [self.path]

    def abort(self):
        pass


def one_sentence_a_line(folder, path, repeat):
    with path.open("w", encoding="utf-8") as stream:
        for _ in range(repeat):
            for file in files_of([str(folder)]):
                for document in documents(file):
                    stream.writelines(f"{sentence}\n" for sentence in sentences(document))
                    stream.write("\n")


def ours(arguments):
    """One build, measured from inside a process of its own."""
    wall, processor = time.perf_counter(), time.process_time()
    opened = functools.partial(WordPiece.from_vocab, arguments.vocab, lowercase=True, max_length=128)
    settings = Settings(dupe_factor=arguments.dupe_factor)
    with tempfile.TemporaryDirectory() as folder:
        index = build(settings, [arguments.text], opened, Nowhere(), Path(folder), workers=arguments.workers)
    print(
        json.dumps(
            {
                "seconds": time.process_time() - processor,
                "workers_seconds": sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2]),
                "wall": time.perf_counter() - wall,
                "records": sum(shard.records for shard in index.shards.values()),
                "this_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
                "worker_mb": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024,
            }
        )
    )


def run(*command):
    done = subprocess.run([sys.executable, *map(str, command)], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--google", type=Path)
    parser.add_argument("--vocab", type=Path, required=True)
    parser.add_argument("--text", required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repeat", type=int, default=12, help="times the text, for workers and memory")
    parser.add_argument("--dupe-factor", type=int, default=10)
    parser.add_argument("--workers", type=int, help="one build of a prepared text: what this script calls itself")
    arguments = parser.parse_args()
    if arguments.workers:
        ours(arguments)
        return
    peer = Path(__file__).with_name("peer_corpus.py")
    with tempfile.TemporaryDirectory() as folder:
        text, long = Path(folder) / "text.txt", Path(folder) / "long.txt"
        one_sentence_a_line(arguments.text, text, 1)
        one_sentence_a_line(arguments.text, long, arguments.repeat)
        here = [__file__, "--vocab", arguments.vocab, "--text"]
        for dupe in (1, 10) if arguments.google else ():
            for _ in range(arguments.rounds):
                factor = ("--dupe-factor", dupe)
                google = run(peer, arguments.google, arguments.vocab, text, *factor)
                mine = run(*here, text, *factor, "--workers", 1)
                ratio = google["seconds"] / mine["seconds"]
                rates = f"{mine['records'] / mine['seconds']:.0f} records/s, {mine['seconds']:.2f} s"
                print(
                    f"dupe factor {dupe}: ours {rates}; Google's {google['seconds']:.2f} s; ratio {ratio:.1f}",
                    flush=True,
                )
        for _ in range(arguments.rounds):
            one, two = (run(*here, long, "--workers", count) for count in (1, 2))
            print(
                f"{long.stat().st_size / 1e6:.0f} MB: 1 worker {one['wall']:.1f} s, {one['this_mb']} MB; "
                f"2 workers {two['wall']:.1f} s, {two['this_mb']} MB and {two['worker_mb']} MB each; "
                f"speed-up {one['wall'] / two['wall']:.2f}; of the processor {one['seconds']:.1f} s, and "
                f"{two['seconds']:.1f} s and {two['workers_seconds']:.1f} s of both workers",
                flush=True,
            )


if __name__ == "__main__":
    main()
