"""Checks of contracts, called one by one with what their fixtures would give."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest


def checks(contract: type) -> list[str]:
    """The names of a contract's own checks, without those of every spec."""
    from bert_core.testing.specs import SpecContract

    return sorted(name for name in dir(contract) if name.startswith("test_") and not hasattr(SpecContract, name))


@pytest.fixture
def check(request: pytest.FixtureRequest) -> Callable[..., None]:
    """`check(Contract, "test_...", spec=...)`: fixtures of pytest's own are found by themselves."""

    def check(contract: type, name: str, **given: Any) -> None:
        method = getattr(contract(), name)
        wanted = inspect.signature(method).parameters
        method(**{one: given[one] if one in given else request.getfixturevalue(one) for one in wanted})

    return check
