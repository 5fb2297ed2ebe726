"""A plugin for an earlier host."""

from __future__ import annotations

raise AssertionError("a plugin that does not fit was imported")
