"""Records of a text that a run names: made once, found again, made anew where anything is different."""

from __future__ import annotations

import hashlib
import threading
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from bertrun_pretraining.builder import build
from bertrun_pretraining.prepared import SameEncoder, prepared
from bertrun_pretraining.settings import Settings
from bertrun_pretraining.sinks import NpzSinks

from bert_core import DataError
from bert_core.text.tokenizer import WordPiece

SETTINGS = Settings(max_length=32, dynamic_masking=True, block_characters=120)
TEXT = "the cat sat on the mat.\na cat sat on a mat\n\nthe mat sat.\nthe zebra\n\n" * 12


class CountingSinks(NpzSinks):
    """Counts shards, and is interrupted at one of them."""

    def __init__(self, interrupted_at=None):
        self.opened = 0
        self.interrupted_at = interrupted_at

    def __call__(self, path, columns):
        self.opened += 1
        if self.opened == self.interrupted_at:
            raise KeyboardInterrupt
        return super().__call__(path, columns)


@dataclass
class Bench:
    """What the host gives, and what was said."""

    text: WordPiece
    cache: Path
    sinks: CountingSinks = field(default_factory=CountingSinks)
    said: list = field(default_factory=list)

    def digest(self, path):
        return hashlib.sha256(path.read_bytes()).hexdigest()

    def say(self, line):
        self.said.append(line)


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "text" / "some.txt"
    path.parent.mkdir()
    path.write_text(TEXT, encoding="utf-8")
    return path


@pytest.fixture
def bench(tmp_path, encoder):
    return Bench(encoder, tmp_path / "cache")


def shards(folder):
    return {path.name: path.read_bytes() for path in folder.glob("*.npz")}


def test_records_are_those_that_the_command_makes(source, bench, open_encoder, tmp_path):
    folder, files = prepared(source.parent, SETTINGS, bench, workers=1)
    assert files == [source]
    build(SETTINGS, [str(source)], open_encoder, NpzSinks(), tmp_path / "apart")
    made, apart = ({path.name: np.load(path) for path in f.glob("*.npz")} for f in (folder, tmp_path / "apart"))
    assert len(made) == len(apart) > 1
    for name, shard in made.items():
        assert all(np.array_equal(shard[column], apart[name][column]) for column in shard.files)


def test_the_same_text_is_made_into_records_once(source, bench, encoder, tmp_path):
    folder, _ = prepared(source, SETTINGS, bench, workers=1)
    again = replace(bench, sinks=CountingSinks(), said=[])
    assert prepared(source, SETTINGS, again, workers=1)[0] == folder
    assert again.sinks.opened == 0
    assert ["before" in line for line in again.said] == [True]
    source.rename(tmp_path / "other name")  # the text counts, and not where it is
    assert prepared(tmp_path / "other name", SETTINGS, again, workers=1)[0] == folder
    assert again.sinks.opened == 0


@pytest.mark.parametrize(
    "other",
    [
        {"max_length": 16},
        {"max_predictions": 3},
        {"masked_share": 0.3},
        {"whole_word_mask": "pieces"},
        {"short_share": 0.5},
        {"random_next": 0.25},
        {"dupe_factor": 2},
        {"dynamic_masking": False},
        {"sentences": "split"},
        {"language": "de"},
        {"seed": 1},
        {"block_characters": 300},
    ],
)
def test_other_settings_make_other_records(source, bench, other):
    first, _ = prepared(source, SETTINGS, bench, workers=1)
    second, _ = prepared(source, replace(SETTINGS, **other), bench, workers=1)
    assert first != second
    assert prepared(source, SETTINGS, bench, workers=1)[0] == first


def test_another_text_or_vocabulary_makes_other_records(source, bench, vocab):
    folders = {prepared(source, SETTINGS, bench, workers=1)[0]}
    for cased in (
        WordPiece.from_vocab(vocab, lowercase=False, max_length=128),
        WordPiece(bench.text._vocabulary, lowercase=True, strip_accents=False, max_length=128),
    ):
        folders.add(prepared(source, SETTINGS, replace(bench, text=cased), workers=1)[0])
    source.write_text(TEXT + "\nthe end\n", encoding="utf-8")
    folders.add(prepared(source, SETTINGS, bench, workers=1)[0])
    assert len(folders) == 4


def test_the_default_number_of_passes_is_the_same_as_that_number_said(source, bench):
    said = replace(SETTINGS, dupe_factor=1)
    assert prepared(source, SETTINGS, bench, workers=1) == prepared(source, said, bench, workers=1)
    assert (Settings().passes, SETTINGS.passes, replace(SETTINGS, dupe_factor=3).passes) == (10, 1, 3)


def test_what_an_interruption_left_is_gone_on_with(source, bench, tmp_path):
    whole, _ = prepared(source, SETTINGS, replace(bench, cache=tmp_path / "whole"), workers=1)
    count = len(shards(whole))
    with pytest.raises(KeyboardInterrupt):
        prepared(source, SETTINGS, replace(bench, sinks=CountingSinks(interrupted_at=3)), workers=1)
    again = replace(bench, sinks=CountingSinks())
    folder, _ = prepared(source, SETTINGS, again, workers=1)
    assert again.sinks.opened == count - 2
    assert shards(folder).keys() == shards(whole).keys()


@pytest.mark.parametrize("harm", [Path.unlink, lambda path: path.write_bytes(b"short")])
def test_a_shard_that_is_gone_or_cut_off_is_made_again(source, bench, harm):
    folder, _ = prepared(source, SETTINGS, bench, workers=1)
    before = shards(folder)
    harm(folder / "pretrain-000001.npz")
    again = replace(bench, sinks=CountingSinks())
    prepared(source, SETTINGS, again, workers=1)
    assert again.sinks.opened == 1
    assert shards(folder).keys() == before.keys()


def test_of_two_runs_that_want_the_same_records_one_makes_them(source, bench):
    """The second begins while the first is making a shard, and finds them."""
    others = []

    class Meanwhile(CountingSinks):
        def __call__(self, path, columns):
            if not others:
                second = replace(bench, sinks=CountingSinks(), said=[])
                thread = threading.Thread(target=lambda: found.append(prepared(source, SETTINGS, second, workers=1)))
                others.append((second, thread))
                thread.start()
                while not any("waited for" in line for line in second.said):
                    assert thread.is_alive()
                    time.sleep(0.01)
            return super().__call__(path, columns)

    found = []
    first = prepared(source, SETTINGS, replace(bench, sinks=Meanwhile()), workers=1)
    ((second, thread),) = others
    thread.join(10)
    assert found == [first]
    assert second.sinks.opened == 0


def test_text_without_a_sentence_is_an_error(source, bench):
    source.write_text("\n \n", encoding="utf-8")
    with pytest.raises(DataError, match="no document"):
        prepared(source, SETTINGS, bench, workers=1)


def test_workers_get_the_tokenizer(source, bench):
    two, _ = prepared(source, SETTINGS, replace(bench, sinks=NpzSinks(), cache=bench.cache / "two"), workers=2)
    one, _ = prepared(source, SETTINGS, bench, workers=1)
    for name in shards(one):
        first, second = np.load(one / name), np.load(two / name)
        assert all(np.array_equal(first[column], second[column]) for column in first.files)
    assert SameEncoder(bench.text)() is bench.text
