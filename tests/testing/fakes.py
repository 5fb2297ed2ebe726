"""A small model, a small task and a small optimizer that keep their contracts, and each fault that breaks a check."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
from mindspore import Parameter, ParameterTuple, Tensor, nn, ops

from bert_core import DataError, Feature, MetricSpec, ModelSpec, Noise, OptimizerSpec, Reading, TaskSpec, Window
from bert_core.bert.config import BertOptions
from bert_core.options import option
from bert_core.testing.tiny import TINY_LINES


class Bag(nn.Cell):
    """An encoder that adds the mean of a row to each of its vectors."""

    def __init__(self, sizes: Any, parts: Any, fault: str) -> None:
        super().__init__()
        random = np.random.default_rng(None if fault == "seedless" else parts.seed or 0)
        width = sizes.hidden_size

        def matrix(name: str, rows: int, *, trained: bool = True) -> Parameter:
            values = random.normal(size=(rows, width)).astype(np.float32)
            return Parameter(Tensor(values), name=name, requires_grad=trained)

        self.hidden_size = width + (fault == "width")
        self.max_length = sizes.max_position_embeddings
        self.noises = [Noise(shape=lambda batch, length: (batch, length, width), rate=0.1)]
        self.words = matrix("words", sizes.vocab_size)
        self.kinds = matrix("kinds", 2)
        self.places = matrix("places", sizes.max_position_embeddings)
        self.mix = matrix("mix", width, trained=fault != "frozen")
        self.pools = parts.pooler or fault == "pooler"
        if self.pools:
            self.pool = matrix("pool", width)
        if fault == "unreached":
            self.idle = matrix("idle", 3)
        self.secret = Tensor(random.normal(size=width).astype(np.float32) * (fault == "secret"))
        self.fault = fault

    def construct(self, input_ids: Any, token_type_ids: Any, attention_mask: Any, noise: Any) -> Any:
        ids = input_ids * 0 if self.fault == "blind" else input_ids
        vectors = ops.gather(self.words, ids, 0) + ops.gather(self.kinds, token_type_ids, 0)
        vectors = vectors + self.places[: input_ids.shape[1]] + self.secret
        if len(noise) > 0 and self.fault != "quiet":
            vectors = vectors * noise[0]
        mask = attention_mask.astype(vectors.dtype).expand_dims(-1)
        mean = vectors.mean(1) if self.fault == "padding" else (vectors * mask).sum(1) / mask.sum(1)
        if self.fault == "rows":
            vectors = vectors + vectors[:1]
        vectors = ops.tanh(ops.matmul(vectors + mean.expand_dims(1), self.mix) * 0.1)
        return vectors, ops.tanh(ops.matmul(mean, self.pool) * 0.1) if self.pools else vectors


@dataclass(frozen=True, kw_only=True)
class GrowingOptions(BertOptions):
    """A size that grows whenever it is read."""

    hidden_size: int = option(8, minimum=1, help="Width.")

    def __post_init__(self) -> None:
        object.__setattr__(self, "hidden_size", self.hidden_size + 2)


def model(fault: str = "") -> ModelSpec:
    return ModelSpec(
        name="bert",
        summary="A bag of words.",
        options=GrowingOptions if fault == "growing" else BertOptions,
        presets={"large": {"width" if fault == "preset" else "hidden_size": 24}},
        compute_dtypes=("float64",) if fault == "dtype" else ("float32",),
        layers=lambda sizes: ["words", "kinds", "layer." if fault == "layers" else "places"],
        build=lambda sizes, parts: Bag(sizes, parts, fault),
    )


class Head(nn.Cell):
    """Two logits of the first vector."""

    def __init__(self, width: int, seed: int, fault: str) -> None:
        super().__init__()
        values = np.random.default_rng(seed).normal(size=(width, 2)).astype(np.float32)
        self.weight = Parameter(Tensor(values), name="weight")
        self.secret = Tensor(np.float32(seed * (fault == "secret")))
        self.fault = fault

    def construct(self, sequence: Any) -> Any:
        first = sequence.mean(1) if self.fault == "padding" else sequence[:, 0]
        if self.fault == "cut":
            first = ops.stop_gradient(first)
        if self.fault == "batch":
            first = first - first.mean(0)
        weight = ops.stop_gradient(self.weight) if self.fault == "still" else self.weight
        return ops.matmul(first, weight) + self.secret


class Loss(nn.Cell):
    """Cross-entropy."""

    def __init__(self, fault: str) -> None:
        super().__init__()
        self.fault = fault

    def construct(self, logits: Any, totals: Any, labels: Any) -> Any:
        chosen = ops.stack((labels == 0, labels == 1), -1).astype(logits.dtype)
        surprise = -(chosen * ops.log_softmax(logits, -1)).sum(-1)
        if self.fault == "broadcast":
            surprise = (logits[:, 0] - labels.expand_dims(-1).astype(logits.dtype)) ** 2
        if self.fault == "vector":
            return surprise / totals[0]
        return surprise.sum() / totals[0] + (5.0 if self.fault == "deaf" else 0.0)


class Topics:
    """Says of a text whether it is of an animal or a place."""

    reads = "sequence"
    metrics = ("share",)
    head_dropout = 0.0
    rates: dict[str, float] = {}
    undecayed = ()
    features = {"labels": Feature(ragged=False)}
    loss_inputs = ("labels",)

    def __init__(self, fault: str, state: Any) -> None:
        self.fault = fault
        self.labels = tuple(state["labels"]) if state else ()
        self.best = "gain" if fault == "best" else "share"
        self.head_inputs = ("nothing",) if fault == "inputs" else ()

    def read(self, source: Any, split: str) -> Reading:
        if self.fault == "crash":
            raise RuntimeError("crashed")
        where = None if self.fault == "nowhere" else source
        try:
            lines = source.read_text(encoding="utf-8").splitlines() if source else [f"{a}\t{b}" for a, b in TINY_LINES]
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"cannot be read: {error.__class__.__name__}", where=where) from None
        if not lines:
            raise DataError("is empty", where=where)
        for number, line in enumerate(lines, 1):
            if line.count("\t") != 1 and self.fault != "silent":
                raise DataError("no tab", where=source if self.fault == "lineless" else f"{source}:{number}")
        rows = [tuple(line.partition("\t")[::2]) for line in lines]
        return Reading(examples=rows, summary=f"{len(rows)} lines")

    def learn(self, examples: Any) -> None:
        self.labels = tuple(sorted({label for label, _ in examples}))

    def state(self) -> Any:
        labels = list(self.labels)
        return {"labels": labels[::-1] if self.fault == "state" else set(labels) if self.fault == "set" else labels}

    def encode(self, examples: Any, text: Any) -> list[Window]:
        found = []
        for number, (label, words) in enumerate(examples):
            ids = [text.cls_id, *text.encode(words)[0], text.sep_id]
            target = self.labels.index(label) if label in self.labels else 0
            window = Window(example=number, input_ids=ids, token_type_ids=[0] * len(ids), features={"labels": target})
            found.append(window)
        return found

    def head(self, hidden_size: int, seed: int) -> Head:
        return Head(hidden_size, seed, self.fault)

    def loss(self, seed: int) -> Loss:
        return Loss(self.fault)

    def loss_terms(self, batch: Any) -> Any:
        count = batch["input_ids"].size if self.fault == "totals" else len(batch["input_ids"])
        return np.array([count], np.float32)

    def predict(self, examples: Any, windows: Any, outputs: Any, parameters: Any) -> list[Any]:
        found = [float(logits[1] - logits[0]) for logits in outputs]
        if self.fault == "place":
            found = [odds + number for number, odds in enumerate(found)]
        return found[1:] if self.fault == "drops" else found

    def reference(self, example: Any) -> int:
        return self.labels.index(example[0])

    def from_text(self, text: str) -> tuple[str, str]:
        if self.fault == "textless":
            raise NotImplementedError("no text")
        return "", text

    def render(self, example: Any, prediction: Any) -> Any:
        return {"text": example[1], "odds": np.float32(prediction) if self.fault == "json" else prediction}


def task(fault: str = "") -> TaskSpec:
    return TaskSpec(name="topics", summary="Topics.", build=lambda options, state: Topics(fault, state))


def share(predictions: Any, references: Any) -> dict[str, float]:
    pairs = zip(predictions, references, strict=True)
    return {"share": sum((odds > 0) == bool(right) for odds, right in pairs) / max(1, len(references))}


def manager() -> Any:
    """What a bench asks of the plugins: the bag in the place of BERT, and one metric."""
    specs = {"model": model(), "metric": MetricSpec(name="share", summary="Share.", build=lambda options: share)}
    return SimpleNamespace(get=lambda kind, name: specs[kind])


class Descent(nn.Cell):
    """Gradient descent with momentum."""

    def __init__(self, groups: Any, fault: str) -> None:
        super().__init__()
        members = [(group, parameter) for group in groups for parameter in group.parameters]
        self.parameters = ParameterTuple([parameter for _, parameter in members])
        name = "{}" if fault == "names" else "moment.{}"
        self.moments = [
            Parameter(Tensor(np.zeros(p.shape, np.float32)), name=name.format(p.name)) for p in self.parameters
        ]
        self.kept = ParameterTuple(self.moments if fault != "forgets" else [])
        rates = [1.0 if fault == "rates" else group.rate for group, _ in members]
        self.rates = tuple(1.0 if fault == "half" and rate else rate for rate in rates)
        self.decays = tuple(
            0.0 if fault == "undecayed" else 0.1 if fault == "decayed" else group.weight_decay for group, _ in members
        )
        self.turned = fault == "order"
        self.sign = 1.0 if fault == "ascends" else -1.0
        self.deaf = fault == "rate"
        self.first = Parameter(Tensor(np.float32(-1)), name="first_rate")
        self.fault = fault
        self.notes = "one text" if fault == "notes" else ("It descends.",)

    def construct(self, gradients: Any, learning_rate: Any, step: Any) -> Any:
        done = step
        if self.deaf:
            learning_rate = learning_rate * 0 + 0.01
        if self.fault == "first":
            kept = ops.select(self.first < 0, learning_rate, self.first)
            done = ops.depend(done, ops.assign(self.first, kept))
            learning_rate = kept
        if self.fault == "feeble":
            learning_rate = learning_rate * 1e-4
        count = len(self.parameters)
        for place in range(count):
            gradient = gradients[count - 2 + place % 2 if self.turned else place]
            moment = self.moments[place] * 0.5 + gradient
            done = ops.depend(done, ops.assign(self.moments[place], moment))
            parameter = self.parameters[place]
            change = learning_rate * self.rates[place] * (moment + self.decays[place] * parameter)
            done = ops.depend(done, ops.assign(parameter, parameter + self.sign * change))
        return done


class ClippingDescent(Descent):
    """One that says that it clips, and measures wrongly."""

    def lengths(self, gradients: Any) -> Any:
        halves = ops.stack([(gradient * gradient).sum() for gradient in gradients])
        return halves, ops.sqrt(halves.sum())

    def clipped(self, gradients: Any, factor: Any, learning_rate: Any, step: Any) -> Any:
        return self.construct(gradients, learning_rate, step)


def optimizer(fault: str = "") -> OptimizerSpec:
    kind = ClippingDescent if fault == "clips" else Descent
    return OptimizerSpec(
        name="descent",
        summary="Descent.",
        rates=(1.0, 0.1) if fault == "bounds" else None,
        build=lambda options, groups, operators: kind(groups, fault),
    )
