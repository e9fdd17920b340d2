"""All that runs for one gateway, made of its `Config`; and how it becomes that of another one."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING
from weakref import ref

import gevent
import gevent.ssl

from smgwproxy.access import Access
from smgwproxy.approach import Approaches
from smgwproxy.commands.serving.announcing import announce
from smgwproxy.commands.serving.behind import Behind, behind, certificate_in_time
from smgwproxy.commands.serving.door import Door, Listener
from smgwproxy.commands.serving.opening import Opening, Unopened
from smgwproxy.commands.serving.tally import Tally
from smgwproxy.config import Config
from smgwproxy.gateway import Gateway
from smgwproxy.language import Languages
from smgwproxy.limits import DoorLimits
from smgwproxy.lookout import Lookout
from smgwproxy.origin import Origin
from smgwproxy.proxy import Exchange, Report, ReverseProxy
from smgwproxy.server import Terms
from smgwproxy.status.ledger import Ledger
from smgwproxy.storage import Storage
from smgwproxy.truststores.guard import Guard
from smgwproxy.trustwatch import TrustWatch, see_out

if TYPE_CHECKING:
    from smgwproxy.own_certificate import Files, ServerIdentity


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a `Config` needs, made or opened; nobody notices any of it yet."""

    config: Config
    behind: Behind
    files: Files | None
    identity: ServerIdentity | None


@dataclass(frozen=True, slots=True)
class _InForce:
    """What holds for new requests."""

    prepared: Prepared
    gateway: Gateway
    guard: Guard
    watch: gevent.Greenlet[..., None]


class Parts:
    """The parts of one gateway's proxy, none in force before the first `use`.

    ``report`` makes what is told of each exchange, after these parts' `tally`; it is given these parts, whose
    `name` it may want to tell. ``lookout`` lets their eye on the trust store sleep. Clients are told errors in
    ``languages``. Lines go to ``logger``. ``meanwhile`` is called while the gateway works on a request.
    """

    def __init__(
        self,
        report: Callable[[Parts], Report],
        approaches: Approaches,
        lookout: Lookout,
        languages: Languages,
        logger: logging.Logger,
        meanwhile: Callable[[], None],
    ) -> None:
        self.logger = logger
        """Where lines go that concern this gateway."""
        self._approaches = approaches
        self._lookout = lookout
        self._storage = Storage()
        self._languages = languages
        self._meanwhile = meanwhile
        self._now: _InForce | None = None
        self.door = Door(self._storage, logger)
        """Where its clients come to."""
        self.tally = Tally(report(self))
        """What it has done."""
        self._ledgers: dict[Origin, Ledger] = {}  # who comes back to a gateway goes on counting

    @property
    def name(self) -> str:
        """What it is called in logs, metrics and pages."""
        return self.config.name

    @property
    def config(self) -> Config:
        """The options in force."""
        return self._in_force.prepared.config

    @property
    def origin(self) -> Origin:
        """Where the gateway is."""
        return self.gateway.origin

    @property
    def gateway(self) -> Gateway:
        """The one that new requests are sent to."""
        return self._in_force.gateway

    @property
    def ledger(self) -> Ledger:
        """What became of the requests for this gateway, in numbers."""
        return self._ledger(self.origin)

    @property
    def guard(self) -> Guard:
        """The guarded trust store, for who looks beside the gateway."""
        return self._in_force.guard

    # --- what becomes of it -----------------------------------------------------------------------------

    def prepare(self, config: Config, late: Callable[[], None] | None) -> Prepared:
        """Make or open what ``config`` needs, save listeners and gateway; only the greenlet that calls waits.

        A store that is not open in time may come later if there is ``late``, which is called then. Raises
        `ConfigError`.
        """
        before = self._now.prepared if self._now is not None else None
        same_store = before is not None and before.config.truststore == config.truststore
        begin = None if late is None else partial(Opening, late=late, logger=self.logger)
        wanted = behind(config, before.behind if before and same_store else None, begin)
        return Prepared(config, wanted, *self._identity(config, before))

    def connect(self, prepared: Prepared, opened: ExitStack) -> Gateway:
        """Return the gateway for `use`, which ``opened`` closes if it is new; raises `ConfigError`."""
        if self._now is not None and self._now.prepared.behind == prepared.behind:
            return self._now.gateway
        gateway = prepared.behind.gateway(self._approaches, self._ledger(prepared.behind.origin))
        opened.callback(gateway.close)
        return gateway

    def use(self, prepared: Prepared, gateway: Gateway, listeners: Sequence[Listener]) -> None:
        """Let all that hold from the next request on; what runs ends under what it began with. Raises nothing."""
        before = self._now
        self.door.use(listeners, self._terms(prepared, gateway))
        if before is not None and before.gateway is gateway:
            guard, watch = before.guard, before.watch
        else:
            guard = prepared.behind.guard()
            failed, alone = self._ledger(gateway.origin).failed, prepared.config.table is None
            trust_watch = TrustWatch(gateway, guard, self.logger, failed=failed, alone=alone)
            watch = gevent.spawn(trust_watch.run, self._lookout)
        self._now = _InForce(prepared, gateway, guard, watch)
        if before is not None and before.gateway is not gateway:
            self._retire(before)
            if before.prepared.behind.store is not prepared.behind.store:
                _give_up(before)

    def leave(self) -> None:
        """Take no more clients; requests that run end as they would have."""
        self.door.shut()
        self._retire(self._in_force)
        _give_up(self._in_force)

    def close(self) -> None:
        """End what is left once the door has stopped."""
        if self._now is not None:
            self._now.watch.kill()
            self._now.gateway.close()
            _give_up(self._now)

    def announce(self) -> None:
        """Tell the log what is in force."""
        now = self._in_force.prepared
        shown = None if now.identity is None else now.identity.certificate
        announce(now.config, self.door.listeners, shown, now.behind.client_certificate, self.logger)

    @property
    def _in_force(self) -> _InForce:
        if self._now is None:
            raise RuntimeError("nothing is in force before the first use()")
        return self._now

    def _ledger(self, origin: Origin) -> Ledger:
        return self._ledgers.setdefault(origin, Ledger(meanwhile=self._meanwhile))

    def _retire(self, before: _InForce) -> None:
        before.watch.kill(block=False)
        before.gateway.close()
        gevent.spawn(see_out, ref(before.gateway), self.logger)

    def _identity(self, config: Config, before: Prepared | None) -> tuple[Files | None, ServerIdentity | None]:
        """Return what HTTPS shows, made if need be, and where that is from; that in force follows its files."""
        if config.tls_port is None:
            return None, None
        option = "statedir" if config.tls_cert is None else "tls-cert"
        return certificate_in_time(config, option, partial(self._loaded, config, before))

    def _loaded(self, config: Config, before: Prepared | None) -> tuple[Files, ServerIdentity | None]:
        from smgwproxy.commands.certificate import configured_files  # noqa: PLC0415  # only where there is HTTPS
        from smgwproxy.own_certificate import ServerIdentity  # noqa: PLC0415  # as above

        files = configured_files(config)
        if before is not None and before.files == files:
            return files, before.identity
        return files, ServerIdentity(files, gevent.ssl.SSLContext, self.logger)

    def _terms(self, prepared: Prepared, gateway: Gateway) -> Terms:
        config, ledger = prepared.config, self._ledger(gateway.origin)
        application = ReverseProxy(
            gateway,
            report=_each(self.tally, ledger),
            storage=self._storage,
            host_header=config.host_header,
            languages=self._languages,
        )
        limits = DoorLimits(
            clients=config.max_clients,
            clients_per_address=config.max_clients_per_address,
            head_timeout=config.head_timeout,
            handshake_timeout=config.handshake_timeout,
            body_timeout=config.body_timeout,
            idle_timeout=config.idle_timeout,
            min_speed=config.min_speed,
        )
        access = Access(config.allow, config.server_name)
        return Terms(application, access, limits, prepared.identity, self._languages, ledger.refused)


def _give_up(before: _InForce) -> None:
    """Open no store that nobody wants any more."""
    store = before.prepared.behind.store
    if isinstance(store, Unopened):
        store.opening.end()


def _each(*reports: Report) -> Report:
    def tell(exchange: Exchange, /) -> None:
        for report in reports:
            report(exchange)

    return tell
