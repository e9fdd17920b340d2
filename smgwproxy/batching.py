"""A log handler that hands records on in batches, so that a request does not wait for its line."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol

_MOST = 1000  # records that wait; each is a few hundred bytes
_MOST_PUT_OFF = 100  # tasks; each may hold the beginnings of two bodies


class Writer(Protocol):
    """What can write several records at once."""

    def write(self, records: Sequence[logging.LogRecord], /) -> None:
        """Write ``records``, one or more, in their order. Must not raise."""
        ...


class Batches(logging.Handler):
    """Keeps records for a moment, until ``later`` calls the function that it was given; then they are written.

    What is a warning or worse is written at once, with all that came before it, and so is whatever another thread
    than the one that made this has to say, where ``later`` cannot be used. Records are in their order in any case.
    To make them can be put off as well, to when nobody waits: see `put_off`. A program that is killed loses those
    of a moment, one that ends must `close` this first.
    """

    def __init__(self, later: Callable[[Callable[[], None]], None]) -> None:
        super().__init__()
        self._writers: list[Writer] = []
        self._later = later
        self._thread = threading.get_ident()
        self._records: list[logging.LogRecord] = []
        self._tasks: list[Callable[[], None]] = []
        self._expected = False  # the end of a moment

    def add(self, writer: Writer) -> None:
        """Write to ``writer`` what comes from now on."""
        self.flush()
        self._writers.append(writer)

    def remove(self, writer: Writer) -> None:
        """Write to ``writer`` what has come, and no more; harmless when done twice."""
        self.flush()
        with suppress(ValueError):
            self._writers.remove(writer)

    def put_off(self, task: Callable[[], None]) -> None:
        """Let ``task``, which logs something, be done at the next `catch_up`. It must not raise.

        That comes before anything else is logged, or after a moment, if nobody calls it sooner.
        """
        if threading.get_ident() != self._thread:
            task()
            return
        self._tasks.append(task)
        self._await_the_end()
        if len(self._tasks) >= _MOST_PUT_OFF:
            self.catch_up()

    def catch_up(self) -> None:
        """Do what was put off; does not wait."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task()

    def handle(self, record: logging.LogRecord) -> bool:
        """Take ``record``, after those that were put off."""
        self.catch_up()
        return super().handle(record)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep ``record``, or write it."""
        self._records.append(record)
        if (
            record.levelno >= logging.WARNING
            or len(self._records) >= _MOST
            or threading.get_ident() != self._thread
        ):
            self.flush()
        else:
            self._await_the_end()

    def _await_the_end(self) -> None:
        if not self._expected:
            self._expected = True
            self._later(self.flush)

    def flush(self) -> None:
        """Write what is there."""
        try:
            self.catch_up()
        finally:
            self._expected = False
        self.acquire()
        try:
            records, self._records = self._records, []
            if records:
                for writer in self._writers:
                    writer.write(records)
        finally:
            self.release()

    def close(self) -> None:
        """Write what is there, and be a handler no more."""
        self.flush()
        super().close()
