"""Encoder, head and loss as one network, and the names of its parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from mindspore import Parameter, nn

from bert_core.errors import UsageError
from bert_core.protocols import Encoder, PretrainingEncoder, Task
from bert_core.types import HostHead, Noise

from .layers import PREFIX


class Network(nn.Cell):  # type: ignore[misc]
    """From pieces to the logits of a task.

    Args:
        encoder: The encoder.
        task: Whose head it gets.
        seed: Of the head's first values.
    """

    def __init__(self, encoder: Encoder, task: Task, seed: int) -> None:
        super().__init__()
        self.bert: Any = encoder
        self.head = _head(encoder, task, seed)
        self.reads = task.reads
        self.drops = task.head_dropout > 0
        self.noises = [*encoder.noises, *_head_noises(task, encoder.hidden_size)]

    def construct(self, input_ids: Any, token_type_ids: Any, attention_mask: Any, head_inputs: Any, noise: Any) -> Any:
        """The head's logits; `noise` is empty where nothing drops out."""
        sequence, pooled = self.bert(input_ids, token_type_ids, attention_mask, noise)
        if self.reads == "both":
            return self.head(sequence, pooled, *head_inputs)
        vectors = sequence if self.reads == "sequence" else pooled
        if self.drops and len(noise) > 0:
            vectors = vectors * noise[-1]
        return self.head(vectors, *head_inputs)


class Objective(nn.Cell):  # type: ignore[misc]
    """The loss of a network on a batch, its arguments in one row as the compiler wants them.

    Args:
        network: The network.
        task: Whose loss it gets.
        seed: Of the loss's first values.
    """

    def __init__(self, network: Network, task: Task, seed: int) -> None:
        super().__init__()
        self.network = network
        self.loss = task.loss(seed)
        names = list(task.features)
        self.count = len(names)
        self.head_inputs = tuple(names.index(name) for name in task.head_inputs)
        self.loss_inputs = tuple(names.index(name) for name in task.loss_inputs)

    def construct(self, totals: Any, input_ids: Any, token_type_ids: Any, attention_mask: Any, *rest: Any) -> Any:
        """The loss; `rest` is the task's features in order, then the noise."""
        features, noise = rest[: self.count], rest[self.count :]
        head_inputs: Any = ()
        for index in self.head_inputs:
            head_inputs += (features[index],)
        loss_inputs: Any = ()
        for index in self.loss_inputs:
            loss_inputs += (features[index],)
        logits = self.network(input_ids, token_type_ids, attention_mask, head_inputs, noise)
        return self.loss(logits, totals, *loss_inputs)


def _head(encoder: Encoder, task: Task, seed: int) -> nn.Cell:
    head = task.head(encoder.hidden_size, seed)
    if not isinstance(head, str):
        return head
    if not isinstance(encoder, PretrainingEncoder):
        what = f"the task wants the encoder's own head '{head}', and this model has none (no `pretraining_head`)"
        raise UsageError(
            what, hint="Take --model bert or nezha, or a model whose plugin says that it can be pre-trained"
        )
    return encoder.pretraining_head(cast(HostHead, head))


def _head_noises(task: Task, width: int) -> Sequence[Noise]:
    if task.head_dropout <= 0 or task.reads == "both":
        return ()
    if task.reads == "sequence":
        return (Noise(shape=lambda batch, length: (batch, length, width), rate=task.head_dropout),)
    return (Noise(shape=lambda batch, length: (batch, width), rate=task.head_dropout),)


def encoder_parameters(encoder: Any) -> dict[str, Parameter]:
    """Every parameter of an encoder alone, under the name that a checkpoint gives it, which it also gets."""
    named = {PREFIX + path: parameter for path, parameter in encoder.parameters_and_names()}
    for name, parameter in named.items():
        parameter.name = name
    return named


def parameters_of(objective: Objective) -> dict[str, Parameter]:
    """Every parameter under the name that a checkpoint gives it.

    The encoder's are `bert.…`; the head's and the loss's have no prefix: `classifier.weight`,
    `crf.transitions`. Sets the parameters' own names too, which MindSpore wants to be unique.

    Raises:
        ValueError: The head and the loss have a parameter of the same name.
    """
    named: dict[str, Parameter] = {}
    for path, parameter in objective.parameters_and_names():
        name = path.removeprefix("network.").removeprefix("head.").removeprefix("loss.")
        if name in named:
            raise ValueError(f"two parameters are named {name}")
        parameter.name = name
        named[name] = parameter
    return named
