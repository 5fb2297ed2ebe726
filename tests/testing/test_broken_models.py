"""Each check of the contracts of models, tasks and optimizers fails on what breaks it, and passes on what does not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from bert_core.options import NoOptions
from bert_core.testing import TINY_MODEL, ModelContract, OptimizerContract, TaskContract
from bert_core.testing.bench import TaskBench
from bert_core.testing.models import TinyEncoder
from bert_core.testing.optimizers import Rig
from bert_core.testing.tiny import TINY_LINES, write_vocabulary

from . import fakes
from .conftest import checks

Check = Callable[..., None]


class Model(ModelContract):
    name = "bert"
    tiny = {**TINY_MODEL, "hidden_size": 8}


class Task(TaskContract):
    name = "topics"
    bad = {"no tab": ("animal\ta cat\nplace\n", 2)}
    overfit_steps = 40


class Optimizer(OptimizerContract):
    name = "descent"


def of_model(fault: str) -> dict[str, Any]:
    spec = fakes.model(fault)
    sizes = spec.options(**Model.tiny)
    if fault == "large":
        sizes = spec.options(**{**Model.tiny, "vocab_size": 200_000})
    return {"spec": spec, "sizes": sizes, "encoder": TinyEncoder(spec, sizes), "batch": rows()}


def rows() -> Any:
    mask = (np.arange(9) < np.array([[9], [5], [2], [7]])).astype(np.int32)
    ids = np.random.default_rng(0).integers(5, 60, mask.shape).astype(np.int32) * mask
    return ids, ((np.arange(9) >= 3) * mask).astype(np.int32), mask


MODELS = {
    "test_its_sizes_are_small": ("large", "say smaller sizes"),
    "test_its_vectors_have_the_shapes_that_it_says": ("width", "by `hidden_size`"),
    "test_more_padding_changes_no_vector": ("padding", "leave it out of attention"),
    "test_pieces_segments_and_places_change_vectors": ("blind", "other pieces give the same"),
    "test_the_order_of_rows_changes_nothing": ("rows", "rows in another order"),
    "test_a_gradient_reaches_every_parameter": ("unreached", "no gradient reaches .*idle"),
    "test_its_parameters_have_names": ("frozen", "are not trained"),
    "test_its_layers_are_where_it_says": ("layers", "no parameter's name begins with .*layer"),
    "test_its_noises_fit": ("quiet", "a factor of 0 changes nothing"),
    "test_first_values_follow_from_the_seed": ("seedless", "draw them from `parts.seed`"),
    "test_without_a_pooler_it_has_no_parameters_of_one": ("pooler", "the same parameters"),
    "test_saved_and_loaded_it_gives_the_same_vectors": ("secret", "keep what is drawn"),
    "test_its_sizes_survive_a_config": ("growing", "came back as"),
    "test_its_presets_are_sizes": ("preset", "which are no options"),
    "test_it_computes_in_its_types": ("dtype", "must be some of"),
}


def test_every_check_of_models_is_broken_below() -> None:
    assert sorted(MODELS) == checks(ModelContract)


@pytest.mark.parametrize("name", MODELS)
def test_a_broken_model_is_told(name: str, check: Check) -> None:
    fault, said = MODELS[name]
    with pytest.raises(AssertionError, match=said):
        check(Model, name, **of_model(fault))


@pytest.fixture(scope="module")
def good_model() -> dict[str, Any]:
    return of_model("")


@pytest.mark.parametrize("name", MODELS)
def test_a_good_model_keeps_its_contract(name: str, check: Check, good_model: dict[str, Any]) -> None:
    check(Model, name, **good_model)


def of_task(fault: str, folder: Path) -> dict[str, Any]:
    spec, values, manager = fakes.task(fault), NoOptions(), fakes.manager()
    train = folder / "train.txt"
    train.write_text("".join(f"{label}\t{text}\n" for label, text in TINY_LINES), encoding="utf-8")
    given = {"spec": spec, "values": values, "manager": manager, "data": (train, train)}
    given["vocabulary"] = write_vocabulary(folder / "vocab.txt", train.read_text(encoding="utf-8"))
    bench = TaskBench(spec, values, vocabulary=given["vocabulary"], manager=manager, train=train, evaluated=train)
    return {**given, "bench": bench}


RUNS = ("test_a_run_that_is_resumed_ends_with_the_same_bytes", "test_two_processes_make_the_run_of_one")
TASKS = [
    ("test_what_it_says_of_itself_fits", "inputs", "not among `features`"),
    ("test_what_it_says_of_itself_fits", "drops", "give one for each"),
    ("test_what_it_says_of_itself_fits", "best", "`best` is 'gain'"),
    ("test_more_padding_changes_no_prediction", "padding", "padding changes the outputs"),
    ("test_more_padding_changes_no_loss", "totals", "count no padding"),
    ("test_the_loss_of_a_batch_is_the_sum_of_its_rows", "broadcast", "do they fit without broadcasting"),
    ("test_the_loss_of_a_batch_is_the_sum_of_its_rows", "vector", "the loss has the shape"),
    ("test_the_order_of_batches_changes_no_score", "batch", "another order of batches changes"),
    ("test_the_order_of_examples_changes_no_score", "place", "where the examples are in another order"),
    ("test_predictions_are_shown_as_json", "json", "no JSON"),
    ("test_a_text_can_be_predicted", "textless", "no text"),
    ("test_bad_data_is_told_with_file_and_line", "silent", "is read without a word"),
    ("test_bad_data_is_told_with_file_and_line", "lineless", r"must begin with .*bad\.txt:2"),
    ("test_what_is_no_data_is_told_with_the_file", "nowhere", "does not name the file"),
    ("test_saved_and_loaded_it_gives_the_same_outputs", "secret", "the outputs are others"),
    ("test_saved_and_loaded_it_gives_the_same_outputs", "state", "built of `state`"),
    ("test_saved_and_loaded_it_gives_the_same_outputs", "set", "not made of JSON values"),
    ("test_the_gradient_reaches_head_and_encoder", "still", "no gradient reaches .*weight"),
    ("test_the_gradient_reaches_head_and_encoder", "cut", "no gradient reaches the encoder's"),
    ("test_one_batch_overfits", "deaf", "is the loss of these labels"),
]


def test_every_check_of_tasks_is_broken_below() -> None:
    assert sorted({name for name, *_ in TASKS} | set(RUNS)) == checks(TaskContract)


def with_learnt(name: str, given: dict[str, Any]) -> dict[str, Any]:
    wanted = name in ("test_the_gradient_reaches_head_and_encoder", "test_one_batch_overfits")
    return {**given, "learnt": given["bench"].learn(Task.overfit_steps)} if wanted else given


@pytest.mark.parametrize(("name", "fault", "said"), TASKS)
def test_a_broken_task_is_told(name: str, fault: str, said: str, check: Check, tmp_path: Path) -> None:
    with pytest.raises((AssertionError, NotImplementedError), match=said):
        check(Task, name, **with_learnt(name, of_task(fault, tmp_path)), what="missing")


def test_a_task_that_crashes_on_bad_data_is_told(check: Check, tmp_path: Path) -> None:
    given = of_task("", tmp_path)
    given["bench"].task.fault = "crash"
    for name in ("test_bad_data_is_told_with_file_and_line", "test_what_is_no_data_is_told_with_the_file"):
        with pytest.raises(AssertionError, match=r"raises RuntimeError.*not a bert_core.DataError"):
            check(Task, name, **given, what="empty")


@pytest.fixture(scope="module")
def good_task(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return of_task("", tmp_path_factory.mktemp("good"))


@pytest.mark.parametrize("name", sorted({name for name, *_ in TASKS}))
def test_a_good_task_keeps_its_contract(name: str, check: Check, good_task: dict[str, Any]) -> None:
    check(Task, name, **with_learnt(name, good_task), what="folder")


ROWS = '{"step": 1, "loss": 0.5, "seconds": 1}\n{"step": 1, "scores": {"f1": 0.5}}\n'


def a_run(folder: Path, *, model: bytes = b"m", rows: str = ROWS, predictions: str = '{"a": 1}\n') -> Path:
    (folder / "latest").mkdir(parents=True)
    (folder / "latest" / "model.safetensors").write_bytes(model)
    (folder / "latest" / "training.safetensors").write_bytes(b"t")
    (folder / "metrics.jsonl").write_text(rows, encoding="utf-8")
    (folder / "predictions.jsonl").write_text(predictions, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("name", "other", "said"),
    [
        (RUNS[0], {"model": b"n"}, "model.safetensors of the run that was resumed"),
        (RUNS[0], {"rows": ROWS.replace("0.5", "0.6")}, "losses or scores"),
        (RUNS[0], {"predictions": '{"a": 2}\n'}, "predictions of the run that was resumed"),
        (RUNS[1], {"rows": ROWS.replace("0.5", "0.6")}, "two processes have"),
        (RUNS[1], {"rows": ROWS.splitlines()[0]}, "two processes logged 1"),
        (RUNS[1], {"predictions": '{"a": 2}\n'}, "two processes give other predictions"),
    ],
)
def test_runs_that_end_otherwise_are_told(
    name: str, other: dict[str, Any], said: str, check: Check, tmp_path: Path
) -> None:
    straight, another = a_run(tmp_path / "straight"), a_run(tmp_path / "another", **other)
    runs = SimpleNamespace(straight=straight, resumed=another, shared=another)
    with pytest.raises(AssertionError, match=said):
        check(Task, name, runs=runs)
    check(Task, name, runs=SimpleNamespace(straight=straight, resumed=straight, shared=straight))


def of_optimizer(fault: str) -> dict[str, Any]:
    spec, values = fakes.optimizer(fault), NoOptions()

    def rig(*groups: Any, begun: Any = None) -> Rig:
        return Rig(spec, values, groups, begun)

    return {"spec": spec, "values": values, "rig": rig}


def with_grouped(given: dict[str, Any]) -> dict[str, Any]:
    from bert_core.testing.optimizers import gradients

    grouped = given["rig"]((0.0, 1.0), (0.0, 0.0), (0.0, 0.5), (0.1, 1.0)).step(gradients() * 4)
    return {**given, "grouped": grouped}


OPTIMIZERS = [
    ("test_every_parameter_moves_against_its_gradient", "ascends", "went along with its gradient"),
    ("test_a_group_of_rate_0_does_not_move", "rates", "multiply the rate"),
    ("test_a_group_goes_by_its_own_rate", "half", "with `rate` 0.5"),
    ("test_what_decays_is_what_is_told", "undecayed", "does not shrink"),
    ("test_what_decays_is_what_is_told", "decayed", "does not shrink|without decay"),
    ("test_gradients_go_in_the_order_of_the_groups", "order", "these moved"),
    ("test_the_rate_of_each_step_counts", "rate", "learning rate 0 moved"),
    ("test_restored_it_goes_on_to_the_byte", "names", "with a name of its own"),
    ("test_one_graph_serves_every_step", "first", "is the first rate kept"),
    ("test_restored_it_goes_on_to_the_byte", "forgets", "after the state was restored"),
    ("test_it_lowers_a_loss", "feeble", "fifty steps took"),
    ("test_it_clips_where_it_says_so", "clips", "`lengths` gives"),
    ("test_its_notes_are_sentences", "notes", "is one text"),
    ("test_its_rates_and_presets_make_sense", "bounds", "from the least to the greatest"),
]


def test_every_check_of_optimizers_is_broken_above() -> None:
    assert sorted({name for name, *_ in OPTIMIZERS}) == checks(OptimizerContract)


@pytest.mark.parametrize(("name", "fault", "said"), OPTIMIZERS)
def test_a_broken_optimizer_is_told(name: str, fault: str, said: str, check: Check) -> None:
    with pytest.raises(AssertionError, match=said):
        check(Optimizer, name, **with_grouped(of_optimizer(fault)))


@pytest.fixture(scope="module")
def good_optimizer() -> dict[str, Any]:
    return with_grouped(of_optimizer(""))


@pytest.mark.parametrize("name", [name for name in checks(OptimizerContract) if "clips" not in name])
def test_a_good_optimizer_keeps_its_contract(name: str, check: Check, good_optimizer: dict[str, Any]) -> None:
    check(Optimizer, name, **good_optimizer)
