"""The value `Authority`: host and port as a request names them, in Host or in its target; no I/O."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address

from smgwproxy.host import short_form
from smgwproxy.http1 import MessageError
from smgwproxy.phrases import phrase

# RFC 3986 section 3.2.2, without IPvFuture, which nobody has defined, and without the comma: two Host lines that
# somebody on the way has joined would be read as one name.
_REG_NAME = r"(?:[A-Za-z0-9\-._~!$&'()*+;=]|%[0-9A-Fa-f]{2})++"
_AUTHORITY = re.compile(rf"(?:\[(?P<ipv6>[0-9A-Fa-f:.]++)\]|(?P<name>{_REG_NAME}))(?::(?P<port>[0-9]*+))?")


@dataclass(frozen=True, slots=True)
class Authority:
    """Host and port of an HTTP URL (RFC 3986 section 3.2, RFC 9110 section 4.2.1), never with a user name.

    ``host`` is in lower case: an IPv4 address, an IPv6 address without brackets in its short form, or whatever
    RFC 3986 allows as a name, percent-encoded octets and a last dot as they came. ``port`` is None where none was
    told. Make one with `parse`.
    """

    host: str
    port: int | None = None

    @classmethod
    def parse(cls, text: str) -> Authority:
        """Read ``HOST`` or ``HOST:PORT``; raises `MessageError`."""
        return _parsed(text)

    @property
    def address(self) -> IPv4Address | IPv6Address | None:
        """The host as an IP address; None when it is a name.

        What only C's inet_aton takes for an address, as ``127.1``, is a name.
        """
        return _address(self.host)


# Clients call the proxy by a name or two, in every request.
@lru_cache(maxsize=32)
def _parsed(text: str) -> Authority:
    match = _AUTHORITY.fullmatch(text)
    if match is None:
        raise MessageError(phrase("the Host is malformed") if text.strip() else phrase("the Host is empty"))
    host = match["name"].lower() if match["ipv6"] is None else _ipv6(match["ipv6"])
    return Authority(host, _port(match["port"] or ""))


@lru_cache(maxsize=32)
def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _ipv6(text: str) -> str:
    try:
        return short_form(IPv6Address(text))
    except ValueError as error:
        raise MessageError(phrase("the Host has brackets without an IPv6 address")) from error


def _port(digits: str) -> int | None:
    if not digits:
        return None
    significant = digits.lstrip("0")
    # int() refuses thousands of digits with a text of its own, hence the length
    if len(significant) > 5 or int(significant or "0") > 65535:
        raise MessageError(phrase("the Host has a port above 65535"))
    return int(significant or "0")
