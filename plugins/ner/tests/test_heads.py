"""The tagger, its LSTM and its losses against NumPy."""

from __future__ import annotations

from typing import Any

import mindspore as ms
import numpy as np
import pytest
from bertrun_ner.heads import DEVIATION, BiLstm, CrfLoss, TaggingHead, TokenLoss, take_rows
from mindspore import Tensor, nn, ops
from numpy.typing import NDArray

from bert_core import UsageError

Array = NDArray[Any]
WIDTH, LABELS = 6, 5
LENGTHS = (4, 1, 3)  # words in each row
MASK = (np.arange(4) < np.array(LENGTHS)[:, None]).astype(np.int32)

pytestmark = pytest.mark.usefixtures("graph_mode")


class Rows(nn.Cell):
    def __init__(self) -> None:
        super().__init__()
        self.gather = ops.Gather()

    def construct(self, vectors: Any, positions: Any) -> Any:
        return take_rows(self.gather, vectors, positions)


def drawn(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng([seed, *shape]).normal(size=shape).astype(np.float32)


def opened(cell: nn.Cell, *arrays: Array) -> nn.Cell:
    """The cell, compiled once for all numbers of rows, pieces and words, as in a run."""
    shapes = [[None, None, *array.shape[2:]] for array in arrays]
    cell.set_inputs(
        *(Tensor(shape=shape, dtype=Tensor(array).dtype) for shape, array in zip(shapes, arrays, strict=True))
    )
    return cell


@pytest.fixture(scope="module")
def lstm() -> BiLstm:
    return opened(BiLstm(WIDTH, seed=1), drawn(3, 4, WIDTH), MASK)


@pytest.fixture(scope="module")
def head() -> TaggingHead:
    made = TaggingHead(WIDTH, LABELS, seed=2, bilstm=True)
    return opened(made, drawn(3, 9, WIDTH), np.zeros((3, 4), np.int32), MASK)


def test_each_word_gets_the_vector_at_its_position() -> None:
    vectors, rows = drawn(3, 9, WIDTH), Rows()
    opened(rows, vectors, np.zeros((3, 4), np.int32))
    for words in (4, 2):
        positions = np.random.default_rng(words).integers(0, 9, (3, words)).astype(np.int32)
        expected = np.take_along_axis(vectors, positions[:, :, None], 1)
        np.testing.assert_array_equal(rows(Tensor(vectors), Tensor(positions)).asnumpy(), expected)


def test_the_lstm_equals_one_written_out(lstm: BiLstm) -> None:
    vectors = drawn(3, 4, WIDTH)
    ours = lstm(Tensor(vectors), Tensor(MASK)).asnumpy()
    for row, length in enumerate(LENGTHS):
        words = vectors[row, :length]
        expected = np.concatenate([one_way(lstm.ahead, words), one_way(lstm.back, words[::-1])[::-1]], 1)
        np.testing.assert_allclose(ours[row, :length], expected, atol=1e-6)


def one_way(cell: nn.LSTM, words: Array) -> Array:
    """Hochreiter and Schmidhuber's recurrence with a forget gate; MindSpore keeps the gates as i, f, g, o."""
    parameters = {parameter.name.rpartition(".")[2]: parameter.asnumpy() for parameter in cell.get_parameters()}
    hidden = state = np.zeros(WIDTH // 2)
    outputs = []
    for word in words:
        gates = parameters["weight_ih_l0"] @ word + parameters["weight_hh_l0"] @ hidden
        gates = gates + parameters["bias_ih_l0"] + parameters["bias_hh_l0"]
        entered, kept, new, shown = np.split(gates, 4)
        state = sigmoid(kept) * state + sigmoid(entered) * np.tanh(new)
        hidden = sigmoid(shown) * np.tanh(state)
        outputs.append(hidden)
    return np.array(outputs)


def sigmoid(values: Array) -> Array:
    return 1 / (1 + np.exp(-values))


def test_padding_changes_nothing_in_either_direction(lstm: BiLstm) -> None:
    vectors = drawn(3, 4, WIDTH)
    together = lstm(Tensor(vectors), Tensor(MASK)).asnumpy()
    for row, length in enumerate(LENGTHS):
        alone = lstm(Tensor(vectors[row : row + 1, :length]), Tensor(MASK[row : row + 1, :length])).asnumpy()
        np.testing.assert_allclose(together[row, :length], alone[0], atol=1e-6)
    other = np.where(MASK[:, :, None], vectors, 1e3).astype(np.float32)
    np.testing.assert_array_equal((lstm(Tensor(other), Tensor(MASK)).asnumpy() - together)[MASK > 0], 0)


def test_logits_of_words_do_not_depend_on_pieces_and_words_of_padding(head: TaggingHead) -> None:
    sequence = drawn(3, 9, WIDTH)
    positions = np.array([[1, 2, 5, 8], [3, 0, 0, 0], [1, 4, 6, 0]], np.int32)
    together = head(*map(Tensor, (sequence, positions, MASK))).asnumpy()
    assert together.shape == (3, 4, LABELS)
    for row, length in enumerate(LENGTHS):
        cut = (slice(row, row + 1), slice(0, length))
        alone = head(*map(Tensor, (sequence[row : row + 1], positions[cut], MASK[cut]))).asnumpy()
        np.testing.assert_allclose(together[row, :length], alone[0], atol=1e-6)


def test_without_an_lstm_logits_are_linear_in_the_words_vector() -> None:
    made = TaggingHead(WIDTH, LABELS, seed=2, bilstm=False)
    sequence, positions = drawn(3, 9, WIDTH), np.array([[1, 2, 5, 8], [3, 0, 0, 0], [1, 4, 6, 0]], np.int32)
    ours = made(*map(Tensor, (sequence, positions, MASK))).asnumpy()
    weight, bias = made.classifier.weight.asnumpy(), made.classifier.bias.asnumpy()
    expected = np.take_along_axis(sequence, positions[:, :, None], 1) @ weight.T + bias
    np.testing.assert_allclose(ours, expected, atol=1e-6)
    assert 0 < np.abs(weight).max() <= 2 * DEVIATION, "first values are cut off at two deviations"


def cross_entropy(logits: Array, labels: Array, total: float) -> float:
    wide = logits.astype(np.float64)
    chosen = np.take_along_axis(wide, labels[:, :, None], 2)[:, :, 0]
    return float(((np.log(np.exp(wide).sum(2)) - chosen) * MASK).sum() / total)


@pytest.mark.parametrize("loss", [TokenLoss(), CrfLoss(LABELS)], ids=["softmax", "CRF without transitions"])
def test_the_loss_is_the_cross_entropy_of_words_over_the_total(loss: nn.Cell) -> None:
    logits, labels = 3 * drawn(3, 4, LABELS), np.random.default_rng(4).integers(0, LABELS, (3, 4)).astype(np.int32)
    for total in (8.0, 32.0):  # the words of this batch, and of a global batch that it is a part of
        ours = loss(Tensor(logits), Tensor(np.array([total], np.float32)), Tensor(MASK), Tensor(labels))
        np.testing.assert_allclose(ours.asnumpy(), cross_entropy(logits, labels, total), rtol=1e-5)
    wild = np.where(MASK[:, :, None], logits, 50).astype(np.float32)
    again = loss(Tensor(wild), Tensor(np.array([32.0], np.float32)), Tensor(MASK), Tensor(labels))
    np.testing.assert_allclose(again.asnumpy(), ours.asnumpy(), rtol=1e-6)


def test_gradients_reach_the_lstm_and_the_classifier_as_finite_differences_say() -> None:
    made = TaggingHead(WIDTH, LABELS, seed=2, bilstm=True)
    sequence = drawn(3, 9, WIDTH)
    positions = np.array([[1, 2, 5, 8], [3, 0, 0, 0], [1, 4, 6, 0]], np.int32)
    labels = np.random.default_rng(4).integers(0, LABELS, (3, 4)).astype(np.int32)
    whole = Whole(made)
    arguments = [*map(Tensor, (sequence, positions, MASK, labels))]
    parameters = ms.ParameterTuple(made.get_parameters())
    _, gradients = Gradient(whole, parameters)(*arguments)
    named = {parameter.name: gradient.asnumpy() for parameter, gradient in zip(parameters, gradients, strict=True)}
    assert any("ahead" in name for name in named)
    assert any("back" in name for name in named)
    for parameter in parameters:
        gradient = named[parameter.name]
        assert np.abs(gradient).max() > 0, parameter.name
        place = np.unravel_index(np.abs(gradient).argmax(), gradient.shape)
        np.testing.assert_allclose(gradient[place], slope(whole, parameter, place, arguments), rtol=0.05)


class Whole(nn.Cell):
    def __init__(self, head: TaggingHead) -> None:
        super().__init__()
        self.head, self.loss = head, TokenLoss()
        self.total = Tensor(np.array([8.0], np.float32))

    def construct(self, sequence: Any, positions: Any, mask: Any, labels: Any) -> Any:
        return self.loss(self.head(sequence, positions, mask), self.total, mask, labels)


class Gradient(nn.Cell):
    def __init__(self, cell: nn.Cell, parameters: ms.ParameterTuple) -> None:
        super().__init__()
        self.gradient = ops.value_and_grad(cell, None, weights=parameters)

    def construct(self, *arguments: Any) -> Any:
        return self.gradient(*arguments)


def slope(cell: nn.Cell, parameter: ms.Parameter, place: Any, arguments: list[Tensor]) -> float:
    value, losses = parameter.asnumpy().copy(), []
    for move in (0.02, -0.02):
        moved = value.copy()
        moved[place] += move
        parameter.set_data(Tensor(moved))
        losses.append(float(cell(*arguments).asnumpy()))
    parameter.set_data(Tensor(value))
    return (losses[0] - losses[1]) / 0.04


def test_an_lstm_of_an_odd_width_is_refused() -> None:
    with pytest.raises(UsageError, match="--bilstm gives each direction half of --hidden-size, and 7 is odd"):
        TaggingHead(7, LABELS, seed=1, bilstm=True)
    TaggingHead(7, LABELS, seed=1, bilstm=False)


def test_first_values_depend_on_the_seed_alone() -> None:
    first, again, other = (TaggingHead(WIDTH, LABELS, seed, bilstm=True) for seed in (1, 1, 2))
    for one, same, different in zip(
        first.get_parameters(), again.get_parameters(), other.get_parameters(), strict=True
    ):
        np.testing.assert_array_equal(one.asnumpy(), same.asnumpy())
        assert one.name.endswith("classifier.bias") or (one.asnumpy() != different.asnumpy()).any()
