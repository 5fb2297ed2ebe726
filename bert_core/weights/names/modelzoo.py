"""The names of MindSpore's ModelZoo: mindspore-ai/models, official/nlp/Bert, and its older form in mindspore/model_zoo.

A checkpoint of training has them below `bert.bert.`, one of a net without its loss below `bert.`, one of the encoder
alone below nothing. The LSTM is MindSpore's nn.LSTM in both worlds, so its parameters are the same one by one, the four
gates in the same order; there it also read [CLS], [SEP] and the padding, so what it makes of a sentence differs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from .change import Change
from .modelzoo_crf import LABELS_ONLY, TRANSITIONS, TRANSITIONS_ONLY
from .table import Dropped, NameTable, Row

_LAYER, _OURS = "bert_encoder.layers.{i}", "bert.encoder.layer.{i}"
_POSITIONS = "bert.embeddings.position_embeddings.weight"
_RELATIVE = f"{_OURS}.attention.self.relative_positions.weight"
_ENCODER: tuple[tuple[str, str], ...] = (
    ("bert_embedding_lookup.embedding_table", "bert.embeddings.word_embeddings.weight"),
    ("bert_embedding_postprocessor.layernorm.gamma", "bert.embeddings.LayerNorm.weight"),
    ("bert_embedding_postprocessor.layernorm.beta", "bert.embeddings.LayerNorm.bias"),
    (f"{_LAYER}.attention.attention.query_layer.weight", f"{_OURS}.attention.self.query.weight"),
    (f"{_LAYER}.attention.attention.query_layer.bias", f"{_OURS}.attention.self.query.bias"),
    (f"{_LAYER}.attention.attention.key_layer.weight", f"{_OURS}.attention.self.key.weight"),
    (f"{_LAYER}.attention.attention.key_layer.bias", f"{_OURS}.attention.self.key.bias"),
    (f"{_LAYER}.attention.attention.value_layer.weight", f"{_OURS}.attention.self.value.weight"),
    (f"{_LAYER}.attention.attention.value_layer.bias", f"{_OURS}.attention.self.value.bias"),
    (f"{_LAYER}.attention.output.dense.weight", f"{_OURS}.attention.output.dense.weight"),
    (f"{_LAYER}.attention.output.dense.bias", f"{_OURS}.attention.output.dense.bias"),
    (f"{_LAYER}.attention.output.layernorm.gamma", f"{_OURS}.attention.output.LayerNorm.weight"),
    (f"{_LAYER}.attention.output.layernorm.beta", f"{_OURS}.attention.output.LayerNorm.bias"),
    (f"{_LAYER}.intermediate.weight", f"{_OURS}.intermediate.dense.weight"),
    (f"{_LAYER}.intermediate.bias", f"{_OURS}.intermediate.dense.bias"),
    (f"{_LAYER}.output.dense.weight", f"{_OURS}.output.dense.weight"),
    (f"{_LAYER}.output.dense.bias", f"{_OURS}.output.dense.bias"),
    (f"{_LAYER}.output.layernorm.gamma", f"{_OURS}.output.LayerNorm.weight"),
    (f"{_LAYER}.output.layernorm.beta", f"{_OURS}.output.LayerNorm.bias"),
    ("dense.weight", "bert.pooler.dense.weight"),
    ("dense.bias", "bert.pooler.dense.bias"),
)
_NEWER_TYPES = "bert_embedding_postprocessor.token_type_embedding.embedding_table"
_NEWER_POSITIONS = "bert_embedding_postprocessor.full_position_embedding.embedding_table"
_OLDER_TYPES = "bert_embedding_postprocessor.embedding_table"
_OLDER_POSITIONS = "bert_embedding_postprocessor.full_position_embeddings"
_TABLE = f"{_LAYER}.attention.attention._generate_relative_positions_embeddings.embeddings_table"

_HEADS: tuple[tuple[str, str], ...] = (
    ("cls1.dense.weight", "cls.predictions.transform.dense.weight"),
    ("cls1.dense.bias", "cls.predictions.transform.dense.bias"),
    ("cls1.layernorm.gamma", "cls.predictions.transform.LayerNorm.weight"),
    ("cls1.layernorm.beta", "cls.predictions.transform.LayerNorm.bias"),
    ("cls1.output_bias", "cls.predictions.bias"),
    ("cls2.dense.weight", "cls.seq_relationship.weight"),
    ("cls2.dense.bias", "cls.seq_relationship.bias"),
    ("dense_1.weight", "classifier.weight"),
    ("dense_1.bias", "classifier.bias"),
    ("dense1.weight", "qa_outputs.weight"),
    ("dense1.bias", "qa_outputs.bias"),
    ("lstm.weight_ih_l0", "lstm.ahead.weight_ih_l0"),
    ("lstm.weight_hh_l0", "lstm.ahead.weight_hh_l0"),
    ("lstm.bias_ih_l0", "lstm.ahead.bias_ih_l0"),
    ("lstm.bias_hh_l0", "lstm.ahead.bias_hh_l0"),
    ("lstm.weight_ih_l0_reverse", "lstm.back.weight_ih_l0"),
    ("lstm.weight_hh_l0_reverse", "lstm.back.weight_hh_l0"),
    ("lstm.bias_ih_l0_reverse", "lstm.back.bias_ih_l0"),
    ("lstm.bias_hh_l0_reverse", "lstm.back.bias_hh_l0"),
)
_CRF: tuple[Row, ...] = (("loss.transitions", ("crf.transitions", "crf.start_transitions", "crf.end_transitions")),)
# Their net has no place for the two last: MindSpore leaves them aside when it loads, and bertrun reads them back.
_CRF_OF_OURS: tuple[Row, ...] = (
    ("loss.transitions", "crf.transitions"),
    ("crf.start_transitions", "crf.start_transitions"),
    ("crf.end_transitions", "crf.end_transitions"),
)
_TAGGER = {"bert.dense_1.weight": LABELS_ONLY, "bert.dense_1.bias": LABELS_ONLY}

_DROPPED = (
    Dropped(r"(adam_m|adam_v|lamb_m|lamb_v|moments|moment1|moment2|vhat)\..+", "a moment of the optimizer"),
    Dropped(r"cov_step|matrix_[ag]_inv_\d+|matrix_max\d+|.+\.matrix_[ag]", "of the optimizer Thor"),
    Dropped(r"learning_rate|momentum|beta[12]_power", "a rate of the optimizer"),
    Dropped(r"global_step|epoch_num|step_num", "the number of steps or epochs"),
    Dropped(r"scale_sense|loss_scale|current_iterator_step|last_overflow_iterator_step", "of the loss scale"),
    Dropped(r"accu_grads\..+|local_step|accu_overflow|accu_loss", "of the accumulation of gradients"),
    Dropped(r"total_num|start_num|end_num", "counters of the SQuAD net that nothing reads"),
)
_ENDS_READ = (
    "a CRF of the ModelZoo runs through [CLS] and [SEP] as O: the scores of beginning and ending with a label are "
    "those of its transitions from and to O"
)
_ENDS_WRITTEN = (
    "a CRF of the ModelZoo runs through [CLS] and [SEP] as O, and has transitions from and to O where ours has scores "
    "of beginning and ending: these stand beside its table, and bertrun alone reads them"
)
_UNREAD = "positions that the net has and, with relative ones, does not read"


class _Generation(NamedTuple):
    """What the two forms of the code call differently."""

    name: str
    types: str
    positions: str


class _Scope(NamedTuple):
    """Below what a net has its encoder's names, and its heads'."""

    name: str
    encoder: str
    heads: str | None


_NEWER = _Generation("newer", _NEWER_TYPES, _NEWER_POSITIONS)
_OLDER = _Generation("older", _OLDER_TYPES, _OLDER_POSITIONS)
_SCOPES = (
    _Scope("a net with its loss", "bert.bert.", "bert."),
    _Scope("a net without its loss", "bert.", ""),
    _Scope("an encoder alone", "", None),
)


def _plain(generation: _Generation, scope: _Scope) -> NameTable:
    encoder = (
        *_ENCODER,
        (generation.types, "bert.embeddings.token_type_embeddings.weight"),
        (generation.positions, _POSITIONS),
    )
    heads = () if scope.heads is None else tuple((scope.heads + theirs, ours) for theirs, ours in _HEADS)
    rows = tuple((scope.encoder + theirs, ours) for theirs, ours in encoder)
    name = f"MindSpore's ModelZoo, the {generation.name} names of {scope.name}"
    return NameTable(name=name, rows=(*rows, *heads), dropped=_DROPPED)


def _relative(plain: NameTable, scope: _Scope) -> NameTable:
    """The names of its NEZHA, which is BERT with a table of relative positions for each layer."""
    rows = tuple(row for row in plain.rows if row[1] != _POSITIONS)
    (positions,) = (theirs for theirs, ours in plain.rows if ours == _POSITIONS)
    return NameTable(
        name=f"{plain.name}, with relative positions",
        rows=(*rows, (scope.encoder + _TABLE, _RELATIVE)),
        dropped=(*_DROPPED, Dropped(positions.replace(".", r"\."), _UNREAD)),
        tells=(_RELATIVE.replace("{i}", "0"),),
    )


def _with_crf(table: NameTable) -> NameTable:
    """The names of a tagger whose loss is a CRF: the tagger has two labels more, and the CRF is one table."""
    changes: Mapping[str, Change] = {**_TAGGER, "loss.transitions": TRANSITIONS}
    return NameTable(
        name=f"{table.name}, with a CRF",
        rows=(*table.rows, *_CRF),
        changes=changes,
        dropped=table.dropped,
        tells=(*table.tells, "crf.transitions"),
        notes=(_ENDS_READ,),
    )


def _with_crf_of_ours(table: NameTable) -> NameTable:
    """The names of such a tagger that bertrun wrote, whose scores of beginning and ending stand beside the table."""
    changes: Mapping[str, Change] = {**_TAGGER, "loss.transitions": TRANSITIONS_ONLY}
    return NameTable(
        name=f"{table.name}, with a CRF that bertrun wrote",
        rows=(*table.rows, *_CRF_OF_OURS),
        changes=changes,
        dropped=table.dropped,
        tells=(*table.tells, "crf.transitions", "crf.start_transitions", "crf.end_transitions"),
        notes=(_ENDS_WRITTEN,),
    )


def _tables() -> tuple[NameTable, ...]:
    """Those that ask for more come first, then the newer ones, then those of nets with their loss."""
    nets = [(_plain(generation, scope), scope) for generation in (_NEWER, _OLDER) for scope in _SCOPES]
    plain = [table for table, _ in nets]
    relative = [_relative(table, scope) for table, scope in nets]
    taggers = [table for table in (*relative, *plain) if table.ours("bert.dense_1.weight")]
    return (*map(_with_crf_of_ours, taggers), *map(_with_crf, taggers), *relative, *plain)


TABLES = _tables()
