"""Records checkpoints that TensorFlow wrote, and what it reads from them: `python tests/weights/record_tensorflow.py`.

Needs TensorFlow 2 (2.21 wrote what is here). Writes `data/tensorflow/`: `saver.ckpt` (TensorFlow 1's way, all kinds
of numbers and Adam's slots), `sharded.ckpt` (two data files), `objects.ckpt` (TensorFlow 2's way), `parts.ckpt` (a
partitioned variable), `first.ckpt` (the first version of the format), and `expected.npz`: `FILE/NAME` -> the tensor.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import tensorflow as tf

HERE = Path(__file__).parent / "data" / "tensorflow"
v1 = tf.compat.v1


def numbers(*shape: int, seed: int) -> Any:
    return np.random.default_rng(seed).standard_normal(shape)


def save(name: str, *, devices: int = 1, **how: Any) -> None:
    session = v1.Session(config=v1.ConfigProto(device_count={"CPU": devices}))
    session.run(v1.global_variables_initializer())
    session.run(v1.get_collection("steps"))
    v1.train.Saver(**how).save(session, str(HERE / name), write_meta_graph=False, write_state=False)


def variable(name: str, value: Any, dtype: tf.DType = tf.float32) -> Any:
    return v1.get_variable(name, initializer=tf.constant(value, dtype), use_resource=False)


def saver() -> None:
    with v1.variable_scope("bert/embeddings"):
        words = variable("word_embeddings", numbers(11, 4, seed=0))
        variable("LayerNorm/gamma", numbers(4, seed=1))
    for dtype in (tf.float64, tf.float16, tf.bfloat16):
        variable(f"kinds/{dtype.name}", numbers(3, 5, seed=dtype.as_datatype_enum), dtype)
    for dtype in (tf.int32, tf.int64, tf.uint8, tf.bool, tf.complex64):
        variable(f"kinds/{dtype.name}", np.array([1, 0, 1], dtype.as_numpy_dtype), dtype)
    variable("kinds/string", ["one", "", "three" * 100], tf.string)
    variable("scalar", 1.5)
    variable("nothing", np.zeros((0, 7)))
    v1.add_to_collection("steps", v1.train.AdamOptimizer(0.1).minimize(tf.reduce_sum(words**2), var_list=[words]))
    save("saver.ckpt")


def sharded() -> None:
    for device in range(2):
        with tf.device(f"/cpu:{device}"):
            variable(f"on_{device}/kernel", numbers(3, 4, seed=device))
            variable(f"on_{device}/bias", numbers(4, seed=10 + device))
    save("sharded.ckpt", devices=2, sharded=True)


def parts() -> None:
    partitioner = v1.fixed_size_partitioner(2)
    v1.get_variable("whole", initializer=tf.constant(numbers(3, seed=3), tf.float32), use_resource=False)
    v1.get_variable("bert/words", [6, 2], partitioner=partitioner, use_resource=False)
    save("parts.ckpt")


def first() -> None:
    variable("kernel", numbers(3, 4, seed=4))
    save("first.ckpt", write_version=v1.train.SaverDef.V1)


def objects() -> None:
    model = tf.Module()
    model.dense = [
        tf.Variable(numbers(4, 3, seed=5), dtype=tf.float32),
        tf.Variable(numbers(3, seed=6), dtype=tf.float32),
    ]
    model.step = tf.Variable(7, dtype=tf.int64)
    tf.train.Checkpoint(model=model).write(str(HERE / "objects.ckpt"))


def expected() -> dict[str, Any]:
    found = {}
    for name in ("saver", "sharded", "objects"):
        reader = tf.train.load_checkpoint(str(HERE / f"{name}.ckpt"))
        for tensor, dtype in reader.get_variable_to_dtype_map().items():
            if dtype.is_floating:
                found[f"{name}/{tensor}"] = reader.get_tensor(tensor).astype(np.float32)
    return found


if __name__ == "__main__":
    shutil.rmtree(HERE, ignore_errors=True)
    HERE.mkdir(parents=True)
    objects()
    for write in (saver, sharded, parts, first):
        with tf.Graph().as_default():
            write()
    np.savez_compressed(HERE / "expected.npz", **expected())
