"""What the README says of the program is what the program says."""

from __future__ import annotations

from pathlib import Path

from bert_core.manager import KINDS, PluginManager

README = Path(__file__).parents[2] / "README.md"


def table() -> list[str]:
    manager = PluginManager()
    return [
        f"| {kind} | `{name}` | {manager.owner(kind, name).distribution} | {spec.summary} |"
        for kind in KINDS
        for name, spec in manager.specs(kind).items()
    ]


def test_the_table_lists_what_is_installed() -> None:
    lines = README.read_text(encoding="utf-8").splitlines()
    start = lines.index("|---|---|---|---|") + 1
    shown = lines[start : lines.index("", start)]
    assert shown == table(), "the README's table should be:\n" + "\n".join(table())


def test_the_two_commands_stand_on_lines_of_their_own() -> None:
    lines = README.read_text(encoding="utf-8").splitlines()
    train = "bertrun weights pull minilm-l6 && bertrun --task ner --device cpu --weights minilm-l6"
    assert f"    pip install . ./plugins/* && {train}" in lines
    assert '    pip install ".[test]" ./plugins/* && pytest' in lines
