"""Records in the cache: made by one run while others wait, and removed when nobody uses them."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from bertrun_pretraining import kept
from bertrun_pretraining.kept import DAYS, forget_unused, locked, use

ONE, TWO = "1" * 32, "a" * 32
LONG_AGO = time.time() - (DAYS + 1) * 24 * 3600


@pytest.fixture
def cache(tmp_path):
    """Two folders of records that are older than `DAYS`."""
    for name in (ONE, TWO):
        (tmp_path / "cache" / name).mkdir(parents=True)
        (tmp_path / "cache" / name / "pretrain-000000.tfrecord").write_bytes(b"x")
        os.utime(tmp_path / "cache" / name, (LONG_AGO, LONG_AGO))
    return tmp_path / "cache"


def left(cache: Path) -> list[str]:
    said: list[str] = []
    forget_unused(cache, said.append)
    names = sorted(path.name for path in cache.iterdir())
    assert len(said) + len(names) == 2
    return names


def test_what_was_not_used_for_long_is_removed(cache):
    use(cache / TWO)
    assert left(cache) == [TWO]


def test_what_a_process_uses_stays_however_long_it_runs(cache):
    holds = "import sys, pathlib; from bertrun_pretraining.kept import use\n"
    holds += "use(pathlib.Path(sys.argv[1])); print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", holds, str(cache / ONE)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        process.stdout.readline()
        os.utime(cache / ONE / kept._USED, (LONG_AGO, LONG_AGO))
        assert left(cache) == [ONE]
        process.communicate(b"\n")
    os.utime(cache / ONE / kept._USED, (LONG_AGO, LONG_AGO))
    forget_unused(cache, lambda line: None)
    assert not (cache / ONE).exists()


@pytest.mark.parametrize("name", ["wiki", ONE])
def test_what_people_keep_there_stays(tmp_path, name):
    own = tmp_path / name / ("corpus.txt" if name == ONE else "pretrain-000000.tfrecord")
    own.parent.mkdir()
    own.write_text("mine", encoding="utf-8")
    os.utime(own.parent, (LONG_AGO, LONG_AGO))
    forget_unused(tmp_path, lambda line: None)
    assert own.read_text(encoding="utf-8") == "mine"


def test_what_is_not_there_is_not_noted(tmp_path):
    use(tmp_path / "none")
    forget_unused(tmp_path / "none", lambda line: None)
    assert not (tmp_path / "none").exists()


def test_the_second_waits_for_the_first(tmp_path):
    seen = []

    def second():
        with locked(tmp_path, "making", lambda: seen.append("waits")):
            seen.append("second")

    thread = threading.Thread(target=second)
    with locked(tmp_path, "making", lambda: seen.append("never")):
        thread.start()
        while not seen:
            time.sleep(0.01)
        seen.append("first")
    thread.join(10)
    assert seen == ["waits", "first", "second"]
