"""From options to the gateway's side of a running proxy: trust store, client certificate, connections."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from smgwproxy.approach import Approaches
from smgwproxy.backend import Backend
from smgwproxy.commands.serving.opening import Opening, Unopened
from smgwproxy.commands.store import open_configured_truststore
from smgwproxy.config import Config
from smgwproxy.cooperative import cooperative
from smgwproxy.deadline import Overdue
from smgwproxy.errors import ConfigError
from smgwproxy.gateway import Gateway
from smgwproxy.limits import Limits
from smgwproxy.observing import Observer
from smgwproxy.origin import Origin
from smgwproxy.phrases import Phrase, phrase
from smgwproxy.renewal import Renewal
from smgwproxy.truststores import TrustStore
from smgwproxy.truststores.guard import Guard

if TYPE_CHECKING:
    from smgwproxy.client_certificate import ClientCertificate

_R = TypeVar("_R")

_AT_START = 5.0  # seconds that all gateways wait for the slowest store


@dataclass(frozen=True, slots=True)
class Behind:
    """What a `Gateway` is made of. As long as that stays, the gateway may stay, and its connection.

    ``backend`` is the store's: with a store that hangs go the threads that wait for it.
    """

    origin: Origin
    store: TrustStore
    limits: Limits
    renewal: Renewal
    client_certificate: ClientCertificate | None
    backend: Backend = field(compare=False)

    def gateway(self, approaches: Approaches, observer: Observer) -> Gateway:
        """Make the gateway, of which ``observer`` is told.

        Raises `ConfigError` when the client certificate cannot be used.
        """
        return Gateway(
            self.origin,
            self.store,
            self.limits,
            self.backend,
            renewal=self.renewal,
            client_certificate=self.client_certificate,
            approach=approaches.to(self.origin),
            observer=observer,
        )

    def guard(self) -> Guard:
        """Make a guard of the store, for who asks it beside the gateway."""
        return Guard(self.store, self.backend.call, self.limits.store_timeout)


Begin = Callable[[Callable[[float], TrustStore], Backend], Opening]
"""Begins to open a store that may be late."""


def behind(config: Config, same_store: Behind | None, begin: Begin | None) -> Behind:
    """Return what ``config`` wants, with the store of ``same_store`` if that is open already.

    Only the greenlet that calls waits, for each thing --store-timeout at most. Raises `ConfigError`, also for a
    store that is late, unless there is ``begin``: then another store stands in for it.
    """
    if same_store is not None:
        backend, store = same_store.backend, _as_it_is_now(same_store.store)
    else:
        backend = cooperative()
        store = _store(config, backend) if begin is None else _store_or_stand_in(config, backend, begin)
    return Behind(
        config.target,
        store,
        Limits(
            config.max_connections,
            config.connect_timeout,
            config.read_timeout,
            config.queue_timeout,
            config.store_timeout,
            keepalive=config.keepalive,
        ),
        config.renewal,
        _client_certificate(config),
        backend,
    )


def _as_it_is_now(store: TrustStore) -> TrustStore:
    """Return the store itself if another one has stood in for it until now."""
    return store.opening.store if isinstance(store, Unopened) and store.opening.store is not None else store


def _store_or_stand_in(config: Config, backend: Backend, begin: Begin) -> TrustStore:
    opening = begin(partial(open_configured_truststore, config), backend)
    return opening.wait(min(config.store_timeout, _AT_START))


def _store(config: Config, backend: Backend) -> TrustStore:
    late = phrase(
        "{source}: the trust store was not open within {seconds:g} s: see whether its disk "
        "or its server answers, or give --store-timeout",
        source=config.source("truststore" if "truststore" in config.given else "certdir"),
        seconds=config.store_timeout,
    )
    return _in_time(config, backend, partial(open_configured_truststore, config), late)


def _client_certificate(config: Config) -> ClientCertificate | None:
    if config.client_cert is None:
        return None
    from smgwproxy.commands.client_certificate import (  # noqa: PLC0415  # memory, which most do without
        configured_client_certificate,
    )

    return certificate_in_time(config, "client-cert", partial(configured_client_certificate, config))


def certificate_in_time(config: Config, option: str, function: Callable[[], _R]) -> _R:
    """Return ``function()``, which reads the certificate of ``option``; as with `behind`, only the caller waits.

    Raises `ConfigError`, also when that takes longer than --store-timeout.
    """
    late = phrase(
        "{source}: the certificate was not read within {seconds:g} s: see whether its disk answers, "
        "or give --store-timeout",
        source=config.source(option),
        seconds=config.store_timeout,
    )
    # In threads of its own: a store that hangs may have all of its backend's.
    return _in_time(config, cooperative(), function, late)


def _in_time(config: Config, backend: Backend, function: Callable[[], _R], late: Phrase) -> _R:
    try:
        return backend.call(function, config.store_timeout)
    except Overdue as error:
        raise ConfigError(late) from error
