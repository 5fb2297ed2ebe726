"""The names of Google's TensorFlow checkpoints, https://github.com/google-research/bert, and those made after them.

The official NEZHA checkpoints have these names too, and no position embeddings: relative positions are constants there
and are not stored (huawei-noah/Pretrained-Language-Model, NEZHA-TensorFlow/modeling.py).
"""

from __future__ import annotations

from .change import TRANSPOSED
from .table import Dropped, NameTable, Row

_LAYER, _OURS = "bert/encoder/layer_{i}", "bert.encoder.layer.{i}"
_ROWS: tuple[Row, ...] = (
    ("bert/embeddings/word_embeddings", "bert.embeddings.word_embeddings.weight"),
    ("bert/embeddings/position_embeddings", "bert.embeddings.position_embeddings.weight"),
    ("bert/embeddings/token_type_embeddings", "bert.embeddings.token_type_embeddings.weight"),
    ("bert/embeddings/LayerNorm/gamma", "bert.embeddings.LayerNorm.weight"),
    ("bert/embeddings/LayerNorm/beta", "bert.embeddings.LayerNorm.bias"),
    (f"{_LAYER}/attention/self/query/kernel", f"{_OURS}.attention.self.query.weight"),
    (f"{_LAYER}/attention/self/query/bias", f"{_OURS}.attention.self.query.bias"),
    (f"{_LAYER}/attention/self/key/kernel", f"{_OURS}.attention.self.key.weight"),
    (f"{_LAYER}/attention/self/key/bias", f"{_OURS}.attention.self.key.bias"),
    (f"{_LAYER}/attention/self/value/kernel", f"{_OURS}.attention.self.value.weight"),
    (f"{_LAYER}/attention/self/value/bias", f"{_OURS}.attention.self.value.bias"),
    (f"{_LAYER}/attention/output/dense/kernel", f"{_OURS}.attention.output.dense.weight"),
    (f"{_LAYER}/attention/output/dense/bias", f"{_OURS}.attention.output.dense.bias"),
    (f"{_LAYER}/attention/output/LayerNorm/gamma", f"{_OURS}.attention.output.LayerNorm.weight"),
    (f"{_LAYER}/attention/output/LayerNorm/beta", f"{_OURS}.attention.output.LayerNorm.bias"),
    (f"{_LAYER}/intermediate/dense/kernel", f"{_OURS}.intermediate.dense.weight"),
    (f"{_LAYER}/intermediate/dense/bias", f"{_OURS}.intermediate.dense.bias"),
    (f"{_LAYER}/output/dense/kernel", f"{_OURS}.output.dense.weight"),
    (f"{_LAYER}/output/dense/bias", f"{_OURS}.output.dense.bias"),
    (f"{_LAYER}/output/LayerNorm/gamma", f"{_OURS}.output.LayerNorm.weight"),
    (f"{_LAYER}/output/LayerNorm/beta", f"{_OURS}.output.LayerNorm.bias"),
    ("bert/pooler/dense/kernel", "bert.pooler.dense.weight"),
    ("bert/pooler/dense/bias", "bert.pooler.dense.bias"),
    ("cls/predictions/transform/dense/kernel", "cls.predictions.transform.dense.weight"),
    ("cls/predictions/transform/dense/bias", "cls.predictions.transform.dense.bias"),
    ("cls/predictions/transform/LayerNorm/gamma", "cls.predictions.transform.LayerNorm.weight"),
    ("cls/predictions/transform/LayerNorm/beta", "cls.predictions.transform.LayerNorm.bias"),
    ("cls/predictions/output_bias", "cls.predictions.bias"),
    ("cls/seq_relationship/output_weights", "cls.seq_relationship.weight"),
    ("cls/seq_relationship/output_bias", "cls.seq_relationship.bias"),
    ("output_weights", "classifier.weight"),  # run_classifier.py; (labels, hidden) as here, like all output_weights
    ("output_bias", "classifier.bias"),
    ("cls/squad/output_weights", "qa_outputs.weight"),  # run_squad.py
    ("cls/squad/output_bias", "qa_outputs.bias"),
)
# Besides Google's optimization.py: those of NEZHA and of NVIDIA's DeepLearningExamples, and TensorFlow's own Adam.
_DROPPED = (
    Dropped(r".+/(adam|lamb)_[mv]", "a moment of the optimizer"),
    Dropped(r".+/(Adam|AdamWeightDecayOptimizer)(_1)?", "a moment of the optimizer"),
    Dropped(r"beta[12]_power", "a power of Adam's rates"),
    Dropped(r".+/accum|local_step|batch_finite", "of the accumulation of gradients"),
    Dropped(r"(current_)?loss_scale|good_steps|bad_steps", "of the loss scale"),
    Dropped(r"global_step", "the number of steps"),
    Dropped(r"_CHECKPOINTABLE_OBJECT_GRAPH|save_counter(/\.ATTRIBUTES/VARIABLE_VALUE)?", "TensorFlow's bookkeeping"),
)

TABLE = NameTable(
    name="Google's TensorFlow BERT",
    rows=_ROWS,
    changes={foreign: TRANSPOSED for foreign, _ in _ROWS if foreign.endswith("/kernel")},
    dropped=_DROPPED,
)
TABLES = (TABLE,)
