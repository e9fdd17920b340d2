"""The store ``file:DIR``: one JSON record a gateway, in the original proxy's format, replaced atomically."""

from __future__ import annotations

import errno
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from smgwproxy import durable
from smgwproxy.errors import ConfigError, TrustStoreError, text_of
from smgwproxy.origin import Origin
from smgwproxy.phrases import phrase
from smgwproxy.system import reason
from smgwproxy.truststores.base import EditableTrustStore, StandingPins
from smgwproxy.truststores.codec import from_json, to_json
from smgwproxy.truststores.permissions import writable_by_others
from smgwproxy.truststores.record import Pin, Record
from smgwproxy.truststores.sighting import sighted

_MAX_RECORD = 4 * 1024 * 1024  # bytes; a record has some 2,000, and 100 for each event of its history
_MAX_HISTORY = 1000  # events; the oldest are forgotten
_LOCK = ".lock"


def open_store(argument: str) -> FileTrustStore:
    """Open ``file:DIR``, making the directory when there is none (mode 0700).

    Raises `ConfigError` when ``argument`` is empty or the directory cannot be made.
    """
    if not argument:
        raise ConfigError(phrase("file: needs a directory, for example file:./certs"))
    directory = Path(argument).absolute()  # errors tell paths to people who do not know where this runs
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        # A directory that takes no record would let every start be a first use.
        with tempfile.TemporaryFile(dir=directory):
            pass
    except OSError as error:
        raise ConfigError(
            phrase(
                "{directory} cannot be written ({reason}): make it writable for this user, or name another "
                "directory",
                directory=directory,
                reason=reason(error),
            )
        ) from error
    return FileTrustStore(directory)


class FileTrustStore(EditableTrustStore):
    """Records as files ``<target>.json`` in ``directory``, the format of the original proxy with more keys.

    A record is read anew at each look-up, so an operator's edit or removal counts at once; its pins stand for as
    long as its file is the same (see `smgwproxy.truststores.sighting`). Who changes one holds an exclusive lock
    (``flock`` on the file ``.lock``), writes a temporary file, syncs it, and renames it into place: so a crash
    leaves the old record or the new one, also on file systems without hard links. Safe between threads and
    processes. ``now`` is the clock of the file system, in nanoseconds.
    """

    def __init__(self, directory: Path, now: Callable[[], int] = time.time_ns) -> None:
        self._directory = directory
        self._now = now

    def lookup(self, origin: Origin) -> Sequence[Pin]:
        """Return the pins in force; see `TrustStore.lookup`."""
        sighting = sighted(self._path(origin), self._now)  # before it is read
        pins = self.record(origin).pins
        # Where it is elsewhere, under another name, the directory would have to be looked at as well. And who
        # derives from this class may ask for more than this file.
        if sighting is None or type(self) is not FileTrustStore:
            return pins
        return StandingPins(pins, sighting.unchanged, [sighting.path])

    def record(self, origin: Origin) -> Record:
        """Return the record of ``origin``; see `EditableTrustStore.record`."""
        for path in self._paths(origin):
            record = _read(path, origin)
            if record is not None:
                return record
        return Record(origin)

    def change(self, origin: Origin, edit: Callable[[Record], Record]) -> Record:
        """Replace the record of ``origin``; see `EditableTrustStore.change`."""
        with self._locked():
            before = self.record(origin)
            after = edit(before)
            if after == before:
                return before
            path = next((path for path in self._paths(origin) if path.exists()), self._path(origin))
            try:
                durable.replace(path, _encoded(after))
            except OSError as error:
                raise _unwritable(path, error) from error
            return self.record(origin)

    def origins(self) -> Sequence[Origin]:
        """Return the gateways by their files' names; see `EditableTrustStore.origins`."""
        named = (_named(path) for path in self._records())
        return sorted({origin for origin in named if origin is not None}, key=str)

    def warnings(self) -> Sequence[str]:
        """Tell what others may write to."""
        return writable_by_others([self._directory, *self._records()])

    def _path(self, origin: Origin) -> Path:
        return self._directory / f"{origin}.json"

    def _paths(self, origin: Origin) -> Iterator[Path]:
        """Yield the files that may hold the record: ours, then those that name the origin in other words.

        The original named a record as its user had typed the target: with ``:443``, or in capitals.
        """
        ours = self._path(origin)
        yield ours
        yield from (path for path in self._records() if path != ours and _named(path) == origin)

    def _records(self) -> list[Path]:
        try:
            return sorted(path for path in self._directory.iterdir() if path.suffix == ".json")
        except OSError as error:
            raise _unreadable(self._directory, reason(error)) from error

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Keep all other writers out."""
        path = self._directory / _LOCK
        with ExitStack() as stack:
            try:
                stack.enter_context(durable.locked(path))
            except OSError as error:
                raise _unwritable(path, error) from error
            yield


def _named(path: Path) -> Origin | None:
    try:
        return Origin.parse(path.stem)
    except ValueError:
        return None


def _read(path: Path, origin: Origin) -> Record | None:
    """Return the record, None when there is no such file, and raise on anything else."""
    try:
        octets = durable.read(path, _MAX_RECORD)
    except FileNotFoundError as error:
        if path.is_symlink():  # somebody keeps the record elsewhere, where it is out of reach now
            raise _unreadable(path, phrase("it is a link to a file that is not there")) from error
        return None
    except OSError as error:
        raise _unreadable(path, reason(error)) from error
    try:
        return from_json(origin, json.loads(octets), str(path))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        told = phrase("it is no trust record ({reason})", reason=text_of(error))
        raise _unreadable(path, told) from error


def _encoded(record: Record) -> bytes:
    """Return the record as it is written: small enough to be read again, be it with less of its history.

    The subjects in the history are what strangers presented, and may be long. Raises `OSError` when it is too
    large without any history.
    """
    kept = min(len(record.history), _MAX_HISTORY)
    while True:
        history = record.history[len(record.history) - kept :]
        octets = json.dumps(to_json(replace(record, history=history)), indent=2).encode() + b"\n"
        if len(octets) <= _MAX_RECORD:
            return octets
        if not kept:
            raise OSError(errno.EFBIG, phrase("it would have more than {count} bytes", count=_MAX_RECORD))
        kept //= 2


def _unreadable(path: Path, fault: str) -> TrustStoreError:
    return TrustStoreError(
        phrase("The trust record {path} cannot be read: {reason}. Nothing was sent.", path=path, reason=fault),
        phrase("Mend the file or restore it from a copy; delete it only if the certificate may be pinned anew."),
    )


def _unwritable(path: Path, error: OSError) -> TrustStoreError:
    return TrustStoreError(
        phrase(
            "The trust record {path} cannot be written: {reason}. Nothing was sent.",
            path=path,
            reason=reason(error),
        ),
        phrase("Check the directory's permissions and the free space."),
    )
