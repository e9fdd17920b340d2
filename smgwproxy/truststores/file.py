"""The store ``file:DIR``: one JSON record a gateway, in the original proxy's format, written atomically."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from smgwproxy.certificate import Certificate, Fingerprint
from smgwproxy.errors import ConfigError, TrustStoreError
from smgwproxy.origin import Origin
from smgwproxy.truststores.base import Pin

_MAX_RECORD = 1024 * 1024  # bytes; a record has some 2,000


def open_store(argument: str) -> FileTrustStore:
    """Open ``file:DIR``, making the directory when there is none (mode 0700).

    Raises `ConfigError` when ``argument`` is empty or the directory cannot be made.
    """
    if not argument:
        raise ConfigError("file: needs a directory, for example file:./certs")
    directory = Path(argument).absolute()  # errors tell paths to people who do not know where this runs
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        # A directory that takes no record would let every start be a first use.
        with tempfile.TemporaryFile(dir=directory):
            pass
    except OSError as error:
        raise ConfigError(
            f"{directory} cannot be written ({error.strerror}): "
            "make it writable for this user, or name another directory"
        ) from error
    return FileTrustStore(directory)


class FileTrustStore:
    """Pins as files ``<target>.json`` in ``directory``, the format of the original proxy with more keys.

    A record is read anew at each look-up, so an operator's edit or removal counts at once. It is written to a
    temporary file, synced, and linked into place, which fails when a record is already there: so a crash
    leaves a whole record or none, and of two processes one wins. Safe between threads and processes.
    """

    def __init__(self, directory: Path, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._directory = directory
        self._now = now

    def lookup(self, origin: Origin) -> Sequence[Pin]:
        """Return the pin recorded for ``origin``; see `smgwproxy.truststores.TrustStore.lookup`."""
        for path in self._paths(origin):
            pin = _read(path)
            if pin is not None:
                return (pin,)
        return ()

    def pin(self, origin: Origin, certificate: Certificate) -> Sequence[Pin]:
        """Record ``certificate`` unless there is a record; see `smgwproxy.truststores.TrustStore.pin`."""
        if pins := self.lookup(origin):
            return pins
        path = self._path(origin)
        try:
            _write_if_absent(path, _record(certificate, self._now()))
        except OSError as error:
            raise TrustStoreError(
                f"The trust record {path} cannot be written: {error.strerror}. Nothing was sent.",
                "Check the directory's permissions and the free space.",
            ) from error
        return self.lookup(origin)

    def entries(self) -> Sequence[tuple[str, Sequence[Pin]]]:
        """Return all records by file name; see `smgwproxy.truststores.base.ListableTrustStore.entries`."""
        found: list[tuple[str, Sequence[Pin]]] = []
        for path in self._records():
            pin = _read(path)
            if pin is not None:
                found.append((path.stem, (pin,)))
        return found

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
            raise _unreadable(self._directory, error.strerror or str(error)) from error


def _named(path: Path) -> Origin | None:
    try:
        return Origin.parse(path.stem)
    except ValueError:
        return None


def _read(path: Path) -> Pin | None:
    """Return the record's pin, None when there is no such file, and raise on anything else."""
    try:
        with path.open("rb") as file:
            octets = file.read(_MAX_RECORD + 1)
    except FileNotFoundError as error:
        if path.is_symlink():  # somebody keeps the record elsewhere, where it is out of reach now
            raise _unreadable(path, "it is a link to a file that is not there") from error
        return None
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from error
    try:
        return _parse(octets, path)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _unreadable(path, f"it is no trust record ({error})") from error


def _parse(octets: bytes, path: Path) -> Pin:
    record = json.loads(octets)
    if not isinstance(record, dict):
        raise TypeError("not a JSON object")
    fingerprint = Fingerprint(record["fingerprint"])
    certificate = Certificate.from_pem(str(record["certificate"])) if "certificate" in record else None
    if certificate is not None and certificate.fingerprint != fingerprint:
        raise ValueError("the certificate is not the one of the fingerprint")
    pinned_at = datetime.fromisoformat(record["pinned_at"]) if "pinned_at" in record else None
    if pinned_at is not None and pinned_at.tzinfo is None:
        raise ValueError("pinned_at has no time zone")
    return Pin(
        fingerprint,
        certificate,
        pinned_at,
        subject=str(record.get("subject", "")),
        not_after=str(record.get("not_after", "")),
        record=str(path),
    )


def _record(certificate: Certificate, now: datetime) -> dict[str, Any]:
    """Make a record: the original's keys first, all of them always there, then ours."""
    told = certificate.description
    return {
        "fingerprint": str(certificate.fingerprint),
        "subject": told.subject,
        "issuer": told.issuer,
        "not_before": _go_time(told.not_before),
        "not_after": _go_time(told.not_after),
        "dns_names": list(told.dns_names),
        "certificate": certificate.pem,
        "pinned_at": now.isoformat(timespec="seconds"),
    }


def _go_time(moment: datetime | None) -> str:
    """Format a time as the original's records have it: Go's ``time.Time.String``."""
    return "" if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S +0000 UTC")


def _write_if_absent(path: Path, record: dict[str, Any]) -> None:
    """Write the record whole and durably, unless ``path`` exists; raises `OSError`."""
    # Not a NamedTemporaryFile, which stays behind for a while when the disk is full.
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(json.dumps(record, indent=2).encode() + b"\n")
            file.flush()
            os.fsync(handle)
        # When another process was first, its record counts; it must be durable all the same.
        with suppress(FileExistsError):
            path.hardlink_to(name)
    finally:
        Path(name).unlink()
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _unreadable(path: Path, reason: str) -> TrustStoreError:
    return TrustStoreError(
        f"The trust record {path} cannot be read: {reason}. Nothing was sent.",
        "Mend the file or restore it from a copy; delete it only if the certificate may be pinned anew.",
    )
