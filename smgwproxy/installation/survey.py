"""Finds out what is on a machine before something is changed there."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from smgwproxy.config import Config, load
from smgwproxy.installation import layout
from smgwproxy.installation.facts import Found
from smgwproxy.installation.original import is_candidate
from smgwproxy.installation.tree import Entry, Ids, Tree
from smgwproxy.installation.unitfile import Settings, read_service

_LARGEST = 1024 * 1024  # bytes of a unit, a configuration, a password file, a list of users
_LARGEST_RECORD = 4 * 1024 * 1024  # bytes, as the file store takes them

_OURS = (layout.CONFIGURATION_DIRECTORY, layout.CREDENTIALS, layout.STATE, layout.PINS, layout.HTTPS, layout.LOGS)
_FILES = (layout.UNIT, layout.SYSUSERS, layout.DROP_INS, f"{layout.UNIT}.old")


@dataclass(frozen=True, slots=True)
class User:
    """A line of /etc/passwd."""

    ids: Ids
    home: str


def users(tree: Tree) -> Mapping[str, User]:
    """Return the users of the system in ``tree``, by name; raises `OSError`."""
    if tree.look("/etc/passwd") is None:
        return {}
    found = {}
    for line in tree.read("/etc/passwd", _LARGEST).decode(errors="surrogateescape").splitlines():
        match line.split(":"):
            case [name, _, user, group, _, home, _] if user.isdigit() and group.isdigit():
                found[name] = User((int(user), int(group)), home)
            case _:  # a comment, or what only NIS reads
                pass
    return found


def configured(tree: Tree) -> Config | None:
    """Return what the configuration that is there says, None when there is none; raises `ConfigError`."""
    if tree.look(layout.CONFIGURATION) is None:
        return None
    return load(["--config", tree.outside(layout.CONFIGURATION)], {})


def survey(tree: Tree, root: str | None, config: Config | None = None, *, running: bool) -> Found:
    """Return what is in ``tree``; ``running`` tells that it is the system whose systemd can be asked.

    ``config`` is what is `configured` there. Raises `OSError` for what cannot be read.
    """
    entries = dict(_entries(tree))
    account = users(tree).get(layout.USER)
    return Found(
        entries,
        {path: tree.read(path, _LARGEST) for path in _readable(entries)},
        config,
        account.ids if account is not None else None,
        root,
        commands=running,
        privileged=os.geteuid() == 0,
        enabled=running and _is("is-enabled"),
        active=running and _is("is-active"),
    )


def _entries(tree: Tree) -> Iterator[tuple[str, Entry]]:
    for path in (*_FILES, *_OURS):
        entry = tree.look(path)
        if entry is not None:
            yield path, entry
            if path in _OURS and entry.kind == "directory":  # what a link leads to is not ours
                yield from _within(tree, path)


def _within(tree: Tree, directory: str) -> Iterator[tuple[str, Entry]]:
    for name in tree.names(directory):
        entry = tree.look(f"{directory}/{name}")
        if entry is not None:
            yield f"{directory}/{name}", entry


def _readable(entries: Mapping[str, Entry]) -> Iterator[str]:
    """Yield the files whose content matters; raises `OSError` where something else is in their place."""
    for path, entry in entries.items():
        if path in {layout.UNIT, layout.SYSUSERS, layout.CONFIGURATION} or path.startswith(
            f"{layout.CREDENTIALS}/"
        ):
            if entry.kind != "file":
                raise OSError(errno.EINVAL, "it is not a regular file", path)
            yield path


def _is(question: str) -> bool:
    words = ["systemctl", question, "--quiet", layout.UNIT_NAME]
    # A unit that is not there yet is complained of, quietly or not.
    asked = subprocess.run(words, check=False, stderr=subprocess.DEVNULL)  # noqa: S603  # the words are ours
    return asked.returncode == 0


# --- the original ---------------------------------------------------------------------------------------


def candidates(tree: Tree) -> Mapping[str, Settings]:
    """Return the services that run the original, or this program without being ours, by name; raises `OSError`."""
    found = {}
    for name, path in _units(tree).items():
        texts = [_text(tree, one) for one in (path, *_drop_ins(tree, name))]
        service = read_service(texts)
        if is_candidate(service) and not (path == layout.UNIT and "smgwproxy install`" in texts[0][:200]):
            found[name] = service
    return found


def _units(tree: Tree) -> Mapping[str, str]:
    units: dict[str, str] = {}
    for directory in layout.UNIT_DIRECTORIES:
        for name in tree.names(directory):
            path = f"{directory}/{name}"
            if name.endswith(".service") and name not in units:
                entry = tree.look(path)
                if entry is not None and entry.kind == "file":  # a link is another name, or masks a unit
                    units[name] = path
    return units


def _drop_ins(tree: Tree, name: str) -> list[str]:
    found: dict[str, str] = {}
    for directory in layout.UNIT_DIRECTORIES:
        for one in tree.names(f"{directory}/{name}.d"):
            if one.endswith(".conf"):
                found.setdefault(one, f"{directory}/{name}.d/{one}")
    return [found[one] for one in sorted(found)]


def _text(tree: Tree, path: str) -> str:
    return tree.read(path, _LARGEST).decode(errors="replace")


def records(tree: Tree, directory: str) -> Mapping[str, bytes]:
    """Return the files ``*.json`` of a directory of pins, by name; raises `OSError`, also for links among them."""
    names = [name for name in tree.names(directory) if name.endswith(".json") and not name.startswith(".")]
    return {name: tree.read(str(PurePosixPath(directory) / name), _LARGEST_RECORD) for name in names}


def secret(tree: Tree, path: str) -> bytes:
    """Return what is in the file of a secret option; raises `OSError`."""
    return tree.read(path, _LARGEST)
