"""What holds for any header lines: what the rules do not name stays, and a second parser reads what they write."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import SplitResult, urljoin, urlsplit

import h11
from hypothesis import example, given, settings
from hypothesis import strategies as st

from smgwproxy.headers import Site, for_client, for_gateway, trailers_for_client
from smgwproxy.http1 import Lines, encoded_head
from smgwproxy.origin import Origin
from tests.test_http1 import NAMES, PATIENTLY

# RFC 9110 section 7.6.1, and those that older programs use.
HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
SET_BY_THE_RULES = frozenset({"host", "content-length"})
ORIGIN_BOUND = frozenset({"strict-transport-security", "alt-svc"})
MENDED = frozenset({"set-cookie", "location", "content-location", "refresh"})


@dataclass(frozen=True, slots=True)
class Where:
    """The proxy as the client names it, and the gateway: its address, and as it is named in Host."""

    client: Site
    origin: Origin
    gateway: Site

    def is_gateway(self, host: str, port: int, scheme: str) -> bool:
        at = urlsplit(self.gateway.base)
        ports = {self.origin.port, at.port or PORTS["https"], PORTS[scheme]}
        return host in {self.address, at.hostname} and port in ports

    @property
    def address(self) -> str:
        return self.origin.host.partition("%")[0]


def where(client: Site, target: str, host_header: str = "") -> Where:
    origin = Origin.parse(target)
    return Where(client, origin, Site("https", host_header or origin.authority))


PORTS = {"http": 80, "https": 443}
CLIENTS = [
    Site("http", "pi:8080"),
    Site("https", "pi"),
    Site("http", "[::1]:8080"),
    Site("http", "smgw.local:8080"),
    Site("https", "10.11.120.1"),
    Site("http", ""),
]
GATEWAYS = [
    ("10.11.120.2", ""),
    ("10.11.120.2:8443", ""),
    ("smgw.local", ""),
    ("[fe80::1%eth0]:8443", ""),
    ("10.11.120.2:8443", "smgw.local:9443"),
    ("smgw.local", "10.11.120.2"),
]
PLACES = st.builds(
    lambda client, gateway: where(client, *gateway), st.sampled_from(CLIENTS), st.sampled_from(GATEWAYS)
)


def sent(lines: Lines, at: Where, method: str = "GET", length: int | None = None) -> Lines:
    return for_gateway(lines, method=method, length=length, client=at.client, gateway=at.gateway)


def answered(lines: Lines, at: Where) -> Lines:
    return for_client(lines, client=at.client, origin=at.origin, gateway=at.gateway)


# --- any lines ------------------------------------------------------------------------------------------


def spelt(*names: str) -> st.SearchStrategy[str]:
    return st.sampled_from([spell(name) for name in names for spell in (str.lower, str.upper, str.title)])


ANY_VALUE = st.text(
    st.characters(max_codepoint=0xFF, exclude_categories=["Cc"]) | st.sampled_from("\t\x80\x85\x9f"), max_size=20
).map(lambda text: text.strip(" \t"))
ORDINARY = spelt("accept", "cookie", "authorization", "x-a", "x_a", "x-forwarded-for", "www-authenticate", "te-x")
NAMED = st.lists(
    st.sampled_from(["close", "Host", "content-length", "X-A", "cookie", "Origin", "set-cookie", "", "expect"])
    | ORDINARY,
    max_size=4,
)
CONNECTION = st.tuples(
    spelt("connection"),
    st.tuples(NAMED, st.sampled_from([",", ", ", "\t,", " ,, "])).map(lambda it: it[1].join(it[0])),
)
HOPPING = st.tuples(spelt(*sorted(HOP_BY_HOP - {"connection"}), "expect"), ANY_VALUE)
OTHER = st.tuples(ORDINARY | NAMES, ANY_VALUE)


@st.composite
def request_lines(draw: st.DrawFn) -> Lines:
    """Header lines of a request that the door lets in: with one Host, or none as in HTTP/1.0."""
    any_line = OTHER | HOPPING | CONNECTION | st.tuples(spelt("origin", "referer"), ANY_VALUE)
    lines = draw(st.lists(any_line | st.tuples(spelt("content-length"), st.sampled_from(["0", "7"])), max_size=10))
    lines = [line for line in lines if line[0].lower() != "host"]
    if draw(st.booleans()):
        lines.insert(draw(st.integers(0, len(lines))), (draw(spelt("host")), "pi:8080"))
    return lines


def named_by_connection(lines: Lines) -> set[str]:
    return {
        option.strip(" \t").lower()
        for name, value in lines
        if name.lower() == "connection"
        for option in value.split(",")
    }


def without(lines: Lines, names: set[str] | frozenset[str]) -> Lines:
    return [(name, value) for name, value in lines if name.lower() not in names]


def only(lines: Lines, *names: str) -> Lines:
    return [(name, value) for name, value in lines if name.lower() in names]


METHODS = st.sampled_from(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "post", "X-ANY"])
LENGTHS = st.none() | st.integers(0, 10**15)


# --- towards the gateway ----------------------------------------------------------------------------------


@PATIENTLY
@given(request_lines(), PLACES, METHODS, LENGTHS)
def test_of_a_request_every_other_line_stays_as_it_came(
    lines: Lines, at: Where, method: str, length: int | None
) -> None:
    gone = HOP_BY_HOP | named_by_connection(lines) | {"expect"} | SET_BY_THE_RULES
    came, result = without(lines, gone), without(sent(lines, at, method, length), SET_BY_THE_RULES)
    assert [name for name, _ in result] == [name for name, _ in came]
    assert without(result, {"origin", "referer"}) == without(came, {"origin", "referer"})


@PATIENTLY
@given(request_lines(), PLACES, METHODS, LENGTHS)
def test_a_request_has_one_host_and_it_is_the_gateways(
    lines: Lines, at: Where, method: str, length: int | None
) -> None:
    result = sent(lines, at, method, length)
    ((name, value),) = only(result, "host")
    assert value == at.gateway.authority
    came = only(lines, "host")
    assert [name] == ([name for name, _ in came] or ["Host"])
    assert came or result[0] == (name, value), "a Host that is added stands first (RFC 9110 section 7.2)"


@PATIENTLY
@given(request_lines(), PLACES, METHODS, LENGTHS)
def test_a_request_has_a_length_where_there_is_a_body_or_could_be_one_and_never_a_coding(
    lines: Lines, at: Where, method: str, length: int | None
) -> None:
    result = sent(lines, at, method, length)
    told = [value for _, value in only(result, "content-length")]
    wanted = length if length is not None or method not in {"POST", "PUT", "PATCH"} else 0
    assert told == ([] if wanted is None else [str(wanted)])
    assert not only(result, "transfer-encoding")


@PATIENTLY
@given(request_lines(), PLACES, METHODS, LENGTHS)
def test_host_and_length_stand_where_the_client_had_them(
    lines: Lines, at: Where, method: str, length: int | None
) -> None:
    gone = (HOP_BY_HOP | named_by_connection(lines) | {"expect"}) - SET_BY_THE_RULES - {"transfer-encoding"}
    came, result = without(lines, gone), sent(lines, at, method, length)

    def others_before(lines: Lines, *names: str) -> int | None:
        keys = [name.lower() for name, _ in lines]
        first = next((index for index, key in enumerate(keys) if key in names), None)
        return (
            None
            if first is None
            else sum(key not in {*SET_BY_THE_RULES, "transfer-encoding"} for key in keys[:first])
        )

    if only(came, "host"):
        assert others_before(result, "host") == others_before(came, "host")
    if only(came, "content-length", "transfer-encoding") and only(result, "content-length"):
        assert others_before(result, "content-length") == others_before(
            came, "content-length", "transfer-encoding"
        )


@PATIENTLY
@given(request_lines(), PLACES, METHODS, LENGTHS)
def test_what_the_gateway_sees_the_rules_leave_alone(
    lines: Lines, at: Where, method: str, length: int | None
) -> None:
    once = sent(lines, at, method, length)
    assert sent(once, at, method, length) == once


@PATIENTLY
@given(request_lines(), PLACES, METHODS, LENGTHS)
def test_what_is_written_a_second_parser_reads_as_the_same_lines(
    lines: Lines, at: Where, method: str, length: int | None
) -> None:
    result = sent(lines, at, method, length)
    reader = h11.Connection(h11.SERVER, max_incomplete_event_size=64 * 1024)
    reader.receive_data(encoded_head(f"{method} /a?b HTTP/1.1", result))
    request = reader.next_event()
    assert isinstance(request, h11.Request)
    assert (request.method, request.target) == (method.encode(), b"/a?b")
    read = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw_items()]
    assert read == result


@st.composite
def referrers(draw: st.DrawFn) -> tuple[Where, str]:
    """A place, and what may stand in an Origin or Referer there: the proxy, nearly it, or something else."""
    at = draw(PLACES)
    own = at.client.base
    nearly = [own, own, own, own.upper(), own[:-1], own.replace("//", "/"), own.replace("http", "ftp"), "null", ""]
    start = draw(st.sampled_from([*nearly, *(site.base for site in CLIENTS)]))
    end = draw(
        st.sampled_from(
            ["", "/", "/a?b=http://pi:8080/", "?a", ".evil/", "@evil/", "0/", ":80/", "\\evil", "%2fx", "\xe9"]
        )
        | st.text("htp:/s@.pi8080[]1?", max_size=9)
    )
    return at, start + end


def names(value: str, site: Site) -> bool:
    """Tell whether a second parser finds ``site`` in the URL ``value``."""
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    return bool(site.authority) and (parts.scheme, parts.netloc.lower()) == (site.scheme, site.authority.lower())


@settings(PATIENTLY, max_examples=150)
@given(spelt("origin", "referer"), referrers())
def test_an_origin_or_referer_is_the_gateways_if_it_was_the_proxys_and_untouched_otherwise(
    name: str, referrer: tuple[Where, str]
) -> None:
    at, value = referrer
    ((_, result),) = only(sent([("Host", "x"), (name, value)], at), "origin", "referer")
    if names(value, at.client):
        assert names(result, at.gateway)
        assert urlsplit(result)[2:] == urlsplit(value)[2:]
    else:
        assert result == value


# --- towards the client: lines ------------------------------------------------------------------------------

ANSWER_LINES = st.lists(
    OTHER
    | HOPPING
    | CONNECTION
    | st.tuples(spelt(*sorted(ORIGIN_BOUND), *sorted(MENDED), "content-length", "host", "trailers"), ANY_VALUE),
    max_size=10,
)


@PATIENTLY
@given(ANSWER_LINES, PLACES)
def test_of_an_answer_every_other_line_stays_as_it_came(lines: Lines, at: Where) -> None:
    named = named_by_connection(lines) - {"content-length", "host"}  # named in vain
    gone = (HOP_BY_HOP - {"trailer"}) | named | ORIGIN_BOUND  # trailers pass, so may Trailer
    came, result = without(lines, gone), answered(lines, at)
    assert [name for name, _ in result] == [name for name, _ in came]
    assert without(result, MENDED) == without(came, MENDED)


@PATIENTLY
@given(ANSWER_LINES, PLACES)
def test_what_the_client_sees_the_rules_leave_alone(lines: Lines, at: Where) -> None:
    once = answered(lines, at)
    assert answered(once, at) == once


@PATIENTLY
@given(ANSWER_LINES, PLACES)
def test_trailers_are_mended_as_lines_are_and_frame_nothing(lines: Lines, at: Where) -> None:
    result = trailers_for_client(lines, [], client=at.client, origin=at.origin, gateway=at.gateway)
    assert not only(result, *HOP_BY_HOP, "content-length", "host")
    assert result == without(answered(lines, at), {"trailer", "content-length", "host"})


# --- towards the client: references -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Place:
    """What a URL of http or https leads to; ``port`` is the scheme's own where none is told."""

    scheme: str
    user: bool
    host: str
    port: int
    rest: tuple[str, str, str]  # path, query and fragment


def by_rfc_3986(reference: str, base: str) -> Place | None:
    """Resolve ``reference`` with the standard library; None when it leads to no place of http or https."""
    try:
        parts: SplitResult = urlsplit(urljoin(base, reference))
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in PORTS or not parts.hostname:
        return None
    host = parts.hostname.rstrip(".")
    return Place(parts.scheme, "@" in parts.netloc, host, port or PORTS[parts.scheme], parts[2:])


_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_AUTHORITY = re.compile(r"(?:(.*)@)?(\[[^\]]*\]|[^:]*)(?::([0-9]*))?")


def by_whatwg(reference: str, base: str) -> Place | None:
    """Resolve ``reference`` as browsers do (the URL standard, section 4.4); None when it leads to no such place.

    They take a backslash for a slash, drop tabs and line ends, and do not mind how many slashes there are.
    """
    at = urlsplit(base)
    text = re.sub(r"[\t\n\r]", "", reference.strip("".join(map(chr, range(0x21)))))
    scheme, relative = at.scheme, True
    if match := _SCHEME.match(text):
        scheme, text = match[1].lower(), text[match.end() :]
        relative = scheme == at.scheme and not text.startswith("//")
        if scheme not in PORTS:
            return None
    text, _, fragment = text.partition("#")
    text, _, query = text.partition("?")
    text = text.replace("\\", "/")
    if relative and not text.startswith("//"):
        path = text if text.startswith("/") else at.path.rpartition("/")[0] + "/" + text if text else at.path
        return Place(scheme, False, at.hostname or "", at.port or PORTS[scheme], (normal(path), query, fragment))
    authority, slash, path = text.lstrip("/").partition("/")
    parts = _AUTHORITY.fullmatch(authority)
    if parts is None or not parts[2] or int(parts[3] or 0) > 65535:
        return None
    host = parts[2].strip("[]").lower().rstrip(".")
    rest = (normal(slash + path), query, fragment)
    return Place(scheme, parts[1] is not None, host, int(parts[3] or PORTS[scheme]), rest)


def normal(path: str) -> str:
    """Take the dots out of a path, as browsers do."""
    segments: list[str] = []
    for segment in path.removeprefix("/").split("/"):
        spelt_out = segment.lower().replace("%2e", ".")
        if spelt_out == "..":
            segments = segments[:-1]
        elif spelt_out != ".":
            segments.append(segment)
    if path.rpartition("/")[2].lower().replace("%2e", ".") in {".", ".."}:
        segments.append("")
    return "/" + "/".join(segments)


PARSERS = (by_rfc_3986, by_whatwg)
RESTS = st.sampled_from(
    ["", "/", "/a/../b?c#d", "//evil/", "///evil", "/./a", "?q=https://10.11.120.2/", "#f", "/%2e%2e//x", "/a;b=c"]
)
WILD_RESTS = RESTS | st.sampled_from(
    ["/\\evil/", "/\t/evil/", "/\t\\evil", "\\@evil/", "@evil/", "\t@evil", " @evil", "'x"]
)
WILD = st.text("htps:/@.\\?#\t 10evil[]2", max_size=30)


@st.composite
def references(draw: st.DrawFn) -> tuple[Where, str]:
    """A place, and a reference that means the gateway there, nearly it, or somebody else."""
    at = draw(PLACES)
    if draw(st.integers(0, 7)) == 0:
        return at, draw(WILD).strip(" \t")
    own = draw(st.sampled_from([Origin(at.address).authority, at.gateway.authority.removesuffix(":9443")]))
    port = f":{at.origin.port}"

    def mostly(good: list[str], nearly: list[str]) -> str:
        return draw(st.sampled_from(good if draw(st.integers(0, 5)) else nearly))

    scheme = mostly(["https:", "https:", "http:", ""], ["HTTPS:", "ftp:", "x:", "ht\ttps:"])
    slashes = mostly(["//"], ["", "/", "///", "\\\\", "/\\", "/\t/"])
    user = mostly([""], ["user@", "@", "a:b@", f"{own}@", f"{own}:443@"])
    host = mostly(
        [own, own, own.upper(), f"{own}.", "evil"], [f"{own}.evil", f"evil.{own}", "pi", "", "1", f"{own}0"]
    )
    told = mostly(["", "", port], [":", ":443", ":80", ":8443", ":0443", ":99999", ":4x", ":443:"])
    return at, (scheme + slashes + user + host + told + draw(WILD_RESTS)).strip(" \t")


GATEWAY_REFERENCES = st.tuples(st.sampled_from(["https:", "", "HTTPS:"]), st.booleans(), st.booleans(), RESTS)
CARRIERS = st.sampled_from(["Location", "content-location", "LOCATION"])


def base_of(client: Site) -> str:
    """Return the address of a page that ``client`` sees; without Host it came by an address of the proxy."""
    return (client.base or "http://192.168.178.3:8080") + "/dir/page?query"


def assert_leads_to_the_proxy_instead(reference: str, mended: str, at: Where) -> None:
    """Check that ``reference`` led to the gateway for everybody, and ``mended`` leads to the same at the proxy."""
    proxy = urlsplit(base_of(at.client))
    for parser in PARSERS:
        meant = parser(reference, at.gateway.base + "/dir/page?query")
        leads = parser(mended, base_of(at.client))
        assert meant is not None
        assert leads is not None
        assert at.is_gateway(meant.host, meant.port, meant.scheme)
        assert not meant.user
        assert (leads.scheme, leads.user) == (proxy.scheme, False)
        assert (leads.host, leads.port) == (proxy.hostname, proxy.port or PORTS[proxy.scheme])
        assert (normal(leads.rest[0]), *leads.rest[1:]) == (normal(meant.rest[0]), *meant.rest[1:])


def mended_reference(reference: str, at: Where, carrier: str = "Location") -> str:
    ((name, value),) = answered([(carrier, reference)], at)
    assert name == carrier
    return value


@settings(PATIENTLY, max_examples=300)
@given(CARRIERS, references())
@example("Location", (where(Site("http", ""), "10.11.120.2"), "https://10.11.120.2/\\evil/"))
@example("Location", (where(Site("http", ""), "10.11.120.2"), "https://10.11.120.2/\t/evil/"))
def test_a_reference_is_mended_only_if_it_led_to_the_gateway_for_everybody(
    carrier: str, referring: tuple[Where, str]
) -> None:
    at, reference = referring
    mended = mended_reference(reference, at, carrier)
    if mended != reference:
        assert_leads_to_the_proxy_instead(reference, mended, at)


@settings(PATIENTLY, max_examples=150)
@given(CARRIERS, GATEWAY_REFERENCES, PLACES)
def test_a_reference_to_the_gateway_always_leads_to_the_proxy(
    carrier: str, parts: tuple[str, bool, bool, str], at: Where
) -> None:
    scheme, shout, tell_port, rest = parts
    authority = Origin(at.address).authority
    port = f":{at.origin.port}" if tell_port else ""
    reference = f"{scheme}//{authority.upper() if shout else authority}{port}{rest}"
    assert_leads_to_the_proxy_instead(reference, mended_reference(reference, at, carrier), at)


@settings(PATIENTLY, max_examples=300)
@given(CARRIERS, references())
def test_a_reference_to_another_host_leads_there_and_never_to_the_proxy(
    carrier: str, referring: tuple[Where, str]
) -> None:
    at, reference = referring
    mended = mended_reference(reference, at, carrier)
    meant = [parser(reference, at.gateway.base + "/dir/page") for parser in PARSERS]
    # Where the two differ, as with http:/evil/, there is no host that it means.
    hosts = {place.host for place in meant if place}
    if None not in meant and len(hosts) == 1 and not hosts & {at.address, urlsplit(at.gateway.base).hostname}:
        for parser in PARSERS:
            leads = parser(mended, base_of(at.client))
            assert leads is not None
            assert {leads.host} == hosts


def refresh_url(value: str) -> str | None:
    """Return the URL of a Refresh line, as browsers find it (HTML, shared declarative refresh steps)."""
    match = re.fullmatch(r"[ \t]*(?:[0-9]+[0-9.]*|\.[0-9.]*)(?:[ \t]*[;,][ \t]*|[ \t]+)(.*)", value, re.DOTALL)
    if match is None:
        return None
    url = re.sub(r"\A[Uu][Rr][Ll][ \t]*=[ \t]*", "", match[1])
    return url[1:].partition(url[0])[0] if url[:1] in {"'", '"'} else url


@settings(PATIENTLY, max_examples=300)
@given(
    st.sampled_from(["0;url=", "5; URL = ", "1.5,", "0 ;\turl='", '3;url="', "0;", "7;url"]),
    references(),
    st.sampled_from(["", "", "'", '"', "'@evil/", " x"]),
)
def test_a_refresh_is_mended_only_if_it_led_to_the_gateway_for_everybody(
    start: str, referring: tuple[Where, str], end: str
) -> None:
    at, reference = referring
    value = (start + reference + end).strip(" \t")
    mended = mended_reference(value, at, "Refresh")
    if mended != value:
        came, goes = refresh_url(value), refresh_url(mended)
        assert came is not None
        assert goes is not None
        assert_leads_to_the_proxy_instead(came, goes, at)


@settings(PATIENTLY, max_examples=150)
@given(st.sampled_from(["0;url=", "5; URL = ", "1.5,", "0 ;\turl='", '3;url="', "0;"]), GATEWAY_REFERENCES, PLACES)
def test_a_refresh_to_the_gateway_always_leads_to_the_proxy(
    start: str, parts: tuple[str, bool, bool, str], at: Where
) -> None:
    scheme, _, _, rest = parts
    value = f"{start}{scheme}//{at.gateway.authority}{rest}" + (start[-1] if start[-1] in "'\"" else "")
    came, goes = refresh_url(value), refresh_url(mended_reference(value, at, "Refresh"))
    assert came is not None
    assert goes is not None
    assert_leads_to_the_proxy_instead(came, goes, at)


# --- towards the client: cookies ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cookie:
    """What RFC 6265 section 5.2 reads in a Set-Cookie line: attributes in order, their names in lower case."""

    pair: tuple[str, str]
    attributes: tuple[tuple[str, str], ...]


def parsed_cookie(value: str) -> Cookie:
    """Parse by the steps of RFC 6265 section 5.2, with a name that may be empty as browsers have it."""
    pair, *attributes = value.split(";")
    name, equals, content = pair.partition("=")
    told = (name.strip(" \t"), content.strip(" \t")) if equals else ("", name.strip(" \t"))
    found = []
    for attribute in attributes:
        key, _, argument = attribute.partition("=")
        found.append((key.strip(" \t").lower(), argument.strip(" \t")))
    return Cookie(told, tuple(found))


OURS = ["10.11.120.2", ".10.11.120.2", "10.11.120.2.", "10.11.120.2:443", " 10.11.120.2\t"]
"""How cookies spell the host of the gateway at 10.11.120.2."""
THEIRS = ["", "evil", "10.11.120.20", "2", "120.2", "pi", "evil.10.11.120.2", "10.11.120.2.evil", "smgw.local"]
ATTRIBUTES = st.builds(
    "".join,
    st.tuples(
        st.sampled_from(["", " ", "\t", "  "]),
        spelt(
            "secure", "httponly", "partitioned", "path", "expires", "max-age", "samesite", "domain", "securex", ""
        ),
        st.sampled_from(["", "", "=", " = ", "=\t"]),
        st.sampled_from(
            [*OURS, *THEIRS, "/", "None", " none ", "Lax", "Wed, 21 Oct 2015 07:28:00 GMT", "0", "secure", "a=b"]
        )
        | ANY_VALUE,
        st.sampled_from(["", " "]),
    ),
)
PAIRS = st.sampled_from(
    ["session=1", "a", "", "=", "secure", "Secure=secure", " a = b=c ", 'q="x"', "domain=10.11.120.2"]
)
COOKIES = st.builds(
    lambda pair, attributes: ";".join([pair, *attributes]), PAIRS | ANY_VALUE, st.lists(ATTRIBUTES, max_size=6)
)


def mended_cookie(value: str, scheme: str) -> str:
    ((_, result),) = answered([("Set-Cookie", value)], where(Site(scheme, "pi"), "10.11.120.2"))
    return result


def names_the_gateway(attribute: tuple[str, str]) -> bool:
    return attribute[0] == "domain" and attribute[1] in {spelling.strip(" \t") for spelling in OURS}


def wants_https(attribute: tuple[str, str]) -> bool:
    name, argument = attribute
    return name in {"secure", "partitioned"} or (name == "samesite" and argument.lower() == "none")


@settings(PATIENTLY, max_examples=300)
@given(COOKIES, st.sampled_from(["http", "https"]))
def test_a_cookie_stays_the_same_but_for_what_its_client_could_not_use(value: str, scheme: str) -> None:
    came, result = parsed_cookie(value), parsed_cookie(mended_cookie(value, scheme))
    assert result.pair == came.pair
    assert result.attributes == tuple(
        attribute
        for attribute in came.attributes
        if not names_the_gateway(attribute) and not (scheme == "http" and wants_https(attribute))
    )


@settings(PATIENTLY, max_examples=150)
@given(COOKIES)
def test_of_a_cookie_what_stays_is_spelt_as_it_came(value: str) -> None:
    came = iter(value.split(";"))
    assert all(piece in came for piece in mended_cookie(value, "http").split(";")), "a subsequence"


@PATIENTLY
@given(st.lists(st.tuples(spelt("set-cookie"), COOKIES), max_size=5), PLACES)
def test_every_cookie_is_mended_by_itself(cookies: Lines, at: Where) -> None:
    assert answered(cookies, at) == [line for cookie in cookies for line in answered([cookie], at)]
