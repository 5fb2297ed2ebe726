"""What the options of `bertrun launch` must know before any of its work is imported."""

from __future__ import annotations

from pathlib import Path

PORT = 8118
"""MindSpore's own default."""

HCCN_CONF = Path("/etc/hccn.conf")
"""Where the addresses of a server's Ascends stand."""

JOB_SCHEDULERS = ("slurm", "mpi", "kubernetes")
"""Whose variables `jobs.py` reads, in the order in which it looks."""
