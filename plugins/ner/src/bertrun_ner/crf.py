"""A linear-chain conditional random field: its loss with exact gradients, its best path and how sure it is."""

from __future__ import annotations

from typing import Any

import mindspore as ms
import numpy as np
from mindspore import nn, ops

# Steps written out in the body of the loop: one turn of a graph-mode loop costs more than a step.
BLOCK = 16
# Least weight of a transition next to the best one into the same label, so that every logarithm is finite.
FLOOR = 1e-34
# A sum that FLOOR made too large by labels * FLOOR adds as much times posterior / sum to log Z. Where that quotient
# passes this limit, the batch is computed again without products.
TRUSTED = 1e24


class LinearChainCrf(nn.Cell):  # type: ignore[misc]
    """Negative log likelihood of tag sequences under a linear-chain CRF (Lafferty et al. 2001).

    score(y) = start[y_1] + sum_t emissions[t, y_t] + sum_t transitions[y_t, y_t+1] + end[y_n].
    All scores begin at zero: the first loss is then that of independent softmax layers, whatever the seed, and
    nothing has to break a symmetry because every label has its own evidence.

    Args:
        labels: Number of labels.
    """

    def __init__(self, labels: int) -> None:
        super().__init__()
        self.transitions = ms.Parameter(np.zeros((labels, labels), np.float32), name="transitions")  # [from, to]
        self.start_transitions = ms.Parameter(np.zeros(labels, np.float32), name="start_transitions")
        self.end_transitions = ms.Parameter(np.zeros(labels, np.float32), name="end_transitions")
        self.chain = _Chain()

    def construct(self, emissions: Any, tags: Any, mask: Any) -> Any:
        """Return the loss of each sequence.

        Args:
            emissions: (batch, length, labels), computed with as fp32.
            tags: (batch, length) integers; what stands at masked positions is never used as a score.
            mask: (batch, length) bool or 0/1: ones, at least one, then zeros. Only the number of ones is read.

        Returns:
            (batch,) fp32, never negative.
        """
        lengths = ops.maximum(ops.reduce_sum(mask.astype(ms.int32), 1), 1)
        loss, _, _, _ = self.chain(
            emissions.astype(ms.float32),
            tags.astype(ms.int32),
            lengths,
            self.transitions,
            self.start_transitions,
            self.end_transitions,
        )
        return loss


class _Chain(nn.Cell):  # type: ignore[misc]
    """The loss and, found in the same loop, its derivatives: posterior minus observed counts.

    The forward and the backward recursion are one recursion over a stack of two, because a backward message that
    includes its own emission is the forward message of the reversed sequence with `transitions` transposed and
    `start` and `end` exchanged.
    """

    def construct(self, emissions: Any, tags: Any, lengths: Any, transitions: Any, start: Any, end: Any) -> Any:
        batch, length, labels = ops.shape(emissions)
        row, last = ops.arange(0, batch).astype(ms.int32), lengths - 1
        # Each step is read through an index that stops at the sequence's end, so padding is never touched.
        clock = ops.arange(0, (length + BLOCK - 1) // BLOCK * BLOCK + 1).astype(ms.int32).reshape(-1, 1)
        both_ways = ops.stack((ops.minimum(clock, last), ops.maximum(last - clock, 0)), 1)  # (steps, 2, batch)
        inputs = ops.gather(emissions.reshape(-1, labels), row * length + both_ways, 0)  # (steps, 2, batch, labels)
        pairs = ops.stack((transitions * 1.0, transitions.T))  # a bare Parameter does not stack in PyNative mode
        peaks = ops.ReduceMax(True)(pairs, 1)  # (2, 1, labels), the best way into each label
        weights = ops.maximum(ops.exp(pairs - peaks), FLOOR)

        clock, row, last = clock[:length].reshape(1, -1), row.expand_dims(1), last.expand_dims(1)
        here = ops.minimum(clock, last)  # (batch, length), as all of these
        seen, left = here * 2 * batch + row, ((last - here) * 2 + 1) * batch + row
        before = row * length + ops.maximum(here - 1, 0)
        here = row * length + here
        real = (clock <= last).astype(ms.float32)
        later, sooner = (real * (clock > 0)).expand_dims(2), (clock < last).astype(ms.float32).expand_dims(2)
        score = ops.gather(emissions.reshape(-1, labels), here, 0)  # (batch, length, labels), as the next ones

        messages = _recursion(inputs, ops.stack((start, end)), pairs, weights, peaks, False)
        filtered, reached, posterior, returned = _meet(messages, score, seen, left)
        arrived = later * _quotient(posterior, reached - peaks[0])
        doubt = ops.maximum(arrived, sooner * _quotient(posterior, returned - peaks[1]))
        if ops.reduce_max(doubt) > TRUSTED:
            messages = _recursion(inputs, ops.stack((start, end)), pairs, weights, peaks, True)
            filtered, reached, posterior, returned = _meet(messages, score, seen, left)
            expected = _pairs_in_logarithms(filtered, posterior - reached, later, transitions)
        else:
            came = ops.gather(ops.exp(filtered).reshape(-1, labels), before, 0)
            expected = weights[0] * _over_time(came, arrived)

        tags = ops.gather(tags.reshape(-1), here, 0)
        came_from = ops.gather(tags.reshape(-1), before, 0)
        chosen = ops.one_hot(tags, labels, 1.0, 0.0) * real.expand_dims(2)
        observed = _over_time(ops.one_hot(came_from, labels, 1.0, 0.0), chosen * later)
        surplus = ops.exp(posterior) * real.expand_dims(2) - chosen

        moves = ops.gather(transitions.reshape(-1), came_from * labels + tags, 0)
        moves = ops.where(clock > 0, moves, ops.gather(start, tags, 0))
        own = here * labels + tags
        # Each step's difference is small, the two sums are not; and a running sum does not see what comes after.
        surprise = ops.gather((reached - filtered).reshape(-1), own, 0) - moves
        at_last = (row * length + last).reshape(-1)
        ending = _log_sum(ops.gather(filtered.reshape(-1, labels), at_last, 0) + end, -1)
        ending = ending - ops.gather(end, ops.gather(tags.reshape(-1), at_last, 0), 0)
        loss = ops.gather(ops.cumsum(surprise, 1).reshape(-1), at_last, 0) + ending
        at_end = ops.gather(surplus.reshape(-1, labels), at_last, 0)
        return ops.where(loss < 0, 0.0, loss), surplus, expected - observed, at_end  # < 0 by rounding; NaN stays

    # fmt: off
    def bprop(  # the framework passes the inputs by position
        self, emissions: Any, tags: Any, lengths: Any, transitions: Any, start: Any, end: Any,
        out: Any, dout: Any,
    ) -> Any:
        # fmt: on
        _, surplus, pairs, at_end = out
        batch, labels = ops.shape(at_end)
        weight = dout[0].reshape(1, batch)
        return (
            surplus * weight.reshape(batch, 1, 1),
            ops.zeros_like(tags),
            ops.zeros_like(lengths),
            ops.matmul(weight, pairs.reshape(batch, -1)).reshape(labels, labels),
            ops.matmul(weight, surplus[:, 0]).reshape(labels),
            ops.matmul(weight, at_end).reshape(labels),
        )


def _recursion(inputs: Any, edges: Any, pairs: Any, weights: Any, peaks: Any, exact: bool) -> Any:
    """Log messages of both directions, each relative to the total of the one before: (steps, 2, batch, labels).

    message[t + 1, j] = log sum_i softmax(message[t])_i exp(pairs_ij) + inputs[t + 1, j], where a product does the sum
    unless it must be `exact`: then logarithms are added pair by pair, which is slow.
    """
    first = edges.expand_dims(1) + inputs[0]  # (2, batch, labels)
    inputs = inputs[1:] if exact else inputs[1:] + peaks
    inputs = inputs.reshape((-1, BLOCK) + ops.shape(first))
    history = inputs  # every block is overwritten; `zeros_like` here fails to compile under a bprop (MindSpore 2.10)
    blocks = ops.shape(inputs)[0]
    message, block = first, 0 * blocks  # a counter of the same kind as its bound, neither a constant
    while block < blocks:
        written: Any = ()
        for score in ops.unstack(inputs[block]):
            if exact:
                ways = ops.log_softmax(message, -1).expand_dims(-1) + pairs.expand_dims(1)
                message = _log_sum(ways, 2) + score
            else:
                message = _log(ops.bmm(ops.softmax(message, -1), weights)) + score
            written += (message,)
        history[block] = ops.stack(written)
        block = block + 1
    return ops.concat((first.expand_dims(0), history.reshape((-1,) + ops.shape(first))))


def _log(x: Any) -> Any:
    """The logarithm of positive numbers, the same at every run.

    That of `ops.log` differs in the last bit with how many threads happen to share the work (MindSpore 2.10 on CPU).
    """
    return ops.xlogy(x * 0.0 + 1.0, x)


def _log_sum(x: Any, axis: int) -> Any:
    """The logarithm of a sum of exponentials."""
    most = ops.ReduceMax(True)(x, axis)
    return _log(ops.exp(x - most).sum(axis)) + most.squeeze(axis)


def _meet(messages: Any, score: Any, seen: Any, left: Any) -> Any:
    """Four tables (batch, length, labels), all logarithms.

    Each label's probability given what was `seen`; what reached it before its own score; its probability given all;
    and what came back to it from what is `left`, again before its own score.
    """
    rows = messages.reshape(-1, ops.shape(messages)[-1])
    forward, backward = ops.gather(rows, seen, 0), ops.gather(rows, left, 0)
    reached = forward - score
    return ops.log_softmax(forward, -1), reached, ops.log_softmax(reached + backward, -1), backward - score


def _quotient(numerator: Any, denominator: Any) -> Any:
    """Of two logarithms; capped above TRUSTED but below infinity, which times a mask's zero would be NaN."""
    return ops.exp(ops.minimum(numerator - denominator, 80.0))


def _pairs_in_logarithms(filtered: Any, arrived: Any, later: Any, transitions: Any) -> Any:
    """Expected uses of each pair of labels where products would underflow, one step at a time."""
    steps = ops.shape(filtered)[1]
    step = steps // steps
    expected = later[:, 0:1] * transitions  # zeros, (batch, labels, labels)
    while step < steps:
        ways = filtered[:, step - 1].expand_dims(2) + transitions + arrived[:, step].expand_dims(1)
        expected = expected + later[:, step].expand_dims(2) * ops.exp(ops.minimum(ways, 0.0))
        step = step + 1
    return expected


def _over_time(before: Any, after: Any) -> Any:
    """Sum of the outer products over time: (batch, length, labels) twice to (batch, labels, labels)."""
    return ops.BatchMatMul(transpose_a=True)(before, after)
