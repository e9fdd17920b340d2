"""A TLS handshake with a candidate, and the way to it; nothing is shown or sent, and nothing pinned."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from ipaddress import IPv4Address
from itertools import islice
from math import ceil

from smgwproxy import network, parting
from smgwproxy.approach import Approach
from smgwproxy.backend import threaded
from smgwproxy.certificate import Certificate
from smgwproxy.discovery.borrowing import NotLent, borrowed
from smgwproxy.discovery.candidates import Candidates
from smgwproxy.discovery.place import Place, subnet
from smgwproxy.discovery.wire import Wire
from smgwproxy.errors import ExchangeError, PinRefused, SmgwProxyError
from smgwproxy.gateway import Gateway
from smgwproxy.limits import Limits
from smgwproxy.network import Address
from smgwproxy.origin import Origin
from smgwproxy.phrases import clause, phrase
from smgwproxy.tls import GROUPS
from smgwproxy.truststores.base import TrustStore
from smgwproxy.truststores.record import Pin

Tell = Callable[[str], None]
"""Says one sentence to the person who waits."""

_CHOICES = 3  # addresses of which one must be free
_MOST_CONNECTIONS = 2 * len(GROUPS)  # each again with another group, and where the certificate was damaged
_MARGIN = 10.0  # seconds


class NotConfirmed(SmgwProxyError):
    """The candidate was not reached, or does not speak TLS; ``privilege`` is the one that was missing, if any."""

    def __init__(self, reason: str, privilege: str = "") -> None:
        super().__init__(reason)
        self.privilege = privilege


class Confirmation:
    """Shakes hands with candidates at one place, each over that place's interface or not at all.

    ``wire`` None means that packets cannot be sent for want of CAP_NET_RAW. ``rounds`` and ``pause`` are those of
    `Wire.asked`; ``timeout`` is for a connection with its handshake, in seconds. Who is heard meanwhile is added
    to the ``candidates``.
    """

    def __init__(
        self,
        candidates: Candidates,
        place: Place,
        wire: Wire | None,
        tell: Tell,
        *,
        rounds: int,
        pause: float,
        timeout: float,
    ) -> None:
        self._candidates, self._place, self._wire, self._tell = candidates, place, wire, tell
        self._rounds, self._pause, self._timeout = rounds, pause, timeout

    def certificate(self, address: Address) -> Certificate:
        """Return the certificate that who has ``address`` has the key of.

        Raises `NotConfirmed`, and what `Wire` and `borrowed` raise.
        """
        with self._way_to(address):
            origin = origin_of(address, self._place)
            self._tell(phrase("Shaking hands with {origin} (TLS, port 443) ...", origin=origin))
            try:
                return _presented(origin, Limits(connect_timeout=self._timeout))
            except ExchangeError as error:
                raise NotConfirmed(clause(error.message)) from error

    @contextmanager
    def _way_to(self, address: Address) -> Iterator[None]:
        if self._reachable(address):
            yield
            return
        name = self._place.interface.name
        if not isinstance(address, IPv4Address):
            raise NotConfirmed(
                phrase("this machine has no address at {interface} from which it can be reached", interface=name)
            )
        own = self._free_beside(address)
        self._tell(
            phrase(
                "This machine has no address in its subnet: it takes {own} at {interface} for the handshake ...",
                own=str(own),
                interface=name,
            )
        )
        # Longer than it can be needed: without it the next connection would leave by another interface.
        lifetime = ceil(_MOST_CONNECTIONS * (self._timeout + parting.PATIENCE) + _MARGIN)
        try:
            told = phrase("{own} was given back.", own=str(own))
            with borrowed(own, address, name, lifetime, lambda: self._tell(told)):
                if not self._reachable(address):
                    raise NotConfirmed(
                        phrase(
                            "packets to it leave by another interface than {interface}: see ip rule",
                            interface=name,
                        )
                    )
                yield
        except NotLent as error:
            raise NotConfirmed(
                phrase(
                    "this machine has no address in its subnet, and could not take one ({error})", error=error.told
                ),
                "CAP_NET_ADMIN" if error.forbidden else "",
            ) from error

    def _reachable(self, address: Address) -> bool:
        """Ask the system: only it knows by which interface a packet would leave, and whether to a router."""
        name = self._place.interface.name
        # Not so for IPv4: there the system calls everything reachable at an interface that it is told.
        zone = name if address.version == 6 and address.is_link_local else None
        route = network.route_to(address, zone)
        return route is not None and route.interface == name and route.via is None

    def _free_beside(self, address: IPv4Address) -> IPv4Address:
        """Return an address of the same subnet that nobody has; ask first (RFC 5227, section 2.1.1)."""
        name = self._place.interface.name
        if self._place.home:
            raise NotConfirmed(
                phrase(
                    "this machine has no address in its subnet, and takes none in a home network ({interface})",
                    interface=name,
                )
            )
        clash = self._place.clash(address)
        if clash is not None:
            raise NotConfirmed(
                phrase(
                    "this machine has addresses of {subnet} at {interface} as well, and cannot tell the two "
                    "networks apart: give the home network other addresses, in its router",
                    subnet=str(subnet(address)),
                    interface=clash.name,
                )
            )
        if address.is_global:
            raise NotConfirmed(
                phrase("this machine has no address in its subnet, and takes none of the internet's")
            )
        elsewhere = network.route_elsewhere(address, name)
        if elsewhere is not None:
            raise NotConfirmed(
                phrase(
                    "this machine reaches this address by {interface}, and a handshake here would cut that off",
                    interface=elsewhere,
                )
            )
        if self._wire is None:
            raise NotConfirmed(
                phrase("this machine has no address in its subnet, and may not look for one"), "CAP_NET_RAW"
            )
        beside = self._place.beside(address, self._candidates.seen)
        choices = list(islice((one for one in beside if network.route_elsewhere(one, name) is None), _CHOICES))
        if not choices:
            raise NotConfirmed(phrase("the addresses beside it are all taken"))
        self._tell(
            phrase(
                "Asking whether {own} is free, and {address} there ...", own=str(choices[0]), address=str(address)
            )
        )
        answers = set()
        for sighting in self._wire.asked([address, *choices], self._rounds, self._pause):
            answers.add(sighting.address)
            self._candidates.add(sighting)
        if address not in answers:
            raise NotConfirmed(phrase("nobody at {interface} answers for this address", interface=name))
        free = [one for one in choices if one not in answers]
        if not free:
            raise NotConfirmed(phrase("the addresses beside it are taken, too: there are others on this cable"))
        return free[0]


class _Unpinned(TrustStore):
    """A store for who asks no more than what is presented: nothing is pinned, and nothing ever will be."""

    def lookup(self, origin: Origin) -> Sequence[Pin]:  # noqa: ARG002  # the protocol's
        return ()

    def pin(self, origin: Origin, certificate: Certificate) -> Sequence[Pin]:
        raise PinRefused(origin, str(certificate.fingerprint))


def _presented(origin: Origin, limits: Limits) -> Certificate:
    backend = threaded()
    approach = Approach(backend)
    try:
        with Gateway(origin, _Unpinned(), limits, backend, approach=approach) as gateway:
            try:
                return gateway.presented_certificate()
            finally:
                approach.parting.finish()  # without our address the gateway could not end its side
    finally:
        approach.close()


def origin_of(address: Address, place: Place) -> Origin:
    """Return how this machine calls a gateway there: with the interface as zone where the address needs one."""
    zone = f"%{place.interface.name}" if address.version == 6 and address.is_link_local else ""
    return Origin(f"{address}{zone}")
