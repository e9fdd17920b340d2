"""urllib3's PoolManager with pinned certificates: connections to one gateway, a pool a pin."""

from __future__ import annotations

import itertools
import math
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast
from weakref import WeakSet

from urllib3 import PoolManager, Timeout
from urllib3 import exceptions as urllib3_errors

from smgwproxy.backend import Backend
from smgwproxy.certificate import Certificate, Fingerprint
from smgwproxy.connection import Answer, ExactPool, ExactRequest, NoAnswer, NothingInCommon
from smgwproxy.errors import ConfigError, ExchangeError
from smgwproxy.faults import mismatch, translated
from smgwproxy.http1 import Incomplete, MessageError
from smgwproxy.limits import Limits
from smgwproxy.observing import Observer, Unobserved
from smgwproxy.origin import Origin
from smgwproxy.parting import Parting
from smgwproxy.phrases import phrase
from smgwproxy.system import reason
from smgwproxy.tls import GROUPS, anchored_context, client_context
from smgwproxy.truststores.record import Pin

if TYPE_CHECKING:
    from smgwproxy.client_certificate import ClientCertificate

_R = TypeVar("_R")
_NO_ANCHOR_SECONDS = 600.0  # then it is tried again: a stranger may have brought it about


class PinGone(Exception):  # no error that anybody is told: `smgwproxy.gateway` asks for the pins again
    """The pin is not among those that are in force now."""


# What using a pool raises, and what of that is told as it is.
_FAULTS = (urllib3_errors.HTTPError, OSError, MessageError, Incomplete)
_AS_THEY_ARE = (urllib3_errors.ClosedPoolError, PinGone, ExchangeError, NoAnswer)


class PinnedPools:
    """The connections to the gateway ``origin``, each made under one pin and used under no other.

    urllib3 compares the fingerprint after the handshake. Where the pinned certificate is known in whole it is the
    only trust anchor as well, and strangers fail within the handshake: only then is the client certificate shown.
    Nothing is sent before TLS stands, so `GROUPS` are tried one after the other; the one that worked is tried
    first the next time. ``dials`` is called before a connection is made, ``observer`` is told of handshakes. Safe
    between threads and greenlets. Raises `ConfigError` when the client certificate cannot be used.
    """

    def __init__(
        self,
        origin: Origin,
        limits: Limits,
        backend: Backend,
        parting: Parting,
        client_certificate: ClientCertificate | None = None,
        observer: Observer | None = None,
        dials: Callable[[], None] = lambda: None,
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
            cert_reqs="CERT_NONE",
            assert_hostname=False,
        )
        self._parting = parting
        pool_class = partial(
            backend.pool_class,
            parting=self._parting,
            keepalive=limits.keepalive,
            probe=limits.probe,
            dials=dials,
            observer=observer or Unobserved(),
        )
        self._manager.pool_classes_by_scheme = {"https": cast(Any, pool_class)}
        self._choosing = threading.Lock()  # held until a pool that is left is closed, never while waiting
        self._current: ExactPool | None = None
        self._chosen: tuple[Pin, str | None] | None = None  # the pin and the group that `_current` is for
        self._chosen_until = 0.0
        self._pools: WeakSet[ExactPool] = WeakSet()  # closed ones too: an exchange may still run
        self._tickets = itertools.count(1)
        self._newest = 0
        self._allowed: frozenset[str] = frozenset()
        self._allowed_pins: Sequence[Pin] | None = None  # those of `_allowed`, where they cannot change
        self._group: str | None = None
        self._contexts: dict[str | None, ssl.SSLContext] = {}  # without an anchor, of each group
        self._anchors: dict[str | None, tuple[Certificate, ssl.SSLContext]] = {}  # of the pin that was used last
        self._no_anchors: dict[Fingerprint, float] = {}  # until when
        self._known: dict[Fingerprint, Certificate] = {}  # of pins that have no more than a fingerprint
        self._check_client_certificate()

    def send(self, pin: Pin, method: str, request: ExactRequest) -> Answer:
        """Send to a peer with the certificate of ``pin``, and to no other.

        Raises `Mismatch` when the peer has another one, `PinGone` or urllib3's `ClosedPoolError` when the pins
        have changed meanwhile, `NoAnswer`, and `ExchangeError` for all else. After the first three nothing has
        been sent.
        """
        self._get_to_know(pin)
        try:
            return self._in_a_common_group(lambda group: self._pool(pin, group).exchange(method, request))
        except _AS_THEY_ARE:
            raise
        except _FAULTS as error:
            raise self._fault(error) from error

    def connect(self, pin: Pin) -> None:
        """Have a connection to a peer with the certificate of ``pin``; sends no request. Raises as `send` does."""
        self._get_to_know(pin)
        try:
            self._in_a_common_group(lambda group: self._pool(pin, group).connect_one())
        except _AS_THEY_ARE:
            raise
        except _FAULTS as error:
            raise self._fault(error) from error

    def presented_certificate(self) -> Certificate:
        """Shake hands, show nothing, send no request; return the certificate that the peer has the key of."""
        self.end_idle()  # or the gateway would have one connection more than it may
        try:
            return Certificate(self._in_a_common_group(self._probed))
        except (urllib3_errors.HTTPError, OSError) as error:
            raise self._translated(error) from error

    def use_without_anchor(self, pin: Pin) -> None:
        """Compare the fingerprint only, for ten minutes: the peer has the certificate, and OpenSSL refuses it."""
        self._no_anchors[pin.fingerprint] = time.monotonic() + _NO_ANCHOR_SECONDS
        self._choose_anew()

    def ticket(self) -> int:
        """Take a number before the pins are asked for, for `allow`."""
        return next(self._tickets)

    @property
    def allowed(self) -> frozenset[str]:
        """The fingerprints of the pins in force."""
        return self._allowed

    def allow(
        self, pins: Sequence[Pin], ticket: int, *, unless_changed_since: frozenset[str] | None = None
    ) -> bool:
        """Let ``pins`` be in force, and end all connections, those in use too, that were made under others.

        Of two answers that overtook each other the one that was asked for last counts. Does nothing, and returns
        False, when the pins in force are not those `allowed` was before, ``unless_changed_since``, and not these.
        """
        with self._choosing:
            same = pins is self._allowed_pins
            fingerprints = self._allowed if same else frozenset(str(pin.fingerprint) for pin in pins)
            if unless_changed_since is not None and self._allowed not in (unless_changed_since, fingerprints):
                return False
            if ticket < self._newest:
                return True
            self._newest, self._allowed = ticket, fingerprints
            if same:  # then no connection was made under others
                return True
            self._allowed_pins = pins if isinstance(pins, tuple) else None
            self._chosen = None
            dropped = [pool for pool in self._pools if pool.assert_fingerprint not in self._allowed]
            for pool in dropped:
                self._pools.discard(pool)
            if self._current in dropped:
                self._current = None
                self._manager.clear()
            for pool in dropped:
                pool.drop()
            return True

    @property
    def at_rest(self) -> bool:
        """Tell whether there is no connection; one that is being made is not seen before it shakes hands."""
        with self._choosing:
            return not any(pool.connected for pool in self._pools)

    def tidy(self) -> None:
        """Close the idle connections that cannot be used any more. The caller has a turn."""
        self._parting.tidy()
        current = self._current
        if current is not None:
            current.tidy()

    def end_idle(self) -> None:
        """Close the idle connections; those in use are closed at the end of their exchange."""
        with self._choosing:
            current, self._current = self._current, None
            self._manager.clear()
            if current is not None:  # who comes second may dial as soon as this returns
                current.close()

    def _get_to_know(self, pin: Pin) -> None:
        """Ask the gateway for the certificate of which only the fingerprint is known, if it needs an anchor."""
        if self._client_certificate is not None and pin.certificate is None and pin.fingerprint not in self._known:
            certificate = self.presented_certificate()
            if certificate.fingerprint == pin.fingerprint:
                self._known[pin.fingerprint] = certificate
                self._choose_anew()

    def _in_a_common_group(self, use: Callable[[str | None], _R]) -> _R:
        """Call ``use`` with one of `GROUPS` after the other until the peer takes one; else raise the first error.

        A group is the right one, too, when what goes wrong with it is something else.
        """
        first = self._group
        try:
            return use(first)
        except NothingInCommon as refusal:
            failure = refusal.error
        for group in GROUPS:
            if group != first:
                self._group = group
                with suppress(NothingInCommon):
                    return use(group)
        self._group = None
        raise failure

    def _probed(self, group: str | None) -> bytes:
        pool = cast(
            ExactPool,
            self._manager.connection_from_host(
                self._host, self._origin.port, scheme="https", pool_kwargs={"ssl_context": self._context(group)}
            ),
        )
        proof = pool.new_connection().prove()
        if not proof.whole and pool.new_connection().prove().der != proof.der:  # damage does not come twice alike
            raise ssl.SSLError("the certificate was changed on the way")
        return proof.der

    def _context(self, group: str | None) -> ssl.SSLContext:
        if group not in self._contexts:
            self._contexts[group] = client_context(self._context_class, group)
        return self._contexts[group]

    def _pool(self, pin: Pin, group: str | None) -> ExactPool:
        with self._choosing:  # the manager's pool and ours must be the same one
            if (
                self._current is not None
                and self._chosen == (pin, group)
                and time.monotonic() < self._chosen_until
            ):
                return self._current
            if str(pin.fingerprint) not in self._allowed:
                raise PinGone
            anchor = self._anchor_of(pin, group)
            context = anchor or self._context(group)
            pool = cast(
                ExactPool,
                self._manager.connection_from_host(
                    self._host,
                    self._origin.port,
                    scheme="https",
                    pool_kwargs={
                        "assert_fingerprint": str(pin.fingerprint),
                        "ssl_context": context,
                        **({"cert_reqs": "CERT_REQUIRED"} if anchor is not None else {}),
                    },
                ),
            )
            stale, self._current = self._current, pool
            self._chosen, self._chosen_until = (pin, group), math.inf
            if anchor is None:
                self._chosen_until = self._no_anchors.get(pin.fingerprint, math.inf)
            self._pools.add(pool)
            if stale is not None and stale is not pool:
                stale.close()
        return pool

    def _choose_anew(self) -> None:
        """Let the anchor be looked for again."""
        with self._choosing:
            self._chosen = None

    def _anchor_of(self, pin: Pin, group: str | None) -> ssl.SSLContext | None:
        """Return the context with the pinned certificate as its only anchor, where there can be one."""
        wanted = pin.certificate or self._known.get(pin.fingerprint)
        if wanted is None or self._no_anchors.get(pin.fingerprint, 0.0) > time.monotonic():
            return None
        certificate, context = self._anchors.get(group, (None, None))
        if certificate != wanted:
            context = anchored_context(self._context_class, wanted, self._client_certificate, group)
            if context is None:
                return None
            self._anchors[group] = (wanted, context)
        return context

    def _check_client_certificate(self) -> None:
        if self._client_certificate is not None:
            try:
                self._client_certificate.use_in(client_context())
            except OSError as error:
                raise ConfigError(
                    phrase("the client certificate cannot be used: {reason}", reason=reason(error))
                ) from error

    def _fault(self, error: Exception) -> Exception:
        """Return what is to be told of one of `_FAULTS`."""
        found = mismatch(error) if isinstance(error, urllib3_errors.SSLError) else None
        return found or self._translated(error)

    def _translated(self, error: Exception) -> ExchangeError:
        return translated(error, self._origin, self._limits)
