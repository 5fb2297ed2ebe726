"""Whether a device can run here, asked before any work is done for it."""

from __future__ import annotations

from collections.abc import Sequence

from .errors import DeviceError, in_a_line
from .types import DeviceSpec, Probe


def probed(spec: DeviceSpec) -> Probe:
    """What a device's probe finds.

    Raises:
        DeviceError: The probe fails, which it should not.
    """
    try:
        return spec.probe()
    except (Exception, SystemExit) as error:  # whatever a stranger's code raises
        raise DeviceError(f"the device '{spec.name}' cannot be probed: {in_a_line(error)}") from error


def check_available(spec: DeviceSpec) -> Probe:
    """What a device's probe finds, where it can run here.

    Raises:
        DeviceError: It cannot; the sentence holds the findings.
    """
    probe = probed(spec)
    if not probe.available:
        raise DeviceError(f"the device '{spec.name}' cannot run here:{_listed(probe.findings)}")
    return probe


def _listed(findings: Sequence[str]) -> str:
    """One sentence behind a colon, or several, each in a line of its own."""
    if len(findings) == 1:
        return f" {findings[0].removesuffix('.')}"
    return "".join(f"\n  - {finding}" for finding in findings)
