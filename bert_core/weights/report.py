"""What of a set of weights fits a model: what is loaded, new, left over, and of a wrong shape."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from bert_core.errors import CheckpointError

Shape = tuple[int, ...]

_SHOWN = 4  # names in a line of the table
_PROBLEMS = 2  # in a sentence: where the width differs, every tensor does
_WORDS = "embeddings.word_embeddings.weight"


@dataclass(frozen=True, kw_only=True)
class LoadReport:
    """How stored tensors and a model's parameters go together.

    Args:
        loaded: Parameters that are loaded.
        new: Parameters that no tensor is stored for.
        unexpected: Stored names that no parameter wants.
        wrong_shape: For each parameter whose tensor does not fit, the shape wanted and the shape stored.
        required: Parameters that may not be new.
        head: Parameters that may have another shape there: those of another task's head.
        stored_in: The file of the tensors.
        wanted_by: Where the wanted shapes come from.
    """

    loaded: tuple[str, ...]
    new: tuple[str, ...]
    unexpected: tuple[str, ...]
    wrong_shape: Mapping[str, tuple[Shape, Shape]]
    required: frozenset[str]
    head: frozenset[str]
    stored_in: Path
    wanted_by: str

    def table(self) -> str:
        """The report as lines of text for a person."""
        shapes = [f"{name} {_dims(there)} for {_dims(here)}" for name, (here, there) in self.wrong_shape.items()]
        lines = [
            f"loaded       {len(self.loaded):4d}  from {self.stored_in}",
            f"new          {_summary(self.new)}",
            f"unexpected   {_summary(self.unexpected)}",
            f"wrong shape  {_summary(shapes)}",
        ]
        return "\n".join(line.rstrip() for line in lines)

    def check(self) -> None:
        """Refuse weights that are not those of this model's encoder.

        Raises:
            CheckpointError: An encoder's tensor is missing, or a shape differs.
        """
        wrong = {name: shapes for name, shapes in self.wrong_shape.items() if name not in self.head}
        problems = [self._shape_problem(name, *shapes) for name, shapes in wrong.items()]
        missing = [name for name in self.new if name in self.required]
        if missing:
            problems.append(f"{len(missing)} of the encoder's tensors are not stored: {_some(missing)}")
        if problems:
            listed = "; ".join(problems[:_PROBLEMS])
            listed += f"; and {len(problems) - _PROBLEMS} more" if len(problems) > _PROBLEMS else ""
            raise CheckpointError(
                f"the weights do not fit the model: {listed}", where=self.stored_in, hint=self._hint()
            )

    def _shape_problem(self, name: str, wanted: Shape, stored: Shape) -> str:
        if _differ_in_rows(name, wanted, stored):
            return (
                f"{name} has {stored[0]} rows in {self.stored_in}, one for each piece of the vocabulary that it was"
                f" trained with, and {self.wanted_by} has {wanted[0]} pieces"
            )
        return f"{name} is {_dims(stored)} in {self.stored_in} and {_dims(wanted)} in {self.wanted_by}"

    def _hint(self) -> str:
        if any(_differ_in_rows(name, *shapes) for name, shapes in self.wrong_shape.items()):
            return f"Use the vocabulary that belongs to these weights: {self.stored_in.parent / 'vocab.txt'}"
        if self.wrong_shape:
            return "Choose the model that the config.json beside the weights describes"
        return f"Are they of this family? What is left over there: {_some(self.unexpected)}"


def compare(
    stored: Mapping[str, Shape],
    wanted: Mapping[str, Shape],
    *,
    required: frozenset[str],
    head: frozenset[str],
    other: frozenset[str],
    stored_in: Path,
    wanted_by: str,
) -> LoadReport:
    """Find each parameter's tensor; see `Weights.match`."""
    there = {name: stored[name] for name in wanted if name in stored and name not in other}
    wrong = {name: (wanted[name], shape) for name, shape in there.items() if shape != wanted[name]}
    return LoadReport(
        loaded=tuple(name for name in there if name not in wrong),
        new=tuple(name for name in wanted if name not in there),
        unexpected=tuple(sorted(name for name in stored if name not in there)),
        wrong_shape=wrong,
        required=required,
        head=head - required,
        stored_in=stored_in,
        wanted_by=wanted_by,
    )


def _differ_in_rows(name: str, wanted: Shape, stored: Shape) -> bool:
    """Whether it is the vocabulary that does not fit, and not the width of the model."""
    return name.endswith(_WORDS) and len(wanted) == len(stored) == 2 and wanted[1] == stored[1]


def _dims(shape: Shape) -> str:
    return "(" + ", ".join(map(str, shape)) + ")"


def _some(names: Collection[str]) -> str:
    # A name from a file is data: one that could move the cursor is shown escaped.
    printable = [name if name.isprintable() else ascii(name) for name in names]
    shown = ", ".join(printable[:_SHOWN]) or "nothing"
    return f"{shown} and {len(names) - _SHOWN} more" if len(names) > _SHOWN else shown


def _summary(names: Collection[str]) -> str:
    return f"{len(names):4d}  {_some(names) if names else ''}"
