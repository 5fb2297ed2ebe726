"""The processor's cores, divided among the workers of a machine."""

from __future__ import annotations

from collections.abc import Sequence


def shares(cores: Sequence[int], workers: int) -> list[tuple[int, ...]]:
    """As many neighbouring cores for each worker; what is left over stays free.

    With fewer cores than workers nobody is bound, and each share is empty.
    """
    each = len(cores) // workers
    ordered = sorted(cores)
    return [tuple(ordered[n * each : (n + 1) * each]) for n in range(workers)]


def spelled(cores: Sequence[int]) -> str:
    """Cores as `taskset -c` writes them: `0-3,8`."""
    parts: list[list[int]] = []
    for core in cores:
        if parts and core == parts[-1][-1] + 1:
            parts[-1].append(core)
        else:
            parts.append([core])
    return ",".join(str(part[0]) if len(part) == 1 else f"{part[0]}-{part[-1]}" for part in parts)
