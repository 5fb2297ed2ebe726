"""CRC-32C in the form in which TensorFlow stores it, behind records and in checkpoints."""

from __future__ import annotations

import google_crc32c


def masked(checksum: int) -> int:
    """A CRC-32C in the form that is stored, so that no checksum is taken of bytes that hold their own checksum."""
    return ((checksum >> 15 | checksum << 17) + 0xA282EAD8) & 0xFFFFFFFF


def masked_crc32c(content: bytes) -> int:
    """The stored form of the CRC-32C of some bytes."""
    return masked(google_crc32c.value(content))
