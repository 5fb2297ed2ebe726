"""Telling plugins what a run does: one that fails is said once, and the run goes on without it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


class Observers:
    """The plugins that look on.

    Args:
        hooks: Pluggy's callers of the lifecycle hooks (`PluginManager.hook`); None tells nobody, as of the processes
            that make a run together only the first does.
        say: Where the line about a plugin that failed goes.
    """

    def __init__(self, hooks: Any, say: Callable[[str], None]) -> None:
        self._hooks = hooks
        self._say = say
        self._failed: set[str] = set()

    def tell(self, hook: str, values: Mapping[str, object]) -> None:
        """Call every plugin's implementation of a hook with those of the values that it names.

        A plugin that raises is not called again: a tracker whose server is gone must not end the training
        that it tracks, nor write a line at every step.
        """
        for implementation in getattr(self._hooks, hook).get_hookimpls() if self._hooks is not None else ():
            if implementation.plugin_name in self._failed:
                continue
            try:
                implementation.function(*(values[name] for name in implementation.argnames))
            except Exception as error:
                self._failed.add(implementation.plugin_name)
                self._say(
                    f"plugin {implementation.plugin_name} failed in {hook} and is told no more of this run: "
                    f"{type(error).__name__}: {error}"
                )
