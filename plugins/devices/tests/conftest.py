"""Machines that are made up: files under a folder, programs, variables."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from bertrun_devices.machine import Machine

Make = Callable[..., Machine]


@pytest.fixture
def machine(tmp_path: Path) -> Make:
    """`machine({"/etc/hostname": "a\\n"}, wheel=("lib/x.so",), programs={"nvidia-smi": "echo ..."}, HOME="/root")`."""

    def make(
        files: dict[str, str | bytes],
        *,
        wheel: tuple[str, ...] = (),
        programs: dict[str, str] | None = None,
        **said: str,
    ) -> Machine:
        for name, content in files.items():
            path = tmp_path / "root" / name.lstrip("/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        for name in wheel:
            path = tmp_path / "mindspore" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        path = tmp_path / "bin"
        path.mkdir(exist_ok=True)
        for name, script in (programs or {}).items():
            (path / name).write_text(f"#!/bin/sh\n{script}\n")
            (path / name).chmod(0o755)
        environment = {"PATH": str(path), "HOME": "/root", **said}
        return Machine(root=tmp_path / "root", environment=environment, wheel=tmp_path / "mindspore" if wheel else None)

    return make
