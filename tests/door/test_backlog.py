"""What waits for a client comes out as it went in, wherever it was kept, and never takes more room than it may."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smgwproxy.server.backlog import Backlog
from smgwproxy.storage import Storage
from tests.support import largest_file

ROOM = 10


def taken(backlog: Backlog, size: int) -> bytes:
    """Take up to ``size`` bytes, as one send does."""
    octets = bytes(backlog.first(size))
    backlog.drop(len(octets))
    return octets


def emptied(backlog: Backlog) -> bytes:
    octets = b""
    while backlog.size:
        octets += taken(backlog, 4)
    return octets


@settings(deadline=None)
@given(st.integers(0, 60), st.lists(st.binary(min_size=1, max_size=20) | st.integers(1, 30), max_size=30))
def test_bytes_come_out_in_their_order_however_they_are_kept(limit: int, steps: list[bytes | int]) -> None:
    storage = Storage(limit)
    backlog = Backlog(ROOM, storage)
    went_in = came_out = b""
    for step in steps:
        if isinstance(step, bytes):
            backlog.add(step)
            went_in += step
        elif backlog.size:
            came_out += taken(backlog, step)
        assert backlog.size == len(went_in) - len(came_out)
    assert came_out + emptied(backlog) == went_in
    assert not backlog.is_full
    backlog.close()
    assert storage.take(limit)


def test_what_is_more_than_memory_may_hold_waits_on_disk() -> None:
    backlog = Backlog(ROOM, Storage(100))
    for _ in range(10):
        backlog.add(b"x" * 10)
        assert not backlog.is_full
    assert backlog.size == 100
    backlog.close()


def test_it_is_full_when_the_storage_is_used_up() -> None:
    storage = Storage(10)
    greedy, other = Backlog(ROOM, storage), Backlog(ROOM, storage)
    for _ in range(2):
        greedy.add(b"x" * 10)
    for _ in range(2):
        other.add(b"y" * 10)
    assert (greedy.is_full, other.is_full) == (False, True)
    greedy.close()
    assert taken(other, 10) == b"y" * 10
    assert not other.is_full
    other.add(b"z" * 10)
    assert not other.is_full
    assert emptied(other) == b"y" * 10 + b"z" * 10
    other.close()


def test_room_on_disk_is_given_back_once_and_the_file_used_again() -> None:
    storage = Storage(10)
    backlog = Backlog(0, storage)
    for _ in range(5):
        backlog.add(b"x" * 10)
        assert not backlog.is_full
        assert emptied(backlog) == b"x" * 10
    backlog.add(b"x")
    backlog.close()
    backlog.close()
    assert storage.take(10)
    assert not storage.take(1)


def test_file_never_has_more_than_the_storage_allows_be_it_never_empty() -> None:
    backlog = Backlog(0, Storage(100))
    for step in range(500):
        if not backlog.is_full:
            backlog.add(b"x" * 10)
        if step > 5:
            taken(backlog, 10)
        assert backlog._file is not None
        assert os.fstat(backlog._file.fileno()).st_size <= 100
    backlog.close()


@pytest.fixture
def no_temporary_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))


@pytest.mark.usefixtures("no_temporary_files")
def test_without_a_directory_for_it_all_stays_in_memory() -> None:
    storage = Storage(100)
    backlog = Backlog(ROOM, storage)
    backlog.add(b"x" * 20)
    assert backlog.is_full
    assert emptied(backlog) == b"x" * 20
    assert storage.take(100)


def test_a_disk_that_is_full_loses_nothing() -> None:
    storage = Storage(100)
    backlog = Backlog(0, storage)
    with largest_file(15):
        backlog.add(b"x" * 10)
        backlog.add(b"y" * 10)  # of which five could be written
        backlog.add(b"z" * 3)
    assert backlog.is_full
    assert emptied(backlog) == b"x" * 10 + b"y" * 10 + b"z" * 3
    assert storage.take(100)
    backlog.close()


def test_what_is_gone_from_the_disk_is_an_error_and_no_end() -> None:
    backlog = Backlog(0, Storage(100))
    backlog.add(b"x" * 10)
    assert backlog._file is not None
    backlog._file.truncate(0)
    with pytest.raises(OSError, match="gone from the disk"):
        backlog.first(10)
    backlog.close()
