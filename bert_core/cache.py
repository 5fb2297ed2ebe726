"""Where bertrun keeps what it can make or fetch again."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_cache_path


def cache_folder() -> Path:
    """The user's cache, or what the environment variable `BERTRUN_CACHE` names."""
    told = os.environ.get("BERTRUN_CACHE")
    return Path(told).expanduser() if told else user_cache_path("bertrun")
