"""The process in which MindSpore's cluster meets: it computes nothing and ends when the ranks have ended."""

from __future__ import annotations

import sys

from bert_core import RankLostError


def main() -> None:
    """Meet, and wait: MindSpore reads the variables of the environment."""
    import mindspore as ms
    from mindspore.communication import init

    ms.set_device("CPU")
    try:
        init()
    except RuntimeError:
        print("the cluster did not come together", file=sys.stderr)
        sys.exit(RankLostError.exit_code)


if __name__ == "__main__":
    main()
