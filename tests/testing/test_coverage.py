"""Everything that the packages of this repository register has passed its contract."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bert_core import testing
from bert_core.manager import KINDS, PluginManager

ROOT = Path(__file__).parents[2]
FILES = [*ROOT.glob("plugins/*/tests/test_contract.py"), ROOT / "tests" / "testing" / "test_host_contract.py"]
NAMED = re.compile(r'^    name = "(.+)"$', re.MULTILINE)
TABLE = re.compile(r"^\| `(\w+)Contract` \| (\d+) \| (.*) \|$", re.MULTILINE)


def registered(kind: str) -> list[str]:
    manager = PluginManager()
    return sorted(name for name in manager.specs(kind) if manager.owner(kind, name).distribution.startswith("bertrun"))


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"tracker"}))
def test_each_has_a_contract_that_names_it(kind: str) -> None:
    named = {name for path in FILES for name in NAMED.findall(path.read_text(encoding="utf-8"))}
    assert set(registered(kind)) <= named


def test_the_page_says_how_many_tests_there_are_and_who_passes_them() -> None:
    said = {
        name: (int(tests), re.findall(r"`([\w-]+)`", who))
        for name, tests, who in TABLE.findall((ROOT / "docs" / "testing.md").read_text(encoding="utf-8"))
    }
    true = {
        name.removesuffix("Contract"): sum(test.startswith("test_") for test in dir(getattr(testing, name)))
        for name in testing.__all__
        if name.endswith("Contract")
    }
    assert {name: tests for name, (tests, _) in said.items()} == true
    for kind in set(KINDS) - {"tracker"}:
        assert said[kind.capitalize()][1] == registered(kind)
