"""What every device keeps, as tests that a plugin's own test module subclasses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import fields
from pathlib import Path
from typing import Any, ClassVar

import pytest

from bert_core.assembly import ready_device
from bert_core.errors import DeviceError
from bert_core.types import Device, DeviceSpec, Probe

from .specs import SpecContract

DTYPES = ("float32", "float16", "bfloat16")
_FUNCTIONS = ("probe", "build", "options")
_SECONDS = 1.0
_PROBED = (
    "import sys; from bert_core.manager import PluginManager;"
    "PluginManager().get('device', sys.argv[1]).probe(); sys.exit('mindspore' in sys.modules)"
)


class DeviceContract(SpecContract):
    """The tests that every device passes, on machines that have it and on those that lack it.

    Example:
        ```python
        class TestAbacus(DeviceContract):
            name = "abacus"
        ```
    """

    kind: ClassVar[str] = "device"

    @pytest.fixture(params=["here", "bare"])
    def probe(self, request: pytest.FixtureRequest, spec: DeviceSpec, monkeypatch: pytest.MonkeyPatch) -> Probe:
        """What the device's probe finds on this machine, and where no program and no variable says anything."""
        if request.param == "bare":
            for name in list(os.environ):
                monkeypatch.delenv(name)
        return probed(spec)

    def test_its_probe_says_what_it_finds_at_once(self, spec: DeviceSpec) -> None:
        """A probe raises nothing and takes less than a second: `bertrun doctor` asks every device."""
        began = time.perf_counter()
        probed(spec)
        seconds = time.perf_counter() - began
        assert seconds < _SECONDS, f"the probe took {seconds:.1f} s; look at files, and wait for no program that long"

    def test_its_probe_says_what_is_missing(self, probe: Probe) -> None:
        """Findings and warnings are sentences, and where it cannot run at least one says why."""
        said = [*probe.findings, *probe.warnings]
        bad = [one for one in said if not (isinstance(one, str) and one.strip().endswith((".", "?", "!")))]
        assert not bad, f"these findings are no sentences: {bad}"
        assert probe.available or probe.findings, "it is not available and no finding says what is missing"
        assert not probe.available or probe.count >= 1, f"it is available, and there are {probe.count} of it"

    def test_its_probe_leaves_all_as_it_was(self, spec: DeviceSpec) -> None:
        """Asking what is here changes no variable."""
        before = dict(os.environ)
        probed(spec)
        changed = {name for name in {*before, *os.environ} if before.get(name) != os.environ.get(name)}
        assert not changed, f"the probe changes the variables {sorted(changed)}; do that in `build`"

    def test_its_probe_does_not_import_mindspore(self) -> None:
        """That would take seconds, on a machine where it may not even load."""
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        command = [sys.executable, "-c", _PROBED, self.name]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
        assert done.returncode == 0, f"the probe of {self.name} imports mindspore, or fails: {done.stderr}"

    def test_what_it_can_do_is_data(self, spec: DeviceSpec) -> None:
        """Every field of the spec but its functions is plain data, for a listing."""
        for field in fields(spec):
            value = getattr(spec, field.name)
            if field.name in _FUNCTIONS:
                continue
            plain = dict(value) if field.name == "environment" else value
            try:
                json.dumps(plain)
            except TypeError as error:
                raise AssertionError(f"the field {field.name} is no plain data: {error}") from error
        assert spec.target, "`target` is MindSpore's name of the device; it is empty"
        bad = [level for level in spec.graph_levels if level not in ("O0", "O1", "O2")]
        assert not bad, f"{bad} are none of MindSpore's levels of graph compilation: O0, O1, O2"
        odd = {name: value for name, value in spec.environment.items() if not isinstance(value, str)}
        assert not odd, f"the variables {odd} are no texts"

    def test_its_compute_types_are_known(self, spec: DeviceSpec) -> None:
        """There is one at least, and where half precision is among them there is a loss scale to begin with."""
        strange = [dtype for dtype in spec.compute_dtypes if dtype not in DTYPES]
        assert spec.compute_dtypes, "`compute_dtypes` is empty; float32 at least"
        assert not strange, f"compute_dtypes {spec.compute_dtypes} must be some of {DTYPES}"
        if "float16" in spec.compute_dtypes:
            assert spec.loss_scale, "it computes in float16, where small gradients vanish: give a `loss_scale`"
        if spec.loss_scale is not None:
            assert spec.loss_scale >= 1, f"loss_scale {spec.loss_scale} is less than 1"

    def test_it_is_made_ready_or_says_why_not(self, spec: DeviceSpec, values: Any) -> None:
        """Where its probe says that it can run, it is built; where not, a run ends with what is missing."""
        if probed(spec).available:
            device = ready_device(spec, values)
            assert isinstance(device, Device), f"`build` gives a {type(device).__name__}, not a bert_core.Device"
            return
        with pytest.raises(DeviceError) as caught:
            ready_device(spec, values)
        assert probed(spec).findings[0].removesuffix(".") in str(caught.value)

    def test_the_findings_do_not_depend_on_the_folder(
        self, spec: DeviceSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The same machine is probed from wherever a user stands."""
        expected = probed(spec).available
        monkeypatch.chdir(tmp_path)
        assert probed(spec).available == expected, "whether it is available depends on the folder that one is in"


def probed(spec: DeviceSpec) -> Probe:
    """What the probe finds; fails where it raises."""
    try:
        probe = spec.probe()
    except BaseException as error:
        raise AssertionError(f"the probe raises {error!r}; say what is missing in `findings`") from error
    assert isinstance(probe, Probe), f"the probe gives {probe!r}, not a bert_core.Probe"
    return probe
