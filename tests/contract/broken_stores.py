"""Sound trust stores, and others that differ from them by one fault each: what the contract must find out."""

from __future__ import annotations

import fcntl
import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from smgwproxy.certificate import Certificate
from smgwproxy.errors import PinRefused, TrustStoreError
from smgwproxy.origin import Origin
from smgwproxy.truststores import EditableTrustStore, Pin, Record, StandingPins, rules
from smgwproxy.truststores.base import utc_now
from smgwproxy.truststores.codec import from_json, to_json

A_MOMENT = 0.005  # seconds; makes what can go wrong go wrong


class Sound(EditableTrustStore):
    """One file a record, replaced under a lock."""

    takes_first_use = True

    def __init__(self, argument: str) -> None:
        self.directory = Path(argument)
        self.directory.mkdir(exist_ok=True)

    def record(self, origin: Origin) -> Record:
        try:
            return from_json(origin, json.loads(self.path(origin).read_bytes()))
        except FileNotFoundError:
            return Record(origin)
        except ValueError as error:
            raise TrustStoreError(f"{self.path(origin)} cannot be read.", "Mend it.") from error

    def change(self, origin: Origin, edit: Callable[[Record], Record]) -> Record:
        with self.locked():
            before = self.record(origin)
            after = edit(before)
            if after != before:
                self.write(origin, after)
            return self.record(origin)

    def origins(self) -> Sequence[Origin]:
        return sorted((Origin.parse(path.stem) for path in self.directory.glob("*.json")), key=str)

    def path(self, origin: Origin) -> Path:
        return self.directory / f"{origin}.json"

    def write(self, origin: Origin, record: Record) -> None:
        temporary = self.path(origin).with_suffix(f".{threading.get_ident()}")
        temporary.write_text(json.dumps(to_json(record)))
        temporary.rename(self.path(origin))

    @contextmanager
    def locked(self) -> Iterator[None]:
        with (self.directory / "lock").open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


class RefusesFirstUse(Sound):
    """Only people pin."""

    takes_first_use = False

    def pin(self, origin: Origin, certificate: Certificate) -> Sequence[Pin]:
        pins = self.lookup(origin)
        if not pins:
            raise PinRefused(origin, str(certificate.fingerprint))
        return pins


class PinsThoughItRefuses(RefusesFirstUse):
    """Who asks twice is let in."""

    def pin(self, origin: Origin, certificate: Certificate) -> Sequence[Pin]:
        try:
            return super().pin(origin, certificate)
        except PinRefused:
            self.change(origin, lambda record: rules.first_use(record, certificate, utc_now()))
            raise


class ForgetsOnReopening(Sound):
    """Keeps records in memory."""

    def __init__(self, argument: str) -> None:
        super().__init__(argument)
        self.records: dict[Origin, Record] = {}
        self.lock = threading.Lock()

    def record(self, origin: Origin) -> Record:
        return self.records.get(origin, Record(origin))

    def origins(self) -> Sequence[Origin]:
        return sorted(self.records, key=str)

    def write(self, origin: Origin, record: Record) -> None:
        self.records[origin] = record

    @contextmanager
    def locked(self) -> Iterator[None]:
        with self.lock:
            yield


class LooksBeforeItLocks(Sound):
    """Two that come first together may both pin."""

    def pin(self, origin: Origin, certificate: Certificate) -> Sequence[Pin]:
        before = self.record(origin)
        after = rules.first_use(before, certificate, utc_now())
        time.sleep(A_MOMENT)
        if after != before:
            with self.locked():
                self.write(origin, after)
        return after.pins


class LosesUpdates(Sound):
    """First use is atomic, other changes are not."""

    def change(self, origin: Origin, edit: Callable[[Record], Record]) -> Record:
        before = self.record(origin)
        after = edit(before)
        if not before.pins:
            return super().change(origin, edit)
        time.sleep(A_MOMENT)
        with self.locked():
            if after != before:
                self.write(origin, after)
        return self.record(origin)


class WritesInPlace(Sound):
    """A reader may see half a record, and a crash leaves one."""

    def write(self, origin: Origin, record: Record) -> None:
        text = json.dumps(to_json(record)).encode()
        with self.path(origin).open("wb", buffering=0) as file:
            file.write(text[: len(text) // 2])
            time.sleep(A_MOMENT)
            file.write(text[len(text) // 2 :])


class ReportsTooEarly(Sound):
    """Who is told that a pin is kept may be mistaken."""

    def pin(self, origin: Origin, certificate: Certificate) -> Sequence[Pin]:
        with self.locked():
            before = self.record(origin)
            after = rules.first_use(before, certificate, utc_now())
            threading.Thread(target=self.later, args=(origin, after)).start()
            return after.pins

    def later(self, origin: Origin, record: Record) -> None:
        time.sleep(A_MOMENT)
        self.write(origin, record)


class KeepsTheLockOfTheDead(Sound):
    """Nobody takes away the lock of a process that was killed."""

    @contextmanager
    def locked(self) -> Iterator[None]:
        path = self.directory / "lock"
        deadline = time.monotonic() + 3
        while True:
            with suppress(FileExistsError):
                os.close(os.open(path, os.O_CREAT | os.O_EXCL))
                break
            if time.monotonic() > deadline:
                raise TrustStoreError(f"{path} is held by somebody.", "Remove it.")
            time.sleep(A_MOMENT / 10)
        try:
            time.sleep(A_MOMENT)
            yield
        finally:
            path.unlink()


class PinsWhatIsRevoked(Sound):
    """First use takes whatever comes."""

    def pin(self, origin: Origin, certificate: Certificate) -> Sequence[Pin]:
        def edit(record: Record) -> Record:
            return record if record.pins else replace(record, pins=(Pin.of(certificate, utc_now()),))

        return self.change(origin, edit).pins


class IgnoresPorts(Sound):
    """All ports of a host share a record."""

    def path(self, origin: Origin) -> Path:
        return self.directory / f"{Origin(origin.host)}.json"


class Remembers(Sound):
    """What was seen once is never read again."""

    def __init__(self, argument: str) -> None:
        super().__init__(argument)
        self.seen: dict[Origin, Record] = {}

    def record(self, origin: Origin) -> Record:
        return self.seen.setdefault(origin, super().record(origin))

    def write(self, origin: Origin, record: Record) -> None:
        super().write(origin, record)
        self.seen[origin] = record


class StandsTooLong(Sound):
    """Pins stand for as long as this opening has changed nothing."""

    def __init__(self, argument: str) -> None:
        super().__init__(argument)
        self.changes = 0

    def lookup(self, origin: Origin) -> Sequence[Pin]:
        changes = self.changes
        return StandingPins(super().lookup(origin), lambda: self.changes == changes)

    def write(self, origin: Origin, record: Record) -> None:
        super().write(origin, record)
        self.changes += 1


class NamesAnotherFile(Sound):
    """Pins that stand name a file to which nothing happens when they change."""

    def __init__(self, argument: str) -> None:
        super().__init__(argument)
        self.other = self.directory.with_suffix(".other")
        self.other.touch()

    def lookup(self, origin: Origin) -> Sequence[Pin]:
        record = self.record(origin)
        return StandingPins(record.pins, lambda: self.record(origin) == record, [self.other])


class StandsForThePinsAlone(Sound):
    """What waits for a person comes, and the pins stand."""

    def lookup(self, origin: Origin) -> Sequence[Pin]:
        pins = super().lookup(origin)
        return StandingPins(pins, lambda: self.record(origin).pins == pins, [self.directory])


class TakesCertificatesForText(Sound):
    """What is no text is not kept as it was."""

    def write(self, origin: Origin, record: Record) -> None:
        def text(pin: Pin) -> Pin:
            der = pin.certificate.der.decode(errors="replace").encode() if pin.certificate is not None else b""
            return Pin.of(Certificate(der), pin.pinned_at)

        super().write(origin, replace(record, pins=tuple(map(text, record.pins))))


class WritesWhatDidNotChange(Sound):
    """A look makes a record."""

    def change(self, origin: Origin, edit: Callable[[Record], Record]) -> Record:
        with self.locked():
            self.write(origin, edit(self.record(origin)))
            return self.record(origin)


class UndoesExceptionsOnly(Sound):
    """What is raised at a deadline leaves another record."""

    def change(self, origin: Origin, edit: Callable[[Record], Record]) -> Record:
        try:
            return super().change(origin, edit)
        except Exception:
            raise
        except BaseException:
            self.write(origin, Record(origin, first_use=False))
            raise


class ListsInNoOrder(Sound):
    """As the directory has them."""

    def origins(self) -> Sequence[Origin]:
        return sorted(super().origins(), key=self.path)


SOUND = (Sound, RefusesFirstUse)
BROKEN = (
    PinsThoughItRefuses,
    ForgetsOnReopening,
    LooksBeforeItLocks,
    LosesUpdates,
    WritesInPlace,
    ReportsTooEarly,
    KeepsTheLockOfTheDead,
    PinsWhatIsRevoked,
    IgnoresPorts,
    Remembers,
    StandsTooLong,
    NamesAnotherFile,
    StandsForThePinsAlone,
    TakesCertificatesForText,
    WritesWhatDidNotChange,
    UndoesExceptionsOnly,
    ListsInNoOrder,
)
