"""What every plugin keeps, as tests that a plugin's own test module subclasses."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import tomli_w
from importlib_metadata import EntryPoint

from bert_core import hookspecs
from bert_core.manager import GROUP, KINDS, PluginManager
from bert_core.options import index_options, options_of, resolve
from bert_core.plan import CHOSEN, RUN, read_run_file
from bert_core.policy import Policy
from bert_core.run_options import RunOptions
from bert_core.types import MetricSpec, Spec

from .readme import false_examples, options_tables, specs_table

_LOADED_MINDSPORE = (
    "import sys; from bert_core.testing.contracts import load; load(sys.argv[1]); sys.exit('mindspore' in sys.modules)"
)


class PluginContract:
    """The tests that every plugin passes; pytest runs them for each subclass whose name begins with `Test`.

    Attributes:
        entry_point: The module that the plugin's entry point names.
        readme: The plugin's README, where its tables and examples are to be held to what the plugin says of itself.

    Example:
        ```python
        class TestContract(PluginContract):
            entry_point = "bertrun_acme.plugin"
        ```
    """

    entry_point: str
    readme: Path | None = None

    def test_it_loads_without_mindspore(self) -> None:
        """Help and listings load every plugin, so none may cost the seconds that MindSpore takes to import."""
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        command = [sys.executable, "-c", _LOADED_MINDSPORE, self.entry_point]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
        assert not done.stderr, done.stderr
        assert done.returncode == 0, f"loading {self.entry_point} imports mindspore; import it inside `build`"

    def test_every_hook_is_accepted(self) -> None:
        """Each hook is decorated, known and of the right arguments, and there is at least one."""
        load(self.entry_point)
        hooks = [name for name in vars(import_module(self.entry_point)) if hasattr(hookspecs, name)]
        assert any(name.startswith("bertrun_") for name in hooks), f"{self.entry_point} implements no hook"

    def test_every_spec_says_what_it_is(self) -> None:
        """One sentence, for a listing."""
        for spec in self._specs():
            assert _is_sentence(spec.summary), f"{_title(spec)}: the summary is not one sentence: {spec.summary!r}"

    def test_every_option_has_help(self) -> None:
        """Options are fields of a frozen dataclass, and the help of each ends as a sentence does."""
        for spec in self._specs():
            frozen = getattr(getattr(spec.options, "__dataclass_params__", None), "frozen", False)
            assert frozen, f"{_title(spec)}: its options are not a frozen dataclass"
            for info in options_of(spec.options, _title(spec)):
                assert info.help.endswith("."), f"{_title(spec)}: the help of {info.flag} is no sentence: {info.help!r}"

    def test_no_option_is_one_that_every_run_has(self) -> None:
        """The options of whatever a run is made of stand on one command line with the run's own."""
        for spec in self._specs():
            if spec.kind in CHOSEN:
                index_options({RUN: RunOptions, spec.kind: spec.options})

    def test_default_options_survive_a_run_file(self, tmp_path: Path) -> None:
        """A run writes its options to `run.toml`, and reading them back gives the same."""
        for spec in self._specs():
            written = resolve({spec.kind: spec.options}, [])
            path = tmp_path / "run.toml"
            path.write_text(tomli_w.dumps(written.tables()), encoding="utf-8")
            read = resolve({spec.kind: spec.options}, [read_run_file(path)[1]])
            assert read.values == written.values, f"{_title(spec)}: {written.values} came back as {read.values}"

    def test_every_metric_is_built_with_default_options(self) -> None:
        """A task asks for metrics by name alone."""
        for spec in self._specs():
            if isinstance(spec, MetricSpec):
                assert callable(spec.build(spec.options())), f"{_title(spec)}: what it builds cannot be called"

    def test_the_readme_lists_specs_and_options(self) -> None:
        """Its tables are those that the specs make; a failure shows the table to paste."""
        if self.readme is None:
            return
        text = self.readme.read_text(encoding="utf-8")
        specs = list(self._specs())
        for table in [specs_table(specs), *options_tables(specs)]:
            assert table in text, f"{self.readme} lacks this table:\n\n{table}"

    def test_the_readme_shows_real_output(self) -> None:
        """There is an example, and each `$ bertrun ...` in a `console` block prints what is under it."""
        if self.readme is None:
            return
        text = self.readme.read_text(encoding="utf-8")
        assert "```console\n$ bertrun " in text, f"{self.readme} has no example in a console block"
        assert not (false := list(false_examples(text))), "\n\n".join(false)

    def _specs(self) -> Iterator[Spec]:
        manager = load(self.entry_point)
        return (spec for kind in KINDS for spec in manager.specs(kind).values())


def load(module: str) -> PluginManager:
    """A manager that knows one plugin and nothing of what is installed.

    Args:
        module: What its entry point names.

    Raises:
        PluginError: The plugin cannot be used; the error that it raised is the context.
    """
    point = EntryPoint(name="contract", value=module, group=GROUP)
    return PluginManager(Policy(strict=True), entry_points=[point])


def _is_sentence(text: str) -> bool:
    return re.fullmatch(r"\S.*\.", text) is not None and re.search(r"[.!?] +[A-Z]", text) is None


def _title(spec: Spec) -> str:
    return f"{spec.kind} {spec.name}"
