"""Who may come in: the client's network, the name it calls the proxy by, the page it comes from; no I/O."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from smgwproxy.authority import Authority
from smgwproxy.errors import ClientNotAllowed, CrossSite, UnknownHost
from smgwproxy.host import is_dns_name
from smgwproxy.http1 import MessageError, RequestHead, values

HOME_NETWORKS: tuple[IPv4Network | IPv6Network, ...] = (
    IPv4Network("10.0.0.0/8"),
    IPv4Network("172.16.0.0/12"),
    IPv4Network("192.168.0.0/16"),
    IPv4Network("127.0.0.0/8"),
    IPv4Network("169.254.0.0/16"),
    IPv6Network("::1/128"),
    IPv6Network("fe80::/10"),
    IPv6Network("fc00::/7"),
)
"""Private, loopback and link-local networks."""

HOME_DOMAINS = ("local", "lan", "home", "internal", "home.arpa", "box")
"""The domains of names that home networks give."""

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_ORIGIN = re.compile(r"(?P<scheme>https?)://(?P<authority>.*)")  # as RFC 6454 section 6.2 writes it
_PORTS = {"http": 80, "https": 443}
_SHOWN = 253  # characters; no name is longer


@dataclass(frozen=True, slots=True)
class Access:
    """Decides which requests are answered at all; by default those from home networks, under names they have.

    ``networks`` are those whose clients are served. ``server_names`` are DNS names in lower case, without last
    dots, by which clients may call the proxy, as all names under them, beside addresses, names without a dot, and
    names under `HOME_DOMAINS`.
    """

    networks: tuple[IPv4Network | IPv6Network, ...] = HOME_NETWORKS
    server_names: tuple[str, ...] = ()

    def check(self, client: str, head: RequestHead) -> None:
        """Return if ``head``, from the address ``client``, may be answered.

        Raises `ClientNotAllowed`, `UnknownHost` or `CrossSite`.
        """
        self.check_client(client)
        self.check_request(head)

    def check_request(self, head: RequestHead) -> None:
        """Return if ``head``, from a client that may come in, may be answered; raises as `check` does."""
        for host in values(head.lines, "host"):  # HTTP/1.0 may go without, and no browser speaks that
            self._check_host(host)
        _check_origin(head)

    def check_client(self, client: str) -> None:
        """Return if the address ``client`` may come in at all; raises `ClientNotAllowed`."""
        try:
            address = ipaddress.ip_address(client)
        except ValueError as error:
            raise ClientNotAllowed(client[:_SHOWN], None) from error
        if isinstance(address, IPv6Address):
            # without its zone, which is none of the network's
            address = address.ipv4_mapped or IPv6Address(int(address))
        if not any(address in network for network in self.networks):
            raise ClientNotAllowed(str(address), str(_network_around(address)))

    def _check_host(self, host: str) -> None:
        """Refuse a name that is not the proxy's: a stranger's, that was made to lead here (DNS rebinding).

        The browser takes the stranger's page and the gateway's for one site then. What cannot be looked up
        everywhere in the world cannot be used so: addresses, and names that only home networks know.
        """
        try:
            authority = Authority.parse(host)
        except MessageError as error:
            raise UnknownHost(host[:_SHOWN], None) from error
        name = authority.host.removesuffix(".")
        if authority.address is not None or Authority(name).address is not None:
            return
        if not is_dns_name(name):
            raise UnknownHost(name[:_SHOWN], None)
        if "." in name and name not in self.server_names and not self._is_under_one_of_ours(name):
            raise UnknownHost(name, name)

    def _is_under_one_of_ours(self, name: str) -> bool:
        return any(name.endswith(f".{domain}") for domain in (*HOME_DOMAINS, *self.server_names))


def _network_around(address: IPv4Address | IPv6Address) -> IPv4Network | IPv6Network:
    """Return the network that a household would have."""
    return ipaddress.ip_network(f"{address}/{24 if address.version == 4 else 64}", strict=False)


def _check_origin(head: RequestHead) -> None:
    """Refuse what a browser sends for another site's page, as Go's net/http.CrossOriginProtection does."""
    if head.method in _SAFE_METHODS:
        return
    sites, origins = values(head.lines, "sec-fetch-site"), values(head.lines, "origin")
    if sites:
        allowed = sites in (["same-origin"], ["none"])
    else:  # a program, or a browser that tells it to secure sites only
        allowed = not origins or (len(origins) == 1 and _is_same(origins[0], values(head.lines, "host")))
    if not allowed:
        known = [origin for origin in origins if not sites or origin != "null"]
        raise CrossSite(", ".join(known)[:_SHOWN])


def _is_same(origin: str, hosts: list[str]) -> bool:
    """Tell whether ``origin`` names host and port of the only one of ``hosts``.

    Its scheme tells which port is left out on both sides.
    """
    match = _ORIGIN.fullmatch(origin)
    if match is None or len(hosts) != 1:
        return False
    try:
        page, here = Authority.parse(match["authority"]), Authority.parse(hosts[0])
    except MessageError:
        return False
    default = _PORTS[match["scheme"]]
    return page.host == here.host and _port(page, default) == _port(here, default)


def _port(authority: Authority, default: int) -> int:
    return default if authority.port is None else authority.port
