"""`bertrun launch` as it is typed."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bert_core.cli.main import run

Typed = Any


@pytest.fixture
def typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Typed:
    """What a command line prints in an empty folder, and its exit code."""
    monkeypatch.chdir(tmp_path)

    def typed(*words: str) -> tuple[int, str, str]:
        code = run(["launch", *words])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return typed


def test_print_only_shows_every_process_and_starts_none(typed: Typed, tmp_path: Path) -> None:
    code, out, err = typed("--workers", "2", "--print-only", "--", "train", "--help", "--x_y")
    assert (code, err) == (0, "")
    assert [line for line in out.splitlines() if line.startswith("#")] == ["# scheduler", "# rank 0", "# rank 1"]
    assert out.endswith("train --help --x_y\n")
    assert list(tmp_path.iterdir()) == []


def test_hyper_parameters_follow_the_command(typed: Typed, tmp_path: Path) -> None:
    (tmp_path / "h.ini").write_text("[config]\nepoch_size=40\n")
    _, out, _ = typed("--hyper-parameters", "h.ini", "--print-only", "python", "train.py")
    assert out.endswith("python train.py --epoch_size=40\n")


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["--nodes", "2", "--node-rank", "0", "--", "x"], "--nodes 2 needs --node-rank and --master HOST:PORT"),
        (["--node-rank", "1", "--", "x"], "--node-rank 1 does not fit"),
        (["--rank-table", "missing.json", "--", "x"], "missing.json: the file cannot be read"),
        (["--env", "A", "--", "x"], "--env A is not NAME=VALUE"),
        (["--workers", "0", "--", "x"], "0 is not in the range"),
    ],
)
def test_what_cannot_be_is_said_in_a_line(typed: Typed, words: list[str], what: str) -> None:
    code, _, err = typed(*words)
    assert code in (2, 4)
    assert what in err
    assert "Traceback" not in err


def test_a_port_that_is_taken_is_said_before_anything_starts(typed: Typed, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("", 0))
        taken.listen()
        code, _, err = typed("--master", f"127.0.0.1:{taken.getsockname()[1]}", "--", "x")
    assert code == 2
    assert "is not free here" in err
    assert list(tmp_path.iterdir()) == []


def test_a_rank_table_is_made_merged_checked_and_used(typed: Typed, tmp_path: Path) -> None:
    (tmp_path / "hccn.conf").write_text("".join(f"address_{n}=192.1.0.{n}\n" for n in range(8)))
    code, out, err = typed("rank-table", "make", "--server", "10.0.0.1", "--hccn-conf", "hccn.conf")
    assert (code, out, err) == (0, "hccl_8p_01234567_10.0.0.1.json: 1 server, 8 ranks\n", "")
    more = ["--address", "0=192.2.0.0", "--address", "1=192.2.0.1", "--output", "two.json"]
    assert typed("rank-table", "make", "--server", "10.0.0.2", *more)[0] == 0
    _, out, _ = typed("rank-table", "merge", "hccl_8p_01234567_10.0.0.1.json", "two.json")
    assert out == "hccl_2s_10p.json: 2 servers, 10 ranks\n"
    _, out, _ = typed("rank-table", "check", "hccl_2s_10p.json")
    assert out.splitlines()[1] == "server 10.0.0.2: rank 8 on device 0, 9 on device 1"
    _, out, _ = typed("--rank-table", "hccl_2s_10p.json", "--node-rank", "1", "--print-only", "--", "train")
    assert [line for line in out.splitlines() if line.startswith("#")] == ["# rank 8", "# rank 9"]
    assert "MS_SCHED_HOST=10.0.0.1 " in out


def test_what_makes_no_rank_table_is_said(typed: Typed, tmp_path: Path) -> None:
    make = ["rank-table", "make", "--server", "10.0.0.1"]
    code, _, err = typed(*make, "--address", "0=1.1.1.1", "--devices", "0,1")
    assert (code, "no address is known of device 1" in err) == (2, True)
    code, _, err = typed(*make, "--address", "0=1.1.1.1", "--address", "1=1.1.1.1")
    assert (code, "the address 1.1.1.1 belongs to two devices" in err) == (2, True)
    code, _, err = typed(*make, *(f"--address={n}=1.1.1.{n}" for n in range(2, 6)))
    assert (code, "two rings" in err) == (0, True)
    code, _, err = typed("rank-table", "merge", "hccl_4p_2345_10.0.0.1.json", "hccl_4p_2345_10.0.0.1.json")
    assert (code, "server 10.0.0.1 stands twice" in err) == (2, True)


def test_the_exit_code_and_lines_of_a_rank_are_the_launchers(tmp_path: Path) -> None:
    script = "import os, sys; print('I am', os.environ['RANK_ID']); sys.exit(5 if os.environ['RANK_ID'] == '3' else 0)"
    where = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    table = {
        "version": "1.0",
        "server_count": "2",
        "server_list": [
            {"server_id": f"10.0.0.{s}", "device": [
                {"device_id": str(d), "device_ip": f"1.1.{s}.{d}", "rank_id": str(2 * s + d)} for d in range(2)
            ]}
            for s in range(2)
        ],
        "status": "completed",
    }  # fmt: skip
    (tmp_path / "t.json").write_text(json.dumps(table))
    said = ["--rank-table", "t.json", "--node-rank", "1", "--log-dir", "logs"]  # no scheduler: another machine leads
    done = subprocess.run(
        [sys.executable, "-m", "bert_core.cli", "launch", *said, "--", sys.executable, "-c", script],
        cwd=tmp_path,
        env=where,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 5
    assert "[rank 3] I am 3\n" in done.stdout
    assert "bertrun launch: rank 3 failed with exit code 5." in done.stderr
    assert (tmp_path / "logs" / "rank-2.log").exists()
