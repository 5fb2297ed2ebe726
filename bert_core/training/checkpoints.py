"""Checkpoints that are whole or not there, pruned only after a newer one is committed."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path

from bert_core.errors import CheckpointError
from bert_core.files import flush_to_disk, link, sha256, write_json

SCHEMA = 1
MANIFEST = "manifest.json"


class Checkpoints:
    """The checkpoints of one run: `checkpoints/step-00000120`, and the links `latest` and `best`.

    Args:
        run: The run's folder.
        keep: How many are kept besides the best one.
    """

    def __init__(self, run: Path, *, keep: int) -> None:
        self._run = run
        self._folder = run / "checkpoints"
        self._keep = keep

    def commit(self, step: int, write: Callable[[Path], None], *, best: bool) -> Path:
        """Write a checkpoint and point the links at it; what is there already stays until it is whole.

        Args:
            step: The number of updates made.
            write: Puts the checkpoint's files into the folder that it is given.
            best: Whether it is the best so far.
        """
        path = self._folder / f"step-{step:08d}"
        if damage(path):
            self._folder.mkdir(exist_ok=True)
            self._write_whole(path, write)
        self.point(latest=step, best=step if best else None)
        self._prune()
        return path

    def point(self, *, latest: int, best: int | None) -> None:
        """Point the links at the checkpoints of steps; `best` stays where it is if there is none to name."""
        for name, step in (("latest", latest), ("best", best)):
            if step is not None:
                link(self._run / name, f"checkpoints/step-{step:08d}")
        flush_to_disk(self._run)

    def _write_whole(self, path: Path, write: Callable[[Path], None]) -> None:
        sibling = path.with_name(f"{path.name}.tmp-{os.getpid()}")
        shutil.rmtree(sibling, ignore_errors=True)
        sibling.mkdir()
        try:
            write(sibling)
            seal(sibling)
            _set_aside(path)
            sibling.rename(path)
        except BaseException:
            shutil.rmtree(sibling, ignore_errors=True)
            raise
        flush_to_disk(self._folder)

    def _prune(self) -> None:
        """Keep the best one and the newest others; those after the latest are what a resumed run passed over."""
        latest, best = ((self._run / name).resolve().name for name in ("latest", "best"))
        others = [path for path in committed(self._folder) if path.name != best]
        kept = [path for path in others if path.name <= latest][-self._keep :]
        for path in others:
            if path not in kept:
                _set_aside(path)
        for left in self._folder.glob("step-*.tmp-*"):
            shutil.rmtree(left, ignore_errors=True)


def _set_aside(path: Path) -> None:
    """Take a checkpoint's name away in one step, so that none is ever half removed."""
    aside = path.with_name(f"{path.name}.tmp-old")
    shutil.rmtree(aside, ignore_errors=True)
    with suppress(OSError):
        path.rename(aside)


def committed(folder: Path) -> list[Path]:
    """The checkpoints of a folder that were committed, oldest first."""
    return sorted(path for path in folder.glob("step-*") if (path / MANIFEST).is_file() and ".tmp-" not in path.name)


def seal(folder: Path) -> None:
    """Flush every file and write the manifest of sizes and digests, last."""
    files = sorted(path for path in folder.iterdir() if path.is_file())
    for path in files:
        flush_to_disk(path)
    entries = {path.name: {"bytes": path.stat().st_size, "sha256": sha256(path)} for path in files}
    write_json(folder / MANIFEST, {"schema": SCHEMA, "files": entries})
    flush_to_disk(folder)


def damage(folder: Path) -> str:
    """What is wrong with a checkpoint by its manifest, or nothing."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if manifest["schema"] != SCHEMA:
            return f"{MANIFEST} has schema {manifest['schema']!r}, and this release reads {SCHEMA}"
        entries = {name: (entry["bytes"], entry["sha256"]) for name, entry in manifest["files"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return f"{MANIFEST} is missing or unreadable"
    for name, (size, digest) in entries.items():
        path = folder / Path(name).name
        if not path.is_file():
            return f"{name} is missing"
        if path.stat().st_size != size or sha256(path) != digest:
            return f"{name} is not what was written"
    return "" if entries else f"{MANIFEST} lists no files"


def newest_whole(run: Path, say: Callable[[str], None]) -> Path:
    """The newest checkpoint that its manifest confirms; says which it passed over, and why.

    Raises:
        CheckpointError: There is none.
    """
    for path in reversed(committed(run / "checkpoints")):
        reason = damage(path)
        if not reason:
            return path
        say(f"passing over {path.name}: {reason}")
    raise CheckpointError("no whole checkpoint", where=run, hint="Start the run again with --overwrite")


def is_run(folder: Path) -> bool:
    """Whether a folder is that of a run with a checkpoint, or a checkpoint."""
    linked = any((folder / name).is_dir() for name in ("best", "latest"))
    return (folder / MANIFEST).is_file() or (linked and not (folder / "config.json").exists())


def open_checkpoint(run: Path, names: Collection[str] = ("best", "latest")) -> Path:
    """The checkpoint to evaluate or predict with: of a run, its best one; a checkpoint folder is itself.

    Raises:
        CheckpointError: The folder is neither, or the checkpoint is damaged.
    """
    if not run.is_dir():
        raise CheckpointError("no such folder", where=run, hint="Give the folder of a finished run, such as runs/ner")
    candidates = [run / name for name in names if (run / name).is_dir()] or [run]
    path = candidates[0].resolve()
    if not (path / MANIFEST).is_file():
        of_seeds = sorted(run.glob("seed-*"))
        such = of_seeds[0] if of_seeds else "runs/ner"
        raise CheckpointError("holds no checkpoint", where=run, hint=f"Give the folder of a run, such as {such}")
    reason = damage(path)
    if reason:
        raise CheckpointError(f"this checkpoint is damaged: {reason}", where=path, hint="Use another one of the run")
    return path
