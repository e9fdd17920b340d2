"""Trust and urllib3's PoolManager put together: sends one request, returns the gateway's unread answer."""

from __future__ import annotations

import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, ParamSpec, Self, cast

from urllib3 import PoolManager, Timeout
from urllib3 import exceptions as urllib3_errors

from smgwproxy.backend import Backend, threaded
from smgwproxy.certificate import Certificate, Fingerprint
from smgwproxy.connection import Answer, ExactPool, ExactRequest, NoAnswer
from smgwproxy.errors import (
    BadRequest,
    CertificateChanged,
    ExchangeError,
    GatewayAnswerIncomplete,
    GatewayAnswerInvalid,
    GatewayBusy,
    GatewayClosed,
    GatewayConnectTimeout,
    GatewayError,
    GatewayNameUnknown,
    GatewayNotTLS,
    GatewayReadTimeout,
    GatewayRefused,
    GatewayUnreachable,
    TrustStoreError,
)
from smgwproxy.http1 import AnswerHead, Incomplete, Lines, MessageError, values
from smgwproxy.origin import Origin
from smgwproxy.tls import client_context
from smgwproxy.truststores.base import Pin, TrustStore
from smgwproxy.turns import Turns

_P = ParamSpec("_P")

_PRESENTED = re.compile(r'Fingerprints did not match\. Expected "[0-9a-f]+", got "([0-9a-f]{64})"')
_REPEATABLE = frozenset({"GET", "HEAD", "OPTIONS"})
_CREDENTIALS = ("authorization", "cookie")
_PIN_CHANGES = 3  # while one request is being sent


@dataclass(frozen=True, slots=True)
class Limits:
    """How the gateway is treated: connections at a time, and times in seconds."""

    connections: int = 1
    connect_timeout: float = 10.0
    read_timeout: float = 180.0
    queue_timeout: float = 60.0


class Gateway:
    """One gateway, reached only through TLS with a pinned certificate, and never by more than its turns.

    Safe to use from several threads (with `smgwproxy.backend.threaded`) or greenlets (with
    `smgwproxy.cooperative.cooperative`). The pins are asked of ``truststore`` anew for each request. As a
    context manager it closes its connections at the end.
    """

    def __init__(
        self,
        origin: Origin | str,
        truststore: TrustStore,
        limits: Limits | None = None,
        backend: Backend | None = None,
    ) -> None:
        self.origin = Origin.parse(origin) if isinstance(origin, str) else origin
        # urllib3 takes an IPv6 address as a URL has it: in brackets, the % of a zone encoded (RFC 6874).
        host = self.origin.host
        self._host = f"[{host.replace('%', '%25')}]" if ":" in host else host
        self._truststore = truststore
        self._limits = limits or Limits()
        self._backend = backend or threaded()
        self._turns = Turns(self._limits.connections, self._backend.event_class)
        # One pool at a time: a pin other than the last one makes another pool, and `_pool` closes the old one,
        # which PoolManager leaves to the garbage collector.
        self._manager = PoolManager(
            num_pools=1,
            maxsize=self._limits.connections,
            block=False,
            retries=False,
            timeout=Timeout(connect=self._limits.connect_timeout, read=self._limits.read_timeout),
            ssl_context=client_context(self._backend.context_class),
            cert_reqs="CERT_NONE",
            assert_hostname=False,
        )
        self._manager.pool_classes_by_scheme = {"https": self._backend.pool_class}
        self._current: ExactPool | None = None
        self._choosing = threading.Lock()  # held for a few instructions, never while waiting
        self._last_good: Fingerprint | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the idle connections; those in use are closed at the end of their exchange."""
        with self._choosing:
            current, self._current = self._current, None
            self._manager.clear()
        if current is not None:
            current.close()

    def send(self, method: str, target: str, lines: Lines, body: Iterable[bytes] = ()) -> GatewayAnswer:
        """Send one request and return its answer, unread; the caller must close it.

        ``target`` and ``lines`` go out as they are; ``lines`` must hold Host, and the Content-Length of
        ``body``, whose pieces are read only once the certificate has matched. Waits for a turn first. Raises
        `ExchangeError`, above all `GatewayError`; what ``body`` raises passes through, unless it is an `OSError`,
        which would be taken for the gateway's.
        """
        if not self._turns.enter(self._limits.queue_timeout):
            raise GatewayBusy(self.origin, self._limits.queue_timeout)
        try:
            answer = self._exchange(method, target, lines, body)
        except BaseException:
            self._turns.leave()
            raise
        return GatewayAnswer(self, answer)

    def ensure_pinned(self) -> Sequence[Pin]:
        """Return the pins in force; without any, do what first use does. Sends no request."""
        if not self._turns.enter(self._limits.queue_timeout):
            raise GatewayBusy(self.origin, self._limits.queue_timeout)
        try:
            return self._pins()
        finally:
            self._turns.leave()

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
            raise BadRequest(f"The request cannot be sent: {error}.") from error
        for _ in range(_PIN_CHANGES):
            # When the pins change in another thread it closes this one's pool; nothing has been sent then.
            with suppress(urllib3_errors.ClosedPoolError):
                return self._try_pins(self._pins(), method, request)
        raise TrustStoreError(
            f"The pins of the gateway {self.origin} keep changing.", "See which programs write to the trust store."
        )

    def _try_pins(self, pins: Sequence[Pin], method: str, request: ExactRequest) -> Answer:
        """Try the pins one after the other, as long as they do not match."""
        presented: str | None = None
        for pin in sorted(pins, key=lambda pin: pin.fingerprint != self._last_good):
            try:
                answer = self._pool(pin.fingerprint).urlopen(
                    method,
                    "/",  # the target is in the request, where urllib3 does not normalise it
                    cast(Any, request),
                    retries=False,
                    redirect=False,
                    preload_content=False,
                    decode_content=False,
                )
            except urllib3_errors.ClosedPoolError:
                raise
            except urllib3_errors.SSLError as error:
                mismatch = _PRESENTED.search(str(error))
                if mismatch is None:
                    raise self._translated(error) from error
                presented = mismatch[1]
            except urllib3_errors.ProtocolError as error:
                if len(error.args) > 1 and isinstance(error.args[1], NoAnswer):
                    raise error.args[1] from error
                raise self._translated(error) from error
            except (urllib3_errors.HTTPError, OSError, MessageError, Incomplete) as error:
                raise self._translated(error) from error
            else:
                self._last_good = pin.fingerprint
                return cast(Answer, answer)
        raise CertificateChanged(
            self.origin, tuple(str(pin.fingerprint) for pin in pins), presented, pins[0].record
        )

    def _pins(self) -> Sequence[Pin]:
        pins = self._asked(self._truststore.lookup, self.origin)
        if pins:
            return pins
        self.close()  # what was pinned before is not trusted any more
        pins = self._asked(self._truststore.pin, self.origin, self._presented_certificate())
        if not pins:
            raise TrustStoreError(
                f"The trust store holds no pin for the gateway {self.origin} although it was just pinned.",
                "The trust store is faulty: choose another one.",
            )
        return pins

    def _asked(self, question: Callable[_P, Sequence[Pin]], *args: _P.args, **kwargs: _P.kwargs) -> Sequence[Pin]:
        """Call the store; whatever a store of somebody else's raises means that nothing is trusted."""
        try:
            return self._backend.call(question, *args, **kwargs)
        except ExchangeError:
            raise
        except Exception as error:
            raise TrustStoreError(
                f"The trust store failed at the gateway {self.origin}: {type(error).__name__}: {error}. "
                "Nothing was sent.",
                "Look after the store, or choose another one with --truststore.",
            ) from error

    def _presented_certificate(self) -> Certificate:
        pool = cast(ExactPool, self._manager.connection_from_host(self._host, self.origin.port, scheme="https"))
        try:
            return Certificate(pool.new_connection().peer_certificate())
        except (urllib3_errors.HTTPError, OSError) as error:
            raise self._translated(error) from error

    def _pool(self, fingerprint: Fingerprint) -> ExactPool:
        with self._choosing:  # the manager's pool and ours must be the same one
            pool = cast(
                ExactPool,
                self._manager.connection_from_host(
                    self._host,
                    self.origin.port,
                    scheme="https",
                    pool_kwargs={"assert_fingerprint": str(fingerprint)},
                ),
            )
            stale, self._current = self._current, pool
        if stale is not None and stale is not pool:
            stale.close()
        return pool

    def _translated(self, error: Exception) -> GatewayError:
        """Name the fault that a library's error stands for."""
        for cause in _causes(error):
            known = self._known(cause)
            if known is not None:
                return known
        return GatewayUnreachable(self.origin, str(error))

    def _known(self, error: BaseException) -> GatewayError | None:  # noqa: PLR0911  # a table, read top down
        limits, origin = self._limits, self.origin
        match error:
            case MessageError() | Incomplete():
                return GatewayAnswerInvalid(origin, str(error))
            case socket.gaierror():
                return GatewayNameUnknown(origin, error.strerror or str(error))
            case urllib3_errors.NewConnectionError():
                return None  # a kind of ConnectTimeoutError to urllib3; its cause tells more
            case urllib3_errors.ConnectTimeoutError():
                return GatewayConnectTimeout(origin, limits.connect_timeout)
            case urllib3_errors.ReadTimeoutError() | TimeoutError():
                return GatewayReadTimeout(origin, limits.read_timeout)
            case ssl.SSLError():
                return GatewayNotTLS(origin, _tls_reason(error))
            case ConnectionRefusedError():
                return GatewayRefused(origin)
            case ConnectionError():
                return GatewayClosed(origin)
            case OSError():
                return GatewayUnreachable(origin, error.strerror or str(error))
        return None

    def _leave(self) -> None:
        self._turns.leave()


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
            raise self._broken(error) from error
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

    def _broken(self, error: Exception) -> ExchangeError:
        if isinstance(error, TimeoutError):
            return GatewayReadTimeout(self._gateway.origin, self._gateway._limits.read_timeout)  # noqa: SLF001
        if isinstance(error, MessageError):
            return GatewayAnswerInvalid(self._gateway.origin, str(error))
        return GatewayAnswerIncomplete(self._gateway.origin, str(error))


def _has_credentials(lines: Lines) -> bool:
    return any(values(lines, name) for name in _CREDENTIALS)


def _causes(error: BaseException) -> Iterable[BaseException]:
    """Walk from an error to what it was raised from, or wraps in its arguments."""
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        wrapped = next((arg for arg in seen.args if isinstance(arg, BaseException)), None)
        seen = wrapped or seen.__cause__


def _tls_reason(error: ssl.SSLError) -> str:
    """Say in words what OpenSSL reports, such as ``wrong version number``."""
    return (error.reason or str(error)).replace("_", " ").lower()
