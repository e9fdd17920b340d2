"""Finds out what is on a machine before something is changed there."""

from __future__ import annotations

import errno
import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from smgwproxy.config import Program, load
from smgwproxy.installation import layout
from smgwproxy.installation.facts import Found
from smgwproxy.installation.original import is_candidate
from smgwproxy.installation.tree import Entry, Ids, Tree
from smgwproxy.installation.unitfile import Settings, read_service
from smgwproxy.phrases import phrase

_LARGEST = 1024 * 1024  # bytes of a unit, a configuration, a password file, a list of users
_LARGEST_RECORD = 4 * 1024 * 1024  # bytes, as the file store takes them
_MOST_RECORDS = 100  # more gateways than any household has

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


def configured(tree: Tree, found: Found) -> Program | None:
    """Return what the configuration that was ``found`` says, None when there is none; raises `ConfigError`."""
    if layout.CONFIGURATION not in found.texts:  # as a regular file, and not by a link out of the tree
        return None
    return load(["--config", tree.outside(layout.CONFIGURATION)], {})


def survey(tree: Tree, root: str | None, *, running: bool) -> Found:
    """Return what is in ``tree``, but for what the configuration says, which may be wrong: see `configured`.

    ``running`` tells that it is the system whose systemd can be asked. Raises `OSError` for what cannot be read.
    """
    entries = dict(_entries(tree))
    account = users(tree).get(layout.USER)
    told = _told() if running else {}
    return Found(
        entries,
        {path: tree.read(path, _LARGEST) for path in _readable(entries)},
        None,
        account.ids if account is not None else None,
        root,
        commands=running,
        privileged=os.geteuid() == 0,
        enabled=running and _enabled(),
        active=told.get("ActiveState") in {"active", "reloading"} and _started(told) > _written(entries),
        outdated=told.get("NeedDaemonReload") == "yes",
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
        if path == layout.SYSUSERS or _is_of_the_service(path):
            if entry.kind != "file":
                raise OSError(errno.EINVAL, phrase("it is not a regular file"), path)
            yield path


def _is_of_the_service(path: str) -> bool:
    """Tell whether ``path`` is a file that the service, or systemd for it, reads when it starts."""
    return path in {layout.UNIT, layout.CONFIGURATION} or path.startswith(f"{layout.CREDENTIALS}/")


def _written(entries: Mapping[str, Entry]) -> float:
    """Return when the files of the service were written last, in seconds since 1970."""
    return max((entry.written for path, entry in entries.items() if _is_of_the_service(path)), default=0.0)


def _enabled() -> bool:
    words = ["systemctl", "is-enabled", "--quiet", layout.UNIT_NAME]
    # A unit that is not there yet is complained of, quietly or not.
    asked = subprocess.run(words, check=False, stderr=subprocess.DEVNULL)  # noqa: S603  # the words are ours
    return asked.returncode == 0


def _told() -> Mapping[str, str]:
    """Return what systemd tells of our service, by the names of its properties."""
    asked = ["ActiveState", "ActiveEnterTimestampMonotonic", "NeedDaemonReload"]
    words = ["systemctl", "show", layout.UNIT_NAME, *(f"--property={name}" for name in asked)]
    answer = subprocess.run(words, check=False, stdout=subprocess.PIPE, text=True)  # noqa: S603  # as above
    pairs = (line.partition("=") for line in answer.stdout.splitlines())
    return {name: value for name, _, value in pairs}


def _started(told: Mapping[str, str]) -> float:
    """Return when the service was started, in seconds since 1970 as the clock has it now."""
    return time.time() - time.monotonic() + int(told["ActiveEnterTimestampMonotonic"]) / 1_000_000


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
    found = _first(tree, layout.UNIT_DIRECTORIES, ".service")
    # What leads to a file of another name is an alias, or masked.
    return {
        name: path for name, path in found.items() if PurePosixPath(path).name == name and _is_file(tree, path)
    }


def starts_with_the_machine(tree: Tree, unit: str) -> bool:
    """Tell whether ``unit`` is enabled; raises `OSError`."""
    return tree.look(f"{layout.WANTED}/{unit}") is not None


def _drop_ins(tree: Tree, name: str) -> list[str]:
    found = _first(tree, [f"{directory}/{name}.d" for directory in layout.UNIT_DIRECTORIES], ".conf")
    return [path for _, path in sorted(found.items()) if _is_file(tree, path)]


def _first(tree: Tree, directories: Sequence[str], suffix: str) -> dict[str, str]:
    """Return where the files of each name are: one found earlier, or a link there, hides those found later."""
    found: dict[str, str] = {}
    for directory in directories:
        for name in _names(tree, directory):
            if name.endswith(suffix) and name not in found:
                found[name] = tree.followed(f"{directory}/{name}")
    return found


def _names(tree: Tree, directory: str) -> Sequence[str]:
    try:
        return tree.names(directory)
    except (FileNotFoundError, NotADirectoryError):
        return ()


def _is_file(tree: Tree, path: str) -> bool:
    entry = tree.look(path)
    return entry is not None and entry.kind == "file"


def _text(tree: Tree, path: str) -> str:
    return tree.read(path, _LARGEST).decode(errors="replace")


def records(tree: Tree, directory: str) -> Mapping[str, bytes]:
    """Return the files ``*.json`` of a directory of pins, by name.

    Raises `OSError`, also for links among them, and for those on the way that root is not to follow.
    """
    there = tree.names(directory, trusted=True)
    names = [name for name in there if name.endswith(".json") and not name.startswith(".")]
    if len(names) > _MOST_RECORDS:
        told = phrase("there are more than {count} records", count=_MOST_RECORDS)
        raise OSError(errno.EFBIG, told, directory)
    paths = {name: str(PurePosixPath(directory) / name) for name in names}
    return {name: tree.read(path, _LARGEST_RECORD, trusted=True) for name, path in paths.items()}


def secret(tree: Tree, path: str) -> bytes:
    """Return what is in the file of a secret option; raises `OSError`, as `records` does for links."""
    return tree.read(path, _LARGEST, trusted=True)
