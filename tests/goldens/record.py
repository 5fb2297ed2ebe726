"""What the command line prints, recorded: `python tests/goldens/record.py` writes the pages here again."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import tempfile
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import importlib_metadata

from bert_core.cli.main import run

HERE = Path(__file__).parent
INSTALLED = ("bertrun", "bertrun-devices", "bertrun-ner", "bertrun-optimizers")
PAGES = {
    "help.txt": "--help",
    "help_ner.txt": "--task ner --help",
    "help_embed.txt": "embed --help",
    "help_doctor.txt": "doctor --help",
    "plugins.txt": "plugins",
    "describe_task_ner.txt": "describe task ner",
    "describe_model_bert_base.txt": "describe model bert-base",
    "describe_device_cpu.txt": "describe device cpu",
}
ERRORS = (
    "--seed 3",
    "--task nerr",
    "--task ner",
    "--task ner --model bert-tiny",
    "--task ner --epocks 3 --vocab vocab.txt",
    "--task ner --epochs -1 --learning-rate fast --tag-scheme iob --no-crff --vocab vocab.txt",
    "--task ner --vocab vocab.txt --batch-size 10 --accumulate 3 --no-train",
    "--task ner --vocab vocab.txt --crf true",
    "--task ner --vocab vocab.txt --crf=true",
    "--task ner --vocab vocab.txt -e 3 --weights ''",
    "--task ner --use_crf perhaps",
    "--config run.toml",
    "--task ner --vocab vocab.txt --device abacus",
    "--task ner --vocab vocab.txt --model bert-bas",
    "--task ner --vocab vocab.txt --train-data missing.conll",
    "--task ner --vocab vocab.txt --output held",
    "--task ner --weights minilm-l7",
    "--task ner --weights minilm-l6",
    "resume nowhere",
    "embed minilm-l6 --text a",
    "embed minilm-l6 --text a --format safetensors",
    "describe metric span",
    "plugin",
)
RUN_FILE = """\
[run]
epoch = 3
keep = "two"

[task]
name = "ner"

[scheduler]
warmup = 100
"""


def pages() -> dict[str, str]:
    """Every page by the name of its file."""
    with _elsewhere():
        shown = {name: _masked(_answer(line)[1]) for name, line in PAGES.items()}
        return {**shown, "errors.txt": "\n".join(_error(line) for line in ERRORS)}


def write() -> None:
    """Write every page here."""
    for name, text in pages().items():
        (HERE / name).write_text(text, encoding="utf-8")


def _error(line: str) -> str:
    code, text = _answer(line)
    return f"$ bertrun {line}\n{_masked(text)}[exit code {code}]\n"


def _answer(line: str) -> tuple[int, str]:
    """The exit code of a command line, and all that it prints."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        code = run(shlex.split(line))
    return code, printed.getvalue()


def _masked(text: str) -> str:
    """The text without what depends on the machine and on the release."""
    text = re.sub(r"\d+ processors?", "N processors", text)
    text = re.sub(r"(    from: ).*?(\w+)$", r"\1.../\2", text, flags=re.MULTILINE)
    return re.sub(r"(bertrun(-\w+)?) \d+(\.\d+)+\w*", r"\1 VERSION", text)


@contextlib.contextmanager
def _elsewhere() -> Iterator[None]:
    """A folder with little in it, an environment that says nothing, and the plugins of `INSTALLED` alone."""
    installed = importlib_metadata.entry_points

    def entry_points(**chosen: str) -> list[importlib_metadata.EntryPoint]:
        return [point for point in installed(**chosen) if point.dist.name in INSTALLED]

    silent = {name: value for name, value in os.environ.items() if not name.startswith("BERTRUN_")}
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        Path("vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n", encoding="utf-8")
        Path("run.toml").write_text(RUN_FILE, encoding="utf-8")
        Path("held").mkdir()
        Path("held", "run.toml").touch()
        told = {**silent, "COLUMNS": "100", "BERTRUN_CACHE": str(Path(folder, "cache"))}
        try:
            with (
                patch.dict(os.environ, told, clear=True),
                patch.object(importlib_metadata, "entry_points", entry_points),
            ):
                yield
        finally:
            os.chdir(here)


if __name__ == "__main__":
    write()
