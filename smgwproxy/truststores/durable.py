"""Files of a store: made for their owner alone, changed by one at a time, and durable. All raise `OSError`."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def create(path: Path, directory: Path) -> int:
    """Make a file that is not there yet, mode 0600 whatever the umask, and return its handle.

    It belongs to this user, or when this is root, to the owner of the store's ``directory``: who edits the store
    with sudo must not lock out the user that the proxy runs as.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with suppress(OSError):  # FAT has neither modes nor owners, and on a network's file system root may not
        os.fchmod(handle, 0o600)
        if os.geteuid() == 0:
            owner = directory.stat()
            os.fchown(handle, owner.st_uid, owner.st_gid)
    return handle


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep all others out who do the same: an exclusive ``flock`` on the file ``path``, which stays.

    Between threads and processes of this machine; the lock ends with the process that holds it.
    """
    handle = _open(path)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        try:
            yield
        finally:
            # Closing would not do: a child that was forked meanwhile has the handle as well.
            fcntl.flock(handle, fcntl.LOCK_UN)
    finally:
        os.close(handle)


def sync_directory(directory: Path) -> None:
    """Make durable what was renamed into ``directory``."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _open(path: Path) -> int:
    with suppress(FileExistsError):
        return create(path, path.parent)
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
