"""What a run prints: a live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console as Terminal
from rich.live import Live
from rich.table import Table
from rich.text import Text

from bert_core.interrupt import ctrl_c_later
from bert_core.types import StepRecord

from .modelzoo_line import modelzoo_line


class Console:
    """The reporter of a run on this terminal.

    Args:
        quiet: Print nothing but the final scores.
        json: Print the final scores as one JSON object, everything else on stderr.
        modelzoo: Print a step's line as the ModelZoo's scripts do.
    """

    def __init__(self, *, quiet: bool, json: bool, modelzoo: bool = False) -> None:
        self._quiet = quiet
        self._json = json
        self._modelzoo = modelzoo
        self._terminal = Terminal(stderr=json, highlight=False, soft_wrap=True)
        self._live: Live | None = None
        self._compiled = False
        self._seconds: list[float] = []

    def say(self, line: str) -> None:
        """A line about what goes on."""
        if not self._quiet:
            self._terminal.print(line, markup=False)

    def step(self, record: StepRecord, total: int, *, due: bool) -> str:
        """A step: the live line, or a plain line where one is due. Gives the line."""
        if self._compiled:  # the first step compiles, which says nothing of those to come
            self._seconds = [*self._seconds[-49:], record.seconds]
        self._compiled = True
        line = self._line(record, total)
        if self._quiet:
            return line
        if self._terminal.is_terminal:
            if self._live is None:
                self._live = Live(console=self._terminal, refresh_per_second=4, transient=True)
                with ctrl_c_later():
                    self._live.start()
            self._live.update(Text(line))
        elif due:
            self._terminal.print(line, markup=False)
        return line

    def pause(self) -> None:
        """Take the live line away."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def scores(self, title: str, scores: Mapping[str, float]) -> None:
        """A table of scores: the overall ones, then a row for each type of a `name/type` score."""
        self.pause()
        if self._quiet:
            return
        overall = ", ".join(f"{name} {value:.4f}" for name, value in scores.items() if "/" not in name)
        self._terminal.print(f"{title}: {overall}", markup=False)
        rows = by_type(scores)
        if rows:
            columns = list(dict.fromkeys(name for row in rows.values() for name in row))
            self._terminal.print(_table(rows, columns))

    def final(self, scores: Mapping[str, float]) -> None:
        """The scores that the run was made for."""
        self.pause()
        if self._json:
            print(json.dumps(dict(scores)))
        elif self._quiet:
            print(", ".join(f"{name} {value:.4f}" for name, value in scores.items() if "/" not in name))

    def seeds(self, lines: Sequence[str], summary: Mapping[str, Any]) -> None:
        """What runs with several seeds scored: the lines of a table, or one JSON object."""
        if self._json:
            print(json.dumps(summary))
        else:
            print("\n".join(lines))

    def close(self) -> None:
        """Leave the terminal as it was."""
        self.pause()
        sys.stdout.flush()

    def _line(self, record: StepRecord, total: int) -> str:
        if self._modelzoo:
            return modelzoo_line(record)
        rate = record.tokens / record.seconds if record.seconds else 0.0
        return (
            f"step {record.step}/{total}  epoch {record.epoch:.2f}  loss {record.loss:.4f}  "
            f"lr {record.learning_rate:.2e}  {rate:.0f} tokens/s{self._scale(record)}{self._left(total - record.step)}"
        )

    def _scale(self, record: StepRecord) -> str:
        overflow = ", overflow: step skipped" if record.skipped else ""
        return f"  scale {record.loss_scale:g}{overflow}" if record.loss_scale != 1 else ""

    def _left(self, steps: int) -> str:
        """The time that is left, once a step has said how long one takes."""
        if not self._seconds:
            return ""
        left = round(sum(self._seconds) / len(self._seconds) * steps)
        return f"  ETA {left // 60}:{left % 60:02d}"


def by_type(scores: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """`f1/PER` and the like as one row for each type."""
    rows: dict[str, dict[str, float]] = {}
    for name, value in scores.items():
        score, slash, kind = name.partition("/")
        if slash:
            rows.setdefault(kind, {})[score] = value
    return rows


def _table(rows: Mapping[str, Mapping[str, float]], columns: Sequence[str]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2))
    table.add_column("type")
    for column in columns:
        table.add_column(column, justify="right")
    for kind, row in rows.items():
        cells = [f"{row[c]:.0f}" if c == "support" else f"{row[c]:.4f}" for c in columns]
        table.add_row(kind, *cells)
    return table
