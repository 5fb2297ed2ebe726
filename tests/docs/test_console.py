"""What a page shows is typed in, and what is not so is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from .console import type_in


def page(*lines: str) -> str:
    return "\n".join(["Do this:", "", "```console", *lines, "```", ""])


def test_each_line_is_run_where_the_one_before_has_gone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    type_in(page("$ mkdir inside && cd inside", "$ echo a b c > file", "$ cat file", "a ... c"), tmp_path)
    assert (tmp_path / "inside" / "file").exists()
    assert "s  $ cat file" in capsys.readouterr().out


@pytest.mark.parametrize(("lines", "told"), [(("$ echo a", "b"), "it printed\na"), (("$ exit 3",), "exit code 3")])
def test_what_a_page_shows_falsely_ends_it(lines: tuple[str, ...], told: str, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=told):
        type_in(page(*lines), tmp_path)
