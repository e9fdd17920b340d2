"""The header rules both ways: what the gateway sees of a request, and the client of an answer; no I/O."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from smgwproxy.http1 import Lines, tokens
from smgwproxy.origin import DEFAULT_PORT, Origin

# RFC 9110 section 7.6.1 and the fields older programs use; Connection may name more.
_HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "transfer-encoding",
        "upgrade",
    }
)
# What Connection may name in vain: without them nobody knows where a message ends, or goes.
_NOT_TO_BE_NAMED = frozenset({"content-length", "host"})
# What trailers must not say (RFC 9110 section 6.5.1): where the message ends, and where it goes.
_NOT_IN_TRAILERS = frozenset({"content-length", "host", "trailer"})
# Promises about the gateway's own HTTPS origin that a browser would hold the proxy to.
_ORIGIN_BOUND = frozenset({"strict-transport-security", "alt-svc"})
# What would break at the proxy as it is.
_MENDED = _ORIGIN_BOUND | {"set-cookie", "location", "content-location", "refresh"}
# The proxy answers Expect itself (RFC 9110 section 10.1.1), and drops the trailers of an upload with its chunks.
_ANSWERED_HERE = frozenset({"expect", "trailer"})
_METHODS_WITH_CONTENT = frozenset({"POST", "PUT", "PATCH"})  # RFC 9110 section 8.6

# What follows must end the authority, or another host hides behind it (``//gateway@evil``).
_ABSOLUTE = re.compile(
    r"(?P<scheme>https?:)?//(?P<host>\[[0-9a-f:.]+\]|[^/?#:@\[\]\s]*)(?::(?P<port>[0-9]{0,5}))?(?=[/?#]|$)",
    re.IGNORECASE,
)
# To browsers a backslash is a slash, and tabs are not there (https://url.spec.whatwg.org/).
_NAMES_A_HOST = re.compile(r"/\t*[/\\]")
_REFRESH = re.compile(r"[0-9.]*+[ \t]*+[;,][ \t]*+(?:url[ \t]*+=[ \t]*+)?+(?P<quote>[\"']?)", re.IGNORECASE)
_PORTS = {"https:": DEFAULT_PORT, "http:": 80}


@dataclass(frozen=True, slots=True)
class Site:
    """One side's name for the same site: scheme (``http`` or ``https``) and authority (``host[:port]``).

    ``authority`` is empty when the client told none (HTTP/1.0 without Host).
    """

    scheme: str
    authority: str

    @property
    def base(self) -> str:
        """What an absolute URL to the site begins with, up to its path."""
        return f"{self.scheme}://{self.authority}" if self.authority else ""


def for_gateway(lines: Lines, *, method: str, length: int | None, client: Site, gateway: Site) -> Lines:
    """Return the header lines that the gateway sees.

    ``length`` is the body's length in bytes, None when the request has no body; ``client`` is the site as the
    client named it, ``gateway`` as the gateway expects it. Order, case and number of the lines stay; Host,
    Origin and Referer name the gateway; hop-by-hop lines go; there is always a Content-Length where a body is
    expected, and never a transfer coding. Expect and Trailer go too: they are for the proxy.
    """
    hop_by_hop = _hop_by_hop(lines)
    if length is None and method in _METHODS_WITH_CONTENT:
        length = 0
    result: Lines = []
    has_host = False
    for name, value in lines:
        key = name.lower()
        if key == "host":
            has_host = True
            result.append((name, gateway.authority))
        elif key in {"content-length", "transfer-encoding"}:
            if length is not None:
                result.append(("Content-Length" if key == "transfer-encoding" else name, str(length)))
                length = None
        elif key in hop_by_hop or key in _ANSWERED_HERE:
            continue
        elif key in {"origin", "referer"}:
            result.append((name, _rebased(value, client, gateway)))
        else:
            result.append((name, value))
    if not has_host:
        result.insert(0, ("Host", gateway.authority))
    if length is not None:
        result.append(("Content-Length", str(length)))
    return result


def for_client(lines: Lines, *, client: Site, origin: Origin, gateway: Site) -> Lines:
    """Return the header lines that the client sees.

    Hop-by-hop lines go; of the others only what would break is mended: absolute references to the gateway
    come back to the proxy, cookies are usable where the client is, and promises bound to the gateway's own
    origin go. Everything else stays as it came.
    """
    hop_by_hop = _hop_by_hop(lines)
    result: Lines = []
    for line in lines:
        name, value = line
        key = name.lower()
        if key not in _MENDED and key not in hop_by_hop:
            result.append(line)
        elif key not in hop_by_hop and key not in _ORIGIN_BOUND:
            result.append((name, _mended(key, value, _GatewayNames(origin, gateway), client)))
    return result


def trailers_for_client(trailers: Lines, head: Lines, *, client: Site, origin: Origin, gateway: Site) -> Lines:
    """Return the trailers that the client sees: as `for_client` does it, without what only a header may say.

    ``head`` are the header lines of the same answer, whose Connection names trailers as well.
    """
    kept_back = _NOT_IN_TRAILERS | _hop_by_hop(head + trailers)
    allowed = [(name, value) for name, value in trailers if name.lower() not in kept_back]
    return for_client(allowed, client=client, origin=origin, gateway=gateway)


def _hop_by_hop(lines: Lines) -> frozenset[str]:
    named = tokens(lines, "connection")
    return _HOP_BY_HOP if _HOP_BY_HOP.issuperset(named) else _HOP_BY_HOP.union(named) - _NOT_TO_BE_NAMED


def _rebased(value: str, client: Site, gateway: Site) -> str:
    """Map an Origin or Referer that names the proxy to the gateway; others, ``null`` too, stay."""
    base = client.base
    if base and value.lower().startswith(base.lower()) and value[len(base) : len(base) + 1] in ("", "/", "?"):
        return gateway.base + value[len(base) :]
    return value


@dataclass(frozen=True, slots=True)
class _GatewayNames:
    """All the names by which an answer may mean the gateway: its address, and the Host it was sent."""

    origin: Origin
    gateway: Site

    def hosts(self) -> Iterator[str]:
        yield from (self.origin.host.partition("%")[0].rstrip("."), _host_of(self.gateway.authority))

    def match(self, reference: re.Match[str]) -> bool:
        if _host_of(reference["host"]) not in self.hosts():
            return False
        scheme, port = (reference["scheme"] or "https:").lower(), reference["port"]
        return not port or int(port) in {self.origin.port, _port_of(self.gateway.authority), _PORTS[scheme]}


def _host_of(authority: str) -> str:
    """Return the host without brackets, port, and the last dot of a full name, in lower case."""
    if authority.startswith("["):
        return authority[1:].partition("]")[0].lower()
    host, _, port = authority.partition(":")
    return (authority if ":" in port else host).lower().rstrip(".")


def _port_of(authority: str) -> int:
    port = authority.rpartition(":")[2]
    return int(port) if port.isdecimal() else DEFAULT_PORT


def _mended(key: str, value: str, names: _GatewayNames, client: Site) -> str:
    if key == "set-cookie":
        return _mended_cookie(value, names, secure=client.scheme == "https")
    return _refreshed(value, names, client) if key == "refresh" else _redirected(value, names, client)


def _redirected(value: str, names: _GatewayNames, client: Site) -> str:
    match = _ABSOLUTE.match(value)
    if match is None or not names.match(match):
        return value
    rest = value[match.end() :]
    if client.base:
        return client.base + rest
    if _NAMES_A_HOST.match(rest):  # on its own it would name a host (RFC 3986 section 4.2)
        return "/." + rest
    return rest if rest.startswith("/") else "/" + rest


def _refreshed(value: str, names: _GatewayNames, client: Site) -> str:
    match = _REFRESH.match(value)
    if match is None:
        return value
    url, quote, rest = value[match.end() :].partition(match["quote"] or "\n")
    return match[0] + _redirected(url, names, client) + quote + rest


def _mended_cookie(value: str, names: _GatewayNames, *, secure: bool) -> str:
    """Drop ``Domain`` naming the gateway; on plain HTTP ``Secure``, and ``SameSite=None`` which needs it.

    Other attributes keep their spelling (RFC 6265 section 5.2 tells how they are split).
    """
    pair, *attributes = value.split(";")
    kept = [pair]
    for attribute in attributes:
        name, _, argument = (part.strip(" \t").lower() for part in attribute.partition("="))
        if name == "domain" and _host_of(argument.lstrip(".")) in names.hosts():
            continue
        if not secure and (name in {"secure", "partitioned"} or (name == "samesite" and argument == "none")):
            continue
        kept.append(attribute)
    return ";".join(kept)
