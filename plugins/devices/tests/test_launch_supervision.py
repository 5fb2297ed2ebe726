"""Processes that are launched together end together, and whoever failed is named; all with real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from bertrun_devices.launch.blame import missing
from bertrun_devices.launch.plan import Process
from bertrun_devices.launch.supervision import Patience, Supervisor

LAUNCHER = """
import json, sys
from pathlib import Path
from bertrun_devices.launch.plan import Process
from bertrun_devices.launch.supervision import Patience, Supervisor

folder, grace, hang, scripts = Path(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]), sys.argv[4:]
said = {"environment": {"PYTHONFAULTHANDLER": "1", "PYTHONUNBUFFERED": "1"}, "cores": (), "folder": folder}
plan = [
    Process(name="scheduler" if text.startswith("#scheduler") else f"rank {rank}",
            rank=None if text.startswith("#scheduler") else rank, command=(sys.executable, "-c", text), **said)
    for rank, text in enumerate(scripts)
]
say = lambda text: print("SAID", text, file=sys.stderr, flush=True)
sys.exit(Supervisor(Patience(grace=grace, hang=hang or None), sys.stdout.buffer, say).run(plan))
"""
NOTED = "import os, time; print('pid', os.getpid());"
SLEEP = NOTED + "time.sleep(60)"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);" + SLEEP
PARENT = "import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
PARENT += "print('pid', p.pid, flush=True);"

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Begin a launcher of scripts; afterwards it is gone, whatever happened."""
    begun: list[subprocess.Popen[str]] = []

    def start(*scripts: str, grace: float = 5, hang: float = 0) -> subprocess.Popen[str]:
        where = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        command = [sys.executable, "-c", LAUNCHER, str(tmp_path), str(grace), str(hang), *scripts]
        begun.append(subprocess.Popen(command, env=where, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        return begun[-1]

    yield start
    for process in begun:
        process.kill()
        process.communicate()


def pids(text: str) -> list[int]:
    """The processes that said who they are."""
    return [int(line.split()[-1]) for line in text.splitlines() if " pid " in line]


def gone(pid: int) -> bool:
    """Whether a process ends within seconds."""
    for _ in range(100):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


def heard(process: subprocess.Popen[str], count: int) -> str:
    """What was printed until so many processes said who they are."""
    text = ""
    assert process.stdout is not None
    while len(pids(text)) < count:
        text += process.stdout.readline()
    return text


def test_ranks_that_all_succeed_are_success(start: Start, tmp_path: Path) -> None:
    launcher = start("print('a')", "import sys; print('b', file=sys.stderr)")
    out, err = launcher.communicate(timeout=20)
    assert (launcher.returncode, err) == (0, "")
    assert sorted(out.splitlines()) == ["[rank 0] a", "[rank 1] b"]
    assert (tmp_path / "rank-1.log").read_text() == "b\n"


def test_a_rank_that_fails_is_named_with_its_last_lines_and_ends_the_others(start: Start) -> None:
    launcher = start(SLEEP, "print('what I did last'); raise SystemExit(3)")
    out, err = launcher.communicate(timeout=20)
    assert launcher.returncode == 3
    assert "rank 1 failed with exit code 3" in err
    assert "what I did last" in err
    assert all(gone(pid) for pid in pids(out))


def test_a_rank_that_is_killed_gives_its_signal(start: Start) -> None:
    launcher = start(SLEEP, "import os; os.kill(os.getpid(), 9)")
    _, err = launcher.communicate(timeout=20)
    assert launcher.returncode == 128 + 9
    assert "rank 1 was ended by SIGKILL. It printed nothing" in err


def test_a_rank_that_ignores_sigterm_is_killed_after_the_grace(start: Start) -> None:
    launcher = start(STUBBORN, "import time; time.sleep(1); raise SystemExit(4)", grace=0.5)
    out, err = launcher.communicate(timeout=20)
    assert launcher.returncode == 4
    assert "killed, because still there: rank 0" in err
    assert len(pids(out)) == 1
    assert all(gone(pid) for pid in pids(out))


def test_signals_are_passed_on_and_leave_no_process(start: Start) -> None:
    saving = "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: (print('saved'), sys.exit(143)));"
    launcher = start(saving + SLEEP, SLEEP)
    before = heard(launcher, 2)
    launcher.send_signal(signal.SIGTERM)
    out, _ = launcher.communicate(timeout=20)
    assert launcher.returncode == 128 + 15
    assert "[rank 0] saved" in out
    assert all(gone(pid) for pid in pids(before))


def test_a_second_signal_kills_at_once(start: Start) -> None:
    launcher = start(STUBBORN, grace=60)
    heard(launcher, 1)
    launcher.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    launcher.send_signal(signal.SIGTERM)
    launcher.communicate(timeout=10)
    assert launcher.returncode == 128 + 15


def test_a_signal_that_the_launcher_was_told_to_ignore_ends_nothing(start: Start) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does; it is inherited
    try:
        launcher = start("import time; print('pid', 0, flush=True); time.sleep(1)")
    finally:
        signal.signal(signal.SIGHUP, before)
    heard(launcher, 1)
    launcher.send_signal(signal.SIGHUP)
    launcher.communicate(timeout=20)
    assert launcher.returncode == 0


def test_a_launcher_that_is_killed_leaves_no_process(start: Start) -> None:
    launcher = start(SLEEP, STUBBORN, PARENT + SLEEP, grace=0.5)
    found = pids(heard(launcher, 4))
    launcher.kill()
    assert all(gone(pid) for pid in found)


def test_what_a_rank_left_behind_ends_with_it(start: Start) -> None:
    launcher = start(PARENT)
    out, _ = launcher.communicate(timeout=20)
    assert launcher.returncode == 0
    assert len(pids(out)) == 1
    assert all(gone(pid) for pid in pids(out))


def test_much_output_is_kept_whole_and_in_lines(start: Start, tmp_path: Path) -> None:
    launcher = start("for n in range(20000): print('x' * 50, n)", "print('y' * 200000)")
    out, _ = launcher.communicate(timeout=30)
    expected = "".join(f"{'x' * 50} {n}\n" for n in range(20000))
    assert (tmp_path / "rank-0.log").read_text() == expected
    assert "".join(f"{line[9:]}\n" for line in out.splitlines() if line.startswith("[rank 0] ")) == expected
    assert (tmp_path / "rank-1.log").read_text() == "y" * 200000 + "\n"


def test_a_reader_that_has_gone_stops_no_rank(start: Start, tmp_path: Path) -> None:
    launcher = start("for n in range(20000): print('x' * 50, n)")
    assert launcher.stdout is not None
    launcher.stdout.close()
    assert launcher.wait(timeout=30) == 0
    assert len((tmp_path / "rank-0.log").read_text().splitlines()) == 20000


def test_a_rank_without_heartbeat_hangs_and_shows_its_stack(start: Start, tmp_path: Path) -> None:
    beats = "import time, pathlib\nfor _ in range(200):\n    pathlib.Path(%r).touch(); time.sleep(0.1)"
    hangs = "import time\ndef waits_for_ever():\n    time.sleep(60)\nwaits_for_ever()"
    launcher = start(beats % str(tmp_path / "rank-0.heartbeat"), hangs, hang=1.5)
    out, err = launcher.communicate(timeout=20)
    assert launcher.returncode == 124
    assert "SAID rank 1 hangs: no heartbeat for 2 s. The stacks" in err
    assert "waits_for_ever" in (tmp_path / "rank-1.log").read_text()
    assert "waits_for_ever" in out


WAITED = "import time; time.sleep(%s); print('waited'); raise SystemExit(9)"


def test_a_rank_that_waited_is_not_blamed_for_one_that_fails_later(start: Start) -> None:
    launcher = start(WAITED % 0, "import time; time.sleep(1); print('mine'); raise SystemExit(4)", grace=1)
    _, err = launcher.communicate(timeout=20)
    assert launcher.returncode == 4
    assert err.count("SAID") == 1
    assert "rank 1 failed with exit code 4" in err


def test_of_ranks_that_are_left_the_one_with_the_oldest_heartbeat_hangs(start: Start, tmp_path: Path) -> None:
    """Ranks 0 and 3 gave up; rank 1 beats as one does that waits, and rank 2 does not."""
    beats = "import time, pathlib; time.sleep(1); pathlib.Path(%r).touch(); time.sleep(60)"
    hangs = "import time\ndef waits_for_ever():\n    time.sleep(60)\nwaits_for_ever()"
    launcher = start(WAITED % 1, beats % str(tmp_path / "rank-1.heartbeat"), hangs, WAITED % 2)
    _, err = launcher.communicate(timeout=30)
    assert launcher.returncode == 124
    assert "SAID rank 2 hangs: no heartbeat for" in err
    assert "and rank 0, rank 3 waited for it" in err
    assert "waits_for_ever" in (tmp_path / "rank-2.log").read_text()


def test_ranks_that_waited_for_one_of_another_machine_say_so(start: Start) -> None:
    launcher = start(WAITED % 0, WAITED % 0)
    _, err = launcher.communicate(timeout=20)
    assert launcher.returncode == 9
    assert "rank 0, rank 1 waited in vain, and no other rank of this machine failed. Its last lines" in err


def test_a_rank_that_ended_while_others_waited_is_named(start: Start) -> None:
    launcher = start("print('all done')", WAITED % 0.5)
    _, err = launcher.communicate(timeout=20)
    assert launcher.returncode == 9
    assert "rank 0 ended without an error while rank 1 waited." in err
    assert "all done" in err


@pytest.mark.parametrize(("came", "said"), [((0, 2), "of 3 ranks 1 did not come: 1"), ((0, 1, 2), "")])
def test_ranks_that_did_not_come_are_those_the_scheduler_did_not_note(
    tmp_path: Path, came: Sequence[int], said: str
) -> None:
    line = "[WARNING] DISTRIBUTED(1,7f,python) ProcessRegister] The new node: {0}(role: MS_WORKER), rank id: {0}, "
    line += "device id: {0}, hostname: vm, ip: 127.0.0.1 is registered successfully.\n"
    (tmp_path / "scheduler.log").write_text("".join(line.format(rank) for rank in came))
    assert missing(tmp_path / "scheduler.log", 3) == said


def test_a_rank_whose_output_stays_as_it_is_alone_has_standard_output(tmp_path: Path) -> None:
    script = "import os, sys; print('out', os.environ['RANK_ID']); print('err', file=sys.stderr)"
    said = ["--workers", "2", "--grace", "1", "--log-dir", str(tmp_path), "--plain-stdout"]
    words = ["launch", *said, "--", sys.executable, "-c", script]
    where = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    line = [sys.executable, "-m", "bert_core.cli", *words]
    done = subprocess.run(line, env=where, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "out 0\n"
    assert "[rank 1] out 1\n" in done.stderr
    assert done.stderr.count("[rank 0] err\n") == 1


def test_a_rank_is_blamed_rather_than_a_scheduler_that_heard_of_it_first(start: Start) -> None:
    launcher = start("#scheduler\nraise SystemExit(9)", "import time; time.sleep(1); raise SystemExit(3)", SLEEP)
    _, err = launcher.communicate(timeout=20)
    assert launcher.returncode == 3
    assert "rank 1 failed" in err


def test_a_scheduler_that_fails_ends_the_ranks(start: Start) -> None:
    launcher = start("#scheduler\nprint('no port'); raise SystemExit(9)", SLEEP)
    _, err = launcher.communicate(timeout=20)
    assert launcher.returncode == 9
    assert "scheduler failed with exit code 9" in err
    assert "no port" in err


def test_a_scheduler_that_stays_is_no_failure(start: Start) -> None:
    launcher = start("#scheduler\n" + STUBBORN, "pass", grace=0.5)
    _, err = launcher.communicate(timeout=20)
    assert (launcher.returncode, err) == (0, "")


def test_a_command_that_does_not_exist_is_named(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    said: list[str] = []
    process = Process(name="rank 0", rank=0, command=("no-such-program",), environment={}, cores=(), folder=tmp_path)
    assert Supervisor(Patience(grace=1), sys.stdout.buffer, said.append).run([process]) == 127
    assert "no-such-program cannot be started: No such file or directory" in said[0]


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system binds no cores")
def test_a_rank_is_bound_to_its_cores(tmp_path: Path) -> None:
    core = max(os.sched_getaffinity(0))
    command = (sys.executable, "-c", "import os; print(*os.sched_getaffinity(0))")
    process = Process(name="rank 0", rank=0, command=command, environment={}, cores=(core,), folder=tmp_path)
    assert Supervisor(Patience(), sys.__stdout__.buffer, print).run([process]) == 0
    assert process.log.read_text() == f"{core}\n"
