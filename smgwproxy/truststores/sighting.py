"""Whether a file is still the one that was read: one look at its place, where that is to be believed and quick."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_SETTLED = 3_000_000_000  # nanoseconds
_MOUNTS = Path("/proc/self/mountinfo")
_ESCAPED = re.compile(r"\\([0-7]{3})")

# File systems of this machine. Elsewhere a look may hang, and be answered from what a server said a while ago. FAT
# is left out: there a copy may keep time and size of what it copies.
_OF_THIS_MACHINE = frozenset(
    {
        "btrfs",
        "ext2",
        "ext3",
        "ext4",
        "f2fs",
        "jffs2",
        "overlay",
        "ramfs",
        "rootfs",
        "squashfs",
        "tmpfs",
        "ubifs",
        "xfs",
    }
)

_Look = tuple[int, int, int, int, int]


@dataclass(frozen=True, slots=True)
class Sighting:
    """How the file at ``path`` looked."""

    path: str
    look: _Look

    def unchanged(self) -> bool:
        """Tell whether a read finds now what one found right after `sighted`. Takes a few microseconds."""
        try:
            return _look(self.path) == self.look
        except OSError:
            return False


def sighted(path: Path, now: Callable[[], int] = time.time_ns) -> Sighting | None:
    """Look at the file at ``path``, before it is read; None where looks cannot tell what becomes of it.

    A write changes the time of the last change, which nobody can set, or puts another file in that place. But
    clocks of file systems tick slowly, some once in two seconds, and of two writes within a tick the second one
    may not be seen. So what was written in the last three seconds by ``now`` (nanoseconds) is not believed; git
    calls such entries racily clean. Neither is what lies on another machine, or is reached through it. May block.
    """
    began = now()
    try:
        look = _look(path)
        mounts = _MOUNTS.read_text(errors="surrogateescape")
        ways = {str(path), str(path.resolve(strict=True))}
    except (OSError, ValueError):
        return None
    if began - max(look[-2:]) < _SETTLED or not all(is_of_this_machine(way, mounts) for way in ways):
        return None
    return Sighting(str(path), look)


def is_of_this_machine(path: str, mountinfo: str) -> bool:
    """Tell whether only file systems of this machine are on the way to ``path``, by /proc/PID/``mountinfo``."""
    on_the_way = [kind for place, kind in map(_mount, mountinfo.splitlines()) if _is_at_or_below(path, place)]
    return bool(on_the_way) and _OF_THIS_MACHINE.issuperset(on_the_way)


def _mount(line: str) -> tuple[str, str]:
    """Return the mount point and the kind of its file system."""
    before, _, after = line.partition(" - ")
    place = _ESCAPED.sub(lambda found: chr(int(found[1], 8)), before.split(" ")[4])
    return place, after.split(" ")[0]


def _is_at_or_below(path: str, place: str) -> bool:
    return place in {"/", path} or path.startswith(f"{place}/")


def _look(path: str | Path) -> _Look:
    found = os.stat(path)  # noqa: PTH116  # for each request, and Path.stat takes twice as long
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
