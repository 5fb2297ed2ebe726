"""Devices: whether each can run here, and of the chosen one all that its probe found."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bert_core import BertrunError, DeviceSpec, Probe

from .finding import Finding


def devices(manager: Any, wanted: str | None) -> Iterator[Finding]:
    """The chosen device, then the others.

    Args:
        manager: The plugins.
        wanted: The name that was asked for; None takes the one that runs take.
    """
    try:
        chosen = manager.preferred("device") if wanted is None else manager.get("device", wanted)
        others = [spec for spec in manager.specs("device").values() if spec.name != chosen.name]
    except BertrunError as error:
        yield Finding(check="device", state="problem", what=error.what, advice=error.hint or "", stops=True)
        return
    yield from _chosen(chosen)
    for spec in others:
        yield _other(spec)


def _chosen(spec: DeviceSpec) -> Iterator[Finding]:
    name = f"device {spec.name}"
    probe = _probed(spec)
    if not probe.available:
        advice = "\n".join(probe.findings)
        yield Finding(check=name, state="problem", what="it cannot run here", advice=advice, stops=True)
        return
    yield Finding(check=name, what=" ".join(probe.findings) or "it can run here")
    for warning in probe.warnings:
        what, _, advice = warning.partition(": ")
        yield Finding(check=name, state="warning", what=what, advice=advice)


def _other(spec: DeviceSpec) -> Finding:
    can = _probed(spec).available
    what = "it can run here" if can else f"not here; `bertrun describe device {spec.name}` says what is missing"
    return Finding(check=f"device {spec.name}", what=what)


def _probed(spec: DeviceSpec) -> Probe:
    try:
        return spec.probe()
    except (Exception, SystemExit) as error:  # whatever a stranger's code raises
        return Probe(available=False, findings=(f"Its probe failed: {type(error).__name__}: {error}.",))
