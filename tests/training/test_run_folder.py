"""A run's folder: what may be written where, by whom, and what a resumed run forgets."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bert_core.errors import RunBusyError, UsageError
from bert_core.training.run_folder import LOCK, RUN_FILE, RunFolder, check_free, free_default


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The folder of a finished run."""
    path = tmp_path / "run"
    with closing(RunFolder.create(path, overwrite=False)) as folder:
        folder.write_run_file({"run": {"task": "ner"}})
        folder.metrics(step=1, loss=2.5)
    return path


@pytest.fixture
def other_process() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.communicate()


def lock(path: Path, pid: int, host: str | None = None) -> None:
    path.mkdir(exist_ok=True)
    (path / LOCK).write_text(json.dumps({"pid": pid, "host": host or socket.gethostname()}))


def ended(process: subprocess.Popen[bytes]) -> int:
    process.kill()
    process.wait()
    return process.pid


def refused(path: Path, *, overwrite: bool = False) -> str:
    with pytest.raises(UsageError) as checked:
        check_free(path, overwrite=overwrite)
    with pytest.raises(UsageError) as created:
        RunFolder.create(path, overwrite=overwrite)
    assert str(created.value) == str(checked.value)
    assert created.value.where == str(path)
    return str(created.value)


class TestCreate:
    @pytest.mark.parametrize("name", ["run", "runs/of/today/run"])
    def test_a_new_folder_is_made_with_its_parents(self, tmp_path: Path, name: str) -> None:
        check_free(tmp_path / name, overwrite=False)
        assert not (tmp_path / "runs").exists()
        RunFolder.create(tmp_path / name, overwrite=False).close()
        assert (tmp_path / name / "metrics.jsonl").read_text() == ""

    def test_an_empty_folder_is_taken(self, tmp_path: Path) -> None:
        RunFolder.create(tmp_path, overwrite=False).close()

    def test_a_run_is_not_replaced_unasked(self, run: Path) -> None:
        before = {path.name: path.read_bytes() for path in run.iterdir()}
        message = refused(run)
        assert "already holds a run" in message
        assert "--overwrite" in message
        assert f"bertrun resume {run}" in message
        assert {path.name: path.read_bytes() for path in run.iterdir()} == before

    def test_overwrite_replaces_a_run_whole(self, run: Path) -> None:
        (run / "checkpoints").mkdir()
        check_free(run, overwrite=True)
        assert (run / RUN_FILE).exists()
        with closing(RunFolder.create(run, overwrite=True)):
            assert {path.name for path in run.iterdir()} == {LOCK, "metrics.jsonl", "log.txt"}
            assert (run / "metrics.jsonl").read_text() == ""
        assert (run / "checkpoints").is_dir()  # nothing had been committed

    def test_a_run_that_was_not_put_back_after_a_kill_still_waits(self, run: Path) -> None:
        (run / "first").touch()
        RunFolder.create(run, overwrite=True)  # and killed
        (run / LOCK).unlink()
        (run / RUN_FILE).touch()
        RunFolder.create(run, overwrite=True).close()
        assert (run / "first").exists()
        assert [path.name for path in run.parent.iterdir()] == [run.name]

    @pytest.mark.parametrize("overwrite", [False, True])
    def test_what_is_no_run_is_never_replaced(self, tmp_path: Path, overwrite: bool) -> None:
        (tmp_path / "thesis.tex").write_text("everything")
        assert "something other than a run" in refused(tmp_path, overwrite=overwrite)
        assert (tmp_path / "thesis.tex").read_text() == "everything"

    @pytest.mark.parametrize("overwrite", [False, True])
    def test_a_file_is_no_folder(self, tmp_path: Path, overwrite: bool) -> None:
        (tmp_path / "run").write_text("a file")
        assert "this is a file" in refused(tmp_path / "run", overwrite=overwrite)
        assert f"this is a file: {tmp_path / 'run'}" in refused(tmp_path / "run" / "of" / "mine", overwrite=overwrite)
        assert (tmp_path / "run").read_text() == "a file"

    @pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc, where nobody can write")
    def test_where_nobody_can_write_it_says_so(self) -> None:
        with pytest.raises(UsageError, match="cannot"):
            RunFolder.create(Path("/proc/run"), overwrite=False)

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
    def test_where_one_may_not_write_it_says_so_early(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o500)
        assert "no permission" in refused(tmp_path / "run")

    def test_a_default_name_is_the_first_free_one(self, tmp_path: Path) -> None:
        assert free_default(tmp_path, "ner") == tmp_path / "ner"
        for name in ("ner", "ner-2", "ner-4"):
            (tmp_path / name).mkdir()
        assert free_default(tmp_path, "ner") == tmp_path / "ner-3"


class TestLock:
    def test_it_names_the_writer_while_there_is_one(self, tmp_path: Path) -> None:
        with closing(RunFolder.create(tmp_path / "run", overwrite=False)) as folder:
            owner = json.loads((folder.path / LOCK).read_text())
            assert owner == {"pid": os.getpid(), "host": socket.gethostname()}
        assert not (tmp_path / "run" / LOCK).exists()

    def test_a_live_process_keeps_others_out(self, run: Path, other_process: subprocess.Popen[bytes]) -> None:
        lock(run, other_process.pid)
        attempts: list[Any] = [
            lambda: RunFolder.reopen(run),
            lambda: RunFolder.create(run, overwrite=True),
            lambda: RunFolder.create(run, overwrite=False),
            lambda: check_free(run, overwrite=True),
        ]
        for attempt in attempts:
            with pytest.raises(RunBusyError, match=f"process {other_process.pid} on {socket.gethostname()}") as caught:
                attempt()
            assert caught.value.exit_code == 8
        assert json.loads((run / LOCK).read_text())["pid"] == other_process.pid
        assert (run / RUN_FILE).exists()

    def test_of_two_that_start_at_once_one_gets_the_folder(self, tmp_path: Path) -> None:
        tmp_path.joinpath("run").mkdir()
        with (
            closing(RunFolder(tmp_path / "run")),  # as after both have looked and neither has locked
            pytest.raises(RunBusyError, match=f"process {os.getpid()}"),
        ):
            RunFolder(tmp_path / "run")

    def test_a_dead_processs_folder_is_taken_over(self, run: Path, other_process: subprocess.Popen[bytes]) -> None:
        lock(run, ended(other_process))
        with closing(RunFolder.reopen(run)):
            assert json.loads((run / LOCK).read_text())["pid"] == os.getpid()
        lock(run, other_process.pid)
        folder = RunFolder.create(run, overwrite=True)
        folder.forget_replaced()
        folder.close()
        assert not (run / RUN_FILE).exists()

    def test_another_machines_process_counts_as_alive_and_the_way_out_is_named(
        self, run: Path, other_process: subprocess.Popen[bytes]
    ) -> None:
        lock(run, ended(other_process), host="elsewhere")
        with pytest.raises(RunBusyError, match="on elsewhere") as caught:
            RunFolder.reopen(run)
        assert LOCK in str(caught.value.hint)

    @pytest.mark.parametrize("content", ["", "{", "[]", "null", "{}", '{"pid": null, "host": "x"}', '{"pid": "x"}'])
    def test_an_unreadable_lock_is_no_lock(self, run: Path, content: str) -> None:
        (run / LOCK).write_text(content)
        with closing(RunFolder.reopen(run)):
            assert json.loads((run / LOCK).read_text())["pid"] == os.getpid()


class TestMetrics:
    def lines(self, path: Path) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]

    def test_each_line_is_there_at_once(self, tmp_path: Path) -> None:
        with closing(RunFolder(tmp_path)) as folder:
            folder.metrics(step=1, loss=0.1)
            folder.log("compiling")
            assert self.lines(tmp_path) == [{"step": 1, "loss": 0.1}]
            assert (tmp_path / "log.txt").read_text() == "compiling\n"

    def test_a_resumed_run_forgets_what_it_writes_again(self, tmp_path: Path) -> None:
        with closing(RunFolder(tmp_path)) as folder:
            for step in (1, 2, 2, 3, 4):
                folder.metrics(step=step, loss=step / 3)
        before = (tmp_path / "metrics.jsonl").read_bytes().splitlines(keepends=True)
        with closing(RunFolder.reopen(tmp_path)) as folder:
            folder.cut_metrics(2)
            assert (tmp_path / "metrics.jsonl").read_bytes() == b"".join(before[:3])
            folder.metrics(step=3, loss=1.0)
        assert (tmp_path / "metrics.jsonl").read_bytes() == b"".join([*before[:3], b'{"step": 3, "loss": 1.0}\n'])

    @pytest.mark.parametrize("torn", [b'{"step": 2, "lo', b"\0\0\0", b"7", b"{}", b"\xff"])
    def test_a_line_that_was_cut_off_is_forgotten(self, tmp_path: Path, torn: bytes) -> None:
        (tmp_path / "metrics.jsonl").write_bytes(b'{"step": 1}\n' + torn)
        with closing(RunFolder.reopen(tmp_path)) as folder:
            folder.cut_metrics(2)
        assert self.lines(tmp_path) == [{"step": 1}]

    def test_nothing_but_what_a_run_consists_of_is_left(self, tmp_path: Path) -> None:
        with closing(RunFolder(tmp_path)) as folder:
            folder.cut_metrics(0)
            folder.write_run_file({"run": {"task": "ner"}})
            folder.write_environment({"python": "3.11"})
            folder.write_scores({"best": {"step": 1}})
            folder.write_predictions([{"text": "北京", "score": 1.0}])
        files = {RUN_FILE, "environment.json", "scores.json", "predictions.jsonl", "metrics.jsonl", "log.txt"}
        assert {path.name for path in tmp_path.iterdir()} == files
        assert (tmp_path / "predictions.jsonl").read_text("utf-8") == '{"text": "北京", "score": 1.0}\n'
