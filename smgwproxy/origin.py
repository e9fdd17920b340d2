"""The value `Origin`: host and port of a gateway, as given with ``--target``."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from smgwproxy.host import is_dns_name, short_form
from smgwproxy.phrases import phrase

DEFAULT_PORT = 443

_ZONE = re.compile(r"[A-Za-z0-9_.~-]{1,64}")


@dataclass(frozen=True, slots=True)
class Origin:
    """An HTTPS origin (RFC 6454, RFC 9110 section 4.3.2).

    ``host`` is a lower-case DNS name, an IPv4 address, or an IPv6 address without brackets, in its short form
    (RFC 5952) and with its zone where one was given; ``port`` is 1 to 65535. Make one with `parse`.
    """

    host: str
    port: int = DEFAULT_PORT

    @classmethod
    def parse(cls, text: str) -> Origin:
        """Read ``HOST``, ``HOST:PORT``, ``[v6]``, ``[v6]:PORT`` or a bare IPv6 address.

        Raises `ValueError` with a one-line text and the remedy when ``text`` is none of these; who knows
        where the text came from puts the name of the option before it.
        """
        return cls(*_split(text.strip()))

    def __str__(self) -> str:
        """``host`` or ``host:port``, IPv6 in brackets, the default port left out."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORT else f"{host}:{self.port}"

    @property
    def authority(self) -> str:
        """What a client that connects directly sends as Host: like ``str()``, without an IPv6 zone.

        A zone has a meaning on this machine only and is never sent (RFC 6874 section 4).
        """
        return str(Origin(self.host.partition("%")[0], self.port))


def _split(text: str) -> tuple[str, int]:
    if text.startswith("["):
        address, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise _not_an_address(text)
        return _ipv6(address, text), _port(rest, text)
    if text.count(":") > 1:
        return _ipv6(text, text), DEFAULT_PORT
    host, colon, port = text.partition(":")
    return _name(host, text), _port(colon + port, text)


def _port(text: str, whole: str) -> int:
    """Read ``:PORT`` or the empty string."""
    if not text:
        return DEFAULT_PORT
    digits = text[1:]
    # int() refuses thousands of digits with a text of its own, hence the length
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 5 and 0 < int(digits) < 65536):
        raise _not_an_address(whole)
    return int(digits)


def _ipv6(text: str, whole: str) -> str:
    address, percent, zone = text.partition("%")
    if percent and not _ZONE.fullmatch(zone):
        raise _not_an_address(whole)
    try:
        return short_form(ipaddress.IPv6Address(address)) + percent + zone
    except ValueError as error:
        raise _not_an_address(whole) from error


def _name(host: str, whole: str) -> str:
    name = host.lower()
    if is_dns_name(name.removesuffix(".")):
        return name
    try:
        return str(ipaddress.IPv4Address(name))
    except ValueError as error:
        raise _not_an_address(whole) from error


def _not_an_address(text: str) -> ValueError:
    return ValueError(
        phrase("{text!r} is no address: give HOST, HOST:PORT or [IPV6]:PORT, for example 10.11.120.2", text=text)
    )
