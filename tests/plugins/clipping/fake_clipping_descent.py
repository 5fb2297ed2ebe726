"""Gradient descent that clips itself."""

from mindspore import ParameterTuple, nn, ops


class ClippingDescent(nn.Cell):
    """p = p - rate * (factor * gradient + decay * p).

    Args:
        groups: What is updated.
    """

    def __init__(self, groups):
        super().__init__()
        self.notes = ("this descent clips itself",)
        self.parameters = ParameterTuple([parameter for group in groups for parameter in group.parameters])
        self.rates = tuple(group.rate for group in groups for _ in group.parameters)
        self.decays = tuple(group.weight_decay for group in groups for _ in group.parameters)
        self.each = ops.HyperMap()
        self.subtract = ops.ApplyGradientDescent()
        self.half_square = ops.L2Loss()
        self.stack = ops.Stack()

    def construct(self, gradients, learning_rate, step):
        return self.clipped(gradients, ops.ones_like(learning_rate), learning_rate, step)

    def lengths(self, gradients):
        squares = self.stack(self.each(self.half_square, gradients))
        return squares, ops.sqrt(2 * squares.sum())

    def clipped(self, gradients, factor, learning_rate, step):
        take = ops.partial(_take, self.subtract, factor, learning_rate)
        return ops.depend(step, self.each(take, self.rates, self.decays, self.parameters, gradients))


def _take(subtract, factor, rate, multiple, decay, parameter, gradient):
    return subtract(parameter, rate * multiple, gradient * factor + decay * parameter)
