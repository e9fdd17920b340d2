"""The status port of a running proxy: who serves there, and who looks at the trust stores for it."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from ipaddress import IPv4Network, IPv6Network
from typing import TYPE_CHECKING

import gevent
import gevent.event

from smgwproxy.access import Access
from smgwproxy.commands.serving.door import Door, Listener, Wish
from smgwproxy.commands.serving.parts import Parts
from smgwproxy.config import Config, Program
from smgwproxy.errors import ConfigError, ExchangeError
from smgwproxy.language import Languages
from smgwproxy.limits import DoorLimits
from smgwproxy.lookout import Lookout
from smgwproxy.phrases import phrase
from smgwproxy.server import Terms
from smgwproxy.storage import Storage
from smgwproxy.trust import Trust
from smgwproxy.truststores.base import named_files, utc_now
from smgwproxy.truststores.guard import Guard
from smgwproxy.truststores.record import Pin

if TYPE_CHECKING:
    from smgwproxy.status.kept import Kept
    from smgwproxy.status.metrics import Metrics
    from smgwproxy.status.site import StatusSite
    from smgwproxy.status.watched import Watched

_THIS_MACHINE = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))
_LIMITS = DoorLimits(
    clients=16,
    clients_per_address=16,  # behind a container's or a tunnel's end all have one
    head_timeout=5.0,
    body_timeout=10.0,
    idle_timeout=30.0,
)


class Status:
    """What is told at the status port of the gateways that ``gateways`` returns; nothing before the first `use`.

    Without a port nobody listens, and nobody looks at the stores. ``lookout`` tells when these have changed.
    """

    def __init__(
        self,
        gateways: Callable[[], Sequence[Parts]],
        lookout: Lookout,
        languages: Languages,
        logger: logging.Logger,
    ) -> None:
        self._lookout = lookout
        self._languages = languages
        self._gateways = gateways
        self._logger = logger
        self._site: StatusSite | None = None
        self._looks: dict[Guard, _Look] = {}
        self.door = Door(Storage(), logger, _wishes)
        """Where people and programs come to."""

    def prepare(self, config: Config) -> StatusSite | None:
        """Return what ``config`` wants served, for `use`.

        Raises `ConfigError` when the extra with prometheus_client is not installed.
        """
        if config.status_port is None:
            return None
        from smgwproxy.status.site import StatusSite  # noqa: PLC0415  # two MiB, which most do without

        return self._site or StatusSite(self._watched, _metrics(self._watched, config), self._languages)

    def use(self, program: Program, site: StatusSite | None, listeners: Sequence[Listener]) -> None:
        """Let all that hold from the next request on. Raises nothing."""
        before, self._site = self.door.listeners, site
        if site is None:
            self.door.shut()
        else:
            self.door.use(listeners, Terms(site, _access(program.gateways), _LIMITS, None, self._languages))
        for listener in listeners:
            if listener not in before:
                self._logger.info("status at http://%s:%d/", _host(listener), listener.port)
        self._look_at({one.guard: one for one in self._gateways()} if site is not None else {})

    def close(self) -> None:
        """Look no more."""
        self._look_at({})

    def _look_at(self, guards: dict[Guard, Parts]) -> None:
        before = self._looks
        self._looks = {
            guard: before.get(guard) or _Look(guard, parts, self._lookout) for guard, parts in guards.items()
        }
        for guard, one in before.items():
            if guard not in guards:
                one.end()

    def _watched(self) -> Sequence[Watched]:
        from smgwproxy.status.watched import Watched  # noqa: PLC0415  # comes with the site

        return [
            Watched(
                one.name,
                one.origin,
                one.ledger,
                self._looks[one.guard].kept if one.guard in self._looks else None,
                listening=bool(one.door.listeners),
            )
            for one in self._gateways()
        ]


class _Look:
    """Looks at the store behind ``guard`` when it changes, so that who asks for the status need not wait."""

    def __init__(self, guard: Guard, parts: Parts, lookout: Lookout) -> None:
        self.kept: Kept | None = None
        """What was there at the last look."""
        self._guard = guard
        self._parts = parts
        self._lookout = lookout
        self._trust = Trust(parts.origin, guard)
        self._pins: Sequence[Pin] = ()  # of that look
        self._looking = gevent.spawn(self._run)

    def end(self) -> None:
        """Look no more."""
        self._looking.kill(block=False)

    def _run(self) -> None:
        stirred = gevent.event.Event()
        try:
            while True:
                self._look()
                self._lookout.wait(stirred, self._pins)
        finally:
            self._lookout.leave(stirred)

    def _look(self) -> None:
        from smgwproxy.status.kept import look  # noqa: PLC0415  # comes with the site

        before, self._pins = self._pins, ()
        try:
            with suppress(ExchangeError):  # then the look fails, too, and that is shown
                self._pins = self._trust.pins()  # before the look, after which they may have changed
            # While pins that name files are the same, so is all else that is known of the gateway.
            if self._pins is not before or named_files(before) is None:
                self.kept = look(self._guard, self._parts.origin)
                if self.kept.trouble:
                    self._pins = ()
        except Exception:  # who watches must go on
            self._pins = ()
            self._parts.logger.exception("a fault while looking at the trust store")


def _wishes(config: Config) -> Iterator[Wish]:
    if config.status_port is not None:
        yield Wish("http", config.status_listen, config.status_port, "status-port", "status-listen")


def _access(gateways: Iterable[Config]) -> Access:
    """Let in this machine, and who may come to any of the gateways, by the names that those have."""
    networks = {network for one in gateways for network in one.allow}
    return Access((*_THIS_MACHINE, *networks), tuple({name for one in gateways for name in one.server_name}))


def _host(listener: Listener) -> str:
    host: str = listener.socket.getsockname()[0]
    return f"[{host}]" if ":" in host else host


def _metrics(watched: Callable[[], Sequence[Watched]], config: Config) -> Metrics:
    try:
        from smgwproxy.status.metrics import Metrics  # noqa: PLC0415  # an extra, of which the others do without
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "prometheus_client":
            raise
        raise ConfigError(
            phrase(
                "{source}: the library prometheus_client is not installed: install it with "
                "{python} -m pip install 'smgwproxy[status]'",
                source=config.source("status-port"),
                python=sys.executable,
            )
        ) from error
    return Metrics(watched, utc_now)
