"""The value `Authority`: host and port as a request names them, in Host or in its target; no I/O."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from smgwproxy.http1 import MessageError

# RFC 3986 section 3.2.2, without IPvFuture, which nobody has defined, and without the comma: two Host lines that
# somebody on the way has joined would be read as one name.
_REG_NAME = r"(?:[A-Za-z0-9\-._~!$&'()*+;=]|%[0-9A-Fa-f]{2})++"
_AUTHORITY = re.compile(rf"(?:\[(?P<ipv6>[0-9A-Fa-f:.]++)\]|(?P<name>{_REG_NAME}))(?::(?P<port>[0-9]*+))?")
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")


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
        match = _AUTHORITY.fullmatch(text)
        if match is None:
            raise MessageError("the Host is malformed" if text.strip() else "the Host is empty")
        host = match["name"].lower() if match["ipv6"] is None else _ipv6(match["ipv6"])
        return cls(host, _port(match["port"] or ""))

    @property
    def address(self) -> IPv4Address | IPv6Address | None:
        """The host as an IP address; None when it is a name.

        What only C's inet_aton takes for an address, as ``127.1``, is a name.
        """
        try:
            return ipaddress.ip_address(self.host)
        except ValueError:
            return None


def is_dns_name(text: str) -> bool:
    """Tell whether ``text``, in lower case and without a last dot, is a name that DNS could have."""
    labels = text.split(".")
    # only an IPv4 address ends in a number (RFC 1123 section 2.1)
    return len(text) <= 253 and not labels[-1].isdigit() and all(_LABEL.fullmatch(label) for label in labels)


def _ipv6(text: str) -> str:
    try:
        return IPv6Address(text).compressed
    except ValueError as error:
        raise MessageError("the Host has brackets without an IPv6 address") from error


def _port(digits: str) -> int | None:
    if not digits:
        return None
    significant = digits.lstrip("0")
    # int() refuses thousands of digits with a text of its own, hence the length
    if len(significant) > 5 or int(significant or "0") > 65535:
        raise MessageError("the Host has a port above 65535")
    return int(significant or "0")
