"""The update: m = beta m + (1 - beta) g;  p = p - rate (sign m + decay p)."""

from mindspore import ParameterTuple, nn, ops


class Acme(nn.Cell):
    def __init__(self, options, groups):
        super().__init__()
        every = [(one, group) for group in groups for one in group.parameters]
        self.parameters = ParameterTuple([one for one, _ in every])
        self.moments = self.parameters.clone("moment", "zeros")
        self.rates = tuple(group.rate for _, group in every)
        self.decays = tuple(group.weight_decay for _, group in every)
        self.beta = options.beta
        self.each = ops.HyperMap()

    def construct(self, gradients, learning_rate, step):
        update = ops.partial(_update, learning_rate, self.beta)
        done = self.each(update, self.rates, self.decays, self.parameters, self.moments, gradients)
        return ops.depend(step, done)


def _update(learning_rate, beta, rate, decay, parameter, moment, gradient):
    moved = beta * moment + (1 - beta) * gradient
    stepped = parameter - learning_rate * rate * (ops.sign(moved) + decay * parameter)
    return ops.depend(ops.assign(parameter, stepped), ops.assign(moment, moved))
