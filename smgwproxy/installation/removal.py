"""From what was found to the steps that undo an installation. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from smgwproxy.installation import layout
from smgwproxy.installation.facts import Found, credential
from smgwproxy.installation.steps import Keep, LeftToDo, Note, RemoveDirectory, RemoveFile, Run, Step
from smgwproxy.phrases import phrase, sequence

_FOREIGN = phrase("it was not made by this program")

# What the program itself puts into each directory.
_MADE = {
    layout.STATE: re.compile(r"certs|state"),
    layout.PINS: re.compile(r".+\.json|\.lock|\..+\.tmp"),
    layout.HTTPS: re.compile(r"https\.pem|\.https\.pem\.lock|\..+\.tmp"),
}
_LOG = r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d_.+"


@dataclass(slots=True)
class _Removal:
    """The steps so far, and what is gone after them."""

    found: Found
    gone: set[str] = field(default_factory=set)

    def file(self, path: str) -> Iterator[Step]:
        if path in self.found.entries:
            self.gone.add(path)
            yield RemoveFile(path)

    def directory(self, path: str, *, tell: bool = True) -> Iterator[Step]:
        """Remove a directory if nothing is left in it."""
        entry = self.found.entries.get(path)
        if entry is None or entry.kind != "directory":
            return
        left = [one for one in self.found.below(path) if one not in self.gone]
        if not left:
            self.gone.add(path)
            yield RemoveDirectory(path)
        elif tell:
            names = ", ".join(one.rpartition("/")[2] for one in left)
            yield Keep(phrase("{path}/: there is more in it: {names}", path=path, names=names))


def uninstall_steps(found: Found, originals: Sequence[str], *, purge: bool) -> list[Step]:
    """Return what is to be done and told, in this order; ``originals`` are the units of the original there are."""
    removal = _Removal(found)
    steps = [
        *_unit(removal),
        *_configuration(removal, purge=purge),
        *(_purged(removal) if purge else _kept(found)),
        *_user(removal),
    ]
    if not any(not isinstance(step, Keep | Note) for step in steps):
        steps.append(Note(phrase("nothing is installed here that could be removed")))
    steps += [Note(phrase("to run {unit} again: systemctl enable --now {unit}", unit=name)) for name in originals]
    return steps


def _unit(removal: _Removal) -> Iterator[Step]:
    found = removal.found
    if f"{layout.UNIT}.old" in found.entries:
        yield Keep(phrase("{path}: the unit that was there before", path=f"{layout.UNIT}.old"))
    reload = ("systemctl", "daemon-reload")
    if layout.UNIT not in found.entries:
        if found.outdated:
            yield Run(reload)
        return
    if not found.ours(layout.UNIT):
        yield Keep(sequence((layout.UNIT, _FOREIGN), ": "))
        return
    how = Run if found.commands else LeftToDo
    yield how(("systemctl", "disable", "--now", layout.UNIT_NAME))
    yield from removal.file(layout.UNIT)
    yield how(reload)
    if layout.DROP_INS in found.entries:
        yield Keep(phrase("{path}/: your own changes of the unit", path=layout.DROP_INS))


def _configuration(removal: _Removal, *, purge: bool) -> Iterator[Step]:
    found = removal.found
    if layout.CONFIGURATION in found.entries:
        if purge:
            yield from removal.file(layout.CONFIGURATION)
        else:
            yield Keep(phrase("{path}: it is yours; --purge removes it, too", path=layout.CONFIGURATION))
    if layout.CREDENTIALS in found.entries:
        if purge:
            for option in layout.SECRETS:
                yield from removal.file(credential(option))
            yield from removal.directory(layout.CREDENTIALS)
        else:
            yield Keep(
                phrase(
                    "{path}/: what is in it may be the only copy; --purge removes it, too", path=layout.CREDENTIALS
                )
            )
    yield from removal.directory(layout.CONFIGURATION_DIRECTORY, tell=purge)


def _kept(found: Found) -> Iterator[Step]:
    kept = ((layout.STATE, phrase("pins, and the certificate of HTTPS")), (layout.LOGS, phrase("logs")))
    for path, what in kept:
        if path in found.entries:
            yield Keep(phrase("{path}/: {what}; --purge removes them, too", path=path, what=what))


def _purged(removal: _Removal) -> Iterator[Step]:
    for path in (layout.PINS, layout.HTTPS, layout.STATE):
        for one in removal.found.below(path):
            if removal.found.entries[one].kind != "directory" and _MADE[path].fullmatch(one.rpartition("/")[2]):
                yield from removal.file(one)
        yield from removal.directory(path)
    yield from _logs(removal)


def _logs(removal: _Removal) -> Iterator[Step]:
    found = removal.found
    for one in found.below(layout.LOGS):
        name, entry = one.rpartition("/")[2], found.entries[one]
        # The link to the current log, whatever its name, is the only link that is made there.
        if entry.kind == "link" or (entry.kind == "file" and re.fullmatch(_LOG, name)):
            yield from removal.file(one)
    yield from removal.directory(layout.LOGS)


def _user(removal: _Removal) -> Iterator[Step]:
    found = removal.found
    left = any(path in found.entries and path not in removal.gone for path in (layout.STATE, layout.LOGS))
    if not found.ours(layout.SYSUSERS):
        if found.account is not None:
            yield Keep(sequence((phrase("the user {user}", user=layout.USER), _FOREIGN), ": "))
        return
    if found.account is not None and left:
        yield Keep(
            phrase(
                "the user {user}, and {path}: their files stay, and must not become another's",
                user=layout.USER,
                path=layout.SYSUSERS,
            )
        )
        return
    if found.account is not None and found.privileged:
        below = () if found.root is None else ("--prefix", found.root)
        yield Run(("userdel", *below, layout.USER))
    elif found.account is not None:
        yield LeftToDo(("userdel", layout.USER))
    yield from removal.file(layout.SYSUSERS)  # last, for it tells that the user is ours
