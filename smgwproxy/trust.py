"""The trust in one gateway: which certificates are accepted now, and what becomes of one that is not."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial

from smgwproxy.certificate import Certificate, Fingerprint
from smgwproxy.errors import CertificateChanged, CertificateRevoked, PinRefused, TrustStoreError
from smgwproxy.origin import Origin
from smgwproxy.phrases import phrase
from smgwproxy.renewal import Renewal
from smgwproxy.truststores import rules
from smgwproxy.truststores.base import EditableTrustStore, StandingPins, utc_now
from smgwproxy.truststores.guard import Guard
from smgwproxy.truststores.record import Pin, Record

_STANDING_SECONDS = 30.0


class Trust:
    """Trust in the gateway ``origin``, as the guarded store has it. Safe between threads and greenlets.

    Every method raises `smgwproxy.errors.TrustStoreError` when the store fails; then nothing is trusted.
    """

    def __init__(
        self,
        origin: Origin,
        guard: Guard,
        renewal: Renewal = Renewal.ASK,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._origin = origin
        self._guard = guard
        self._renewal = renewal
        self._clock = clock
        self._standing: tuple[StandingPins, float] | None = None  # what the store returned last, and until when

    def pins(self) -> Sequence[Pin]:
        """Return the pins in force; empty before first use.

        The store is asked unless the pins that it returned last are `StandingPins` that stand: then they are what
        it would return. After half a minute it is asked all the same: should it be mistaken there, it is no longer
        so than that.
        """
        standing = self._standing
        if standing is not None:
            pins, until = standing
            if self._clock() < until and pins.stand:
                return pins
        return self.looked_up()

    def looked_up(self) -> Sequence[Pin]:
        """Ask the store for the pins in force, whatever is known; empty before first use."""
        self._standing = None
        until = self._clock() + _STANDING_SECONDS
        pins = self._pins(partial(self._guard.store.lookup, self._origin))
        self._standing = (pins, until) if isinstance(pins, StandingPins) else None
        return pins

    def first_use(self, certificate: Certificate) -> Sequence[Pin]:
        """Pin ``certificate`` if there is no pin, and return the pins in force: never none.

        Raises `PinRefused`, after which it is pending where the store keeps such, and `CertificateRevoked`.
        """
        try:
            pins = self._pins(partial(self._guard.store.pin, self._origin, certificate))
        except PinRefused:
            return self._accepted_or_refused(certificate, ())
        if not pins:
            raise self._guard.faulty(
                phrase("holds no pin for the gateway {origin} although it was just pinned", origin=self._origin)
            )
        return pins

    def presented(self, certificate: Certificate) -> Sequence[Pin]:
        """Return the pins in force now, one of which is ``certificate``.

        The peer must have proved that it holds the certificate's key. When it is no pin, it may be taken as a
        renewal; otherwise it is kept as pending, where the store keeps such, and `CertificateChanged` or
        `CertificateRevoked` is raised.
        """
        pins = self.looked_up()
        if _among(pins, certificate):
            return pins
        return self._accepted_or_refused(certificate, pins)

    def complete(self, certificate: Certificate) -> None:
        """Keep the certificate of a pin of which only the fingerprint is known, where the store can."""
        self._change(partial(rules.completed, certificate=certificate))

    def _accepted_or_refused(self, certificate: Certificate, pins: Sequence[Pin]) -> Sequence[Pin]:
        """Let an editable store take note of what is none of ``pins``; return its pins, or raise the refusal."""
        edit = partial(rules.presented, certificate=certificate, now=utc_now(), renewal=self._renewal)
        try:
            record = self._change(edit)
        except TrustStoreError as error:  # what is to be told first is that somebody else answers
            raise self._refusal(certificate, pins, trouble=error.message) from error
        if record is None:
            raise self._refusal(certificate, pins)
        if _among(record.pins, certificate):
            return self._sound(record.pins)
        if rules.is_revoked(record, certificate):
            raise CertificateRevoked(self._origin, str(certificate.fingerprint))
        pending = any(one.fingerprint == certificate.fingerprint for one in record.pending)
        raise self._refusal(certificate, record.pins, pending=pending)

    def _change(self, edit: rules.Edit) -> Record | None:
        store = self._guard.store
        if not isinstance(store, EditableTrustStore):
            return None
        return self._guard.ask(partial(store.change, self._origin, edit))

    def _refusal(
        self, certificate: Certificate, pins: Sequence[Pin], *, pending: bool = False, trouble: str = ""
    ) -> CertificateChanged | PinRefused:
        presented = str(certificate.fingerprint)
        if not pins:
            return PinRefused(self._origin, presented, pending=pending, trouble=trouble)
        pinned = tuple(str(pin.fingerprint) for pin in pins)
        return CertificateChanged(
            self._origin, pinned, presented, record=pins[0].record, pending=pending, trouble=trouble
        )

    def _pins(self, question: Callable[[], Sequence[Pin]]) -> Sequence[Pin]:
        return self._sound(self._guard.ask(question))

    def _sound(self, pins: object) -> Sequence[Pin]:
        """Return ``pins`` if they are: annotations are a plug-in's promise, and trust rests on no promise."""
        if not isinstance(pins, list | tuple) or not all(map(_is_sound, pins)):
            raise self._guard.faulty(
                phrase("returned something else than pins for the gateway {origin}", origin=self._origin)
            )
        return pins if type(pins) is StandingPins else tuple(pins)


def _is_sound(pin: object) -> bool:
    return (
        isinstance(pin, Pin)
        and type(pin.fingerprint) is Fingerprint
        and (
            pin.certificate is None
            or (type(pin.certificate) is Certificate and Fingerprint.of(pin.certificate.der) == pin.fingerprint)
        )
    )


def _among(pins: Sequence[Pin], certificate: Certificate) -> bool:
    return any(pin.fingerprint == certificate.fingerprint for pin in pins)
