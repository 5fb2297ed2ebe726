"""Type the `console` blocks of a page: `python tests/docs/console.py docs/tutorial.md FOLDER`.

The lines behind `$` are run one after the other, each where the one before has gone to by `cd`; a line that ends with
another code than 0 or prints something else than the page shows ends it. `...` stands for any text, and where the page
shows nothing, anything may be printed.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from doctest import ELLIPSIS, OutputChecker
from pathlib import Path

BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINE = re.compile(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)


def type_in(page: str, folder: Path) -> None:
    """Run what a page shows, beginning in a folder."""
    place = folder.absolute()
    where = place / ".place"
    for block in BLOCK.findall(page):
        for line, shown in LINE.findall(block):
            began = time.monotonic()
            script = f"trap 'pwd >\"$0\"' EXIT\n{line}"
            command = ["bash", "-c", script, str(where)]
            done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
            place = Path(where.read_text(encoding="utf-8").strip())
            print(f"{time.monotonic() - began:6.1f} s  $ {line}", flush=True)
            if done.returncode or not _is_shown(shown, done.stdout):
                sys.exit(f"$ {line}\nexit code {done.returncode}; it printed\n{done.stdout}{done.stderr}\nnot\n{shown}")


def _is_shown(shown: str, printed: str) -> bool:
    return not shown or OutputChecker().check_output(shown.rstrip(), printed.rstrip(), ELLIPSIS)


if __name__ == "__main__":
    type_in(Path(sys.argv[1]).read_text(encoding="utf-8"), Path(sys.argv[2]))
