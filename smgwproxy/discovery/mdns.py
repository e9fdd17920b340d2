"""Who answers by mDNS (RFC 6762, 6763): gateways' names, and web services; needs the library zeroconf."""

from __future__ import annotations

import asyncio
import ipaddress
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from ipaddress import IPv6Address
from queue import Empty, SimpleQueue
from typing import cast

from zeroconf import (  # type: ignore[attr-defined]  # AddressResolver, as in its examples, is not in __all__
    AddressResolver,
    BadTypeInNameException,
    ServiceBrowser,
    ServiceInfo,
    ServiceStateChange,
    Zeroconf,
)

from smgwproxy.discovery.candidates import GATEWAY_NAMES, How, Sighting
from smgwproxy.network import Interface

SERVICE = "_http._tcp.local."
_PORT = 443
_GRACE = 1.0  # seconds, for what came in time

_Asked = tuple["Future[bool]", ServiceInfo]


def asked(interface: Interface, seconds: float) -> Iterator[Sequence[Sighting]]:
    """Ask at ``interface`` for so long, and return the addresses of one name after the other as they come.

    The interface must have an address. Raises `OSError` when the system does not let mDNS be used.
    """
    deadline = time.monotonic() + seconds
    with ExitStack() as ended:
        asking = Zeroconf(interfaces=_places(interface))
        ended.callback(_loop(asking).close)  # the last of all; zeroconf 0.148 and before do not
        ended.enter_context(asking)
        questions = _Questions(asking, seconds)
        ended.callback(questions.withdraw)
        for name in GATEWAY_NAMES:
            questions.ask(AddressResolver(f"{name}."))
        ended.callback(ServiceBrowser(asking, SERVICE, handlers=[questions.service]).cancel)
        while time.monotonic() <= deadline + _GRACE:  # others can go on answering for as long as they like
            try:
                future, info = questions.answered.get(timeout=max(0.0, deadline - time.monotonic()))
            except Empty:
                return
            future.result()
            found = _sightings(info, interface)
            if found:
                yield found


class _Questions:
    """The questions that zeroconf asks in its own thread; each is ``answered`` in the end, or its time is over."""

    def __init__(self, asking: Zeroconf, seconds: float) -> None:
        self._asking = asking
        self._milliseconds = seconds * 1000
        self._pending: list[Future[bool]] = []
        self.answered: SimpleQueue[_Asked] = SimpleQueue()

    def ask(self, info: ServiceInfo) -> None:
        request = info.async_request(self._asking, self._milliseconds)
        future = asyncio.run_coroutine_threadsafe(request, _loop(self._asking))
        self._pending.append(future)
        future.add_done_callback(lambda done: None if done.cancelled() else self.answered.put((done, info)))

    def service(
        self,
        zeroconf: Zeroconf,  # noqa: ARG002  # zeroconf calls it, and with these names
        service_type: str,
        name: str,
        state_change: ServiceStateChange,
    ) -> None:
        """Ask for the addresses of a service that was announced."""
        if state_change is ServiceStateChange.Removed:
            return
        try:
            info = ServiceInfo(service_type, name)
        except BadTypeInNameException:  # somebody announces what is no service of this type
            return
        self.ask(info)

    def withdraw(self) -> None:
        for future in self._pending:
            future.cancel()


def _loop(asking: Zeroconf) -> asyncio.AbstractEventLoop:
    return cast(asyncio.AbstractEventLoop, asking.loop)  # since it was made


def _places(interface: Interface) -> list[str | int]:
    """Return how zeroconf wants to be told of ``interface``: by its addresses of IPv4, and its index for IPv6."""
    addresses = [one.ip for one in interface.addresses]
    by_address: list[str | int] = [str(one) for one in addresses if one.version == 4]
    return [*by_address, *([interface.index] if len(by_address) < len(addresses) else [])]


def _sightings(info: ServiceInfo, interface: Interface) -> Sequence[Sighting]:
    if isinstance(info, AddressResolver):
        name = info.name
    elif info.port == _PORT:
        name = info.server or info.name
    else:
        return []
    addresses = [ipaddress.ip_address(one) for one in info.parsed_scoped_addresses()]
    return [
        Sighting(_without_zone(one), How.MDNS, name=name.removesuffix(".").lower())
        for one in addresses
        if _is_of(one, interface)
    ]


def _is_of(address: ipaddress.IPv4Address | IPv6Address, interface: Interface) -> bool:
    """Tell whether it was not heard at another interface: the system hands all of mDNS to whoever listens."""
    zone = address.scope_id if isinstance(address, IPv6Address) else None
    return zone is None or zone in {str(interface.index), interface.name}


def _without_zone(address: ipaddress.IPv4Address | IPv6Address) -> ipaddress.IPv4Address | IPv6Address:
    return IPv6Address(int(address)) if isinstance(address, IPv6Address) else address
