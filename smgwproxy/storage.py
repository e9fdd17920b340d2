"""The `Storage` that all clients share on disk: for uploads that are gathered, and answers that are not taken."""

from __future__ import annotations

import threading

LIMIT = 64 * 1024 * 1024
"""Bytes. On some machines the directory for temporary files is memory."""


class Storage:
    """Room for ``limit`` bytes; safe between threads and greenlets."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._left = limit
        self._lock = threading.Lock()

    def take(self, octets: int) -> bool:
        """Take room for ``octets`` bytes; False, and none is taken, when there is not as much."""
        with self._lock:
            if octets > self._left:
                return False
            self._left -= octets
            return True

    def give_back(self, octets: int) -> None:
        """Give room back that was taken."""
        with self._lock:
            self._left += octets
