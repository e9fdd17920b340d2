"""Whether the proxy can write its log, and where it keeps its pins: asks the file system, and changes nothing."""

from __future__ import annotations

import os
import pwd
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from smgwproxy.doctor.finding import Check, Finding, ok, skipped, warning, wrong
from smgwproxy.phrases import phrase

SERVICE_USER = "smgwproxy"
"""The user that the installed service runs as."""

_UNIT = Path("/etc/systemd/system/smgwproxy.service")
_MADE_BY_SYSTEMD = (Path("/var/lib/smgwproxy"), Path("/var/log/smgwproxy"))
_WRITE, _ENTER = 0o2, 0o1  # of a mode
_ROOM = 50 * 1024 * 1024  # bytes; a busy day's log has some 10 MB


@dataclass(frozen=True, slots=True)
class User:
    """For whom it is judged: ``name``, and ``other`` than the one who runs this."""

    name: str
    other: bool


def proxys_user(unit: Path = _UNIT) -> User:
    """Return the service's user when root asks and the service is installed, else the one who asks."""
    if os.geteuid() == 0 and unit.exists():
        try:
            pwd.getpwnam(SERVICE_USER)
        except KeyError:
            pass  # it may run with DynamicUser
        else:
            return User(SERVICE_USER, other=True)
    try:
        return User(pwd.getpwuid(os.geteuid()).pw_name, other=False)
    except KeyError:
        return User(str(os.geteuid()), other=False)


def check(name: Check, directory: Path, what: str, user: User) -> Finding:
    """Check whether ``directory``, in which ``what`` is kept, can be written by ``user``, or made."""
    absolute = directory.absolute()
    facts = {"directory": str(absolute), "user": user.name}
    existing = next(one for one in (absolute, *absolute.parents) if os.path.exists(one))  # noqa: PTH110  # hidden: no
    if existing != absolute and user.other and _is_the_services(absolute):
        seen = phrase("{directory} is not there yet; the service makes it when it starts", directory=str(absolute))
        return ok(name, seen, **facts)
    if not user.other and os.geteuid() != 0 and _is_the_services(absolute):
        return skipped(
            name,
            phrase("{directory} is the installed service's", directory=str(absolute)),
            phrase("Only that and root may look: run doctor with sudo."),
        )
    if not existing.is_dir():
        return wrong(
            name,
            phrase("{path} is a file", path=str(existing)),
            phrase("Move it away, or name another directory."),
            **facts,
        )
    if not _may_write(existing, user):
        made = "" if existing == absolute else f"sudo mkdir -p {quote(str(absolute))} && "
        return wrong(
            name,
            phrase(
                "{user} may not write to {existing}, so {what} cannot be kept in {directory}",
                user=user.name,
                existing=str(existing),
                what=what,
                directory=str(absolute),
            ),
            phrase("Let it belong to {user}:", user=user.name),
            f"{made}sudo chown -R {quote(user.name)}: {quote(str(absolute))}",
            **facts,
        )
    free = shutil.disk_usage(existing).free
    if free < _ROOM:
        return warning(
            name,
            phrase("{directory} has {room} MB left on its disk", directory=str(absolute), room=free // 2**20),
            phrase("Make room: without any, nothing is logged, and no certificate is pinned."),
            "df -h",
            free=free,
            **facts,
        )
    told = {"directory": str(absolute), "room": free // 2**20}
    seen = (
        phrase("{directory}, {room} MB free", **told)
        if existing == absolute
        else phrase("{directory}, which is made at the first start, {room} MB free", **told)
    )
    return ok(name, seen, free=free, **facts)


def _is_the_services(directory: Path) -> bool:
    return any(directory.is_relative_to(one) for one in _MADE_BY_SYSTEMD)


def _may_write(directory: Path, user: User) -> bool:
    if not user.other:
        return os.access(directory, os.W_OK | os.X_OK, effective_ids=True)
    # Root may do everything, and cannot ask for somebody else: so modes are all that is looked at.
    entry = pwd.getpwnam(user.name)
    groups = os.getgrouplist(user.name, entry.pw_gid)
    inside = [_allowed(place, entry.pw_uid, groups) & _ENTER for place in (directory, *directory.parents)]
    return all(inside) and bool(_allowed(directory, entry.pw_uid, groups) & _WRITE)


def _allowed(directory: Path, uid: int, groups: Sequence[int]) -> int:
    """Return the bits of the mode that are a user's."""
    told = directory.stat()
    if told.st_uid == uid:
        return told.st_mode >> 6 & 0o7
    return told.st_mode >> (3 if told.st_gid in groups else 0) & 0o7
