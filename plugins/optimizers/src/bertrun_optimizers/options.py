"""What the optimizers can be told."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bert_core import option


@dataclass(frozen=True, kw_only=True)
class AdamOptions:
    """Adam's constants and the decay."""

    beta1: float = option(0.9, minimum=0, maximum=0.999999, help="Decay of the mean of gradients.")
    beta2: float = option(0.999, minimum=0, maximum=0.999999, help="Decay of the mean of squared gradients.")
    epsilon: float = option(1e-8, above=0, help="Added to the root of the second moment.")
    weight_decay: float = option(0.01, minimum=0, help="Decay of matrices; biases and norms have none.")
    bias_correction: bool = option(True, help="Correct the moments' start at zero; Google's BERT does not.")


@dataclass(frozen=True, kw_only=True)
class AdamWOptions(AdamOptions):
    """Adam's own, and by what it is computed."""

    fused: bool = option(True, help="On a processor, clip and update in one pass, by C that its compiler makes.")


@dataclass(frozen=True, kw_only=True)
class LambOptions(AdamOptions):
    """Adam's own, and how far each tensor's norm counts."""

    least_norm: float = option(0.0, minimum=0, help="A tensor's norm counts as at least this in the trust ratio.")
    greatest_norm: float | None = option(
        None, above=0, help="A tensor's norm counts as at most this in the trust ratio; no bound where not said."
    )
    adapt_vectors: bool = option(False, help="Give biases and norms a trust ratio too, as the ModelZoo does.")

    def problems(self) -> Iterable[str]:
        """Values that make no sense."""
        if self.greatest_norm is not None and self.greatest_norm < self.least_norm:
            yield f"--greatest-norm {self.greatest_norm} is less than --least-norm {self.least_norm}"


@dataclass(frozen=True, kw_only=True)
class MomentumOptions:
    """The momentum and the decay."""

    momentum: float = option(0.9, minimum=0, maximum=0.999999, help="What is kept of the velocity at each update.")
    weight_decay: float = option(0.0, minimum=0, help="Decay of matrices; biases and norms have none.")


@dataclass(frozen=True, kw_only=True)
class GradientDescentOptions:
    """The decay."""

    weight_decay: float = option(0.0, minimum=0, help="Decay of matrices; biases and norms have none.")
