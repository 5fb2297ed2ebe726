"""What decides the records, whatever the number of workers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from bert_core import UsageError, option

from .options import RecordOptions


@dataclass(frozen=True, kw_only=True)
class Settings(RecordOptions):
    """All that decides records of a text.

    Raises:
        UsageError: A value is out of its range.
    """

    # [CLS] a [SEP] b [SEP]; positions are kept in 16 bits while they are drawn
    max_length: int = option(128, minimum=5, maximum=65535, help="Pieces of a record, [CLS] and two [SEP] counted.")
    dynamic_masking: bool = option(
        False, help="Store records unmasked; training masks them, in each epoch differently."
    )
    seed: int = option(12345, minimum=0, maximum=2**63 - 1, help="Of all that is drawn.")

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, (int, float)):
                _check(field.name, value, field.metadata)

    @property
    def passes(self) -> int:
        """How often the text is packed: `dupe_factor`, or what it is by default."""
        return self.dupe_factor or (1 if self.dynamic_masking else 10)


def _check(name: str, value: float, bounds: Mapping[str, float | None]) -> None:
    """Refuse what is not within an option's bounds, and what is no number."""
    least, above, most = (bounds[bound] for bound in ("minimum", "above", "maximum"))
    if not (least is None or value >= least):
        raise UsageError(f"{name} is {value}, which is not {least:g} or more")
    if not (above is None or value > above):
        raise UsageError(f"{name} is {value}, which is not above {above:g}")
    if not (most is None or value <= most):
        raise UsageError(f"{name} is {value}, which is not {most:g} or less")
