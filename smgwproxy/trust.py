"""The trust in one gateway: which certificates are accepted now, and what becomes of one that is not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from smgwproxy.certificate import Certificate
from smgwproxy.errors import CertificateChanged, CertificateRevoked, PinRefused
from smgwproxy.origin import Origin
from smgwproxy.renewal import Renewal
from smgwproxy.truststores import rules
from smgwproxy.truststores.base import EditableTrustStore, utc_now
from smgwproxy.truststores.guard import Guard
from smgwproxy.truststores.record import Pin, Record


class Trust:
    """Trust in the gateway ``origin``, as the guarded store has it. Safe between threads and greenlets.

    Every method raises `smgwproxy.errors.TrustStoreError` when the store fails; then nothing is trusted.
    """

    def __init__(self, origin: Origin, guard: Guard, renewal: Renewal = Renewal.ASK) -> None:
        self._origin = origin
        self._guard = guard
        self._renewal = renewal

    def pins(self) -> Sequence[Pin]:
        """Return the pins in force; empty before first use."""
        return self._pins(partial(self._guard.store.lookup, self._origin))

    def first_use(self, certificate: Certificate) -> Sequence[Pin]:
        """Pin ``certificate`` if there is no pin, and return the pins in force: never none.

        Raises `PinRefused`, after which it is pending where the store keeps such, and `CertificateRevoked`.
        """
        try:
            pins = self._pins(partial(self._guard.store.pin, self._origin, certificate))
        except PinRefused as error:
            pending = self._noted(certificate) is not None
            raise PinRefused(self._origin, str(certificate.fingerprint), pending=pending) from error
        if not pins:
            raise self._guard.faulty(f"holds no pin for the gateway {self._origin} although it was just pinned")
        return pins

    def presented(self, certificate: Certificate, pins: Sequence[Pin]) -> tuple[Pin, Sequence[Pin]]:
        """Return the pin that ``certificate`` is accepted by, with all that are in force now.

        The peer must have proved that it holds the certificate's key. When it is none of ``pins``, it may be taken
        as a renewal; otherwise it is kept as pending, where the store keeps such, and `CertificateChanged` or
        `CertificateRevoked` is raised.
        """
        accepted = _of(pins, certificate)
        if accepted is not None:
            return accepted, pins
        record = self._noted(certificate)
        if record is None:
            raise self._changed(certificate, pins)
        accepted = _of(record.pins, certificate)
        if accepted is not None:
            return accepted, record.pins
        if any(one.fingerprint == certificate.fingerprint for one in record.revoked):
            raise CertificateRevoked(self._origin, str(certificate.fingerprint))
        raise self._changed(certificate, record.pins, pending=True)

    def complete(self, certificate: Certificate) -> None:
        """Keep the certificate of a pin of which only the fingerprint is known, where the store can."""
        self._change(partial(rules.completed, certificate=certificate))

    def _noted(self, certificate: Certificate) -> Record | None:
        """Let an editable store take note of what was presented, and return its record."""
        return self._change(
            partial(rules.presented, certificate=certificate, now=utc_now(), renewal=self._renewal)
        )

    def _change(self, edit: rules.Edit) -> Record | None:
        store = self._guard.store
        if not isinstance(store, EditableTrustStore):
            return None
        return self._guard.ask(partial(store.change, self._origin, edit))

    def _changed(
        self, certificate: Certificate, pins: Sequence[Pin], *, pending: bool = False
    ) -> CertificateChanged | PinRefused:
        presented = str(certificate.fingerprint)
        if not pins:  # removed in this moment
            return PinRefused(self._origin, presented, pending=pending)
        pinned = tuple(str(pin.fingerprint) for pin in pins)
        return CertificateChanged(self._origin, pinned, presented, record=pins[0].record, pending=pending)

    def _pins(self, question: Callable[[], Sequence[Pin]]) -> Sequence[Pin]:
        pins = self._guard.ask(question)
        # The annotations are a plug-in's promise; what is trusted must not rest on a promise.
        if not isinstance(pins, list | tuple) or not all(isinstance(pin, Pin) for pin in pins):
            raise self._guard.faulty(f"returned something else than pins for the gateway {self._origin}")
        return pins


def _of(pins: Sequence[Pin], certificate: Certificate) -> Pin | None:
    return next((pin for pin in pins if pin.fingerprint == certificate.fingerprint), None)
