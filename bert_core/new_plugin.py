"""A package that adds one thing to bertrun, complete: what authors begin with."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from .errors import UsageError

TEMPLATES = Path(__file__).parent / "templates"
# names of the templates that tools would take for their own
PLACES = {"workflows": ".github/workflows", "project.toml": "pyproject.toml"}
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
USES: Mapping[str, str] = {
    "task": "bertrun --task acme --weights minilm-l6 --train-data tests/pairs.tsv --eval-data tests/pairs.tsv",
    "model": "bertrun --task ner --model acme-tiny --vocab vocab.txt --train-data train.conll",
    "metric": "bertrun describe metric acme",
    "optimizer": "bertrun --task ner --optimizer acme --learning-rate 1e-4 --weights minilm-l6",
    "device": "bertrun --task ner --device acme --weights minilm-l6",
    "tracker": "bertrun --task ner --weights minilm-l6 --track acme --output runs/ner && head runs/ner/acme.csv",
}
KINDS = tuple(USES)
SUFFIXES = (".md", ".py", ".toml", ".tsv", ".yml")


def files(name: str, kind: str) -> Iterator[tuple[str, str]]:
    """Every file of the package: its path, and its text.

    Args:
        name: What is added, in lower-case words joined by `-`; the package is `bertrun-` and it.
        kind: One of `KINDS`.

    Raises:
        UsageError: The name is none.
    """
    if not NAME.fullmatch(name):
        raise UsageError(f"{name!r} is no name for a plugin", hint="Lower-case words joined by `-`, such as word-order")
    for folder in (TEMPLATES / "common", TEMPLATES / kind):
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.suffix in SUFFIXES:
                text = path.read_text(encoding="utf-8").replace("KIND", kind)
                yield _named(str(_placed(path.relative_to(folder))), name), _named(_used(text, kind), name)


def write(name: str, kind: str, folder: Path) -> None:
    """Write the package into a folder that is not there.

    Raises:
        UsageError: The folder exists or cannot be written, or the name is none.
    """
    made = dict(files(name, kind))
    try:
        folder.mkdir(parents=True)
        for path, text in made.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
    except FileExistsError:
        raise UsageError("this is there already", where=folder, hint="Give another --output") from None
    except OSError as error:
        raise UsageError(f"it cannot be written: {error.strerror}", where=folder) from None


def _placed(path: Path) -> Path:
    return Path(PLACES.get(path.parts[0], path.parts[0]), *path.parts[1:])


def _used(text: str, kind: str) -> str:
    return text.replace("USE\n", f"    {USES[kind]}\n\n")


def _named(text: str, name: str) -> str:
    """A text of a template with the name in the place of `acme`: in modules, in classes, and elsewhere."""
    module = name.replace("-", "_")
    words = "".join(word.capitalize() for word in name.split("-"))
    for old, new in (("_acme", f"_{module}"), ("acme_", f"{module}_"), ("Acme", words), ("acme", name)):
        text = text.replace(old, new)
    return text
