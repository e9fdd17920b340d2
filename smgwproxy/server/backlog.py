"""What is still to be sent to a client: in memory at first, and when that is much, in a temporary file."""

from __future__ import annotations

import os
import tempfile
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import IO

from smgwproxy.storage import Storage


@dataclass(frozen=True, slots=True)
class _Stored:
    """A piece that is in the file."""

    file: int
    place: int
    length: int


class Backlog:
    """Bytes in their order, of which ``room`` bytes are kept in memory, and the rest in a file, if there is room.

    Where that cannot be written, or ``storage`` is used up, bytes stay in memory, and `is_full` says so.
    """

    def __init__(self, room: int, storage: Storage) -> None:
        self.size = 0
        self._room = room
        self._storage = storage
        self._pieces: deque[bytes | _Stored] = deque()
        self._gone = 0  # of the first piece
        self._in_memory = 0
        self._file: IO[bytes] | None = None
        self._stored = 0
        self._end = 0

    @property
    def is_full(self) -> bool:
        """Tell whether there is more in memory than there should be."""
        return self._in_memory > self._room

    def add(self, data: bytes) -> None:
        """Put ``data`` behind what is there."""
        self.size += len(data)
        if self._in_memory + len(data) <= self._room or not self._store(data):
            self._pieces.append(data)
            self._in_memory += len(data)

    def first(self, size: int) -> bytes | memoryview:
        """Return 1 to ``size`` bytes from the front, which stay there; raises `OSError` when it cannot."""
        piece = self._pieces[0]
        if not isinstance(piece, _Stored):
            return memoryview(piece)[self._gone : self._gone + size]
        octets = os.pread(piece.file, min(size, piece.length - self._gone), piece.place + self._gone)
        if not octets:
            raise OSError("what was to be sent is gone from the disk")
        return octets

    def drop(self, octets: int) -> None:
        """Forget ``octets`` bytes from the front, no more than `first` returned."""
        self.size -= octets
        self._gone += octets
        piece = self._pieces[0]
        length = piece.length if isinstance(piece, _Stored) else len(piece)
        if not isinstance(piece, _Stored):
            self._in_memory -= octets
        if self._gone == length:
            self._pieces.popleft()
            self._gone = 0
            if isinstance(piece, _Stored):
                self._forget(length)

    def close(self) -> None:
        """Forget all, and give the room back; harmless when done twice."""
        self._pieces.clear()
        self.size = self._gone = self._in_memory = 0
        if self._file is not None:
            self._forget(self._stored)
            self._file.close()
            self._file = None

    def _store(self, data: bytes) -> bool:
        """Put ``data`` into the file; False where it must stay in memory."""
        if not self._storage.take(len(data)):
            return False
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115  # closed in close()
            file = self._file.fileno()
            whole = os.pwrite(file, data, self._end) == len(data)
        except OSError:
            whole = False
        if not whole:  # the disk is full: as if nothing were left of the storage
            self._storage.give_back(len(data))
            return False
        self._pieces.append(_Stored(file, self._end, len(data)))
        self._end += len(data)
        self._stored += len(data)
        return True

    def _forget(self, stored: int) -> None:
        """Forget ``stored`` bytes of the file; when that was all it is used anew, and its room given back."""
        self._stored -= stored
        if not self._stored:
            self._storage.give_back(self._end)
            self._end = 0
            with suppress(OSError):  # it is written from its beginning all the same
                if self._file is not None:
                    self._file.truncate(0)
