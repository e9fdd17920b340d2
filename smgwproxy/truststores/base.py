"""The protocol of trust stores, and the value `Pin`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from smgwproxy.certificate import Certificate, Fingerprint
from smgwproxy.origin import Origin


@dataclass(frozen=True, slots=True)
class Pin:
    """One certificate that is accepted for an origin.

    ``certificate`` is the certificate itself where it is known (records of the original proxy hold only its
    fingerprint); ``pinned_at`` is when it was pinned, with a time zone; ``subject`` and ``not_after`` are for
    people, as recorded; ``record`` tells a person where the pin is kept, such as a file's path.
    """

    fingerprint: Fingerprint
    certificate: Certificate | None = None
    pinned_at: datetime | None = None
    subject: str = ""
    not_after: str = ""
    record: str = ""


@runtime_checkable
class TrustStore(Protocol):
    """Keeps the pins of gateways.

    Both methods may block (files, a database): a cooperative caller runs them in a thread. Both must be safe
    to call from several threads and processes at once.
    """

    def lookup(self, origin: Origin) -> Sequence[Pin]:
        """Return the pins in force, best first.

        Empty means *never pinned*, and only that. Raises `smgwproxy.errors.TrustStoreError` when the store
        cannot be read: trust data that is unreadable is never first use.
        """
        ...

    def pin(self, origin: Origin, certificate: Certificate) -> Sequence[Pin]:
        """Pin ``certificate`` if the origin has no pin yet (first use), and return the pins in force.

        Atomic between greenlets, threads and processes, and durable on return. Of several that come first at
        the same time one wins, and all get the winner's pins, which may not be their own. Raises
        `smgwproxy.errors.PinRefused` when the store takes no first use, and
        `smgwproxy.errors.TrustStoreError` when it cannot be written; then nothing is trusted.
        """
        ...


@runtime_checkable
class ListableTrustStore(TrustStore, Protocol):
    """A store that can tell what it holds."""

    def entries(self) -> Sequence[tuple[str, Sequence[Pin]]]:
        """Return every gateway's name as recorded, with its pins.

        Raises `smgwproxy.errors.TrustStoreError` like `lookup`.
        """
        ...
