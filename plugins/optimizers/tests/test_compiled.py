"""The library is compiled once, found again, and done without where it cannot be had."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from bertrun_optimizers.adamw import AdamW
from bertrun_optimizers.compiled import NotCompiledError, library
from bertrun_optimizers.fused import FusedAdamW, adamw, processors
from bertrun_optimizers.options import AdamWOptions
from mindspore import Parameter, Tensor

from bert_core import ParameterGroup
from bert_core.protocols import ClippingOptimizer

GROUPS = [ParameterGroup(parameters=[Parameter(Tensor(np.ones(3, np.float32)), name="p")], weight_decay=0.0)]
PRINTED = "from bertrun_optimizers.compiled import library; print(library())"
has_compiler = pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty one."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("BERTRUN_CACHE", str(folder))
    return folder


def compiler(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a compiler of ours before the machine's."""
    folder.mkdir()
    (folder / "cc").write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    (folder / "cc").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)


@has_compiler
def test_it_is_compiled_once_and_found_again(cache: Path) -> None:
    made = library()
    stamp = made.stat().st_mtime_ns
    assert made.parent == cache / "compiled"
    assert library() == made
    assert made.stat().st_mtime_ns == stamp
    assert list(cache.rglob("*.so")) == [made]


@has_compiler
def test_another_source_is_another_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from bertrun_optimizers import compiled

    made = library()
    source = tmp_path / "adamw.c"
    source.write_text(compiled.SOURCE.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    monkeypatch.setattr(compiled, "SOURCE", source)
    assert library() != made


@has_compiler
def test_a_damaged_one_is_compiled_anew() -> None:
    told = subprocess.run([sys.executable, "-c", PRINTED], stdout=subprocess.PIPE, text=True, check=True).stdout
    made = Path(told.strip())  # of another process: this one would not open again what it has open
    made.write_bytes(b"not a library")
    assert library() == made
    assert made.read_bytes()[:4] == b"\x7fELF"


@has_compiler
def test_processes_that_begin_at_once_do_not_collide(cache: Path) -> None:
    started = [subprocess.Popen([sys.executable, "-c", PRINTED], stdout=subprocess.PIPE, text=True) for _ in range(4)]
    told = {process.communicate()[0] for process in started}
    assert [process.returncode for process in started] == [0] * 4
    assert len(told) == 1
    assert len(list((cache / "compiled").iterdir())) == 1


@pytest.mark.parametrize("script", ["echo 'cc1: no space left' >&2; exit 1", "exit 0"], ids=["fails", "writes nothing"])
def test_a_compiler_that_makes_no_library_is_done_without(
    script: str, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiler(tmp_path / "bin", script, monkeypatch)
    with pytest.raises(NotCompiledError):
        library()
    assert list(cache.rglob("*.so")) == []


def test_without_a_compiler_mindspores_own_operators_do_it_and_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    cell = adamw(AdamWOptions(), GROUPS)
    assert type(cell) is AdamW
    assert not isinstance(cell, ClippingOptimizer)
    (note,) = cell.notes
    assert note == "AdamW goes by MindSpore's own operators, which take longer: there is no C compiler here (cc)"


@has_compiler
def test_a_cache_that_cannot_be_written_is_done_without(cache: Path) -> None:
    cache.write_text("a file, not a folder", encoding="utf-8")
    (note,) = adamw(AdamWOptions(), GROUPS).notes
    assert note.endswith(f"{cache / 'compiled'} cannot be written: Not a directory")


@has_compiler
def test_a_folder_that_mindspore_does_not_take_is_done_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BERTRUN_CACHE", str(tmp_path / "a:b"))
    assert type(adamw(AdamWOptions(), GROUPS)) is AdamW


@has_compiler
def test_it_is_there_where_it_is_wanted_and_not_else() -> None:
    assert type(adamw(AdamWOptions(), GROUPS)) is FusedAdamW
    cell = adamw(AdamWOptions(fused=False), GROUPS)
    assert type(cell) is AdamW
    assert tuple(cell.notes) == ()


@pytest.mark.parametrize(("told", "wanted"), [("3", 3), ("0", 1), ("", None), ("4,2", None)])
def test_threads_are_those_that_are_told_or_one_for_each_processor(
    told: str, wanted: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", told)
    assert processors() == (wanted or len(os.sched_getaffinity(0)))
