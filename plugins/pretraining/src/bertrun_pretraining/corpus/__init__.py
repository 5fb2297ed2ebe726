"""Raw text for pre-training: files of several forms become documents, and documents become sentences."""

from __future__ import annotations

from .documents import Document, documents, files_of
from .sentences import sentences

__all__ = ["Document", "documents", "files_of", "sentences"]
