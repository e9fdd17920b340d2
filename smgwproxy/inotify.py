"""Whether anything has happened to files: the kernel's word for it, a small part of inotify(7)."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

# From Linux's sys/inotify.h.
_MODIFY, _ATTRIB = 0x2, 0x4
_MOVED_FROM, _MOVED_TO, _CREATE, _DELETE = 0x40, 0x80, 0x100, 0x200
_DELETE_SELF, _MOVE_SELF = 0x400, 0x800
_DONT_FOLLOW, _MASK_ADD = 0x02000000, 0x20000000

# Of a directory, that would tell of all files in it: they may be logs, or lie in /tmp.
_ON_THE_WAY = _DELETE_SELF | _MOVE_SELF
_COMES = _CREATE | _MOVED_TO
_AT_THE_END = _ON_THE_WAY | _MODIFY | _ATTRIB | _COMES | _MOVED_FROM | _DELETE
_MOST_LINKS = 40  # as many as the kernel follows
_AT_ONCE = 64 * 1024  # bytes; a message has 16, and the name of a file


class Inotify:
    """Becomes readable at ``handle`` when something has happened to what is watched; what it was is not told.

    Nothing here waits, and nothing is safe between threads. Raises `OSError` where the system has no inotify, or
    this user no more of it. Must be closed.
    """

    def __init__(self) -> None:
        begin, self._add, self._remove = _functions()
        self.handle: int = begin(os.O_NONBLOCK | os.O_CLOEXEC)
        """The descriptor to wait for."""

    def watch(self, path: Path) -> Iterator[int]:
        """Watch for another file to be found at the absolute ``path``, and for changes of what is found there now.

        That is a file that is missing, too, or a directory, with the files in it. Yields what `forget` takes, as
        each place on the way is watched: directories, links, and what these lead to. Not told is who may use these
        directories, that another file system is mounted there, and what happens on another machine. Raises
        `OSError` where that cannot be watched, and `ValueError` for what is no absolute path.
        """
        if not path.is_absolute() or "\0" in str(path):
            raise ValueError(f"{path!r} is no absolute path")
        passed, ahead, links = "/", list(reversed(path.parts)), 0
        while ahead:
            place = os.path.join(passed, ahead.pop())  # noqa: PTH118  # a Path would do away with what a link says
            mask = _ON_THE_WAY if ahead else _AT_THE_END
            found = self._mark(place, mask)  # before it is passed: what takes its place later is told
            if found is None:
                above = self._mark(passed, _COMES)
                found = self._mark(place, mask)  # it may just have come
                yield from () if above is None else (above,)
                if found is None:
                    return
            yield found
            target = _target(place)
            if target is None:
                passed = place
                continue
            links += 1
            if links > _MOST_LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
            ahead += reversed(Path(target).parts)

    def forget(self, marks: Iterable[int]) -> None:
        """Watch no more what `watch` yielded; harmless when it is gone."""
        for mark in marks:
            try:
                self._remove(self.handle, mark)
            except OSError:  # the kernel forgot it with the file
                continue

    def drain(self) -> None:
        """Take note of all that has happened: not readable before the next thing happens."""
        try:
            while os.read(self.handle, _AT_ONCE):
                pass
        except BlockingIOError:
            pass

    def close(self) -> None:
        """Watch nothing any more."""
        os.close(self.handle)

    def _mark(self, place: str, mask: int) -> int | None:
        """Watch one place, and not what it leads to; None where there is nothing."""
        try:
            return self._add(self.handle, os.fsencode(place), mask | _DONT_FOLLOW | _MASK_ADD)
        except (FileNotFoundError, NotADirectoryError):
            return None


def _target(place: str) -> str | None:
    """Return where a link leads to; None for what is none, or is gone."""
    try:
        return os.readlink(place)  # noqa: PTH115  # a Path would change what it says
    except OSError:
        return None


def _functions() -> tuple[Callable[..., int], Callable[..., int], Callable[..., int]]:
    """Return what the C library has of it, as functions that raise `OSError`."""
    try:
        import ctypes  # noqa: PLC0415  # memory, for which nothing else here has a use

        library = ctypes.CDLL(None, use_errno=True)  # that of this process, whatever its name is
        functions = library.inotify_init1, library.inotify_add_watch, library.inotify_rm_watch
    except (ImportError, AttributeError, MemoryError) as error:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS)) from error

    def checked(result: int, function: object, arguments: object) -> int:  # noqa: ARG001  # ctypes gives them all
        if result < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return result

    for function in functions:
        function.errcheck = checked  # type: ignore[assignment]  # of an int that ctypes has made one already
    return functions
