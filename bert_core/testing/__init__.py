"""For authors of plugins: what every plugin keeps, as tests to subclass."""

from __future__ import annotations

from .contracts import PluginContract

__all__ = ["PluginContract"]
