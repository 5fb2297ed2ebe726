"""What this package adds to bertrun; nothing here imports MindSpore."""

from dataclasses import dataclass

from bert_core import MetricSpec, hookimpl, option


@dataclass(frozen=True, kw_only=True)
class AcmeOptions:
    """What can be said of it."""

    acme_credit: float = option(0.0, minimum=0, maximum=1, help="What a wrong prediction counts.")


def build(options):
    def score(predictions, references):
        right = [p == r for p, r in zip(predictions, references, strict=True)]
        return {"acme": sum(1.0 if one else options.acme_credit for one in right) / max(1, len(right))}

    return score


@hookimpl
def bertrun_register_metrics():
    yield MetricSpec(
        name="acme",
        summary="The share of predictions that are right; tasks ask for it by its name.",
        options=AcmeOptions,
        build=build,
    )
