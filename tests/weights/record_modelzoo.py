"""Records what MindSpore's ModelZoo calls its parameters, and what two tiny nets and its CRF make of them.

`python tests/weights/record_modelzoo.py CHECKOUT` with mindspore 2.10 on CPU, where CHECKOUT is official/nlp/Bert of
https://github.com/mindspore-ai/models (recorded at eab643f51). Writes into data/modelzoo:

    names.json         the shape of every parameter of its nets, by name; of nets in training, what training adds
    bert.ckpt          a net for pre-training, as mindspore.save_checkpoint stores it, its weights random
    nezha.ckpt         the same with relative positions
    outputs.npz        what the two give for one batch
    crf.npz            log partition and best path of its CRF
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn

HERE = Path(__file__).parent / "data" / "modelzoo"
VOCABULARY, LENGTH, WIDTH = 23, 7, 8
TAGS = ("O", "S_x", "B_x", "M_x", "E_x")


def config(*, relative: bool, layers: int = 2) -> Any:
    from src.bert_model import BertConfig

    return BertConfig(
        seq_length=LENGTH,
        vocab_size=VOCABULARY,
        hidden_size=WIDTH,
        num_hidden_layers=layers,
        num_attention_heads=2,
        intermediate_size=12,
        max_position_embeddings=9,
        type_vocab_size=2,
        use_relative_positions=relative,
    )


def names(net: Any) -> dict[str, list[int]]:
    return {parameter.name: list(parameter.shape) for parameter in net.get_parameters()}


def record_names() -> None:
    from src.bert_for_finetune import BertCLS, BertNER, BertSquad
    from src.bert_for_pre_training import BertNetworkWithLoss, BertPreTraining
    from src.bert_for_pre_training import BertTrainAccumulationAllReducePostWithLossScaleCell as Accumulating
    from src.bert_for_pre_training import BertTrainOneStepWithLossScaleCell as OneStep
    from src.bert_model import BertModel
    from src.finetune_eval_model import BertCLSModel

    plain, relative = config(relative=False), config(relative=True)
    with_crf = {tag: index for index, tag in enumerate((*TAGS, "<START>", "<STOP>"))}
    nets = {
        "pretraining": BertNetworkWithLoss(plain, True),
        "pretraining, nezha": BertNetworkWithLoss(relative, True),
        "pretraining without its loss": BertPreTraining(plain, True, False),
        "classifier": BertCLS(plain, True, 3),
        "classifier without its loss": BertCLSModel(plain, True, 3),
        "ner": BertNER(plain, 2, True, 5),
        "ner, crf, lstm": BertNER(plain, 2, True, 7, True, True, with_crf),
        "ner, crf, nezha": BertNER(relative, 2, True, 7, True, False, with_crf),
        "squad": BertSquad(plain, True, 2),
        "encoder": BertModel(plain, True),
        "encoder, nezha": BertModel(relative, True),
    }
    recorded = {name: names(net) for name, net in nets.items()}
    for name, cell, optimizer, more in (
        ("AdamWeightDecay, accumulating", Accumulating, nn.AdamWeightDecay, {"accumulation_steps": 2}),
        ("Lamb", OneStep, lambda parameters: nn.Lamb(parameters, 1e-3), {}),
        ("Momentum", OneStep, lambda parameters: nn.Momentum(parameters, 0.1, 0.9), {}),
        ("Adam", OneStep, nn.Adam, {}),
    ):
        net = BertNetworkWithLoss(config(relative=False, layers=1), True)
        scale = nn.DynamicLossScaleUpdateCell(2**16, 2, 1000)
        trained = names(cell(net, optimizer(net.trainable_params()), scale_update_cell=scale, **more))
        added = {key: shape for key, shape in trained.items() if key not in recorded["pretraining"]}
        recorded[f"training, {name}"] = added
    lines = [f"{json.dumps(name)}: {json.dumps(shapes)}" for name, shapes in recorded.items()]
    (HERE / "names.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


def record_nets() -> None:
    from src.bert_for_pre_training import BertPreTraining

    random = np.random.default_rng(5)
    lengths = np.array([LENGTH, 4, 5])
    mask = (np.arange(LENGTH) < lengths[:, None]).astype(np.int32)
    inputs = {
        "input_ids": random.integers(1, VOCABULARY, mask.shape).astype(np.int32) * mask,
        "attention_mask": mask,
        "token_type_ids": (np.arange(LENGTH) >= lengths[:, None] // 2).astype(np.int32) * mask,
        "positions": np.array([[1, 3], [2, 0], [3, 1]], np.int32),
    }
    outputs = dict(inputs)
    for name, relative in (("bert", False), ("nezha", True)):
        net = BertPreTraining(config(relative=relative), False, False)
        stored = []
        for parameter in net.get_parameters():
            middle = 1.0 if parameter.name.endswith("gamma") else 0.0
            parameter.set_data(Tensor(random.normal(middle, 0.4, parameter.shape).astype(np.float32)))
            stored.append({"name": "bert." + parameter.name, "data": parameter})
        ms.save_checkpoint(stored, str(HERE / f"{name}.ckpt"))
        (HERE / f"{name}.ckpt").chmod(0o644)
        arguments = [Tensor(inputs[key]) for key in ("input_ids", "attention_mask", "token_type_ids", "positions")]
        sequence, pooled, _ = net.bert(arguments[0], arguments[2], arguments[1])
        words, sentences = net(*arguments)
        named = {"sequence": sequence, "pooled": pooled, "words": words, "sentences": sentences}
        outputs.update({f"{name}/{key}": value.asnumpy() for key, value in named.items()})
    np.savez_compressed(HERE / "outputs.npz", **outputs)


def record_crf() -> None:
    from src.CRF import CRF, postprocess

    random = np.random.default_rng(6)
    batch, length = 8, 4
    tags = {"O": 0, "B": 1, "I": 2, "<START>": 3, "<STOP>": 4}
    np.random.seed(7)
    decoder = CRF(tags, batch, length, is_training=False)
    emissions = (random.standard_normal((batch, length, len(tags))) * 2).astype(np.float32)
    path = np.array(postprocess(*decoder(Tensor(emissions), None)))
    partition = decoder._normalization_factor(Tensor(emissions)).asnumpy().reshape(-1)
    table = decoder.transitions.asnumpy()
    np.savez_compressed(HERE / "crf.npz", emissions=emissions, table=table, path=path, partition=partition)


if __name__ == "__main__":
    sys.path.insert(0, sys.argv[1])
    ms.set_context(mode=ms.PYNATIVE_MODE, device_target="CPU")
    record_names()
    record_nets()
    record_crf()
