"""The names of Hugging Face's transformers, which are ours, in all their spellings.

A bare BertModel has no prefix, NezhaModel's is `nezha.`, and the first releases had `gamma` and `beta` in LayerNorm.
What a head beyond these is called, its task says: such a name is unknown here and means itself.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from .table import WORDS, Dropped, NameTable, Row

_PREFIX = "bert."
_LAYER = "bert.encoder.layer.{i}"
_POSITIONS = "bert.embeddings.position_embeddings.weight"
RELATIVE = f"{_LAYER}.attention.self.relative_positions.weight"  # ours: NEZHA's, where they are learned
_OURS = (
    "bert.embeddings.word_embeddings.weight",
    _POSITIONS,
    "bert.embeddings.token_type_embeddings.weight",
    "bert.embeddings.LayerNorm.weight",
    "bert.embeddings.LayerNorm.bias",
    f"{_LAYER}.attention.self.query.weight",
    f"{_LAYER}.attention.self.query.bias",
    f"{_LAYER}.attention.self.key.weight",
    f"{_LAYER}.attention.self.key.bias",
    f"{_LAYER}.attention.self.value.weight",
    f"{_LAYER}.attention.self.value.bias",
    RELATIVE,
    f"{_LAYER}.attention.output.dense.weight",
    f"{_LAYER}.attention.output.dense.bias",
    f"{_LAYER}.attention.output.LayerNorm.weight",
    f"{_LAYER}.attention.output.LayerNorm.bias",
    f"{_LAYER}.intermediate.dense.weight",
    f"{_LAYER}.intermediate.dense.bias",
    f"{_LAYER}.output.dense.weight",
    f"{_LAYER}.output.dense.bias",
    f"{_LAYER}.output.LayerNorm.weight",
    f"{_LAYER}.output.LayerNorm.bias",
    "bert.pooler.dense.weight",
    "bert.pooler.dense.bias",
    "cls.predictions.transform.dense.weight",
    "cls.predictions.transform.dense.bias",
    "cls.predictions.transform.LayerNorm.weight",
    "cls.predictions.transform.LayerNorm.bias",
    "cls.predictions.bias",
    "cls.seq_relationship.weight",
    "cls.seq_relationship.bias",
    "classifier.weight",
    "classifier.bias",
    "qa_outputs.weight",
    "qa_outputs.bias",
)
_OLD = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}


def _table(name: str, prefix: str, words: Mapping[str, str], without: Collection[str] = ()) -> NameTable:
    def spelled(ours: str) -> str:
        for now, then in words.items():
            ours = ours.removesuffix(now) + then if ours.endswith(now) else ours
        return prefix + ours.removeprefix(_PREFIX) if ours.startswith(_PREFIX) else ours

    rows: tuple[Row, ...] = tuple((spelled(ours), ours) for ours in _OURS if ours not in without)
    return NameTable(name=name, rows=rows, dropped=_dropped(prefix.replace(".", r"\.")))


def _dropped(prefix: str) -> tuple[Dropped, ...]:
    table = rf"{prefix}encoder\.layer\.\d+\.attention\.self\.relative_positions_encoding\.positions_encoding"
    return (
        Dropped(rf"{prefix}embeddings\.position_ids", "0, 1, 2 and so on"),
        Dropped(table, "sines of the relative positions, which are computed"),
        Dropped(r"cls\.predictions\.decoder\.weight", "tied to the word embeddings", copy_of=WORDS),
        Dropped(r"cls\.predictions\.decoder\.bias", "tied to cls.predictions.bias", copy_of="cls.predictions.bias"),
    )


NEZHA = _table("Hugging Face's NEZHA", "nezha.", {}, without=(_POSITIONS, RELATIVE))
TABLES = (
    _table("Hugging Face's BERT", "bert.", {}),
    _table("Hugging Face's BERT without a prefix", "", {}),
    NEZHA,
    _table("Hugging Face's BERT in old words", "bert.", _OLD),
    _table("Hugging Face's BERT in old words without a prefix", "", _OLD),
)
