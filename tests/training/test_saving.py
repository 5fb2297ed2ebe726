"""What a checkpoint's files are."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from mindspore import Parameter, Tensor

from bert_core.training.saving import copied, read_parameters, write_tensors


@pytest.fixture(params=[0o022, 0o007, 0o077], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def test_who_may_read_tensors_is_what_the_umask_says(umask: int, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    for value in (1.0, 2.0):  # a second time over what is there
        write_tensors(path, copied({"a": Parameter(Tensor(np.full(2, value, np.float32)))}))
        assert path.stat().st_mode & 0o777 == 0o666 & ~umask
    read = Parameter(Tensor(np.zeros(2, np.float32)))
    read_parameters(path, {"a": read})
    np.testing.assert_array_equal(read.asnumpy(), [2.0, 2.0])
