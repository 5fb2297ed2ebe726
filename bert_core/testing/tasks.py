"""What every task keeps, as tests that a plugin's own test module subclasses."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from bert_core.errors import DataError
from bert_core.manager import PluginManager

from .alike import alike, crop, difference
from .bench import Learnt, TaskBench
from .runs import RunContract, Runs
from .specs import SpecContract
from .tiny import as_words, write_vocabulary

_PADDING = 5
_TOLERANCE = 1e-4


class TaskContract(RunContract, SpecContract):
    """The tests that every task passes: of its spec, of a tiny network with its head and loss, and of whole runs.

    Those of whole runs need an optimizer and a device, from `bertrun-optimizers` and `bertrun-devices` or others.

    Attributes:
        train: The content of a small file of training data: a few examples of unlike lengths. Where there is none,
            some of the task's own sample is taken.
        evaluated: The content of a file to score; by default that of `train`.
        suffix: What the names of these files end with.
        bad: For what is wrong in a file, its content and the line where it is wrong, counted from 1.
        text: A text to predict, as `bertrun predict --text` takes it.
        overfit_steps: Updates on one batch after which its loss is less than half of what it was.
        run_words: More words on the command line of whole runs.

    Example:
        ```python
        class TestSimilarity(TaskContract):
            name = "sts"
            train = "a cat\ta dog\t3.5\nthe sun\tthe sun rose\t4\n"
            bad = {"a number that is none": ("a cat\ta dog\tmuch\n", 1)}
            text = "a cat\ta dog"
        ```
    """

    kind: ClassVar[str] = "task"
    train: ClassVar[str | None] = None
    evaluated: ClassVar[str | None] = None
    suffix: ClassVar[str] = ".txt"
    bad: ClassVar[Mapping[str, tuple[str | bytes, int]]] = {}
    text: ClassVar[str] = "the cat sat on the mat"
    overfit_steps: ClassVar[int] = 60
    run_words: ClassVar[Sequence[str]] = ()

    @pytest.fixture(scope="class")
    @classmethod
    def folder(cls, tmp_path_factory: pytest.TempPathFactory) -> Path:
        """Where the data lies."""
        return tmp_path_factory.mktemp(cls.name)

    @pytest.fixture(scope="class")
    @classmethod
    def data(cls, folder: Path) -> tuple[Path | None, Path | None]:
        """What is learnt from and what is scored; None is the task's own sample."""
        if cls.train is None:
            return None, None
        train, evaluated = folder / f"train{cls.suffix}", folder / f"eval{cls.suffix}"
        train.write_text(cls.train, encoding="utf-8")
        evaluated.write_text(cls.train if cls.evaluated is None else cls.evaluated, encoding="utf-8")
        return train, evaluated

    @pytest.fixture(scope="class")
    @classmethod
    def vocabulary(cls, folder: Path) -> Path:
        """The words of the data, letters and marks."""
        return write_vocabulary(folder / "vocab.txt", f"{cls.train or ''} {cls.text}")

    @pytest.fixture(scope="class")
    @classmethod
    def bench(
        cls,
        spec: Any,
        values: Any,
        vocabulary: Path,
        data: tuple[Path | None, Path | None],
        manager: PluginManager,
    ) -> TaskBench:
        """A tiny network of the task, which has learnt what there is to know from the training data."""
        return TaskBench(spec, values, vocabulary=vocabulary, manager=manager, train=data[0], evaluated=data[1])

    @pytest.fixture(scope="class")
    @classmethod
    def learnt(cls, bench: TaskBench) -> Learnt:
        """What came of training on one batch; it leaves the network trained."""
        return bench.learn(cls.overfit_steps)

    @pytest.fixture(scope="class")
    @classmethod
    def runs(
        cls, folder: Path, vocabulary: Path, data: tuple[Path | None, Path | None], manager: PluginManager
    ) -> Runs:
        """Whole runs of the task."""
        missing = [kind for kind in ("optimizer", "schedule", "device") if not manager.specs(kind)]
        if missing:
            pytest.skip(f"a run needs {' and '.join(missing)}: pip install bertrun-optimizers bertrun-devices")
        words = [*as_words(cls.options), *cls.run_words]
        return Runs(cls.name, folder / "runs", vocabulary=vocabulary, train=data[0], evaluated=data[1], words=words)

    def test_what_it_says_of_itself_fits(self, bench: TaskBench) -> None:
        """Inputs of head and loss are features, metrics are installed, and the best score is one that they give."""
        task = bench.task
        assert task.reads in ("sequence", "pooled", "both"), f"`reads` is {task.reads!r}"
        assert len(set(task.labels)) == len(task.labels), f"two labels have one name: {list(task.labels)}"
        windows = bench.windows
        outputs = bench.outputs(windows, [range(len(windows))])
        predictions = bench.predictions(bench.examples, windows, outputs)
        count = len(bench.examples)
        assert len(predictions) == count, f"{count} examples have {len(predictions)} predictions; give one for each"
        scores = bench.scores(bench.examples, predictions)
        assert task.best in scores, f"`best` is {task.best!r}, and the metrics give {sorted(scores)}"

    def test_more_padding_changes_no_prediction(self, bench: TaskBench) -> None:
        """What an example is, is in its pieces: neither the padding of a batch nor more of it changes anything."""
        windows, rows = bench.windows, range(len(bench.windows))
        alone = bench.outputs(windows, [[row] for row in rows])
        for padding in (0, _PADDING):
            padded = bench.outputs(windows, [rows], padding=padding)
            for row, (one, other) in enumerate(zip(alone, padded, strict=True)):
                off = difference(*crop(one, other))
                hint = "mask what is padding in the head (the encoder does in its attention)"
                assert off < _TOLERANCE, f"padding changes the outputs of window {row} by {off:.2g}; {hint}"
            self._check_same(bench, alone, padded, "more padding")

    def test_more_padding_changes_no_loss(self, bench: TaskBench) -> None:
        """Padding is not learnt from: labels of padding must not count, and totals must not either."""
        rows = range(len(bench.windows))
        batches = [bench.batch(bench.windows, rows, padding=padding) for padding in (0, _PADDING)]
        totals = [bench.task.loss_terms(batch) for batch in batches]
        assert alike(*totals), f"`loss_terms` is {totals[0]}, and with more padding {totals[1]}; count no padding"
        losses = [float(bench.run(batch, total)[1]) for batch, total in zip(batches, totals, strict=True)]
        hint = "mask labels, or give their `Feature` a padding that the loss leaves out"
        assert alike(*losses), f"the loss is {losses[0]}, and with more padding {losses[1]}; {hint}"

    def test_the_loss_of_a_batch_is_the_sum_of_its_rows(self, bench: TaskBench) -> None:
        """Each row gives its own part over the same totals, so that micro-batches and processes learn as one.

        Where labels have another shape than the logits, such as (batch, 1) beside (batch,), they are broadcast to every
        pair of rows, and this fails.
        """
        rows = range(len(bench.windows))
        batch = bench.batch(bench.windows, rows)
        totals = np.asarray(bench.task.loss_terms(batch), np.float32)
        assert totals.ndim == 1, f"`loss_terms` has the shape {totals.shape}, not (terms,)"
        outputs, loss = bench.run(batch, totals)
        assert np.ndim(loss) == 0, f"the loss has the shape {np.shape(loss)}, not (): add up or average its terms"
        assert np.isfinite(loss), f"the loss of {len(rows)} windows is {loss}"
        single = [bench.run(bench.batch(bench.windows, [row]), totals)[1] for row in rows]
        labels = {name: batch[name].shape for name in bench.task.loss_inputs}
        shapes = f"the outputs have the shape {outputs.shape} and the loss's inputs {labels}"
        what = f"the loss of the batch is {loss}, and its rows' losses over the same totals add up to {sum(single)}"
        assert alike(float(loss), float(sum(single))), f"{what}; {shapes}: do they fit without broadcasting?"
        terms = [bench.task.loss_terms(bench.batch(bench.windows, [row])) for row in rows]
        assert alike(totals, sum(terms)), (
            f"`loss_terms` of the batch is {totals}, and of its rows together {sum(terms)}"
        )

    def test_the_order_of_batches_changes_no_score(self, bench: TaskBench) -> None:
        """Windows go through the network in batches of like length, whatever the order of the file."""
        rows = list(range(len(bench.windows)))
        random.Random(0).shuffle(rows)
        straight = bench.outputs(bench.windows, [range(len(rows))])
        mixed = bench.outputs(bench.windows, [rows[start : start + 3] for start in range(0, len(rows), 3)])
        self._check_same(bench, straight, mixed, "another order of batches")

    def test_the_order_of_examples_changes_no_score(self, bench: TaskBench) -> None:
        """Scores are of a set, and each example keeps its own prediction."""
        if not isinstance(bench.examples, list | tuple):
            pytest.skip("the examples of this task are not kept in a list")
        found = []
        for examples in (list(bench.examples), list(bench.examples)[::-1]):
            windows = bench.task.encode(examples, bench.text)
            outputs = bench.outputs(windows, [range(len(windows))])
            predictions = bench.predictions(examples, windows, outputs)
            shown = [bench.task.render(*pair) for pair in zip(examples, predictions, strict=True)]
            found.append((bench.scores(examples, predictions), shown))
        (scores, shown), (other, reversed_) = found
        assert alike(scores, other), f"the scores are {scores}, and of the same examples from the last on {other}"
        assert alike(shown, reversed_[::-1]), (
            "an example has another prediction where the examples are in another order"
        )

    def test_predictions_are_shown_as_json(self, bench: TaskBench) -> None:
        """`predictions.jsonl` has a JSON object for each."""
        outputs = bench.outputs(bench.windows, [range(len(bench.windows))])
        predictions = bench.predictions(bench.examples, bench.windows, outputs)
        self._check_shown(bench, bench.examples, predictions)

    def test_a_text_can_be_predicted(self, bench: TaskBench) -> None:
        """`bertrun predict --text` gives a text that has no annotation."""
        examples = [bench.task.from_text(self.text)]
        windows = bench.task.encode(examples, bench.text)
        outputs = bench.outputs(windows, [range(len(windows))])
        self._check_shown(bench, examples, bench.predictions(examples, windows, outputs))

    def test_bad_data_is_told_with_file_and_line(self, bench: TaskBench, tmp_path: Path) -> None:
        """Each content of `bad` raises a `DataError` whose place is the file and the line."""
        assert self.bad, "say in `bad` what may be wrong in a file, its content, and the line: {'what': (content, 3)}"
        for what, (content, line) in self.bad.items():
            path = tmp_path / f"bad{self.suffix}"
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
            said = _refused(bench, path, what)
            place = f"{path}:{line}"
            named = said.startswith((f"{place}:", f"{place} ")) or f"line {line}" in said.partition(": ")[0]
            assert named, f"{what}: the DataError must begin with `{place}:` (see DataError.at), and it says: {said}"

    @pytest.mark.parametrize("what", ["missing", "folder", "bytes", "empty"])
    def test_what_is_no_data_is_told_with_the_file(self, bench: TaskBench, tmp_path: Path, what: str) -> None:
        """A file that is not there, a folder, bytes that are no text and nothing at all raise a `DataError`."""
        path = tmp_path / f"it{self.suffix}"
        if what == "folder":
            path.mkdir()
        elif what != "missing":
            path.write_bytes(b"\xff\xfe\x00\x9c\n" * 3 if what == "bytes" else b"")
        said = _refused(bench, path, what)
        assert str(path) in said, f"{what}: the DataError does not name the file (`where=path`): {said}"

    def test_saved_and_loaded_it_gives_the_same_outputs(
        self,
        bench: TaskBench,
        spec: Any,
        values: Any,
        manager: PluginManager,
        vocabulary: Path,
        data: tuple[Path | None, Path | None],
        tmp_path: Path,
    ) -> None:
        """All that is learnt is in parameters and in `state`: another process gets the same outputs to the byte."""
        from bert_core.training.saving import copied, read_parameters, write_tensors

        try:
            state = json.loads(json.dumps(bench.task.state()))
        except TypeError as error:
            raise AssertionError(f"`state` is not made of JSON values: {error}") from error
        expected = bench.outputs(bench.windows, [range(len(bench.windows))])
        other = TaskBench(
            spec,
            values,
            vocabulary=vocabulary,
            manager=manager,
            train=data[0],
            evaluated=data[1],
            seed=bench.seed + 1,
            state=state,
        )
        names = list(bench.task.labels), list(other.task.labels)
        assert names[0] == names[1], f"the labels are {names[0]}, and built of `state` {names[1]}"
        write_tensors(tmp_path / "model.safetensors", copied(bench.parameters))
        read_parameters(tmp_path / "model.safetensors", other.parameters)
        found = other.outputs(other.windows, [range(len(other.windows))])
        hint = "keep what is learnt or drawn as a `Parameter` of head or loss, or in `state`"
        same = all(np.array_equal(one, two) for one, two in zip(expected, found, strict=True))
        assert same, f"after saving and loading the outputs are others; {hint}"

    def test_the_gradient_reaches_head_and_encoder(self, bench: TaskBench, learnt: Learnt) -> None:
        """Each parameter of the head and the loss, and each matrix of the encoder, learns."""
        check_reached(learnt, {name: value.ndim for name, value in bench.parameters.items()})

    def test_one_batch_overfits(self, learnt: Learnt) -> None:
        """Shown the same few examples again and again, the network learns them by heart."""
        first, last = learnt.losses[0], learnt.losses[-1]
        what = f"after {len(learnt.losses)} updates on one batch the loss went from {first:.4g} to {last:.4g}"
        assert last < first / 2, f"{what}; is the loss of these labels? (more steps: `overfit_steps`)"

    def _check_same(self, bench: TaskBench, outputs: Any, others: Any, what: str) -> None:
        found = []
        for one in (outputs, others):
            predictions = bench.predictions(bench.examples, bench.windows, one)
            shown = [bench.task.render(*pair) for pair in zip(bench.examples, predictions, strict=True)]
            found.append((shown, bench.scores(bench.examples, predictions)))
        (shown, scores), (other_shown, other_scores) = found
        for number, (before, after) in enumerate(zip(shown, other_shown, strict=True)):
            assert alike(before, after), f"{what} changes prediction {number} from {before} to {after}"
        assert alike(scores, other_scores), f"{what} changes the scores from {scores} to {other_scores}"

    def _check_shown(self, bench: TaskBench, examples: Sequence[Any], predictions: Sequence[Any]) -> None:
        for example, prediction in zip(examples, predictions, strict=True):
            row = bench.task.render(example, prediction)
            try:
                again = json.loads(json.dumps(row, allow_nan=False))
            except (TypeError, ValueError) as error:
                raise AssertionError(f"`render` gives what is no JSON: {error}; {row!r}") from error
            assert isinstance(again, dict), f"`render` gives {row!r}, which is no JSON object"


def check_reached(learnt: Learnt, dimensions: Mapping[str, int]) -> None:
    """See that there is a gradient where there must be one.

    Args:
        learnt: With the lengths of gradients.
        dimensions: How many each parameter has.
    """
    odd = [name for name, norm in learnt.norms.items() if not np.isfinite(norm)]
    assert not odd, f"the gradients of {odd} are not finite"
    head = [name for name in learnt.norms if not name.startswith("bert.")]
    still = [name for name in head if learnt.norms[name] == 0]
    assert not still, f"no gradient reaches {still}; does the loss use them?"
    still = [
        name
        for name, norm in learnt.norms.items()
        if name.startswith("bert.") and dimensions[name] > 1 and norm < 1e-12
    ]
    assert not still, f"no gradient reaches the encoder's {still}; does the head use what it is given, as a tensor?"


def _refused(bench: TaskBench, path: Path, what: str) -> str:
    """What the `DataError` of a file says."""
    try:
        reading = bench.read(path, "eval")
        list(reading.examples)
    except DataError as error:
        return str(error)
    except Exception as error:
        raise AssertionError(f"{what}: raises {error!r}, not a bert_core.DataError that says what is wrong") from error
    raise AssertionError(f"{what}: is read without a word, as {reading.summary!r}; raise a DataError")
