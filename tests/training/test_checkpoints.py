"""Checkpoints are whole or not there, damage is found, and the previous one is always left."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bert_core.errors import CheckpointError
from bert_core.training.checkpoints import (
    MANIFEST,
    Checkpoints,
    committed,
    damage,
    newest_whole,
    open_checkpoint,
)

FILES = ("model.safetensors", "training.safetensors", "state.json")


def writer(step: int) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        for name in FILES:
            (folder / name).write_text(f"{name} of step {step}\n" * 20)

    return write


def commit(run: Path, *steps: int, keep: int = 9, best: int | None = None) -> list[Path]:
    checkpoints = Checkpoints(run, keep=keep)
    return [checkpoints.commit(step, writer(step), best=step == best) for step in steps]


def names(run: Path) -> list[str]:
    return sorted(path.name for path in (run / "checkpoints").iterdir())


def linked(run: Path, name: str) -> str:
    return (run / name).resolve(strict=True).name


def step(number: int) -> str:
    return f"step-{number:08d}"


class TestCommit:
    def test_what_was_written_is_there_and_whole(self, tmp_path: Path) -> None:
        (path,) = commit(tmp_path, 12)
        assert path == tmp_path / "checkpoints" / "step-00000012"
        assert {item.name for item in path.iterdir()} == {*FILES, MANIFEST}
        assert (path / "state.json").read_text().startswith("state.json of step 12\n")
        assert damage(path) == ""

    def test_links_are_relative_so_that_a_run_can_be_moved(self, tmp_path: Path) -> None:
        run, moved = tmp_path / "run", tmp_path / "moved"
        run.mkdir()
        commit(run, 1, 2, best=1)
        run.rename(moved)
        assert linked(moved, "latest") == step(2)
        assert linked(moved, "best") == step(1)

    def test_a_step_that_is_there_already_is_not_written_again(self, tmp_path: Path) -> None:
        commit(tmp_path, 1)
        path = Checkpoints(tmp_path, keep=1).commit(1, writer(77), best=True)
        assert "of step 1\n" in (path / "state.json").read_text()
        assert linked(tmp_path, "best") == step(1)

    def test_a_step_that_is_there_damaged_is_written_again(self, tmp_path: Path) -> None:
        """A run that passed over it comes to its step once more."""
        (path,) = commit(tmp_path, 1)
        (path / "state.json").write_text("half")
        commit(tmp_path, 1)
        assert damage(path) == ""
        assert names(tmp_path) == [step(1)]

    def test_every_byte_is_on_the_disk_before_the_name_and_the_name_before_the_links_and_pruning(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        commit(tmp_path, 1)
        events: list[tuple[str, str]] = []
        fsync, rename, rmtree = os.fsync, Path.rename, shutil.rmtree
        replace = Path.replace

        def named(path: object) -> str:
            return os.path.relpath(os.fspath(path), tmp_path).replace(str(os.getpid()), "PID")  # type: ignore[call-overload]

        def noted(kind: str, real: Callable[..., Any]) -> Callable[..., Any]:
            def note(path: Any, *arguments: Any, **more: Any) -> Any:
                subject = os.readlink(f"/proc/self/fd/{path}") if kind == "flush" else path
                if os.path.lexists(subject):
                    events.append((kind, named(subject)))
                return real(path, *arguments, **more)

            return note

        monkeypatch.setattr(os, "fsync", noted("flush", fsync))
        monkeypatch.setattr(Path, "rename", noted("rename", rename))
        monkeypatch.setattr(Path, "replace", noted("replace", replace))
        monkeypatch.setattr(shutil, "rmtree", noted("remove", rmtree))
        commit(tmp_path, 2, keep=1)
        sibling = f"checkpoints/{step(2)}.tmp-PID"
        assert events[:3] == [("flush", f"{sibling}/{name}") for name in sorted(FILES)]
        assert events[3:] == [
            ("flush", f"{sibling}/.{MANIFEST}.new"),
            ("replace", f"{sibling}/.{MANIFEST}.new"),
            ("flush", sibling),
            ("rename", sibling),
            ("flush", "checkpoints"),
            ("replace", ".latest.new"),
            ("flush", "."),
            ("rename", f"checkpoints/{step(1)}"),
            ("remove", f"checkpoints/{step(1)}.tmp-old"),
        ]


class TestPruning:
    def test_the_newest_and_the_best_are_kept(self, tmp_path: Path) -> None:
        commit(tmp_path, 1, 2, 3, 4, 5, 6, keep=2, best=2)
        assert names(tmp_path) == [step(2), step(5), step(6)]

    def test_as_many_are_kept_besides_the_best_where_that_is_the_latest(self, tmp_path: Path) -> None:
        commit(tmp_path, 1, 2, 3, 4, keep=2, best=4)
        assert names(tmp_path) == [step(2), step(3), step(4)]

    def test_one_is_enough(self, tmp_path: Path) -> None:
        commit(tmp_path, 1, 2, 3, keep=1)
        assert names(tmp_path) == [step(3)]
        assert linked(tmp_path, "latest") == step(3)

    def test_nothing_is_pruned_where_the_commit_fails(self, tmp_path: Path) -> None:
        commit(tmp_path, 1, 2, 3)

        def fails(folder: Path) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        with pytest.raises(OSError, match="No space"):
            Checkpoints(tmp_path, keep=1).commit(4, fails, best=True)
        assert names(tmp_path) == [step(1), step(2), step(3)]

    def test_what_a_resumed_run_passed_over_takes_no_ones_place(self, tmp_path: Path) -> None:
        commit(tmp_path, 1, 2, 8)
        (tmp_path / "checkpoints" / step(8) / "state.json").write_text("half")
        commit(tmp_path, 3, keep=2)
        assert names(tmp_path) == [step(2), step(3)]

    def test_leftovers_of_killed_processes_are_cleaned(self, tmp_path: Path) -> None:
        commit(tmp_path, 1)
        left = tmp_path / "checkpoints" / f"{step(2)}.tmp-4242"
        left.mkdir()
        (left / MANIFEST).write_text("{}")
        assert committed(tmp_path / "checkpoints") == [tmp_path / "checkpoints" / step(1)]
        commit(tmp_path, 2)
        assert names(tmp_path) == [step(1), step(2)]


class TestFaults:
    """A process that is killed, or meets a full disk, at each of its touches of the file system."""

    @pytest.mark.parametrize(
        ("how", "keep", "best"), [("kill", 1, "best"), ("kill", 1, "worse"), ("kill", 2, "worse"), ("raise", 1, "best")]
    )
    def test_wherever_it_stops_whole_checkpoints_are_left(self, tmp_path: Path, how: str, keep: int, best: str) -> None:
        start = tmp_path / "start"
        start.mkdir()
        commit(start, 1, 2, 3, 4, best=2)
        command = [sys.executable, Path(__file__).with_name("faults.py"), how, tmp_path, str(keep), best]
        points = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        ends = []
        for point in range(1, points + 1):
            run = tmp_path / str(point)
            ends.append(self.check(run, where=f"point {point}"))
            if how == "raise":
                assert not list((run / "checkpoints").glob("*.tmp-[0-9]*")), point
            self.check_that_it_goes_on(run, ends[-1])
        assert points > 40
        assert set(ends) == {step(4), step(9)}
        assert how == "raise" or ends == sorted(ends)

    def check(self, run: Path, where: str) -> str:
        whole = committed(run / "checkpoints")
        assert [damage(path) for path in whole] == [""] * len(whole), where
        for name in ("latest", "best"):
            assert (run / name).resolve(strict=True) in [path.resolve() for path in whole], where
        said: list[str] = []
        newest = newest_whole(run, said.append)
        assert said == []
        return newest.name

    def check_that_it_goes_on(self, run: Path, newest: str) -> None:
        commit(run, 10, keep=1, best=10)
        assert names(run) == [newest, step(10)]
        assert {path.name for path in run.iterdir()} == {"checkpoints", "latest", "best"}

    @pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
    def test_a_write_that_fails_half_way_leaves_the_previous_one_and_nothing_else(
        self, tmp_path: Path, error: BaseException
    ) -> None:
        commit(tmp_path, 1, best=1)

        def half(folder: Path) -> None:
            (folder / "model.safetensors").write_bytes(b"\0" * 100)
            raise error

        with pytest.raises(type(error)):
            Checkpoints(tmp_path, keep=1).commit(2, half, best=True)
        assert names(tmp_path) == [step(1)]
        assert self.check(tmp_path, "after the error") == step(1)
        commit(tmp_path, 2)
        assert self.check(tmp_path, "the next time") == step(2)


class TestDamage:
    @pytest.mark.parametrize("name", FILES)
    def test_a_flipped_bit_is_found(self, tmp_path: Path, name: str) -> None:
        (path,) = commit(tmp_path, 1)
        content = (path / name).read_bytes()
        generator = np.random.default_rng(0)
        for _ in range(100):
            flipped = bytearray(content)
            flipped[generator.integers(len(content))] ^= 1 << generator.integers(8)
            (path / name).write_bytes(flipped)
            assert damage(path) == f"{name} is not what was written"
        (path / name).write_bytes(content)
        assert damage(path) == ""

    def test_every_flipped_bit_of_the_manifest_is_found(self, tmp_path: Path) -> None:
        (path,) = commit(tmp_path, 1)
        content = (path / MANIFEST).read_bytes()
        for place in range(len(content) * 8):
            flipped = bytearray(content)
            flipped[place // 8] ^= 1 << place % 8
            (path / MANIFEST).write_bytes(flipped)
            assert damage(path), (place, bytes(flipped))

    @pytest.mark.parametrize("kept", [0, 1, 100])
    @pytest.mark.parametrize("name", [*FILES, MANIFEST])
    def test_a_cut_file_is_found(self, tmp_path: Path, name: str, kept: int) -> None:
        (path,) = commit(tmp_path, 1)
        (path / name).write_bytes((path / name).read_bytes()[:kept])
        assert name in damage(path)

    @pytest.mark.parametrize("name", FILES)
    def test_a_missing_file_is_found(self, tmp_path: Path, name: str) -> None:
        (path,) = commit(tmp_path, 1)
        (path / name).unlink()
        assert damage(path) == f"{name} is missing"
        (path / name).mkdir()
        assert damage(path) == f"{name} is missing"

    def test_swapped_files_are_found(self, tmp_path: Path) -> None:
        first, second = commit(tmp_path, 1, 2)
        swap(first / "state.json", first / "model.safetensors")
        assert damage(first)
        swap(second / "state.json", first / "state.json")
        assert damage(second) == "state.json is not what was written"

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"null",
            b"[]",
            b"{}",
            b"\xff\xfe",
            b"{" * 10,
            b'{"schema": 1}',
            b'{"schema": 1, "files": {}}',
            b'{"schema": 1, "files": []}',
            b'{"schema": 1, "files": "state.json"}',
            b'{"schema": 1, "files": {"state.json": 3}}',
            b'{"schema": 1, "files": {"state.json": {"bytes": 3}}}',
            b'{"schema": 2, "files": {"state.json": {"bytes": 3, "sha256": ""}}}',
        ],
    )
    def test_a_wrong_manifest_is_found(self, tmp_path: Path, content: bytes) -> None:
        (path,) = commit(tmp_path, 1)
        (path / MANIFEST).write_bytes(content)
        assert MANIFEST in damage(path) or "state.json" in damage(path)

    def test_the_newest_whole_one_is_used_and_the_others_are_named(self, tmp_path: Path) -> None:
        paths = commit(tmp_path, 1, 2, 3, 4)
        (paths[3] / MANIFEST).unlink()
        (paths[2] / "state.json").unlink()
        (paths[1] / "model.safetensors").write_text("")
        said: list[str] = []
        assert newest_whole(tmp_path, said.append) == paths[0]
        assert said == [
            f"passing over {step(3)}: state.json is missing",
            f"passing over {step(2)}: model.safetensors is not what was written",
        ]

    def test_where_none_is_whole_it_says_so(self, tmp_path: Path) -> None:
        for run in (tmp_path, tmp_path / "nowhere"):
            with pytest.raises(CheckpointError, match="no whole checkpoint") as caught:
                newest_whole(run, lambda line: None)
            assert caught.value.exit_code == 6
            assert caught.value.where == str(run)


class TestOpen:
    def test_of_a_run_the_best_one_else_the_latest(self, tmp_path: Path) -> None:
        commit(tmp_path, 1, 2)
        assert open_checkpoint(tmp_path).name == step(2)
        commit(tmp_path, 3, best=3)
        commit(tmp_path, 4)
        assert open_checkpoint(tmp_path).name == step(3)
        assert open_checkpoint(tmp_path, ["latest"]).name == step(4)

    def test_a_checkpoint_is_itself(self, tmp_path: Path) -> None:
        (path,) = commit(tmp_path, 1)
        assert open_checkpoint(path) == path

    def test_a_damaged_one_is_refused_with_the_files_name(self, tmp_path: Path) -> None:
        (path,) = commit(tmp_path, 1)
        (path / "model.safetensors").write_text("")
        with pytest.raises(CheckpointError, match=r"damaged: model\.safetensors") as caught:
            open_checkpoint(tmp_path)
        assert caught.value.where == str(path)

    @pytest.mark.parametrize(("name", "match"), [("nowhere", "no such folder"), ("", "holds no checkpoint")])
    def test_other_folders_are_refused(self, tmp_path: Path, name: str, match: str) -> None:
        with pytest.raises(CheckpointError, match=match):
            open_checkpoint(tmp_path / name)


def swap(first: Path, second: Path) -> None:
    content = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(content)
