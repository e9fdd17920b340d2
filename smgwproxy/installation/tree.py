"""The files below a root directory: nothing outside it is read or written, whatever links there are.

Every path is absolute within the root, and links are followed there, too, as a program would that has it for its
root directory. When something is written or removed, or read to be handed to another user (``trusted``), a link is
only followed in a directory that belongs to root or to this user: nobody else may lead root elsewhere. All raise
`OSError`.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from smgwproxy import durable
from smgwproxy.phrases import phrase

Kind = Literal["file", "directory", "link", "other"]
Ids = tuple[int, int]
"""The numbers of a user and a group."""

_MOST_LINKS = 40  # as the kernel has it


@dataclass(frozen=True, slots=True)
class Entry:
    """What is at a path; ``mode`` without the kind, ``owner`` as numbers, ``written`` in seconds since 1970."""

    kind: Kind
    mode: int
    owner: Ids
    written: float


class Tree:
    """The files below ``root``, a directory that is there."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def outside(self, path: str) -> str:
        """Return ``path`` as it is called outside the root, for messages and other programs."""
        return str(self._root / path.lstrip("/"))

    # --- looking ----------------------------------------------------------------------------------------

    def look(self, path: str) -> Entry | None:
        """Return what is at ``path``, a link at its end not followed; None when nothing is."""
        try:
            with self._parent(path) as (directory, name):
                found = os.stat(name, dir_fd=directory, follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            return None
        owner = (found.st_uid, found.st_gid)
        return Entry(_kind(found.st_mode), stat.S_IMODE(found.st_mode), owner, found.st_mtime)

    def read(self, path: str, largest: int, *, trusted: bool = False) -> bytes:
        """Return what is in a regular file of at most ``largest`` bytes, no link at the end of ``path``."""
        with self._parent(path, trusted=trusted) as (directory, name):
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            return durable.read_open(os.open(name, flags, dir_fd=directory), largest)

    def followed(self, path: str) -> str:
        """Return where links at the end of ``path`` lead, or one of them where they lead nowhere else."""
        for _ in range(_MOST_LINKS):
            entry = self.look(path)
            if entry is None or entry.kind != "link":
                break
            with self._parent(path) as (directory, name):
                path = str(PurePosixPath(path).parent / os.readlink(name, dir_fd=directory))
        return path

    def names(self, path: str, *, trusted: bool = False) -> Sequence[str]:
        """Return the names in a directory, sorted."""
        with self._directory(path, trusted=trusted) as directory:
            return sorted(os.listdir(directory))  # noqa: PTH208  # pathlib knows no handles

    def closed_on_the_way(self, path: str) -> str | None:
        """Return the first directory on the way to ``path`` that not everybody may enter; None when all may."""
        parts = PurePosixPath(path).parts[1:]
        for count in range(1, len(parts)):
            place = "/" + "/".join(parts[:count])
            with self._directory(place) as directory:
                if not os.fstat(directory).st_mode & stat.S_IXOTH:
                    return place
        return None

    # --- changing ---------------------------------------------------------------------------------------

    def make_directory(self, path: str, mode: int, owner: Ids | None) -> None:
        """Make a directory, and those above it (0755); one that is there gets ``mode`` and ``owner``."""
        with self._parent(path, make=True) as (parent, name):
            with suppress(FileExistsError):
                os.mkdir(name, 0o700, dir_fd=parent)
                os.fsync(parent)
            handle = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
        try:
            _belong(handle, mode, owner)
        finally:
            os.close(handle)

    def write(self, path: str, octets: bytes, mode: int, owner: Ids | None) -> None:
        """Put ``octets`` whole and durably at ``path``, in the place of what is there."""
        with self._parent(path, make=True) as (parent, name):
            temporary = f".{name}.tmp"  # of its own name, so that crashes leave one at most
            with suppress(FileNotFoundError):
                os.unlink(temporary, dir_fd=parent)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            handle = os.open(temporary, flags, 0o600, dir_fd=parent)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(octets)
                    file.flush()
                    _belong(handle, mode, owner)
                    os.fsync(handle)
                os.rename(temporary, name, src_dir_fd=parent, dst_dir_fd=parent)
            except BaseException:
                with suppress(OSError):  # the first error is the one to tell
                    os.unlink(temporary, dir_fd=parent)
                raise
            os.fsync(parent)

    def remove(self, path: str) -> None:
        """Remove a file or a link; that it is gone already is fine."""
        with self._parent(path, trusted=True) as (parent, name):
            with suppress(FileNotFoundError):
                os.unlink(name, dir_fd=parent)
            os.fsync(parent)

    def remove_directory(self, path: str) -> None:
        """Remove an empty directory."""
        with self._parent(path, trusted=True) as (parent, name):
            os.rmdir(name, dir_fd=parent)
            os.fsync(parent)

    # --- ways -------------------------------------------------------------------------------------------

    @contextmanager
    def _parent(self, path: str, *, trusted: bool = False, make: bool = False) -> Iterator[tuple[int, str]]:
        pure = PurePosixPath(path)
        with self._directory(str(pure.parent), trusted=trusted or make, make=make) as directory:
            yield directory, pure.name

    @contextmanager
    def _directory(self, path: str, *, trusted: bool = False, make: bool = False) -> Iterator[int]:
        """Open a directory; ``trusted``: by no link that others could have made; ``make``: it and those above."""
        way = _Way(self._root)
        try:
            left = list(reversed(PurePosixPath(path).parts[1:]))
            links = 0
            while left:
                name = left.pop()
                target = way.step(name, make=make)
                if target is None:
                    continue
                links += 1
                if links > _MOST_LINKS:
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
                if trusted:
                    way.must_be_trusted(name)
                pure = PurePosixPath(target)
                if pure.is_absolute():
                    way.back_to_the_root()
                left += reversed(pure.parts[1:] if pure.is_absolute() else pure.parts)
            yield way.here
        finally:
            way.close()


class _Way:
    """The directories from the root to here, each held open."""

    def __init__(self, root: Path) -> None:
        self._handles = [os.open(root, _DIRECTORY)]

    @property
    def here(self) -> int:
        return self._handles[-1]

    def step(self, name: str, *, make: bool) -> str | None:
        """Go to ``name``; returns the target instead when it is a link."""
        if name == "..":
            if len(self._handles) > 1:
                os.close(self._handles.pop())
            return None
        try:
            self._handles.append(os.open(name, _DIRECTORY | os.O_NOFOLLOW, dir_fd=self.here))
        except NotADirectoryError:  # what O_DIRECTORY says of a link, too
            if not self._is_link(name):
                raise
            return os.readlink(name, dir_fd=self.here)
        except FileNotFoundError:
            if not make:
                raise
            os.mkdir(name, 0o755, dir_fd=self.here)
            os.fsync(self.here)
            return self.step(name, make=False)
        return None

    def _is_link(self, name: str) -> bool:
        return stat.S_ISLNK(os.stat(name, dir_fd=self.here, follow_symlinks=False).st_mode)

    def must_be_trusted(self, name: str) -> None:
        if os.fstat(self.here).st_uid not in {0, os.geteuid()}:
            told = phrase("the link {name} on the way was made by another user", name=name)
            raise OSError(errno.EPERM, told)

    def back_to_the_root(self) -> None:
        while len(self._handles) > 1:
            os.close(self._handles.pop())

    def close(self) -> None:
        for handle in self._handles:
            os.close(handle)


_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


def _kind(mode: int) -> Kind:
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode):
        return "directory"
    return "link" if stat.S_ISLNK(mode) else "other"


def _belong(handle: int, mode: int, owner: Ids | None) -> None:
    if owner is not None:
        os.fchown(handle, *owner)
    os.fchmod(handle, mode)
