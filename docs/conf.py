"""How the documentation is built: `sphinx-build -W -b html docs OUTPUT`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

project = "bertrun"
extensions = ["myst_parser", "pages"]
html_theme = "furo"
html_title = "bertrun"
myst_heading_anchors = 3  # links may name headings
suppress_warnings = ["misc.highlighting_failure"]  # output that console blocks show is no language
nitpicky = True
exclude_patterns = ["generated/contracts.md", "generated/exit-codes.md"]  # parts of other pages
