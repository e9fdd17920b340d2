"""All that runs, made of a `Config`; and how it becomes that of another one without a request being dropped."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Self
from weakref import ref

import gevent
import gevent.ssl

from smgwproxy.access import Access
from smgwproxy.approach import Approaches
from smgwproxy.commands.certificate import configured_files
from smgwproxy.commands.serving.announcing import announce
from smgwproxy.commands.serving.behind import Behind, behind
from smgwproxy.commands.serving.door import Door
from smgwproxy.config import Config
from smgwproxy.cooperative import cooperative
from smgwproxy.gateway import Gateway
from smgwproxy.language import Languages
from smgwproxy.limits import DoorLimits
from smgwproxy.logs import Logs
from smgwproxy.own_certificate import Files, ServerIdentity
from smgwproxy.parting import PATIENCE
from smgwproxy.proxy import Report, ReverseProxy
from smgwproxy.server import Terms
from smgwproxy.storage import Storage
from smgwproxy.truststores.guard import Guard
from smgwproxy.trustwatch import TrustWatch, see_out


@dataclass(frozen=True, slots=True)
class _InForce:
    """What holds for new requests."""

    config: Config
    behind: Behind
    gateway: Gateway
    watch: gevent.Greenlet[..., None]
    files: Files | None
    identity: ServerIdentity | None


class Parts:
    """The parts of a running proxy, none before the first `use`. A context manager, which gives them back.

    ``report`` is told of each exchange; the log files are those of ``logs``.
    """

    def __init__(self, report: Report, logs: Logs, logger: logging.Logger) -> None:
        self._report = report
        self._logs = logs
        self._logger = logger
        self._backend = cooperative()
        self._approaches = Approaches(self._backend)
        self._storage = Storage()
        self._languages = Languages()
        self._in_force: _InForce | None = None
        self._tidying: gevent.Greenlet[..., None] | None = None
        self.door = Door(self._storage, logger)

    def __enter__(self) -> Self:
        self._tidying = gevent.spawn(self._tidy)
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._in_force is not None:
            self._in_force.watch.kill()
            self._in_force.gateway.close()
        if self._tidying is not None:
            self._tidying.kill()
        self._approaches.close()

    def use(self, config: Config) -> None:
        """Let ``config`` hold from the next request on; what runs ends under what it began with.

        Raises `ConfigError`: then nothing has changed.
        """
        before = self._in_force
        with ExitStack() as opened:
            same_store = before is not None and before.config.truststore == config.truststore
            wanted = behind(config, self._backend, before.behind.store if before and same_store else None)
            files, identity = self._identity(config)
            file = self._logs.open(config.logdir, config.logfile, config.source("logdir"))
            if file is not self._logs.file:
                opened.callback(file.close)
            listeners = self.door.open(config, opened)  # late: who comes to one that is closed again is reset
            same_gateway = before is not None and before.behind == wanted
            gateway = (
                before.gateway if before and same_gateway else wanted.gateway(self._backend, self._approaches)
            )
            opened.pop_all()  # nothing fails from here on
        self._logs.use(config.log_level, file)
        self.door.use(listeners, self._terms(config, gateway, identity))
        kept = before.watch if before and same_gateway else None
        watch = kept or gevent.spawn(self._watch(wanted, gateway).run)
        self._in_force = _InForce(config, wanted, gateway, watch, files, identity)
        if before and not same_gateway:
            before.watch.kill(block=False)
            before.gateway.close()
            gevent.spawn(see_out, ref(before.gateway), self._logger)

    def announce(self) -> None:
        """Tell the log what is in force."""
        if (now := self._in_force) is not None:
            shown = None if now.identity is None else now.identity.certificate
            announce(now.config, self.door.listeners, shown, now.behind.client_certificate, self._logger)

    def _identity(self, config: Config) -> tuple[Files | None, ServerIdentity | None]:
        """Return what HTTPS shows, made if need be, and where that is from; that in force follows its files."""
        if config.tls_port is None:
            return None, None
        files, before = configured_files(config), self._in_force
        if before is not None and before.files == files:
            return files, before.identity
        return files, ServerIdentity(files, gevent.ssl.SSLContext, self._logger)

    def _terms(self, config: Config, gateway: Gateway, identity: ServerIdentity | None) -> Terms:
        application = ReverseProxy(
            gateway,
            report=self._report,
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
        return Terms(application, Access(config.allow, config.server_name), limits, identity, self._languages)

    def _tidy(self) -> None:
        """Look after the connections to gateways that are named no more, too."""
        while True:
            gevent.sleep(PATIENCE)
            self._approaches.tidy()

    def _watch(self, wanted: Behind, gateway: Gateway) -> TrustWatch:
        guard = Guard(wanted.store, self._backend.call, wanted.limits.store_timeout)
        return TrustWatch(gateway, guard, self._logger)
