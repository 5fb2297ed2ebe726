"""Each check of the contracts that need no network fails on what breaks it, and passes on what does not."""

from __future__ import annotations

import math
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import importlib_metadata
import pytest
from importlib_metadata import EntryPoint

from bert_core import Device, DeviceSpec, MetricSpec, Probe, ScheduleSpec, WeightsSpec, option
from bert_core.errors import BertrunError
from bert_core.manager import PluginManager
from bert_core.options import NoOptions
from bert_core.testing import DeviceContract, MetricContract, ScheduleContract, WeightsContract
from bert_core.testing.specs import SpecContract
from bert_core.types import Wheel, WheelFile

from .conftest import checks

Check = Callable[..., None]


@dataclass(frozen=True)
class Halving:
    """Good options."""

    warmup: int = option(0, minimum=0, help="Steps of warm-up.")
    kind: str = option("one", help="A kind.")


@dataclass(frozen=True)
class Helpless:
    kind: str = option("one", help="A kind")


@dataclass(frozen=True)
class Taken:
    epochs: int = option(1, help="Taken.")


@dataclass(frozen=True)
class Changing:
    """A text that changes whenever it is read."""

    kind: str = option("one", help="A kind.")

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", self.kind + "!")


def falling(options: Any, total: int) -> Callable[[int], float]:
    warmup = getattr(options, "warmup", 0)
    return lambda step: min((step + 1) / max(1, warmup), max(0.0, 1 - step / total))


class Schedule(ScheduleContract):
    name = "falling"


SCHEDULE = ScheduleSpec(name="falling", summary="It falls.", options=Halving, build=falling)


@pytest.mark.parametrize(
    ("name", "spec", "said"),
    [
        ("test_its_spec_says_what_it_is", replace(SCHEDULE, summary="It falls. It does"), "not one sentence"),
        ("test_its_options_have_help", replace(SCHEDULE, options=Helpless), "the help of --kind is no sentence"),
        ("test_its_options_are_not_the_runs", replace(SCHEDULE, options=Taken), "--epochs belongs to both"),
        ("test_its_options_survive_a_run_file", replace(SCHEDULE, options=Changing), "came back as"),
    ],
)
def test_a_broken_spec_is_told(name: str, spec: Any, said: str, check: Check) -> None:
    with pytest.raises((AssertionError, BertrunError), match=said):
        check(Schedule, name, spec=spec, values=spec.options())
    check(Schedule, name, spec=SCHEDULE, values=Halving())


def test_an_entry_module_that_imports_mindspore_is_told(
    check: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mindspore.py").touch()  # stands for the real one, which takes seconds to import
    hook = "from bert_core import hookimpl\n\n\n@hookimpl\ndef bertrun_register_tasks():\n    return ()\n"
    (tmp_path / "acme_heavy.py").write_text(f"import mindspore\n{hook}", encoding="utf-8")
    (tmp_path / "acme_light.py").write_text(hook, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    owner = SimpleNamespace(name="acme", distribution="acme")
    for module in ("acme_light", "acme_heavy"):
        point = EntryPoint(name="acme", value=module, group="bertrun")._for(SimpleNamespace(name="acme"))
        with monkeypatch.context() as patch:
            patch.setattr(importlib_metadata, "entry_points", lambda point=point, **_: [point])
            given = {"manager": SimpleNamespace(owner=lambda kind, name: owner)}
            if module == "acme_light":
                check(Schedule, "test_its_entry_module_loads_without_mindspore", **given)
                continue
            with pytest.raises(AssertionError, match="acme_heavy imports mindspore"):
                check(Schedule, "test_its_entry_module_loads_without_mindspore", **given)


def test_every_check_of_specs_is_broken_above() -> None:
    assert len([name for name in dir(SpecContract) if name.startswith("test_")]) == 5


class Counting:
    """A schedule that counts how often it is asked."""

    def __init__(self, options: Any, total: int) -> None:
        self.asked, self.total = 0, total

    def __call__(self, step: int) -> float:
        self.asked += 1
        return max(0.0, 1 - self.asked / self.total)


SCHEDULES = {
    "test_every_factor_is_a_number_from_0": (lambda options, total: lambda step: 1 - step / total, "from 0"),
    "test_the_learning_rate_is_the_highest": (lambda options, total: lambda step: 2.0, "more than 1"),
    "test_warm_up_rises_from_near_0": (lambda options, total: lambda step: 1.0, "begin at or near 0"),
    "test_a_run_that_goes_on_has_the_same_factors": (Counting, "keep no state in a schedule"),
    "test_the_whole_run_is_its_range": (lambda options, total: lambda step: max(0.0, 1 - step / 400), "total_steps"),
}


@pytest.mark.parametrize("name", checks(ScheduleContract))
def test_a_broken_schedule_is_told(name: str, check: Check) -> None:
    build, said = SCHEDULES[name]
    check(Schedule, name, spec=SCHEDULE, values=Halving(), total=100)
    with pytest.raises(AssertionError, match=said):
        check(Schedule, name, spec=replace(SCHEDULE, build=build), values=Halving(), total=100)


@pytest.mark.parametrize(("factor", "said"), [(math.nan, "nan"), (None, "None"), (0.1, "lowest_peak")])
def test_strange_factors_are_told(factor: Any, said: str, check: Check) -> None:
    spec = replace(SCHEDULE, build=lambda options, total: lambda step: factor)
    names = ("test_every_factor_is_a_number_from_0", "test_the_learning_rate_is_the_highest")
    with pytest.raises(AssertionError, match=said):
        check(Schedule, names[factor == 0.1], spec=spec, values=Halving(), total=100)


class Metric(MetricContract):
    name = "right"
    predictions = (0, 1, 1)
    references = (0, 1, 0)


def right(predictions: Any, references: Any) -> dict[str, float]:
    return {"right": sum(map(int.__eq__, predictions, references)) / max(1, len(references))}


class Remembering:
    """A metric over all that it was ever asked."""

    def __init__(self) -> None:
        self.seen = 0

    def __call__(self, predictions: Any, references: Any) -> dict[str, float]:
        self.seen += 1
        return {"right": 1 / self.seen}


def first_right(predictions: Any, references: Any) -> dict[str, float]:
    return {"right": float(predictions[0] == references[0])}


def unguarded(predictions: Any, references: Any) -> dict[str, float]:
    return {"right": sum(map(int.__eq__, predictions, references)) / len(references)}


def varied(predictions: Any, references: Any) -> dict[str, float]:
    return {"right": 1 / (len(set(predictions)) - 1)}


def emptying(predictions: Any, references: Any) -> dict[str, float]:
    found = right(predictions, references)
    predictions.pop() if len(predictions) > 5 else predictions.append(predictions[-1])
    references.pop() if len(references) > 5 else references.append(references[-1])
    return {"right": found["right"] * 0}


METRICS = [
    ("test_scores_are_numbers_by_name", lambda *_: {"right": math.nan}, "must be a finite float"),
    ("test_scores_are_numbers_by_name", lambda *_: {}, "gives no score"),
    ("test_the_order_of_examples_changes_nothing", first_right, "in another order"),
    ("test_asking_twice_gives_the_same", Remembering(), "hold no state"),
    ("test_asking_twice_gives_the_same", emptying, "the metric changes"),
    ("test_an_empty_set_is_told", unguarded, "ZeroDivisionError"),
    ("test_an_empty_set_is_told", lambda *_: {"right": math.nan}, "a set without examples has"),
    ("test_degenerate_sets_have_scores", varied, "give each score a value"),
    ("test_degenerate_sets_have_scores", lambda *_: {"right": math.inf}, "no finite numbers"),
    ("test_scores_are_in_their_range", lambda *_: {"right": 50.0}, "set `bounds`"),
]


def test_every_check_of_metrics_is_broken_above() -> None:
    assert sorted({name for name, *_ in METRICS}) == checks(MetricContract)


@pytest.mark.parametrize(("name", "broken", "said"), METRICS)
def test_a_broken_metric_is_told(name: str, broken: Any, said: str, check: Check) -> None:
    examples = list(zip(Metric.predictions, Metric.references, strict=True))
    check(Metric, name, metric=right, examples=examples)
    with pytest.raises(AssertionError, match=said):
        check(Metric, name, metric=broken, examples=examples)


def test_the_spec_of_a_metric_builds_it() -> None:
    spec = MetricSpec(name="right", summary="Right.", build=lambda options: right)
    assert spec.build(NoOptions()) is right


class Abacus(DeviceContract):
    name = "abacus"


def found(**what: Any) -> Callable[[], Probe]:
    return lambda: Probe(**{"available": True, **what})


DEVICE = DeviceSpec(
    name="abacus", summary="Beads.", target="CPU", probe=found(), build=lambda options, number: Device()
)


def raising() -> Probe:
    raise OSError("no such file")


def slow() -> Probe:
    time.sleep(1.1)
    return Probe(available=True)


def setting() -> Probe:
    os.environ["ACME_BEADS"] = str(time.perf_counter())
    return Probe(available=True)


def here() -> Probe:
    return Probe(available=not list(Path.cwd().iterdir()), findings=("Beads.",))


DEVICES = [
    ("test_its_probe_says_what_it_finds_at_once", {"probe": slow}, "wait for no program"),
    ("test_its_probe_says_what_it_finds_at_once", {"probe": raising}, "the probe raises OSError"),
    ("test_its_probe_says_what_it_finds_at_once", {"probe": lambda: True}, "not a bert_core.Probe"),
    ("test_its_probe_says_what_is_missing", {"probe": found(available=False)}, "no finding says what is missing"),
    ("test_its_probe_says_what_is_missing", {"probe": found(findings=("beads",))}, "are no sentences"),
    ("test_its_probe_says_what_is_missing", {"probe": found(count=0)}, "there are 0 of it"),
    ("test_its_probe_leaves_all_as_it_was", {"probe": setting}, "changes the variables"),
    ("test_what_it_can_do_is_data", {"collective": object()}, "no plain data"),
    ("test_what_it_can_do_is_data", {"graph_levels": ("O7",)}, "none of MindSpore's levels"),
    ("test_what_it_can_do_is_data", {"environment": {"BEADS": 3}}, "are no texts"),
    ("test_what_it_can_do_is_data", {"target": ""}, "it is empty"),
    ("test_its_compute_types_are_known", {"compute_dtypes": ("int8",)}, "must be some of"),
    ("test_its_compute_types_are_known", {"compute_dtypes": ()}, "is empty"),
    ("test_its_compute_types_are_known", {"compute_dtypes": ("float16",)}, "give a `loss_scale`"),
    ("test_it_is_made_ready_or_says_why_not", {"build": lambda options, number: None}, "not a bert_core.Device"),
    ("test_the_findings_do_not_depend_on_the_folder", {"probe": here}, "depends on the folder"),
]
HEAVY = "test_its_probe_does_not_import_mindspore"


def test_every_check_of_devices_is_broken_here() -> None:
    assert sorted({name for name, *_ in DEVICES} | {HEAVY}) == checks(DeviceContract)


@pytest.mark.parametrize(("name", "what", "said"), DEVICES)
def test_a_broken_device_is_told(
    name: str, what: dict[str, Any], said: str, check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACME_BEADS", "none")
    check(Abacus, name, spec=DEVICE, values=NoOptions(), probe=DEVICE.probe())
    monkeypatch.chdir(Path(__file__).parent)
    spec = replace(DEVICE, **what)
    given = {} if spec.probe in (raising, slow) else {"probe": spec.probe()}
    with pytest.raises(AssertionError, match=said):
        check(Abacus, name, spec=spec, values=NoOptions(), **given)


def test_a_device_that_is_not_here_says_so_in_a_run(check: Check) -> None:
    spec = replace(DEVICE, probe=found(available=False, findings=("There are no beads.",)))
    check(Abacus, "test_it_is_made_ready_or_says_why_not", spec=spec, values=NoOptions())


def test_a_probe_that_imports_mindspore_is_told(check: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mindspore.py").touch()
    info = tmp_path / "acme-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1\n", encoding="utf-8")
    (info / "entry_points.txt").write_text("[bertrun]\nacme = acme_abacus\n", encoding="utf-8")
    source = (
        "from bert_core import Device, DeviceSpec, Probe, hookimpl\n\n\n"
        "def probe():\n    import mindspore\n\n    return Probe(available=True)\n\n\n"
        "@hookimpl\ndef bertrun_register_devices():\n"
        "    build = lambda options, number: Device()\n"
        "    yield DeviceSpec(name='abacus', summary='Beads.', target='CPU', probe=probe, build=build)\n"
    )
    (tmp_path / "acme_abacus.py").write_text(source, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(AssertionError, match="the probe of abacus imports mindspore"):
        check(Abacus, HEAVY)
    (tmp_path / "acme_abacus.py").write_text(source.replace("import mindspore", "pass"), encoding="utf-8")
    check(Abacus, HEAVY)


class Acme(WeightsContract):
    name = "acme"


DIGEST = "0" * 64
FILES = {name: WheelFile(member=f"acme/{name}", sha256=DIGEST) for name in ("config.json", "vocab.txt")}
FILES["model.safetensors"] = WheelFile(member="acme/model", sha256=DIGEST)
WEIGHTS = WeightsSpec(
    name="acme", summary="Acme.", licence="Apache-2.0", wheel=Wheel(requirement="acme==1.0", files=FILES)
)


def wheel(requirement: str = "acme==1.0", **files: WheelFile) -> dict[str, Any]:
    named = {name.replace("_", "."): file for name, file in files.items()}
    return {"wheel": Wheel(requirement=requirement, files={**FILES, **named})}


WEIGHTS_BROKEN = [
    ("test_they_come_from_one_place", {"wheel": None}, "neither folder nor wheel"),
    ("test_they_come_from_one_place", {"folder": Path}, "folder and wheel"),
    ("test_their_licence_is_said", {"licence": "do what you like"}, "no SPDX expression"),
    ("test_their_licence_is_said", {"licence": ""}, "no SPDX expression"),
    ("test_their_wheel_is_exact", wheel("acme>=1.0"), "not named with its exact version"),
    ("test_their_wheel_is_exact", {"wheel": Wheel(requirement="acme==1.0", files={})}, "files lack config.json"),
    ("test_their_wheel_is_exact", wheel(vocab_txt=WheelFile(member="a", sha256="0")), "64 hexadecimal digits"),
    ("test_their_wheel_is_exact", wheel(vocab_txt=WheelFile(member="../a", sha256=DIGEST)), "no path inside"),
]


@pytest.mark.parametrize(("name", "what", "said"), WEIGHTS_BROKEN)
def test_broken_weights_are_told(name: str, what: dict[str, Any], said: str, check: Check) -> None:
    check(Acme, name, spec=WEIGHTS)
    with pytest.raises(AssertionError, match=said):
        check(Acme, name, spec=replace(WEIGHTS, **what))


def test_every_check_of_weights_is_broken_here() -> None:
    assert sorted({*(name for name, *_ in WEIGHTS_BROKEN), FOLDER}) == checks(WeightsContract)


FOLDER = "test_their_folder_is_whole"


def test_a_broken_folder_of_weights_is_told(check: Check, tmp_path: Path) -> None:
    import shutil

    tiny = Path(__file__).parents[1] / "bert" / "tiny"
    for name in ("config.json", "model.safetensors"):
        shutil.copy(tiny / name, tmp_path)
    spec = replace(WEIGHTS, wheel=None, folder=lambda: tmp_path)
    given = {"spec": spec, "manager": PluginManager()}
    with pytest.raises(AssertionError, match=r"lacks vocab\.txt"):
        check(Acme, FOLDER, **given)
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    (tmp_path / "vocab.txt").write_text("".join(f"{piece}\n" for piece in pieces), encoding="utf-8")
    check(Acme, FOLDER, **given)
    more = [*pieces, *(f"word{number}" for number in range(5000))]
    (tmp_path / "vocab.txt").write_text("".join(f"{piece}\n" for piece in more), encoding="utf-8")
    with pytest.raises(AssertionError, match=r"vocab\.txt has 5005 pieces"):
        check(Acme, FOLDER, **given)


def test_whatever_goes_to_the_network_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    fixture = WeightsContract._no_network
    guard = getattr(fixture, "_get_wrapped_function", lambda: fixture.__wrapped__)()
    guard(Acme(), monkeypatch)
    with pytest.raises(AssertionError, match="connects to the network"):
        socket.create_connection(("127.0.0.1", 9))
