"""What was learnt of files is asked for again only where a file is another one."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import numpy as np
import pytest

from bert_core.data import remembered as module
from bert_core.data.remembered import digest_of, remembered


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A file that was written some time ago."""
    path = tmp_path / "old"
    path.write_bytes(b"some content")
    os.utime(path, ns=(time.time_ns(), time.time_ns() - 10**10))
    return path


class Asked:
    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> dict[str, np.ndarray]:
        self.times += 1
        return {"number": np.array(self.times), "many": np.arange(5)}


def test_it_is_learnt_once(old: Path) -> None:
    asked = Asked()
    for _ in range(3):
        found = remembered(["lengths", 1], [old], asked)
        assert (int(found["number"]), found["many"].tolist()) == (1, [0, 1, 2, 3, 4])
    assert asked.times == 1


def test_other_questions_and_other_files_have_other_answers(old: Path, tmp_path: Path) -> None:
    asked = Asked()
    remembered("a", [old], asked)
    remembered("b", [old], asked)
    remembered("a", [old, old], asked)
    assert asked.times == 3


@pytest.mark.parametrize("content", [b"some content", b"longer content"])
def test_a_file_that_was_written_again_is_read_again(old: Path, content: bytes) -> None:
    asked = Asked()
    remembered("a", [old], asked)
    old.write_bytes(content)
    os.utime(old, ns=(time.time_ns(), time.time_ns() - 10**10 + 1))
    assert int(remembered("a", [old], asked)["number"]) == 2
    assert int(remembered("a", [old], asked)["number"]) == 2


def test_of_a_file_that_was_just_written_nothing_is_kept(tmp_path: Path, cache: Path) -> None:
    (tmp_path / "new").write_bytes(b"x")
    asked = Asked()
    remembered("a", [tmp_path / "new"], asked)
    remembered("a", [tmp_path / "new"], asked)
    assert asked.times == 2


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"x" * 500, None])
def test_damaged_memory_is_replaced(old: Path, cache: Path, content: bytes | None) -> None:
    asked = Asked()
    remembered("a", [old], asked)
    (kept,) = (cache.parent / "remembered").glob("*.npz")
    kept.write_bytes(kept.read_bytes()[:-40] if content is None else content)
    assert int(remembered("a", [old], asked)["number"]) == 2
    assert int(remembered("a", [old], asked)["number"]) == 2


def test_a_cache_that_cannot_be_written_does_not_matter(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BERTRUN_CACHE", str(old))
    assert int(remembered("a", [old], Asked())["number"]) == 1


def test_digests_are_those_of_the_content_and_of_large_files_are_remembered(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = hashlib.sha256(b"some content").hexdigest()
    assert digest_of(old) == wanted
    monkeypatch.setattr(module, "_LARGE", 4)
    assert [digest_of(old), digest_of(old)] == [wanted, wanted]
    monkeypatch.setattr(module, "sha256", lambda path: "never")
    assert digest_of(old) == wanted
