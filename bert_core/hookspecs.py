"""Every hook that a bertrun plugin can implement."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pluggy

from .types import (
    DeviceSpec,
    MetricSpec,
    ModelSpec,
    OptimizerSpec,
    RunView,
    ScheduleSpec,
    StepRecord,
    TaskSpec,
    TrackerSpec,
    WeightsSpec,
)

if TYPE_CHECKING:
    import click

PROJECT = "bertrun"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def bertrun_register_models() -> Iterable[ModelSpec]:  # type: ignore[empty-body]
    """Yield encoder families.

    Example:
        ```python
        def build(options, parts):
            from .model import Albert  # imports MindSpore, so only when a run starts

            return Albert(options, parts)


        @hookimpl
        def bertrun_register_models():
            yield ModelSpec(
                name="albert",
                summary="BERT whose layers share one set of parameters.",
                options=AlbertOptions,
                presets={"albert-tiny": {"hidden_size": 128, "num_hidden_layers": 2}},
                layers=lambda options: ["embeddings.", "layer."],
                build=build,
            )
        ```
    """


@hookspec
def bertrun_register_tasks() -> Iterable[TaskSpec]:  # type: ignore[empty-body]
    """Yield tasks for `--task`.

    Example:
        ```python
        def build(options, state):
            from .task import SimilarityTask  # imports MindSpore, so only when a run starts

            return SimilarityTask(options, state)


        @hookimpl
        def bertrun_register_tasks():
            yield TaskSpec(
                name="sts",
                summary="Score how alike two sentences are.",
                options=SimilarityOptions,
                build=build,
            )
        ```
    """


@hookspec
def bertrun_register_metrics() -> Iterable[MetricSpec]:  # type: ignore[empty-body]
    """Yield metrics, which tasks ask for by name.

    Example:
        ```python
        def build(options):
            def accuracy(predictions, references):
                right = sum(p == r for p, r in zip(predictions, references, strict=True))
                return {"accuracy": right / len(references)}

            return accuracy


        @hookimpl
        def bertrun_register_metrics():
            yield MetricSpec(name="accuracy", summary="The share of right predictions.", build=build)
        ```
    """


@hookspec
def bertrun_register_optimizers() -> Iterable[OptimizerSpec]:  # type: ignore[empty-body]
    """Yield optimizers for `--optimizer`.

    Example:
        ```python
        def build(options, groups, operators):
            from .lion import Lion  # imports MindSpore, so only when a run starts

            return Lion(groups, options.beta)


        @hookimpl
        def bertrun_register_optimizers():
            yield OptimizerSpec(
                name="lion",
                summary="The sign of the momentum (Chen et al. 2023).",
                options=LionOptions,
                build=build,
            )
        ```
    """


@hookspec
def bertrun_register_schedules() -> Iterable[ScheduleSpec]:  # type: ignore[empty-body]
    """Yield learning-rate schedules for `--schedule`.

    Example:
        ```python
        def build(options, total_steps):
            return lambda step: 0.5 ** (step // options.halve_every)


        @hookimpl
        def bertrun_register_schedules():
            yield ScheduleSpec(
                name="halving",
                summary="Halve the rate every few steps.",
                options=HalvingOptions,
                build=build,
            )
        ```
    """


@hookspec
def bertrun_register_devices() -> Iterable[DeviceSpec]:  # type: ignore[empty-body]
    """Yield devices for `--device`.

    Example:
        ```python
        @hookimpl
        def bertrun_register_devices():
            yield DeviceSpec(
                name="cpu",
                summary="This machine's processor.",
                target="CPU",
                probe=lambda: Probe(available=True),
                build=lambda options, device_id: Device(),
            )
        ```
    """


@hookspec
def bertrun_register_weights() -> Iterable[WeightsSpec]:  # type: ignore[empty-body]
    """Yield named pre-trained checkpoints for `--weights`.

    Example:
        ```python
        @hookimpl
        def bertrun_register_weights():
            yield WeightsSpec(
                name="acme-bert",
                summary="BERT base, trained on ACME's manuals.",
                licence="Apache-2.0",
                folder=lambda: Path(__file__).parent / "acme-bert",
            )
        ```
    """


@hookspec
def bertrun_register_trackers() -> Iterable[TrackerSpec]:  # type: ignore[empty-body]
    """Yield trackers for `--track`: observers of those runs alone that ask for them by name.

    What `build` gives has the lifecycle hooks as methods; `self` is one for each run, so it can hold a file.

    Example:
        ```python
        class Diary:
            @hookimpl
            def bertrun_on_run_begin(self, run):
                self.lines = (run.folder / "diary.txt").open("a", encoding="utf-8")

            @hookimpl
            def bertrun_on_eval_end(self, scores, at_step):
                print(at_step, dict(scores), file=self.lines, flush=True)


        @hookimpl
        def bertrun_register_trackers():
            yield TrackerSpec(name="diary", summary="A line for each evaluation.", build=lambda options: Diary())
        ```
    """


@hookspec
def bertrun_register_commands() -> Iterable[click.Command]:  # type: ignore[empty-body]
    """Yield commands to mount under `bertrun`, or under `bertrun data` or `bertrun score` where the name says so.

    Such a name has the group before it: `data pretrain`.

    `click.pass_obj` gives them the command line's state: `manager`, the folder `cache`, and for commands that write
    records `encoder(vocab, lowercase)` and `record_sinks(format)`, which work in other processes too. A whole number
    that a command returns is the exit code.

    Example:
        ```python
        @click.command("hello")
        def hello():
            "Greet."
            click.echo("hello")


        @hookimpl
        def bertrun_register_commands():
            yield hello
        ```
    """


@hookspec
def bertrun_on_run_begin(run: RunView) -> None:
    """See a run that is about to make its first step; of several processes that share it, the first one alone does.

    Example:
        ```python
        @hookimpl
        def bertrun_on_run_begin(run):
            print(f"{run.folder}: {run.total_steps} steps")
        ```
    """


@hookspec
def bertrun_on_step_end(run: RunView, step: StepRecord) -> None:
    """See each update.

    Example:
        ```python
        @hookimpl
        def bertrun_on_step_end(run, step):
            writer.add_scalar("loss", step.loss, step.step)
        ```
    """


@hookspec
def bertrun_on_eval_end(run: RunView, scores: Mapping[str, float], at_step: int, final: bool) -> None:
    """See the scores of an evaluation.

    `at_step` is the number of the update whose parameters were scored. `final` is true of the one evaluation that a
    run ends with: of its best parameters, on the test data where there is any.

    Example:
        ```python
        @hookimpl
        def bertrun_on_eval_end(run, scores, at_step, final):
            print("at the end" if final else at_step, scores["f1"])
        ```
    """


@hookspec
def bertrun_on_checkpoint(run: RunView, path: Path) -> None:
    """See a checkpoint that has just been committed.

    Example:
        ```python
        @hookimpl
        def bertrun_on_checkpoint(run, path):
            upload(path)
        ```
    """


@hookspec
def bertrun_on_run_end(run: RunView, outcome: str) -> None:
    """See the end of a run: `done`, `interrupted`, or `failed: ` and the error's sentence.

    Example:
        ```python
        @hookimpl
        def bertrun_on_run_end(run, outcome):
            notify(f"{run.folder.name}: {outcome}")
        ```
    """
