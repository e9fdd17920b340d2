"""The protocols of trust stores: what every store does and may return, and what one does that people can edit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Protocol, Self, runtime_checkable

from smgwproxy.certificate import Certificate
from smgwproxy.origin import Origin
from smgwproxy.truststores import rules
from smgwproxy.truststores.record import Pin, Record

__all__ = ["EditableTrustStore", "Pin", "Record", "StandingPins", "TrustStore", "named_files", "utc_now"]


@runtime_checkable
class TrustStore(Protocol):
    """Keeps the pins of gateways.

    Both methods may block (files, a database): a cooperative caller runs them in a thread. Both must be safe
    to call from several threads and processes at once.
    """

    def lookup(self, origin: Origin) -> Sequence[Pin]:
        """Return the pins in force, best first.

        Empty means *no pin*, and only that. `StandingPins` spare the next look-up. Raises
        `smgwproxy.errors.TrustStoreError` when the store cannot be read: trust data that is unreadable is never
        first use.
        """
        ...

    def pin(self, origin: Origin, certificate: Certificate) -> Sequence[Pin]:
        """Pin ``certificate`` if the origin has no pin (first use), and return the pins in force.

        Atomic between greenlets, threads and processes, and durable on return. Of several that come first at
        the same time one wins, and all get the winner's pins, which may not be their own. Raises
        `smgwproxy.errors.PinRefused` when the store takes no first use (here),
        `smgwproxy.errors.CertificateRevoked` when that certificate was revoked, and
        `smgwproxy.errors.TrustStoreError` when it cannot be written; then nothing is trusted.
        """
        ...


class StandingPins(tuple[Pin, ...]):
    """Pins that tell by themselves whether they still stand: what a look-up may return instead of a mere sequence.

    A look-up costs a hop to a thread and back, for each request. So a store that can see cheaply that nothing has
    changed says so by ``unchanged``, and the pins are used again, without a look-up, for as long as it returns
    True. It must do so only while a look-up that began now would return the same: any change that was complete
    before must be seen, whoever made it. And it must not block: greenlets call it, and all others wait. In doubt
    it returns False, or raises, which counts as that. Copies and pickles are mere tuples.

    Such pins may name ``files`` (absolute paths, on file systems of this machine) that hold all that the store
    knows of the gateway, if ``unchanged`` tells of a change of any of that, be the pins the same. For as long as
    nothing happens to them (inotify(7)) it goes on to return True, and a proxy that has nothing else to do sleeps.
    One may be missing: then something happens when it comes. A directory is one with what is directly in it. No
    file at all means that nothing ever changes; with None, who wants to know asks from time to time.
    """

    unchanged: Callable[[], bool]
    files: Sequence[Path] | None

    def __new__(
        cls, pins: Iterable[Pin], unchanged: Callable[[], bool], files: Iterable[Path | str] | None = None
    ) -> Self:
        """Make pins of which ``unchanged`` tells whether they still stand, by ``files`` if these alone tell."""
        self = super().__new__(cls, pins)
        self.unchanged = unchanged
        self.files = None if files is None else tuple(map(Path, files))
        return self

    def __reduce__(self) -> tuple[type[tuple[Pin, ...]], tuple[tuple[Pin, ...]]]:
        return tuple, (tuple(self),)

    @property
    def stand(self) -> bool:
        """Whether they stand, whatever ``unchanged`` may do."""
        try:
            return self.unchanged() is True
        except Exception:  # noqa: BLE001  # then the store is asked, and tells what is wrong
            return False


def named_files(pins: Sequence[Pin]) -> Sequence[Path] | None:
    """Return the files that ``pins`` name; None where nobody is told of changes by files."""
    return pins.files if isinstance(pins, StandingPins) else None


@runtime_checkable
class EditableTrustStore(TrustStore, Protocol):
    """A store that keeps whole records, so that people can see and edit them.

    Derive from it and write `record`, `change` and `origins`: `lookup` and `pin` follow from them. What becomes
    of a record is in `smgwproxy.truststores.rules`, the same for all stores.
    """

    def record(self, origin: Origin) -> Record:
        """Return all that is known of ``origin``; the empty record when nothing is.

        Raises `smgwproxy.errors.TrustStoreError` when it cannot be read.
        """
        ...

    def change(self, origin: Origin, edit: Callable[[Record], Record]) -> Record:
        """Put ``edit(record)`` in the place of the record of ``origin``, and return it.

        Atomic between greenlets, threads and processes: no change that another makes at the same time is lost;
        durable on return; a crash at any moment leaves the old record or the new one. ``edit`` is pure and may
        be called more than once; what it raises passes through, and then nothing has changed. When it returns
        its argument nothing is written. Raises `smgwproxy.errors.TrustStoreError` when the record cannot be
        read or written.
        """
        ...

    def origins(self) -> Sequence[Origin]:
        """Return the gateways that there are records of, readable or not, in the order of their names."""
        ...

    def warnings(self) -> Sequence[str]:
        """Return what a person should know of the store, such as that others may write to it; a sentence each."""
        return ()

    def lookup(self, origin: Origin) -> Sequence[Pin]:
        """Return the pins in force; see `TrustStore.lookup`."""
        return self.record(origin).pins

    def pin(self, origin: Origin, certificate: Certificate) -> Sequence[Pin]:
        """Pin ``certificate`` if there is no pin; see `TrustStore.pin`."""
        return self.change(origin, partial(rules.first_use, certificate=certificate, now=utc_now())).pins


def utc_now() -> datetime:
    """Return the time to the second, in UTC, as records have it."""
    return datetime.now(UTC).replace(microsecond=0)
