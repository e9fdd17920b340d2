"""Files: made for their owner alone, read whole, changed by one at a time, and durably. All raise `OSError`."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from smgwproxy.phrases import phrase


def read(path: Path, largest: int) -> bytes:
    """Return what is in a file of at most ``largest`` bytes; a pipe or a device in its place makes nobody wait."""
    return read_open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), largest)


def read_open(handle: int, largest: int) -> bytes:
    """Return what is in the file that ``handle`` leads to, as `read` does; the handle is closed."""
    try:
        # Before fdopen, which fails for a directory and leaves the handle open.
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, phrase("it is not a regular file"))
        with os.fdopen(handle, "rb", closefd=False) as file:
            octets = file.read(largest + 1)
    finally:
        os.close(handle)
    if len(octets) > largest:
        raise OSError(errno.EFBIG, phrase("it has more than {count} bytes", count=largest))
    return octets


def replace(path: Path, octets: bytes) -> None:
    """Put ``octets`` whole and durably in the place of a file, which there need not be; a link stays one.

    Needs `locked`: two at once would write to the same temporary file.
    """
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".{target.name}.tmp")  # of its own name, so that crashes leave one at most
    temporary.unlink(missing_ok=True)
    handle = create(temporary, path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(octets)
            file.flush()
            os.fsync(handle)
        temporary.rename(target)
    except BaseException:
        with suppress(OSError):  # the first error is the one to tell
            temporary.unlink()
        raise
    sync_directory(target.parent)


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
