"""What this package adds to bertrun; nothing here imports MindSpore."""

from bert_core import MetricSpec, TaskSpec, hookimpl


def closeness(options):
    def score(predictions, references):
        distance = sum(abs(p - r) for p, r in zip(predictions, references, strict=True))
        return {"closeness": 1 - distance / max(1, len(references))}

    return score


def build(options, state):
    from .task import SimilarityTask

    return SimilarityTask()


@hookimpl
def bertrun_register_metrics():
    yield MetricSpec(name="similarity-closeness", summary="One less the mean distance of two numbers.", build=closeness)


@hookimpl
def bertrun_register_tasks():
    yield TaskSpec(name="similarity", summary="Tell how alike two sentences are.", build=build)
