"""How many sockets and files this program may have open at a time."""

from __future__ import annotations

import resource
from contextlib import suppress

_ENOUGH = 65536  # for a few gateways with as many clients as --max-clients takes


def allow_many_handles() -> None:
    """Take as many as the system grants, `_ENOUGH` at most: one gateway's clients must leave some to the others'.

    The usual 1024 are what is safe for programs that use select(2) with its sets of bits, as this one does not.
    """
    # What forbids it, such as the service's filter of system calls, comes with a limit of its own.
    with suppress(OSError, ValueError):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        most = _ENOUGH if hard == resource.RLIM_INFINITY else min(hard, _ENOUGH)
        if soft != resource.RLIM_INFINITY and soft < most:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
