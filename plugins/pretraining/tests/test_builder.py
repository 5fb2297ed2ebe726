"""Whole builds: the same bytes whatever the processes, interruptions, shares of machines, and what is refused."""

from __future__ import annotations

import functools
import json
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from bertrun_pretraining.blocks import blocks
from bertrun_pretraining.builder import Share, build
from bertrun_pretraining.settings import Settings
from bertrun_pretraining.sinks import NpzSinks
from broken_sinks import Death, FullDisk

from bert_core import BertrunError, DataError, UsageError
from bert_core.text.tokenizer import WordPiece

SETTINGS = Settings(max_length=32, dupe_factor=2, block_characters=2000)


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "text.txt"
    rng = np.random.default_rng(0)
    words = np.array(["the", "cat", "sat", "sitting", "on", "mats", "zebra", "a", ",", "."])
    documents = [
        "\n".join(" ".join(rng.choice(words, rng.integers(2, 12))) for _ in range(rng.integers(1, 15)))
        for _ in range(60)
    ]
    path.write_text("\n\n".join(documents), encoding="utf-8")
    return path


@pytest.fixture
def built(text, tmp_path, open_encoder):
    """`built("name")` builds into a folder of that name and gives its files."""

    def run(name, settings=SETTINGS, sinks=None, **options):
        folder = tmp_path / name
        build(settings, [str(text)], open_encoder, sinks or NpzSinks(), folder, **options)
        return files(folder)

    return run


def files(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if not path.name.startswith(".")}


def test_the_index_says_what_is_in_the_shards(built, tmp_path):
    made = built("one")
    index = json.loads(made["index.json"])
    assert index["complete"]
    assert index["made_with"]["settings"]["seed"] == 12345
    assert len(index["shards"]) >= 5
    assert sorted(made) == sorted(["index.json", *(shard["files"][0]["name"] for shard in index["shards"])])
    for shard in index["shards"]:
        with np.load(tmp_path / "one" / shard["files"][0]["name"]) as arrays:
            assert list(arrays) == list(index["made_with"]["columns"])
            assert shard["records"] == len(arrays["input_ids"])
            assert shard["random_next"] == arrays["next_sentence_labels"].sum()
            assert shard["predictions"] == arrays["masked_lm_weights"].sum()
    for name in ("records", "documents", "sentences", "pieces", "random_next", "predictions"):
        assert index[name] == sum(shard[name] for shard in index["shards"])
    assert index["documents"] == 60


def test_workers_change_no_byte(built):
    one = built("one")
    assert built("two", workers=2) == one
    assert built("three", workers=3) == one


def test_a_build_goes_on_where_it_was_interrupted(built, tmp_path):
    whole = built("whole")
    shards = len(whole) - 1

    class Stop(Exception):
        pass

    for after in range(1, shards + 1):
        made = []

        def interrupt(progress, made=made, after=after):
            made.append(progress.shard)
            if len(made) == after:
                raise Stop

        with pytest.raises(Stop):
            built(f"part{after}", progress=interrupt)
        assert not json.loads((tmp_path / f"part{after}" / "index.json").read_text())["complete"]
        again = []
        assert built(f"part{after}", progress=lambda progress, again=again: again.append(progress.shard)) == whole
        assert sum(shard is not None for shard in again) == shards - after


def test_a_shard_that_is_damaged_or_gone_is_made_again(built, tmp_path):
    whole = built("out")
    first, second, third = sorted(name for name in whole if name.endswith(".npz"))[:3]
    (tmp_path / "out" / first).unlink()
    (tmp_path / "out" / second).write_bytes(whole[second][:-1])
    (tmp_path / "out" / third).write_bytes(bytes([whole[third][0] ^ 1]) + whole[third][1:])
    made = []
    assert built("out", progress=lambda progress: made.append(progress.shard)) == whole
    assert [shard.number for shard in made if shard is not None] == [0, 1, 2]


def test_other_settings_are_refused(built):
    before = built("out")
    with pytest.raises(UsageError, match=r"seed 12345 \(now 7\)"):
        built("out", Settings(max_length=32, dupe_factor=2, block_characters=2000, seed=7))
    with pytest.raises(UsageError, match=r"dupe_factor 2 \(now 3\)"):
        built("out", Settings(max_length=32, dupe_factor=3, block_characters=2000))
    assert built("out") == before


def test_another_vocabulary_is_refused(built, text, tmp_path, vocab):
    built("out")
    other = tmp_path / "vocab.txt"
    other.write_text(vocab.read_text(encoding="utf-8") + "new\n", encoding="utf-8")
    opened = functools.partial(WordPiece.from_vocab, other, lowercase=True, max_length=32)
    with pytest.raises(UsageError, match="vocabulary pieces"):
        build(SETTINGS, [str(text)], opened, NpzSinks(), tmp_path / "out")


def test_other_text_is_refused(built, text):
    built("out")
    kept = text.read_text(encoding="utf-8")
    text.write_text(kept.replace("zebra", "cat", 1), encoding="utf-8")
    with pytest.raises(UsageError, match="shard 0 is there, and of the corpus its text is another now"):
        built("out")
    text.write_text(kept[: len(kept) // 2], encoding="utf-8")
    with pytest.raises(UsageError, match="made of other text"):
        built("out")


def test_shares_of_machines_make_what_one_makes(built, tmp_path):
    whole = built("whole")
    for number in (1, 2, 3):
        built("shared", share=Share(number, 3))
    shared = files(tmp_path / "shared")
    assert {name: content for name, content in shared.items() if name.endswith(".npz")} == {
        name: content for name, content in whole.items() if name.endswith(".npz")
    }
    numbers = [
        {shard["number"] for shard in json.loads(shared[f"index-{number}-of-3.json"])["shards"]} for number in (1, 2, 3)
    ]
    assert sorted(chain.from_iterable(numbers)) == list(range(len(whole) - 1))


@pytest.mark.parametrize("workers", [1, 2])
def test_a_full_disk_leaves_no_half_shard(built, tmp_path, workers):
    with pytest.raises(DataError, match="No space left on device") as caught:
        built("out", sinks=FullDisk(), workers=workers)
    assert "pretrain-000002.npz" in str(caught.value.where)
    index = json.loads((tmp_path / "out" / "index.json").read_text())
    assert not index["complete"]
    assert 2 not in {shard["number"] for shard in index["shards"]}
    assert not (tmp_path / "out" / "pretrain-000002.npz").exists()
    assert built("out", workers=workers) == built("whole")


def test_a_worker_that_dies_is_told(built):
    with pytest.raises(BertrunError, match="a worker process ended by itself with code -9"):
        built("out", sinks=Death(), workers=2)
    assert built("out", workers=2) == built("whole")


def test_one_folder_is_for_one_process(built, tmp_path):
    def again(progress):
        with pytest.raises(BertrunError, match="another process"):
            built("out")

    built("out", progress=again)


def test_a_corpus_without_text_is_an_error(tmp_path, open_encoder):
    (tmp_path / "blank.txt").write_text("\n \n\n")
    with pytest.raises(DataError, match="there is no document in the text"):
        build(SETTINGS, [str(tmp_path / "blank.txt")], open_encoder, NpzSinks(), tmp_path / "out")


def test_a_damaged_index_is_an_error(built, tmp_path):
    built("out")
    for content in ("", "[]", '{"format": "x"}', '{"format": "bertrun pre-training records 1", "shards": [{}]}'):
        (tmp_path / "out" / "index.json").write_text(content)
        with pytest.raises(DataError):
            built("out")


@pytest.mark.parametrize(
    "wrong",
    [{"max_length": 4}, {"masked_share": 1.5}, {"dupe_factor": 0}, {"seed": -1}, {"short_share": float("nan")}],
)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(UsageError, match=f"{next(iter(wrong))} is"):
        Settings(**wrong)


def test_a_vocabulary_without_mask_is_refused(text, tmp_path):
    path = tmp_path / "vocab.txt"
    path.write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\na\n")
    opened = functools.partial(WordPiece.from_vocab, path, lowercase=True, max_length=32)
    with pytest.raises(UsageError, match=r"no \[MASK\]"):
        build(SETTINGS, [str(text)], opened, NpzSinks(), tmp_path / "out")


def test_blocks_hold_every_document_once_and_the_last_is_not_small(text):
    found = list(blocks([text], 2000))
    assert [block.number for block in found] == list(range(len(found)))
    sizes = [sum(len(document.text) for document in block.documents) for block in found]
    assert min(sizes[:-1]) >= 2000
    assert sizes[-1] >= 1000
    joined = "\n\n".join(document.text for block in found for document in block.documents)
    assert joined == Path(text).read_text(encoding="utf-8")
