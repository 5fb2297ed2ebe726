"""Runs of several processes of which one fails: all end by themselves, the one at fault is named, what was saved stays.

Each test prints how many seconds passed from the fault until all was over, for the table of docs/devices.md.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest

from bert_core.cli.main import run
from bert_core.training.checkpoints import damage

from .test_ranks import alive_with, begun, environment_of

Command = Callable[..., list[str]]
FAULTY = Path(__file__).parents[1] / "plugins" / "faulty"
LONG = ("--max-steps", "100000", "--eval-every", "4")
TWO = ("--devices", "2")


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The plugin whose schedule fails, in the processes that a test starts."""
    monkeypatch.syspath_prepend(FAULTY)


class Ended(NamedTuple):
    code: int
    said: str
    at: float


def ended(process: subprocess.Popen[str], folder: Path, within: float) -> Ended:
    """What a launcher said and gave, which leaves no process that knows a folder."""
    said, _ = process.communicate(timeout=within)
    at = time.time()
    assert alive_with(str(folder)) == []
    return Ended(process.returncode, said, at)


def tell(end: Ended, since: float) -> None:
    lines = [line for line in end.said.splitlines() if line.startswith("bertrun")]
    print(f"FAULT: exit code {end.code}, over after {end.at - since:.1f} s: {' | '.join(lines)}")


def last_beat(output: Path, rank: int) -> float:
    """When a rank made its last progress, which is when it began to fail."""
    return (output.with_name(f"{output.name}.ranks") / f"rank-{rank}.heartbeat").stat().st_mtime


def assert_can_be_scored(output: Path, data: Path) -> None:
    """Its checkpoint is whole, and nobody holds the folder."""
    assert damage((output / "latest").resolve(strict=True)) == ""
    assert run(["eval", str(output), "--eval-data", str(data / "dev.conll")]) == 0


def until(there: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Wait for something that a run makes."""
    latest = time.monotonic() + 120
    while not there():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < latest
        time.sleep(0.1)


def failing(how: str, command: Command, output: Path, *more: str) -> Ended:
    """A run of two processes of which rank 1 fails after six steps, two after a checkpoint."""
    line = command(output, *LONG, "--schedule", "faulty", "--faulty-how", how, *TWO, *more)
    end = ended(begun(line), output, 180)
    tell(end, last_beat(output, 1))
    return end


@pytest.fixture
def going(command: Command, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A run of two processes that has saved a checkpoint."""
    output = tmp_path / "run"
    process = begun(command(output, *LONG, *TWO))
    until((output / "latest").exists, process)
    yield process, output
    process.kill()
    process.communicate()


def test_a_rank_that_is_killed_gives_the_exit_code(going: tuple[subprocess.Popen[str], Path], data: Path) -> None:
    process, output = going
    (victim,) = (pid for pid in alive_with(str(output)) if environment_of(pid).get("MS_NODE_ID") == "1")
    os.kill(victim, signal.SIGKILL)
    end = ended(process, output, 60)
    tell(end, last_beat(output, 1))
    assert end.code == 137
    assert "bertrun launch: rank 1 was ended by SIGKILL. It printed nothing\n" in end.said
    assert_can_be_scored(output, data)


@pytest.mark.slow
def test_sigterm_to_the_launcher_saves_and_can_be_resumed(going: tuple[subprocess.Popen[str], Path]) -> None:
    process, output = going
    since = time.time()
    process.send_signal(signal.SIGTERM)
    end = ended(process, output, 60)
    tell(end, since)
    assert end.code == 143
    assert "stopped by a signal after step" in end.said
    step = int((output / "latest").resolve().name.removeprefix("step-"))
    again = begun(["launch", "--workers", "2", "--log-dir", str(output.with_name("again")), "--", *resuming(output)])
    until(lambda: f"step {step + 2}/" in (output / "log.txt").read_text(), again)
    again.send_signal(signal.SIGTERM)
    assert ended(again, output, 60).code == 143


def resuming(output: Path) -> list[str]:
    return [sys.executable, "-m", "bert_core.cli", "resume", str(output)]


@pytest.mark.slow
def test_a_rank_that_raises_is_named_with_its_last_lines(command: Command, tmp_path: Path, data: Path) -> None:
    end = failing("raise", command, tmp_path / "run")
    assert end.code == 1
    said = end.said.partition("bertrun launch: ")[2]
    assert said.startswith("rank 1 failed with exit code 1. Its last lines")
    assert "RuntimeError: what a plugin's bug says" in said
    assert "waited" not in said
    assert_can_be_scored(tmp_path / "run", data)


@pytest.mark.slow
@pytest.mark.parametrize(("count", "waiting"), [(2, "rank 0"), (3, "rank 0, rank 2")])
def test_a_rank_that_sleeps_for_ever_is_named_and_not_those_that_wait(
    command: Command, tmp_path: Path, data: Path, count: int, waiting: str
) -> None:
    end = failing("sleep", command, tmp_path / "run", "--devices", str(count))
    assert end.code == 124
    assert f"{waiting} waited for it" in end.said
    assert end.said.count("bertrun launch: ") == 1
    assert "bertrun launch: rank 1 hangs: no heartbeat for" in end.said
    assert "in _sleeps_for_ever" in end.said
    assert "Traceback" not in end.said
    assert_can_be_scored(tmp_path / "run", data)


@pytest.mark.slow
def test_a_rank_that_sleeps_is_named_sooner_by_its_heartbeat(command: Command, tmp_path: Path, data: Path) -> None:
    output, faulty = tmp_path / "run", ("--schedule", "faulty", "--faulty-how", "sleep", "--faulty-step", "40")
    log = output.with_name("run.ranks")
    line = ["launch", "--workers", "2", "--log-dir", str(log), "--hang-timeout", "20", "--"]
    run_line = [sys.executable, "-m", "bert_core.cli", *command(output, *LONG, *faulty)]
    end = ended(begun([*line, *run_line]), output, 180)
    tell(end, last_beat(output, 1))
    assert end.code == 124
    assert "bertrun launch: rank 1 hangs: no heartbeat for 2" in end.said
    assert_can_be_scored(output, data)


def test_a_master_port_that_is_taken_ends_a_run_before_it_begins(command: Command, tmp_path: Path) -> None:
    since = time.time()
    with socket.socket() as taken:
        taken.bind(("", 0))
        taken.listen()
        port = taken.getsockname()[1]
        line = ["launch", "--master", f"127.0.0.1:{port}", "--workers", "2", "--log-dir", str(tmp_path / "logs"), "--"]
        end = ended(begun([*line, *command(tmp_path / "run")]), tmp_path, 30)
    tell(end, since)
    assert end.code == 2
    assert f"port {port} is not free here" in end.said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_ranks_that_never_come_are_named(command: Command, tmp_path: Path) -> None:
    """Three machines are said, and two of them never come."""
    with socket.socket() as found:
        found.bind(("", 0))
        port = found.getsockname()[1]
    since = time.time()
    places = ["--nodes", "3", "--node-rank", "0", "--master", f"127.0.0.1:{port}", "--timeout", "30"]
    line = ["launch", *places, "--log-dir", str(tmp_path / "logs"), "--", sys.executable, "-m", "bert_core.cli"]
    end = ended(begun([*line, *command(tmp_path / "run")]), tmp_path, 90)
    tell(end, since)
    assert end.code == 9
    assert "bertrun launch: of 3 ranks 2 did not come: 1, 2\n" in end.said
    assert "Traceback" not in end.said
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_shard_that_one_rank_cannot_read_is_named(pretrain: Command, corpus: Path, tmp_path: Path) -> None:
    """Each rank has files of its own under the same names, as on two machines."""
    for rank in range(2):
        shutil.copytree(corpus / "stored", tmp_path / str(rank) / "records")
    shard = max((tmp_path / "1" / "records").iterdir(), key=lambda path: path.stat().st_size)
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 255
    shard.write_bytes(content)
    words = [*pretrain(tmp_path / "run", "--max-steps", "20"), "--train-data", "records"]
    script = f'cd {tmp_path}/"$RANK_ID" && exec {sys.executable} -m bert_core.cli "$@"'
    line = ["launch", "--workers", "2", "--log-dir", str(tmp_path / "run.ranks"), "--", "sh", "-c", script, "sh"]
    end = ended(begun([*line, *words]), tmp_path, 120)
    tell(end, (tmp_path / "run.ranks" / "rank-1.log").stat().st_mtime)
    assert end.code == 4
    assert "bertrun launch: rank 1 failed with exit code 4" in end.said
    assert f"error: records/{shard.name}" in end.said
    assert "Traceback" not in end.said


def fill(path: Path) -> None:
    """Take what is left of a disk."""
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(1024)):
            pass


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of two MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(words, check=False, capture_output=True).returncode:
        pytest.skip("nothing can be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.slow
def test_a_disk_that_is_full_on_rank_0_keeps_the_checkpoint_before(
    command: Command, small_disk: Path, data: Path
) -> None:
    output = small_disk / "run"
    process = begun(command(output, *LONG, *TWO))
    until((output / "latest").exists, process)
    since = time.time()
    fill(small_disk / "filler")
    end = ended(process, output, 60)
    tell(end, since)
    (small_disk / "filler").unlink()
    assert end.code == 6
    assert "bertrun launch: rank 0 failed with exit code 6" in end.said
    assert "No space left on device" in end.said
    assert "Traceback" not in end.said
    assert_can_be_scored(output, data)


@pytest.mark.slow
def test_scores_for_programs_stand_alone_on_standard_output(command: Command, tmp_path: Path) -> None:
    words = command(tmp_path / "run", "--max-steps", "2", "--json", *TWO)
    where = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    line = [sys.executable, "-m", "bert_core.cli", *words]
    done = subprocess.run(line, env=where, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith('{"precision": ')
    assert done.stdout.count("\n") == 1
    assert "[rank 0] step 2/2" in done.stderr
