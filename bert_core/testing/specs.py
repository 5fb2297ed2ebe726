"""What every spec keeps, whatever its kind: the beginning of each kind's contract."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import importlib_metadata
import pytest
import tomli_w
from importlib_metadata import EntryPoint

from bert_core.errors import ConfigError
from bert_core.manager import GROUP, PluginManager
from bert_core.options import Layer, OptionInfo, index_options, options_of, resolve
from bert_core.plan import CHOSEN, RUN, read_run_file
from bert_core.policy import Policy
from bert_core.run_options import RunOptions
from bert_core.types import Spec

_LOADED_MINDSPORE = (
    "import sys; from bert_core.testing.specs import load; load(sys.argv[1]); sys.exit('mindspore' in sys.modules)"
)


class SpecContract:
    """The tests that every spec passes.

    Attributes:
        name: The spec's name, by which the installed plugin is found.
        options: The options in which what is tested differs from the defaults.
        kind: Set by each kind's own contract.
    """

    kind: ClassVar[str]
    name: ClassVar[str]
    options: ClassVar[Mapping[str, Any]] = {}

    @pytest.fixture(scope="class")
    @classmethod
    def manager(cls) -> PluginManager:
        """The installed plugins, found anew for each class."""
        return PluginManager()

    @pytest.fixture(scope="class")
    @classmethod
    def spec(cls, manager: PluginManager) -> Any:
        """What is tested."""
        return manager.get(cls.kind, cls.name)

    @pytest.fixture(scope="class")
    @classmethod
    def values(cls, spec: Any) -> Any:
        """Its options, with those of the class attribute."""
        layer = Layer(origin="test", flat=dict(cls.options))
        return resolve({cls.kind: spec.options}, [layer]).values[cls.kind]

    def test_its_entry_module_loads_without_mindspore(self, manager: PluginManager) -> None:
        """Help and listings load every plugin, so none may cost the seconds that MindSpore takes to import."""
        owner = manager.owner(self.kind, self.name)
        for point in importlib_metadata.entry_points(group=GROUP):
            if point.name == owner.name and point.dist and point.dist.name == owner.distribution:
                check_light(point.value)

    def test_its_spec_says_what_it_is(self, spec: Any) -> None:
        """One sentence, for a listing."""
        check_summary(spec)

    def test_its_options_have_help(self, spec: Any) -> None:
        """Options are fields of a frozen dataclass, and the help of each ends as a sentence does."""
        check_options(spec)

    def test_its_options_are_not_the_runs(self, spec: Any) -> None:
        """The options of whatever a run is made of stand on one command line with the run's own."""
        check_own_options(spec)

    def test_its_options_survive_a_run_file(self, spec: Any, values: Any, tmp_path: Path) -> None:
        """A run writes its options to `run.toml`, and reading them back gives the same: defaults, and others."""
        check_run_file(spec, tmp_path, values)


@cache
def check_light(module: str) -> None:
    """Load an entry module in a process of its own, and see that MindSpore stays out."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", _LOADED_MINDSPORE, module]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    assert not done.stderr, done.stderr
    assert done.returncode == 0, f"loading {module} imports mindspore; import it inside `build`"


def check_summary(spec: Spec) -> None:
    """See that the summary is one sentence."""
    one = re.fullmatch(r"\S.*\.", spec.summary) is not None and re.search(r"[.!?] +[A-Z]", spec.summary) is None
    assert one, f"{title(spec)}: the summary is not one sentence: {spec.summary!r}"


def check_options(spec: Spec) -> None:
    """See that options are frozen and have help."""
    frozen = getattr(getattr(spec.options, "__dataclass_params__", None), "frozen", False)
    assert frozen, f"{title(spec)}: its options are not a frozen dataclass"
    for info in options_of(spec.options, title(spec)):
        assert info.help.endswith("."), f"{title(spec)}: the help of {info.flag} is no sentence: {info.help!r}"


def check_own_options(spec: Spec) -> None:
    """See that no option is one that every run has."""
    if spec.kind in CHOSEN:
        index_options({RUN: RunOptions, spec.kind: spec.options})


def check_run_file(spec: Spec, folder: Path, *more: Any) -> None:
    """See that options come back from a run file: the defaults, each with another value, and those given."""
    default = resolve({spec.kind: spec.options}, []).values[spec.kind]
    for values in [default, *more, *_changed(spec, default)]:
        path = folder / "run.toml"
        written = replace(resolve({spec.kind: spec.options}, []), values={spec.kind: values})
        path.write_text(tomli_w.dumps(written.tables()), encoding="utf-8")
        read = resolve({spec.kind: spec.options}, [read_run_file(path)[1]]).values[spec.kind]
        assert read == values, f"{title(spec)}: {values} came back as {read}; an option's value must be what is parsed"


def _changed(spec: Spec, default: Any) -> Iterator[Any]:
    """The defaults with one value changed, for each option that allows that alone."""
    for info in options_of(spec.options, title(spec)):
        for value in _others(info):
            try:
                layer = Layer(origin="test", flat={info.name: value})
                yield resolve({spec.kind: spec.options}, [layer]).values[spec.kind]
            except ConfigError:  # out of range, or not without another option
                continue


def _others(info: OptionInfo) -> list[object]:
    if info.repeated:
        return [("one", "two words")]
    if info.choices:
        return list(info.choices)
    some: dict[type, list[object]] = {
        bool: [True, False],
        int: [1, 2, 3],
        float: [0.25, 1.5],
        str: ["two words", 'a "quoted" one'],
        Path: [Path("/a folder/file")],
    }
    return some.get(info.kind, [])


def load(module: str) -> PluginManager:
    """A manager that knows one plugin and nothing of what is installed.

    Args:
        module: What its entry point names.

    Raises:
        PluginError: The plugin cannot be used; the error that it raised is the context.
    """
    point = EntryPoint(name="contract", value=module, group=GROUP)
    return PluginManager(Policy(strict=True), entry_points=[point])


def title(spec: Spec) -> str:
    """Kind and name."""
    return f"{spec.kind} {spec.name}"
