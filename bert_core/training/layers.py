"""What a run does by layer: slower rates further down, and parameters that stay as they are."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from bert_core.errors import PluginError
from bert_core.run_options import RunOptions

PREFIX = "bert."  # of the encoder's parameters in a checkpoint

Beginnings = Sequence[str | tuple[str, ...]]


class ByLayer:
    """Rates and freezing by layer.

    Args:
        levels: The names of the embeddings' parameters, then those of each layer from the lowest on; empty where
            nothing goes by layer.
        run: The run's options.
    """

    def __init__(self, levels: Sequence[Sequence[str]], run: RunOptions) -> None:
        self._levels = levels
        self._run = run
        frozen = [*(levels[:1] if run.freeze_embeddings else []), *levels[1 : run.freeze_layers + 1]]
        self.frozen = frozenset(name for level in frozen for name in level)

    @property
    def factors(self) -> dict[str, float]:
        """What multiplies the rate of each parameter: the decay, once for each step down from the head.

        With N layers, layer i (from 0) has decay^(N - i) and the embeddings have decay^(N + 1); pooler and head are
        not named, and learn at the full rate. It is the discriminative fine-tuning of Howard and Ruder (2018, 3.1).
        ELECTRA's code (Clark et al. 2020) counts one step more, between the highest layer and the head.
        """
        steps = range(len(self._levels), 0, -1)
        return {
            name: self._run.layer_decay**step for step, level in zip(steps, self._levels, strict=True) for name in level
        }

    def notes(self, sizes: Mapping[str, int], head: Collection[str]) -> Iterator[str]:
        """One sentence for each thing that goes by layer.

        Args:
            sizes: How many numbers each parameter of the network has.
            head: The names of the parameters that the head uses.
        """
        decay, count = self._run.layer_decay, len(self._levels) - 1
        if decay != 1:
            below = f"embeddings {decay ** (count + 1):.3g}, layers {decay**count:.3g} to {decay:.3g}"
            yield f"layer decay: the learning rate times {below}, all else 1"
        if self.frozen:
            train = sum(size for name, size in sizes.items() if name not in self.frozen)
            of = f"{train / 1e6:.1f} of {sum(sizes.values()) / 1e6:.1f} million parameters train"
            yield f"frozen: {' and '.join(self._frozen_parts())}; {of}"
        for name in sorted(self.frozen.intersection(head)):
            yield f"frozen: {name}, with which the head scores pieces too"

    def _frozen_parts(self) -> Iterator[str]:
        if self._run.freeze_embeddings:
            yield "the embeddings"
        if self._run.freeze_layers:
            yield f"the lowest {self._run.freeze_layers} of {len(self._levels) - 1} layers"


def levels(model: str, beginnings: Beginnings, names: Iterable[str]) -> list[list[str]]:
    """The names of each level's parameters: the embeddings', then each layer's.

    Args:
        model: The model's name, for messages.
        beginnings: What `ModelSpec.layers` gives.
        names: Those of all parameters of the network, as in checkpoints.

    Raises:
        PluginError: A level has no parameters, or two have the same one.
    """
    encoder = {name: name.removeprefix(PREFIX) for name in names if name.startswith(PREFIX)}
    found = [[name for name, inner in encoder.items() if inner.startswith(start)] for start in beginnings]
    for start, level in zip(beginnings, found, strict=True):
        if not level:
            raise PluginError(f"the model '{model}' has a layer named {start!r}, and no parameter's name begins so")
    listed = [name for level in found for name in level]
    if twice := [name for name in listed if listed.count(name) > 1]:
        raise PluginError(f"the model '{model}' has two layers to which {twice[0]} belongs")
    return found
