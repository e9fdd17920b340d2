"""The gateway: trust, pools and turns put together; sends one request, returns the gateway's unread answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

from urllib3.exceptions import ClosedPoolError

from smgwproxy.approach import Approach
from smgwproxy.backend import Backend, threaded
from smgwproxy.certificate import Certificate, Fingerprint
from smgwproxy.connection import Answer, ExactRequest, NoAnswer
from smgwproxy.errors import (
    BadRequest,
    GatewayBusy,
    GatewayClosed,
    TrustStoreError,
)
from smgwproxy.faults import Mismatch, broken_off
from smgwproxy.http1 import AnswerHead, Incomplete, Lines, MessageError, values
from smgwproxy.limits import Limits
from smgwproxy.observing import Observer, Unobserved
from smgwproxy.origin import Origin
from smgwproxy.phrases import phrase
from smgwproxy.pools import PinGone, PinnedPools
from smgwproxy.renewal import Renewal
from smgwproxy.trust import Trust
from smgwproxy.truststores.base import TrustStore
from smgwproxy.truststores.guard import Guard
from smgwproxy.truststores.record import Pin

if TYPE_CHECKING:
    from smgwproxy.client_certificate import ClientCertificate

_REPEATABLE = frozenset({"GET", "HEAD", "OPTIONS"})
_CREDENTIALS = ("authorization", "cookie")
_R = TypeVar("_R")
# At finding the pin of the certificate that is presented, while pins and peers change. Another thread, which uses
# another pin or shares the approach, may take the pool away just then: that counts as well.
_ATTEMPTS = 3


class Gateway:
    """One gateway, reached only through TLS with a pinned certificate, and never by more than its turns.

    Safe to use from several threads (with `smgwproxy.backend.threaded`) or greenlets (with
    `smgwproxy.cooperative.cooperative`). The pins are asked of ``truststore`` anew for each request, unless it
    returned `smgwproxy.StandingPins` that still stand; ``renewal`` says what becomes of a new certificate with a
    pinned one's key. ``client_certificate`` is for gateways that want one instead of a password; it is shown to
    nobody but a peer whose pinned certificate is known in whole and was verified within the handshake. Those that
    share an ``approach`` keep to its turns together, as many as the one that was made last has; it must be of the
    same origin and backend, and who made it closes it. ``observer`` is told what happens. As a context manager it
    closes its connections at the end. Raises `ConfigError` when the client certificate cannot be used.
    """

    def __init__(
        self,
        origin: Origin | str,
        truststore: TrustStore,
        limits: Limits | None = None,
        backend: Backend | None = None,
        *,
        renewal: Renewal = Renewal.ASK,
        client_certificate: ClientCertificate | None = None,
        approach: Approach | None = None,
        observer: Observer | None = None,
    ) -> None:
        self.origin = Origin.parse(origin) if isinstance(origin, str) else origin
        self._limits = limits or Limits()
        backend = backend or threaded()
        self._trust = Trust(self.origin, Guard(truststore, backend.call, self._limits.store_timeout), renewal)
        self._approach = approach or Approach(backend)
        self._alone = approach is None
        self._observer = observer or Unobserved()
        self.stirred = backend.event_class()
        """Set before a connection is made, for who waits until there is something to `follow`, and clears it."""
        self._pools = PinnedPools(
            self.origin,
            self._limits,
            backend,
            self._approach.parting,
            client_certificate,
            self._observer,
            self.stirred.set,
        )
        self._approach.join(self._pools, self._limits.connections)
        self._closed = False
        self._last_good: Fingerprint | None = None
        self._to_complete: Certificate | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the idle connections; those in use are closed at the end of their exchange."""
        self._closed = True
        self._pools.end_idle()
        self._approach.quit(self._pools)
        if self._alone:
            self._approach.close()

    def send(self, method: str, target: str, lines: Lines, body: Iterable[bytes] = ()) -> GatewayAnswer:
        """Send one request and return its answer, unread; the caller must close it.

        ``target`` and ``lines`` go out as they are; ``lines`` must hold Host, and the Content-Length of
        ``body``, whose pieces are read only once the certificate has matched. Waits for a turn first. Raises
        `ExchangeError`, above all `GatewayError`; what ``body`` raises passes through, unless it is an `OSError`,
        which would be taken for the gateway's.
        """
        self._enter()
        try:
            began = time.monotonic()
            answer = self._exchange(method, target, lines, body)
            self._observer.answered(time.monotonic() - began)
        except BaseException:
            self._leave()
            raise
        return GatewayAnswer(self, answer)

    def connect(self) -> None:
        """Have a connection that the next request will use; waits for a turn, and gives it back. Sends no request.

        Raises `GatewayError` and `TrustStoreError` as `send` does.
        """
        with self._turn():
            self._under_a_pin(self._pools.connect)

    def ensure_pinned(self) -> Sequence[Pin]:
        """Return the pins in force; without any, do what first use does. Sends no request."""
        with self._turn():
            return self._pins()

    def presented_certificate(self) -> Certificate:
        """Shake hands, send nothing, and return the certificate that the gateway presents now, pinned or not."""
        with self._turn():
            return self._pools.presented_certificate()

    def follow(self) -> Sequence[Pin]:
        """Ask for the pins, and end connections that were made under others, or idle for too long; sends nothing.

        Each request does so by itself; call this from time to time for the connections that no request uses. A
        pin of which only the fingerprint is known (from a record of the original proxy) is completed with the
        certificate that was seen. Returns the pins in force, none before first use. Raises `TrustStoreError`.
        """
        pins = self._looked_up()
        certificate, self._to_complete = self._to_complete, None
        if certificate is not None:
            self._trust.complete(certificate)
        # Who waits would be in the way of those with requests.
        if not self._closed and self._approach.enter(self._pools, 0):
            try:
                self._pools.tidy()
            finally:
                self._leave()
        return pins

    @property
    def at_rest(self) -> bool:
        """Tell whether there is nothing for `follow` to end, or to complete, before `stirred` is set."""
        return self._approach.at_rest and self._pools.at_rest and self._to_complete is None

    @contextmanager
    def _turn(self) -> Iterator[None]:
        self._enter()
        try:
            yield
        finally:
            self._leave()

    def _exchange(self, method: str, target: str, lines: Lines, body: Iterable[bytes]) -> Answer:
        try:
            return self._send_pinned(method, target, lines, body)
        except NoAnswer as error:
            if not (error.reused and method in _REPEATABLE and not body and not _has_credentials(lines)):
                raise GatewayClosed(self.origin) from error
        # A kept connection that the gateway had closed meanwhile. Nothing in this request can count twice.
        try:
            return self._send_pinned(method, target, lines, body)
        except NoAnswer as error:
            raise GatewayClosed(self.origin) from error

    def _send_pinned(self, method: str, target: str, lines: Lines, body: Iterable[bytes]) -> Answer:
        """Send with the pins in force; raises `NoAnswer` as it comes."""
        try:
            request = ExactRequest.of(method, target, lines, body)
        except MessageError as error:
            raise BadRequest(phrase("The request cannot be sent: {error}.", error=error.told)) from error
        pin, answer = self._under_a_pin(lambda pin: self._pools.send(pin, method, request))
        if pin.certificate is None:
            self._to_complete = Certificate(answer.peer_certificate())
        return answer

    def _under_a_pin(self, use: Callable[[Pin], _R]) -> tuple[Pin, _R]:
        """Call ``use`` with the pin whose certificate the gateway presents; return both that and the result."""
        pins = self._pins()
        pin = pins[0]
        if len(pins) > 1:
            pin = next((one for one in pins if one.fingerprint == self._last_good), pin)
        for _ in range(_ATTEMPTS):
            try:
                result = use(pin)
            except (ClosedPoolError, PinGone):
                # The pins changed while this one was being chosen; nothing has been sent then.
                pins = self._pins()
                pin = pins[0]
            except Mismatch as mismatch:
                expected, certificate = pin, self._pools.presented_certificate()
                pins = self._in_force(partial(self._trust.presented, certificate))
                pin = next(pin for pin in pins if pin.fingerprint == certificate.fingerprint)
                if pin.fingerprint == expected.fingerprint and not mismatch.stranger:
                    self._pools.use_without_anchor(pin)
            else:
                self._last_good = pin.fingerprint
                return pin, result
        raise TrustStoreError(
            phrase(
                "The pins of the gateway {origin}, or the certificates that it presents, keep changing.",
                origin=self.origin,
            ),
            phrase(
                "See which programs write to the trust store, and whether two devices have the gateway's address."
            ),
        )

    def _pins(self) -> Sequence[Pin]:
        pins = self._looked_up()
        return pins or self._in_force(partial(self._trust.first_use, self._pools.presented_certificate()))

    def _looked_up(self) -> Sequence[Pin]:
        """Ask for the pins; connections under others end.

        Where others came into force meanwhile, such as those of a first use that was asked for before and took
        longer, the answer may be older than these: then it is asked for again.
        """
        while True:
            ticket, before = self._pools.ticket(), self._pools.allowed
            pins = self._trust.pins()
            if self._pools.allow(pins, ticket, unless_changed_since=before):
                return pins

    def _in_force(self, question: Callable[[], Sequence[Pin]]) -> Sequence[Pin]:
        """Ask for the pins; connections under others end."""
        ticket = self._pools.ticket()
        pins = question()
        self._pools.allow(pins, ticket)
        return pins

    def _enter(self) -> None:
        began = time.monotonic()
        entered = self._approach.enter(self._pools, self._limits.queue_timeout)
        self._observer.waited(time.monotonic() - began)
        if not entered:
            raise GatewayBusy(self.origin, self._limits.queue_timeout)

    def _leave(self) -> None:
        if self._closed:  # who waited for this turn when that happened leaves no connection behind
            self.close()
        self._approach.leave()


class GatewayAnswer:
    """An answer of the gateway, its body unread. `close` it, or use it as a context manager.

    It holds its turn until the body has been read to the end, or it is closed.
    """

    def __init__(self, gateway: Gateway, answer: Answer) -> None:
        self._gateway = gateway
        self._answer = answer
        self._held = True
        if answer.complete:
            self.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def head(self) -> AnswerHead:
        """Status, reason and header lines as they came."""
        return self._answer.head

    @property
    def reused(self) -> bool:
        """Tell whether the connection had carried an exchange before."""
        return self._answer.reused

    @property
    def complete(self) -> bool:
        """Tell whether the body has been read to its end."""
        return self._answer.complete

    @property
    def trailers(self) -> Lines:
        """The trailers of a chunked body, once it has been read to its end (RFC 9110 section 6.5)."""
        return self._answer.trailers

    @property
    def buffered(self) -> bool:
        """Tell whether the next `read` returns without waiting for the gateway."""
        return self._answer.complete or self._answer.buffered

    def read(self, size: int = 64 * 1024) -> bytes:
        """Return 1 to ``size`` bytes of the body as they come; empty at its end, when the turn is given back.

        Raises `GatewayAnswerIncomplete`, `GatewayReadTimeout` or `GatewayAnswerInvalid`.
        """
        try:
            piece = self._answer.read_piece(size)
        except (Incomplete, OSError, MessageError) as error:
            self.close()
            raise broken_off(error, self._gateway.origin, self._gateway._limits) from error  # noqa: SLF001  # as below
        if self._answer.complete:
            self.close()
        return piece

    def close(self) -> None:
        """End the exchange and give the turn back; may be called again."""
        if self._held:
            self._held = False
            try:
                self._answer.close()
            finally:
                self._gateway._leave()  # noqa: SLF001  # the two halves of one exchange


def _has_credentials(lines: Lines) -> bool:
    return any(values(lines, name) for name in _CREDENTIALS)
