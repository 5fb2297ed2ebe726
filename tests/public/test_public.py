"""What plugins build on changes only where the changelog says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from . import listing

CHANGELOG = Path(__file__).parents[2] / "changelog"


def unsaid(released: dict[str, str], now: dict[str, str], said: str) -> list[str]:
    """The names that are new, gone or used otherwise, and that the changelog does not name."""
    changed = [name for name in {**released, **now} if released.get(name) != now.get(name)]
    return [name for name in changed if f"`{name.removeprefix('hook ').rpartition('.')[2]}`" not in said]


def test_what_has_changed_since_the_release_is_in_the_changelog() -> None:
    said = "\n".join(path.read_text(encoding="utf-8") for path in CHANGELOG.glob("*.md"))
    missing = unsaid(listing.read(listing.RELEASED), listing.listing(), said)
    assert not missing, f"authors of plugins are to read what changes of {', '.join(missing)}: a line in changelog/*.md"


@pytest.mark.parametrize(
    ("released", "now", "found"),
    [
        ({"a.f": "(x)"}, {"a.f": "(x)"}, []),
        ({"a.f": "(x)"}, {"a.f": "(x, y)"}, ["a.f"]),
        ({"a.f": "(x)"}, {}, ["a.f"]),
        ({}, {"hook b": "()"}, ["hook b"]),
        ({"a.g": "(x)"}, {"a.g": "()"}, []),
    ],
)
def test_what_nobody_says_is_found(released: dict[str, str], now: dict[str, str], found: list[str]) -> None:
    assert unsaid(released, now, "`g` takes nothing now") == found
