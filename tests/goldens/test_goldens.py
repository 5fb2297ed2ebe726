"""Help pages, listings and error messages are what was last read and found good."""

from __future__ import annotations

import difflib
import importlib.util
import os
from pathlib import Path

import pytest

HERE = Path(__file__).parent
specification = importlib.util.spec_from_file_location("goldens_record", HERE / "record.py")
record = importlib.util.module_from_spec(specification)
specification.loader.exec_module(record)


@pytest.fixture(scope="module")
def pages():
    if os.environ.get("BERTRUN_RECORD"):
        record.write()
    return record.pages()


@pytest.mark.parametrize("name", [*record.PAGES, "errors.txt"])
def test_a_page_is_what_was_recorded(pages, name):
    recorded = (HERE / name).read_text(encoding="utf-8")
    difference = difflib.unified_diff(recorded.splitlines(), pages[name].splitlines(), "recorded", "now", lineterm="")
    assert pages[name] == recorded, "\n".join([*difference, "right? python tests/goldens/record.py"])


def test_nothing_is_recorded_that_is_no_longer_compared():
    assert {path.name for path in HERE.glob("*.txt")} == {*record.PAGES, "errors.txt"}
