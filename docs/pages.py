"""Pages made from the program itself, in `docs/generated` when the documentation is built."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import graph

from bert_core import errors, hookspecs, testing
from bert_core.manager import KINDS, PluginManager
from bert_core.options import NoOptions
from bert_core.run_options import RunOptions
from bert_core.testing.readme import options_table

HERE = Path(__file__).parent


def setup(app: Any) -> dict[str, bool]:
    """Sphinx asks for this."""
    app.connect("builder-inited", lambda _app: write(HERE / "generated"))
    return {"parallel_read_safe": True}


def write(folder: Path) -> None:
    """Write every page that has changed, and remove those that are no longer made."""
    made = dict(pages())
    for path in folder.rglob("*"):
        if path.is_file() and str(path.relative_to(folder)) not in made:
            path.unlink()
    for name, text in made.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text(encoding="utf-8") != text:  # an old one is not read again
            path.write_text(text, encoding="utf-8")


def pages() -> Iterator[tuple[str, str]]:
    """Each page's name and text."""
    yield from hooks()
    yield from options(PluginManager())
    yield "exit-codes.md", exit_codes()
    yield "contracts.md", contracts()
    yield "modules.svg", graph.drawn("bert_core")


def hooks() -> Iterator[tuple[str, str]]:
    """A page for each hook: its arguments, what it does, its example."""
    known = {name: hook for name, hook in vars(hookspecs).items() if name.startswith("bertrun_")}
    for name, hook in known.items():
        said, _, example = (inspect.getdoc(hook) or "").partition("Example:\n")
        signature = f"{name}{inspect.signature(hook)}"
        yield (
            f"hooks/{name}.md",
            f"# {name}\n\n```python\n{signature}\n```\n\n{said}\n## Example\n\n{_plain(example)}\n",
        )
    yield "hooks/index.md", _index("Hooks", "What a plugin can implement, a page each.", list(known))


def options(manager: PluginManager) -> Iterator[tuple[str, str]]:
    """A page for each owner of options: the host, and everything that plugins add."""
    table = options_table(RunOptions, "option of every run")
    yield "options/run.md", f"# Every run\n\n{table}"
    names = ["run"]
    for kind in KINDS:
        for name, spec in manager.specs(kind).items():
            if spec.options is not NoOptions:
                names.append(f"{kind}-{name}")
                yield f"options/{names[-1]}.md", _owner(manager, spec)
    yield "options/index.md", _index("Options", "What can be said on the command line and in run files.", names)


def exit_codes() -> str:
    """The table of errors."""
    kinds: Mapping[str, Any] = {
        name: kind
        for name, kind in vars(errors).items()
        if inspect.isclass(kind) and issubclass(kind, errors.BertrunError) and "exit_code" in vars(kind)
    }
    rows = [f"| {kind.exit_code} | `{name}` | {inspect.getdoc(kind)} |" for name, kind in kinds.items()]
    return "\n".join(["| exit code | error | what it means |", "|---|---|---|", *rows, ""])


def contracts() -> str:
    """Each contract, with what its tests hold."""
    return "\n".join(_contract(name) for name in testing.__all__ if name.endswith("Contract"))


def _contract(name: str) -> str:
    contract = getattr(testing, name)
    said = _first(contract)
    tests = {test: value for test, value in inspect.getmembers(contract) if test.startswith("test_")}
    rows = [f"- {_words(test)}: {_first(value)}" for test, value in tests.items()]
    return "\n".join([f"## {name}", "", said, "", *rows, ""])


def _words(test: str) -> str:
    return test.removeprefix("test_").replace("_", " ")


def _first(value: object) -> str:
    """The first sentence of what is said of it."""
    return (inspect.getdoc(value) or "").partition("\n")[0]


def _owner(manager: PluginManager, spec: Any) -> str:
    given = manager.owner(spec.kind, spec.name).title
    table = options_table(spec.options, "option")
    presets = getattr(spec, "presets", {})
    lines = [
        f"- `{name}`: {', '.join(f'{key} {value}' for key, value in said.items())}" for name, said in presets.items()
    ]
    more = "\n".join(["", "Presets:", "", *lines, ""]) if lines else ""
    return f"# {spec.kind} {spec.name}\n\n{spec.summary} Given by {given}.\n\n{table}{more}"


def _plain(example: str) -> str:
    """An example without the indentation of its docstring."""
    return inspect.cleandoc(f"\n{example}")


def _index(title: str, said: str, names: list[str]) -> str:
    listed = "\n".join(names)
    return f"# {title}\n\n{said}\n\n```{{toctree}}\n:maxdepth: 1\n\n{listed}\n```\n"
