"""urllib3's PoolManager with pinned certificates: connections to one gateway, a pool a pin."""

from __future__ import annotations

import itertools
import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast
from weakref import WeakSet

from urllib3 import PoolManager, Timeout
from urllib3 import exceptions as urllib3_errors

from smgwproxy.backend import Backend
from smgwproxy.certificate import Certificate, Fingerprint
from smgwproxy.connection import Answer, ExactPool, ExactRequest, NoAnswer
from smgwproxy.errors import ConfigError, ExchangeError, InternalError
from smgwproxy.faults import mismatch, translated
from smgwproxy.http1 import Incomplete, MessageError
from smgwproxy.limits import Limits
from smgwproxy.origin import Origin
from smgwproxy.tls import anchored_context, client_context, load_client_certificate
from smgwproxy.truststores.record import Pin

_NO_ANCHOR_SECONDS = 600.0  # then it is tried again: a stranger may have brought it about


class PinGone(Exception):  # no error that anybody is told: `smgwproxy.gateway` asks for the pins again
    """The pin is not among those that are in force now."""


class PinnedPools:
    """The connections to the gateway ``origin``, each made under one pin and used under no other.

    urllib3 compares the fingerprint after the handshake. Where the pinned certificate is known in whole it is the
    only trust anchor as well, and strangers fail within the handshake: only then is the client certificate shown.
    Safe between threads and greenlets. Raises `ConfigError` when the client certificate cannot be loaded.
    """

    def __init__(
        self, origin: Origin, limits: Limits, backend: Backend, client_certificate: Path | None = None
    ) -> None:
        self._origin = origin
        # urllib3 takes an IPv6 address as a URL has it: in brackets, the % of a zone encoded (RFC 6874).
        host = origin.host
        self._host = f"[{host.replace('%', '%25')}]" if ":" in host else host
        self._limits = limits
        self._context_class = backend.context_class
        self._client_certificate = client_certificate
        # One pool at a time: a pin other than the last one makes another pool, and `_pool` closes the old one,
        # which PoolManager leaves to the garbage collector.
        self._manager = PoolManager(
            num_pools=1,
            maxsize=limits.connections,
            block=False,
            retries=False,
            timeout=Timeout(connect=limits.connect_timeout, read=limits.read_timeout),
            ssl_context=client_context(backend.context_class),
            cert_reqs="CERT_NONE",
            assert_hostname=False,
        )
        self._manager.pool_classes_by_scheme = {"https": backend.pool_class}
        self._choosing = threading.Lock()  # held for a few instructions, never while waiting
        self._current: ExactPool | None = None
        self._pools: WeakSet[ExactPool] = WeakSet()  # closed ones too: an exchange may still run
        self._tickets = itertools.count(1)
        self._newest = 0
        self._allowed: frozenset[str] = frozenset()
        self._anchor: tuple[Certificate, ssl.SSLContext] | None = None  # of the pin that was used last
        self._no_anchors: dict[Fingerprint, float] = {}  # until when
        self._check_client_certificate()

    def send(self, pin: Pin, method: str, request: ExactRequest) -> Answer:
        """Send to a peer with the certificate of ``pin``, and to no other.

        Raises `Mismatch` when the peer has another one, `PinGone` or urllib3's `ClosedPoolError` when the pins
        have changed meanwhile, `NoAnswer`, and `ExchangeError` for all else. After the first three nothing has
        been sent.
        """
        with self._translating():
            answer = self._pool(pin).urlopen(
                method,
                "/",  # the target is in the request, where urllib3 does not normalise it
                cast(Any, request),
                retries=False,
                redirect=False,
                preload_content=False,
                decode_content=False,
            )
        return cast(Answer, answer)

    def connect(self, pin: Pin) -> None:
        """Have a connection to a peer with the certificate of ``pin``; sends no request. Raises as `send` does."""
        with self._translating():
            self._pool(pin).connect_one()

    def presented_certificate(self) -> Certificate:
        """Shake hands, show nothing, send no request; return the certificate that the peer has the key of."""
        pool = cast(ExactPool, self._manager.connection_from_host(self._host, self._origin.port, scheme="https"))
        try:
            return Certificate(pool.new_connection().peer_certificate())
        except (urllib3_errors.HTTPError, OSError) as error:
            raise self._translated(error) from error

    def use_without_anchor(self, pin: Pin) -> None:
        """Compare the fingerprint only, for ten minutes: the peer has the certificate, and OpenSSL refuses it."""
        self._no_anchors[pin.fingerprint] = time.monotonic() + _NO_ANCHOR_SECONDS

    def ticket(self) -> int:
        """Take a number before the pins are asked for, for `allow`."""
        return next(self._tickets)

    def allow(self, pins: Sequence[Pin], ticket: int) -> None:
        """Let ``pins`` be in force, and end all connections, those in use too, that were made under others.

        Of two answers that overtook each other the one that was asked for last counts.
        """
        with self._choosing:
            if ticket < self._newest:
                return
            self._newest, self._allowed = ticket, frozenset(str(pin.fingerprint) for pin in pins)
            dropped = [pool for pool in self._pools if pool.assert_fingerprint not in self._allowed]
            for pool in dropped:
                self._pools.discard(pool)
            if self._current in dropped:
                self._current = None
                self._manager.clear()
        for pool in dropped:
            pool.drop()

    def close(self) -> None:
        """Close the idle connections; those in use are closed at the end of their exchange."""
        with self._choosing:
            current, self._current = self._current, None
            self._manager.clear()
        if current is not None:
            current.close()

    def _pool(self, pin: Pin) -> ExactPool:
        with self._choosing:  # the manager's pool and ours must be the same one
            if str(pin.fingerprint) not in self._allowed:
                raise PinGone
            anchor = self._anchor_of(pin)
            pool = cast(
                ExactPool,
                self._manager.connection_from_host(
                    self._host,
                    self._origin.port,
                    scheme="https",
                    pool_kwargs={
                        "assert_fingerprint": str(pin.fingerprint),
                        **({"ssl_context": anchor, "cert_reqs": "CERT_REQUIRED"} if anchor is not None else {}),
                    },
                ),
            )
            stale, self._current = self._current, pool
            self._pools.add(pool)
        if stale is not None and stale is not pool:
            stale.close()
        return pool

    def _anchor_of(self, pin: Pin) -> ssl.SSLContext | None:
        """Return the context with the pinned certificate as its only anchor, where there can be one."""
        if pin.certificate is None or self._no_anchors.get(pin.fingerprint, 0.0) > time.monotonic():
            return None
        if self._anchor is None or self._anchor[0] != pin.certificate:
            try:
                context = anchored_context(self._context_class, pin.certificate, self._client_certificate)
            except OSError as error:
                raise InternalError(
                    f"The client certificate {self._client_certificate} cannot be loaded any more: {error}.",
                    "Put it back. Nothing was sent.",
                ) from error
            if context is None:
                return None
            self._anchor = (pin.certificate, context)
        return self._anchor[1]

    def _check_client_certificate(self) -> None:
        if self._client_certificate is not None:
            try:
                load_client_certificate(client_context(), self._client_certificate)
            except OSError as error:
                raise ConfigError(
                    f"the client certificate {self._client_certificate} cannot be loaded "
                    f"({error.strerror or error}): give a PEM file with the private key and its certificate"
                ) from error

    @contextmanager
    def _translating(self) -> Iterator[None]:
        try:
            yield
        except (urllib3_errors.ClosedPoolError, PinGone, ExchangeError):
            raise
        except urllib3_errors.SSLError as error:
            raise mismatch(error) or self._translated(error) from error
        except urllib3_errors.ProtocolError as error:
            if len(error.args) > 1 and isinstance(error.args[1], NoAnswer):
                raise error.args[1] from error
            raise self._translated(error) from error
        except (urllib3_errors.HTTPError, OSError, MessageError, Incomplete) as error:
            raise self._translated(error) from error

    def _translated(self, error: Exception) -> ExchangeError:
        return translated(error, self._origin, self._limits)
