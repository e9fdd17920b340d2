"""Who else may write to a store's files."""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path

from smgwproxy.phrases import phrase


def writable_by_others(paths: Iterable[Path]) -> Sequence[str]:
    """Return a sentence for each of ``paths`` that somebody beside this user and root may write to.

    Who can write to a trust store decides whom the proxy trusts. What is not there, or cannot be looked at, is
    passed over: who reads it is told.
    """
    return [sentence for path in paths for sentence in _about(path)]


def _about(path: Path) -> list[str]:
    try:
        found = path.stat()
    except OSError:
        return []
    told: list[str] = []
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        remedy = f"chmod go-w {shlex.quote(str(path))}"
        told.append(
            phrase(
                "{path} may be written by other users, who then decide what is trusted: {remedy}",
                path=path,
                remedy=remedy,
            )
        )
    if found.st_uid not in {0, os.geteuid()}:
        told.append(phrase("{path} belongs to another user, who then decides what is trusted.", path=path))
    return told
