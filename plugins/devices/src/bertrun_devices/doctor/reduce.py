"""One of two processes that add up a number over MindSpore's cluster; `collectives` starts them."""

from __future__ import annotations

import os


def main() -> None:
    """Join the cluster; as a worker, add up the ranks counted from 1 and print the sum."""
    import mindspore as ms
    from mindspore import Tensor, ops
    from mindspore.communication import get_rank, init

    ms.set_device("CPU")
    init("mccl")
    if os.environ["MS_ROLE"] != "MS_SCHED":
        print("sum", ops.AllReduce()(Tensor([get_rank() + 1.0], ms.float32)).asnumpy()[0])


if __name__ == "__main__":
    main()
