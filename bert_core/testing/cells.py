"""Small cells that contracts compile: what a network gives for a batch, and gradients of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mindspore import Parameter, ParameterTuple, nn, ops

from bert_core.training.network import Objective


class Examined(nn.Cell):  # type: ignore[misc]
    """The outputs of a network without dropout, and its loss, of one batch.

    Args:
        objective: Network and loss.
        digest: What makes of the logits what is kept of them; None keeps them.
    """

    def __init__(self, objective: Objective, digest: nn.Cell | None) -> None:
        super().__init__()
        self.objective: Any = objective
        self.digest: Any = digest
        self.digests = digest is not None

    def construct(self, totals: Any, input_ids: Any, token_type_ids: Any, attention_mask: Any, *features: Any) -> Any:
        """Outputs (batch, ...), and the loss.

        Args:
            totals: What each of the loss's terms is divided by.
            input_ids: (batch, length) int32.
            token_type_ids: (batch, length) int32.
            attention_mask: (batch, length) int32.
            features: The task's, in order.
        """
        objective = self.objective
        head_inputs: Any = ()
        for index in objective.head_inputs:
            head_inputs += (features[index],)
        loss_inputs: Any = ()
        for index in objective.loss_inputs:
            loss_inputs += (features[index],)
        logits = objective.network(input_ids, token_type_ids, attention_mask, head_inputs, ())
        outputs = self.digest(logits, *loss_inputs) if self.digests else logits
        return outputs, objective.loss(logits, totals, *loss_inputs)


class SignDescent(nn.Cell):  # type: ignore[misc]
    """The least optimizer: each value goes by the learning rate against the sign of its gradient.

    Args:
        parameters: What is updated.
    """

    def __init__(self, parameters: Sequence[Parameter]) -> None:
        super().__init__()
        self.parameters = ParameterTuple(parameters)
        self.each = ops.HyperMap()
        self.descend = ops.ApplyGradientDescent()

    def construct(self, gradients: Any, rate: Any, number: Any) -> Any:
        """Update every parameter once."""
        return ops.depend(number, self.each(ops.partial(_descend, self.descend, rate), self.parameters, gradients))


def _descend(descend: Any, rate: Any, parameter: Any, gradient: Any) -> Any:
    return descend(parameter, rate, ops.sign(gradient))


class Vectors(nn.Cell):  # type: ignore[misc]
    """An encoder, its arguments in one row.

    Args:
        encoder: Built with a pooler.
    """

    def __init__(self, encoder: Any) -> None:
        super().__init__()
        self.encoder = encoder

    def construct(self, input_ids: Any, token_type_ids: Any, attention_mask: Any, *noise: Any) -> Any:
        """Vectors (batch, length, hidden_size), and pooled ones (batch, hidden_size)."""
        return self.encoder(input_ids, token_type_ids, attention_mask, noise)


class Slopes(nn.Cell):  # type: ignore[misc]
    """The gradients of a number that depends on all vectors of an encoder.

    Args:
        encoder: Built with a pooler.
    """

    def __init__(self, encoder: Any) -> None:
        super().__init__()
        self.encoder = encoder
        self.parameters = ParameterTuple(list(encoder.get_parameters()))
        self.gradient = ops.grad(self.scalar, None, weights=self.parameters)

    def scalar(self, input_ids: Any, token_type_ids: Any, attention_mask: Any) -> Any:
        """The number."""
        sequence, pooled = self.encoder(input_ids, token_type_ids, attention_mask, ())
        shown = sequence * attention_mask.astype(sequence.dtype).expand_dims(-1)
        return ops.sin(3.0 * shown).sum() + ops.sin(2.0 * pooled).sum()

    def construct(self, input_ids: Any, token_type_ids: Any, attention_mask: Any) -> Any:
        """One for each parameter."""
        return self.gradient(input_ids, token_type_ids, attention_mask)


class Updated(nn.Cell):  # type: ignore[misc]
    """An update, its arguments in one row: a row of tensors compiles once, a tuple of them at each step."""

    def __init__(self, optimizer: Any) -> None:
        super().__init__()
        self.optimizer = optimizer

    def construct(self, rate: Any, number: Any, *gradients: Any) -> Any:
        """Update every parameter once."""
        return ops.depend(rate, self.optimizer(gradients, rate, number))


class Lengths(nn.Cell):  # type: ignore[misc]
    """What a clipping optimizer measures."""

    def __init__(self, optimizer: Any) -> None:
        super().__init__()
        self.optimizer = optimizer

    def construct(self, *gradients: Any) -> Any:
        """Half the squared length of each gradient, and the global norm."""
        return self.optimizer.lengths(gradients)


class Clipped(nn.Cell):  # type: ignore[misc]
    """What a clipping optimizer does with a factor."""

    def __init__(self, optimizer: Any) -> None:
        super().__init__()
        self.optimizer = optimizer

    def construct(self, factor: Any, rate: Any, number: Any, *gradients: Any) -> Any:
        """Update every parameter once, by the gradients times the factor."""
        return self.optimizer.clipped(gradients, factor, rate, number)
