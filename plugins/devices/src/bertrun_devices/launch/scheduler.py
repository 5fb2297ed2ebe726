"""The process in which MindSpore's cluster meets: it computes nothing and ends when the ranks have ended."""

from __future__ import annotations


def main() -> None:
    """Meet, and wait: MindSpore reads the variables of the environment."""
    import mindspore as ms
    from mindspore.communication import init

    ms.set_device("CPU")
    init()


if __name__ == "__main__":
    main()
