"""Two sentences and a number from 0 to 1 in each line, with tabs between."""

import numpy as np
from bert_core import DataError, Feature, Reading, Window, lines, truncated_normal
from mindspore import Tensor, nn, ops


class AcmeTask:
    reads, head_inputs, loss_inputs = "pooled", (), ("score",)
    features = {"score": Feature(dtype="float32", ragged=False)}
    metrics, best = ("acme-closeness",), "closeness"
    labels, rates, undecayed, head_dropout = ("score",), {}, (), 0.1

    def read(self, source, split):
        if source is None:
            raise DataError("this task has no sample", hint="Give --train-data")
        examples = [self._example(line, source, number) for number, line in lines.read(source) if line]
        return Reading(examples=examples, summary=f"{len(examples)} pairs")

    def _example(self, line, source, number):
        try:
            one, other, score = line.split("\t")
            return one, other, float(score)
        except ValueError:
            raise DataError.at(source, number, "a line has two sentences and a number, with tabs between") from None

    def from_text(self, text):
        one, _, other = text.partition("\t")
        return one, other, 0.0

    def learn(self, examples):
        pass

    def state(self):
        return {}

    def encode(self, examples, text):
        return [self._window(number, example, text) for number, example in enumerate(examples)]

    def _window(self, number, example, text):
        room = (text.max_length - 3) // 2
        one, other = (text.encode(sentence)[0][:room] for sentence in example[:2])
        ids = [text.cls_id, *one, text.sep_id, *other, text.sep_id]
        types = [0] * (len(one) + 2) + [1] * (len(other) + 1)
        return Window(example=number, input_ids=ids, token_type_ids=types, features={"score": example[2]})

    def head(self, hidden_size, seed):
        weight = truncated_normal("score.weight", (1, hidden_size), deviation=0.02, seed=seed)
        return nn.Dense(hidden_size, 1, weight_init=Tensor(weight), bias_init="zeros", activation=ops.Sigmoid())

    def loss(self, seed):
        return SquaredError()

    def loss_terms(self, batch):
        return np.array([len(batch["score"])], np.float32)

    def predict(self, examples, windows, outputs, parameters):
        return [float(score[0]) for score in outputs]

    def reference(self, example):
        return example[2]

    def render(self, example, prediction):
        return {"text": example[0], "pair": example[1], "score": round(prediction, 4)}


class SquaredError(nn.Cell):
    def construct(self, scores, totals, score):
        distance = scores.reshape((-1,)) - score
        return (distance * distance).sum() / totals[0]
