"""TensorBoard is an optional dependency: where it is not there, its tests are not either."""

from __future__ import annotations

collect_ignore: list[str] = []
try:
    import tensorboard  # noqa: F401
except ImportError:
    collect_ignore += ["test_event_file.py", "test_tracked_run.py"]
