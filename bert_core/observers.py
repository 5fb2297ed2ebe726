"""Telling plugins what a run does: one that fails is said once, and how long each takes is measured."""

from __future__ import annotations

import inspect
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from .errors import BertrunError, PluginError, in_a_line
from .manager import PluginManager, hooks_of
from .read_only import read_only

_SHARE = 0.05  # of a run's time; a plugin that takes more, and more than
_SECONDS = 1.0  # that, is named at the end


Hooks = Mapping[str, Callable[..., object]]


def trackers(manager: PluginManager, names: Iterable[str]) -> dict[str, Hooks]:
    """The hooks of the trackers of these names, each built, by what a line about one calls it.

    Raises:
        PluginError: There is none of a name, it cannot be built, or what is built is no tracker.
        BertrunError: Something that it needs is not there.
    """
    made: dict[str, Hooks] = {}
    for name in names:
        spec = manager.get("tracker", name)
        owner = manager.owner("tracker", spec.name)
        try:
            hooks = hooks_of(spec.build(spec.options()))
        except BertrunError:
            raise
        except (Exception, SystemExit) as error:  # whatever a stranger's code raises
            raise PluginError(f"the tracker '{spec.name}' of {owner.title} failed: {in_a_line(error)}") from error
        made[f"{owner.distribution}:{spec.name}"] = hooks
    return made


class Observers:
    """The plugins that look on.

    Args:
        hooks: Pluggy's callers of the lifecycle hooks (`PluginManager.hook`); None tells nobody, as of the processes
            that make a run together only the first does.
        say: Where the line about a plugin that failed goes.
        tracking: The hooks of those that were asked for by name; see `trackers`.
    """

    def __init__(self, hooks: Any, say: Callable[[str], None], tracking: Mapping[str, Hooks] | None = None) -> None:
        self._hooks = hooks
        self._say = say
        self._tracking = tracking or {}
        self._failed: set[str] = set()
        self._begun = time.perf_counter()
        self.seconds: dict[str, float] = defaultdict(float)

    def tell(self, hook: str, values: Mapping[str, object]) -> None:
        """Call every plugin's implementation of a hook with those of the values that it names.

        A plugin that raises is not called again: a tracker whose server is gone must not end the training
        that it tracks, nor write a line at every step.
        """
        for plugin, function, arguments in self._implementations(hook):
            if plugin in self._failed:
                continue
            begun = time.perf_counter()
            try:
                function(*(read_only(values[name]) for name in arguments))
            except (Exception, SystemExit) as error:
                self._failed.add(plugin)
                self._say(
                    f"plugin {plugin} failed in {hook} and is told no more of this run: {type(error).__name__}: {error}"
                )
            self.seconds[plugin] += time.perf_counter() - begun

    def slow(self) -> Iterator[str]:
        """A sentence for each plugin that took much of the time since the run began."""
        whole = time.perf_counter() - self._begun
        for plugin, seconds in self.seconds.items():
            if seconds > max(_SECONDS, _SHARE * whole):
                share = f"{seconds / whole:.0%} of the run's {whole:.1f} s"
                yield f"plugin {plugin} took {seconds:.1f} s to look on, {share}"

    def _implementations(self, hook: str) -> Iterator[tuple[str, Callable[..., object], Iterable[str]]]:
        """Each plugin's function for a hook, and the names of what it takes."""
        for one in getattr(self._hooks, hook).get_hookimpls() if self._hooks is not None else ():
            yield one.plugin_name, one.function, one.argnames
        for plugin, hooks in self._tracking.items():
            if hook in hooks:
                yield plugin, hooks[hook], inspect.signature(hooks[hook]).parameters
