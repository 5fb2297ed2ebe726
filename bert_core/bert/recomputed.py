"""A layer that is computed again on the way back."""

from __future__ import annotations

from typing import Any

from mindspore import nn, ops


class Recomputed(nn.Cell):  # type: ignore[misc]
    """A layer of which only the input is kept: what is inside is computed again on the way back (Chen et al. 2016).

    MindSpore's `Cell.recompute` keeps what operators with their own way back return, so it would save nothing here;
    and `ops.grad` inside a `bprop` does not always compile (2.10). So the way back is spelled out, by the
    operators' own `bprop`.

    Args:
        function: The layer, a `layer.LayerFunction`.
    """

    def __init__(self, function: nn.Cell) -> None:
        super().__init__()
        self.function = function
        self.linear = function.linear
        self.attend = function.attend
        self.activation = function.activation
        self.norm = function.norm

    def construct(self, vectors: Any, bias: Any, factors: Any, batch: Any, length: Any, weights: Any) -> Any:
        """See `layer.LayerFunction`."""
        return self.function(vectors, bias, factors, batch, length, weights)

    def bprop(
        self,
        vectors: Any,
        bias: Any,
        factors: Any,
        batch: Any,
        length: Any,
        weights: Any,
        out: Any,
        dout: Any,
    ) -> Any:
        """Gradients of the vectors and weights; the other arguments are constants."""
        of_attention, of_context, of_inner, of_output = weights
        # Not tied to dout, this would be the first computation to the compiler, which would keep it.
        x = ops.depend(vectors, dout)
        q = self.linear(x, of_attention[0], of_attention[1])
        k = self.linear(x, of_attention[2], of_attention[3])
        v = self.linear(x, of_attention[4], of_attention[5])
        attention = (q, k, v, bias, factors[0], batch, length) + of_attention[6]
        attended = self.attend(*attention)
        before, normed = self.residual(attended[0], x, factors[1], of_context)
        wide = self.linear(normed[0], of_inner[0], of_inner[1])
        active = self.activation(wide)
        last, out_normed = self.residual(active[0], normed[0], factors[2], of_output)

        dactive, dnormed, dof_output = self.residual_back(active[0], factors[2], of_output, last, out_normed, dout)
        dwide = self.activation.bprop(wide, active, (dactive,))[0]
        dinner = self.linear.bprop(normed[0], of_inner[0], of_inner[1], wide, dwide)
        dcontext, dx, dof_context = self.residual_back(
            attended[0], factors[1], of_context, before, normed, dnormed + dinner[0]
        )
        d = self.attend.bprop(*(attention + (attended, (dcontext,))))  # noqa: RUF005
        dq = self.linear.bprop(x, of_attention[0], of_attention[1], q, d[0])
        dk = self.linear.bprop(x, of_attention[2], of_attention[3], k, d[1])
        dv = self.linear.bprop(x, of_attention[4], of_attention[5], v, d[2])
        dof_attention = dq[1:] + dk[1:] + dv[1:] + (d[7:],)
        dx = dq[0] + dk[0] + dv[0] + dx  # the order in which MindSpore adds them, so that bits are the same
        dweights = (dof_attention, dof_context, dinner[1:], dof_output)
        # The layers below do not begin before the weights' gradients, which keep what was computed, are done.
        return ops.depend(dx, dweights), bias, factors, batch, length, dweights

    def residual(self, values: Any, before: Any, factors: Any, weights: Any) -> Any:
        """The sum that is normalised, and what its layer norm gives; see `layer.LayerFunction.residual`."""
        total = before + self.linear(values, weights[0], weights[1]) * factors
        return total, self.norm(total, weights[2], weights[3])

    def residual_back(self, values: Any, factors: Any, weights: Any, total: Any, normed: Any, dout: Any) -> Any:
        """Gradients of the values, of what came before, and of the weights."""
        dtotal, dscale, dshift = self.norm.bprop(total, weights[2], weights[3], normed, (dout,))
        dmap = self.linear.bprop(values, weights[0], weights[1], total, dtotal * factors)
        return dmap[0], dtotal, (dmap[1], dmap[2], dscale, dshift)
