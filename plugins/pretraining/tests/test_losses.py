"""The losses, their gradients through the whole network, and what is kept of logits, beside NumPy."""

from __future__ import annotations

import os

import numpy as np
import pytest
from bertrun_pretraining.example import guess
from bertrun_pretraining.metrics import pretraining
from bertrun_pretraining.options import PretrainOptions
from bertrun_pretraining.task import PretrainTask

BATCH, LENGTH, PREDICTIONS, PIECES = 3, 6, 4, 11
SIZES = {
    "vocab_size": PIECES,
    "hidden_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 12,
    "max_position_embeddings": LENGTH,
    "initializer_range": 0.5,
}


@pytest.fixture(scope="module")
def ms():
    os.environ.setdefault("GLOG_v", "3")
    import mindspore as ms

    if ms.get_context("device_target") != "CPU":
        ms.set_device("CPU")
    ms.set_context(mode=ms.GRAPH_MODE)
    return ms


def drawn(seed):
    """The arguments of a batch; the pieces from 8 on are never an input."""
    rng = np.random.default_rng(seed)
    ids = rng.integers(0, 8, (BATCH, LENGTH)).astype(np.int32)
    return {
        "input_ids": ids,
        "token_type_ids": np.zeros_like(ids),
        "attention_mask": np.ones_like(ids),
        "masked_lm_positions": rng.integers(0, LENGTH, (BATCH, PREDICTIONS)).astype(np.int32),
        "masked_lm_ids": rng.integers(0, PIECES, (BATCH, PREDICTIONS)).astype(np.int32),
        "masked_lm_weights": (rng.random((BATCH, PREDICTIONS)) < 0.7).astype(np.float32),
        "next_sentence_labels": rng.integers(0, 2, BATCH).astype(np.int32),
    }


def log_softmax(logits):
    logits = logits.astype(np.float64)
    shifted = logits - logits.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


def taken(logs, classes):
    return logs[np.arange(len(logs)), classes.ravel()]


@pytest.fixture(scope="module", params=[True, False], ids=["pairs", "words"])
def network(ms, request):
    """A task, its objective and the gradients of it."""
    from mindspore import ParameterTuple, ops

    from bert_core.bert.config import BertOptions
    from bert_core.bert.encoder import BertModel
    from bert_core.training.network import Network, Objective, parameters_of
    from bert_core.types import EncoderParts

    task = PretrainTask(PretrainOptions(next_sentence=request.param))
    encoder = BertModel(BertOptions(**SIZES), EncoderParts(operators={}, pooler=request.param, seed=1))
    objective = Objective(Network(encoder, task, 1), task, 1)
    named = parameters_of(objective)
    slopes = ops.value_and_grad(objective, None, weights=ParameterTuple(list(named.values())))

    def gradients(batch, totals=None):
        totals = task.loss_terms(batch) if totals is None else totals
        names = ("input_ids", "token_type_ids", "attention_mask", *task.features)
        loss, found = slopes(*map(ms.Tensor, [totals, *(batch[name] for name in names)]))
        return float(loss.asnumpy()), {n: g.asnumpy() for n, g in zip(named, found, strict=True)}

    def logits(batch):
        inputs = [ms.Tensor(batch[name]) for name in ("input_ids", "token_type_ids", "attention_mask")]
        found = objective.network(*inputs, (ms.Tensor(batch["masked_lm_positions"]),), ())
        return [one.asnumpy() for one in found] if request.param else [found.asnumpy()]

    return task, named, gradients, logits


def expected_loss(logits, batch):
    weights = batch["masked_lm_weights"].ravel()
    loss = -(taken(log_softmax(logits[0]), batch["masked_lm_ids"]) * weights).sum() / weights.sum()
    if len(logits) > 1:
        loss -= taken(log_softmax(logits[1]), batch["next_sentence_labels"]).mean()
    return loss


def test_the_loss_is_the_published_one(network):
    _, _, gradients, logits = network
    for seed in range(3):
        batch = drawn(seed)
        assert gradients(batch)[0] == pytest.approx(expected_loss(logits(batch), batch), rel=1e-5)


def test_gradients_of_the_biases_are_probabilities_less_what_is_right(network):
    _, _, gradients, logits = network
    batch = drawn(1)
    found, out = gradients(batch)[1], logits(batch)
    weights = batch["masked_lm_weights"].reshape((-1, 1)) / batch["masked_lm_weights"].sum()
    wanted = ((np.exp(log_softmax(out[0])) - np.eye(PIECES)[batch["masked_lm_ids"].ravel()]) * weights).sum(0)
    np.testing.assert_allclose(found["cls.predictions.bias"], wanted, atol=1e-6)
    if len(out) > 1:
        wanted = (np.exp(log_softmax(out[1])) - np.eye(2)[batch["next_sentence_labels"]]).mean(0)
        np.testing.assert_allclose(found["cls.seq_relationship.bias"], wanted, atol=1e-6)


@pytest.mark.parametrize("row", [3, 9])
def test_the_word_embeddings_learn_from_both_of_their_uses(network, ms, row):
    """A piece that is read and scored, and one that is only scored: as the loss changes when the row does."""
    _, named, gradients, logits = network
    batch = drawn(2)
    batch["input_ids"][0, 0] = 3
    table = named["bert.embeddings.word_embeddings.weight"]
    found = gradients(batch)[1][table.name][row]
    before = table.asnumpy().copy()
    for column in (0, 5):
        losses = []
        for step in (0.01, -0.01):
            moved = before.copy()
            moved[row, column] += step
            table.set_data(ms.Tensor(moved))
            losses.append(expected_loss(logits(batch), batch))
        table.set_data(ms.Tensor(before))
        assert found[column] == pytest.approx((losses[0] - losses[1]) / 0.02, abs=2e-3)
    assert np.abs(found).max() > 1e-2


def test_parts_of_a_batch_have_its_loss_together(network):
    task, _, gradients, _ = network
    batch = drawn(3)
    parts = [{name: values[rows] for name, values in batch.items()} for rows in (slice(0, 1), slice(1, 3))]
    totals = np.sum([task.loss_terms(part) for part in parts], axis=0)
    np.testing.assert_allclose(totals, task.loss_terms(batch))
    whole, found = gradients(batch)
    both = [gradients(part, totals) for part in parts]
    assert sum(loss for loss, _ in both) == pytest.approx(whole, rel=1e-5)
    for name, gradient in found.items():
        np.testing.assert_allclose(sum(part[name] for _, part in both), gradient, atol=1e-5, err_msg=name)


def test_scores_are_those_of_the_logits(network, ms):
    task, _, _, logits = network
    batch = drawn(4)
    out, weights = logits(batch), batch["masked_lm_weights"]
    given = tuple(map(ms.Tensor, out)) if len(out) > 1 else ms.Tensor(out[0])
    digest = task.digest()(given, *(ms.Tensor(batch[name]) for name in task.loss_inputs)).asnumpy()
    guesses = [guess(row, PREDICTIONS, next_sentence=len(out) > 1) for row in digest]
    truths = [
        (batch["masked_lm_ids"][row], weights[row], int(batch["next_sentence_labels"][row])) for row in range(BATCH)
    ]
    from bertrun_pretraining.example import Truth

    scores = pretraining(guesses, [Truth(*truth) for truth in truths])
    right = (out[0].argmax(-1) == batch["masked_lm_ids"].ravel()) * weights.ravel()
    assert scores["masked_lm_accuracy"] == pytest.approx(right.sum() / weights.sum())
    assert scores["loss"] == pytest.approx(expected_loss(out, batch), rel=1e-5)
    assert scores["perplexity"] == pytest.approx(np.exp(expected_loss(out[:1], batch)), rel=1e-5)
    if len(out) > 1:
        assert scores["next_sentence_accuracy"] == (out[1].argmax(-1) == batch["next_sentence_labels"]).mean()
    best = np.concatenate([one.logs for one in guesses])
    np.testing.assert_allclose(best, log_softmax(out[0]).max(-1), atol=1e-5)


def test_a_batch_in_which_nothing_counts_has_no_loss_of_words(network):
    _, _, gradients, logits = network
    batch = drawn(5)
    batch["masked_lm_weights"][:] = 0
    out = logits(batch)
    wanted = -taken(log_softmax(out[1]), batch["next_sentence_labels"]).mean() if len(out) > 1 else 0
    assert gradients(batch)[0] == pytest.approx(wanted, rel=1e-5)
