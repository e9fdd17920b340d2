"""The header rules both ways: what would break is mended, and nothing else is touched."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smgwproxy.headers import Site, for_client, for_gateway
from smgwproxy.http1 import MAX_HEAD, Lines
from smgwproxy.origin import Origin

PATIENTLY = settings(deadline=None)  # a busy machine is no fault
PI = Site("http", "pi:8080")
GATEWAY = Site("https", "10.11.120.2")
ORIGIN = Origin("10.11.120.2")


def sent(*lines: tuple[str, str], method: str = "GET", length: int | None = None, client: Site = PI) -> Lines:
    return for_gateway(list(lines), method=method, length=length, client=client, gateway=GATEWAY)


def answered(*lines: tuple[str, str], client: Site = PI, target: str = "10.11.120.2") -> Lines:
    origin = Origin.parse(target)
    return for_client(list(lines), client=client, origin=origin, gateway=Site("https", origin.authority))


def mended(name: str, value: str, *, client: Site = PI, target: str = "10.11.120.2") -> str:
    ((came, result),) = answered((name, value), client=client, target=target)
    assert came == name
    return result


# --- hop by hop, both ways (RFC 9110 section 7.6.1) --------------------------------------------------------

HOP_BY_HOP = [
    "Connection",
    "Keep-Alive",
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "Proxy-Connection",
    "TE",
    "Upgrade",
]


@pytest.mark.parametrize("name", HOP_BY_HOP)
@pytest.mark.parametrize("spell", [str.lower, str.upper, str.title])
def test_hop_by_hop_lines_stay_on_their_hop(name: str, spell: type[str]) -> None:
    line = (spell(name), "x")
    assert sent(("Host", "pi:8080"), line) == [("Host", "10.11.120.2")]
    assert answered(line, ("A", "b"), line) == [("A", "b")]


@pytest.mark.parametrize("name", ["Content-Length", "content-length", "Host"])
def test_connection_cannot_name_away_what_says_where_a_message_ends_and_goes(name: str) -> None:
    assert answered(("Connection", f"close, {name}"), (name, "5")) == [(name, "5")]


def test_trailers_are_announced_where_they_pass() -> None:
    assert sent(("Host", "pi:8080"), ("Trailer", "x")) == [("Host", "10.11.120.2")]
    assert answered(("Trailer", "x")) == [("Trailer", "x")]


def test_a_transfer_coding_is_for_one_hop_only() -> None:
    assert answered(("Transfer-Encoding", "chunked"), ("A", "b")) == [("A", "b")]


def test_what_connection_names_stays_on_its_hop() -> None:
    named = [("Connection", "close, X-Hop"), ("x-hop", "1"), ("X-Other", "2"), ("connection", "X-OTHER")]
    assert sent(("Host", "pi"), ("X-Stay", "3"), *named) == [("Host", "10.11.120.2"), ("X-Stay", "3")]
    assert answered(("X-Stay", "3"), *named) == [("X-Stay", "3")]


def test_connection_cannot_name_host_or_length_away() -> None:
    lines = [("Connection", "host, content-length"), ("Host", "pi"), ("Content-Length", "3")]
    assert sent(*lines, method="POST", length=3) == [("Host", "10.11.120.2"), ("Content-Length", "3")]


def test_expect_is_answered_by_the_proxy_and_not_passed_on() -> None:
    assert sent(("Host", "pi"), ("Expect", "100-continue")) == [("Host", "10.11.120.2")]


# --- towards the gateway ----------------------------------------------------------------------------------


def test_order_case_and_number_of_lines_stay() -> None:
    lines = [("accept", "*/*"), ("Cookie", "a=b"), ("COOKIE", "c=d"), ("X-Forwarded-For", "1"), ("Accept", "*/*")]
    assert sent(*lines, ("hOST", "pi:8080"), ("Authorization", "Digest uri=/")) == [
        *lines,
        ("hOST", "10.11.120.2"),
        ("Authorization", "Digest uri=/"),
    ]


def test_host_is_added_where_http_1_0_had_none() -> None:
    assert sent(("Accept", "*/*"), client=Site("http", "")) == [("Host", "10.11.120.2"), ("Accept", "*/*")]


@pytest.mark.parametrize("name", ["Origin", "referer"])
@pytest.mark.parametrize(
    ("value", "client", "expected"),
    [
        pytest.param("http://pi:8080", PI, "https://10.11.120.2", id="the-proxy"),
        pytest.param("HTTP://PI:8080", PI, "https://10.11.120.2", id="in-capitals"),
        pytest.param(
            "http://pi:8080/a?b=http://pi:8080/", PI, "https://10.11.120.2/a?b=http://pi:8080/", id="path"
        ),
        pytest.param("http://pi:8080?a", PI, "https://10.11.120.2?a", id="query"),
        pytest.param("http://[::1]:8/x", Site("http", "[::1]:8"), "https://10.11.120.2/x", id="ipv6"),
        pytest.param("https://pi/x", Site("https", "pi"), "https://10.11.120.2/x", id="https"),
        pytest.param("null", PI, "null", id="null"),
        pytest.param("", PI, "", id="empty"),
        pytest.param("http://pi:80800/", PI, "http://pi:80800/", id="a-longer-port"),
        pytest.param("http://pi:8080.evil/", PI, "http://pi:8080.evil/", id="a-longer-name"),
        pytest.param("http://pi:8080@evil/", PI, "http://pi:8080@evil/", id="userinfo"),
        pytest.param("https://pi:8080/", PI, "https://pi:8080/", id="another-scheme"),
        pytest.param("http://other/", PI, "http://other/", id="another-host"),
        pytest.param("http://other/", Site("http", ""), "http://other/", id="client-without-host"),
    ],
)
def test_origin_and_referer_name_the_gateway(name: str, value: str, client: Site, expected: str) -> None:
    assert sent(("Host", "x"), (name, value), client=client)[1] == (name, expected)


@pytest.mark.parametrize(
    ("method", "length", "lines", "expected"),
    [
        pytest.param("GET", None, [], [], id="no-body-and-none-expected"),
        pytest.param("DELETE", None, [], [], id="delete-without-body"),
        pytest.param("GET", 0, [("content-length", "0")], [("content-length", "0")], id="an-empty-body-told-so"),
        pytest.param("GET", 5, [("Content-Length", "5")], [("Content-Length", "5")], id="a-body-of-get"),
        pytest.param("POST", None, [], [("Content-Length", "0")], id="9110-8.6-post-without-body"),
        pytest.param("PUT", None, [], [("Content-Length", "0")], id="9110-8.6-put-without-body"),
        pytest.param("PATCH", None, [], [("Content-Length", "0")], id="9110-8.6-patch-without-body"),
        pytest.param("POST", 5, [], [("Content-Length", "5")], id="nobody-told-the-length"),
        pytest.param("POST", 5, [("CONTENT-LENGTH", "5")], [("CONTENT-LENGTH", "5")], id="case-kept"),
        pytest.param("POST", 5, [("Content-Length", "05")], [("Content-Length", "5")], id="told-anew"),
        pytest.param("POST", 5, [("transfer-encoding", "chunked")], [("Content-Length", "5")], id="chunked"),
        pytest.param("POST", 0, [("Transfer-Encoding", "chunked")], [("Content-Length", "0")], id="empty-chunked"),
        pytest.param("GET", None, [("Content-Length", "5")], [], id="a-length-without-a-body"),
        pytest.param(
            "POST",
            5,
            [("Transfer-Encoding", "chunked"), ("Content-Length", "7"), ("Content-Length", "8")],
            [("Content-Length", "5")],
            id="never-two",
        ),
    ],
)
def test_a_body_has_one_length_and_no_coding(
    method: str, length: int | None, lines: Lines, expected: Lines
) -> None:
    assert sent(("Host", "pi"), *lines, method=method, length=length)[1:] == expected


def test_the_length_stands_where_the_client_had_it() -> None:
    lines = [("Host", "pi"), ("Transfer-Encoding", "chunked"), ("Content-Type", "application/json")]
    assert sent(*lines, method="POST", length=2) == [
        ("Host", "10.11.120.2"),
        ("Content-Length", "2"),
        ("Content-Type", "application/json"),
    ]


# --- cookies --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("session=a;secure", "session=a", id="as-ppc-writes-it"),
        pytest.param("session=a; Secure", "session=a", id="blank"),
        pytest.param("session=a; SECURE ; Path=/", "session=a; Path=/", id="capitals-and-blanks"),
        pytest.param("session=a;\tsEcUrE\t", "session=a", id="tabs"),
        pytest.param("session=a; Secure=", "session=a", id="equals-sign"),
        pytest.param("session=a; Secure=1; HttpOnly", "session=a; HttpOnly", id="value"),
        pytest.param("session=a; secure; Secure", "session=a", id="twice"),
        pytest.param(
            "session=a; Secure; Path=/;HttpOnly ;", "session=a; Path=/;HttpOnly ;", id="the-rest-as-it-is"
        ),
        pytest.param("session=a; SecureX; x=secure", "session=a; SecureX; x=secure", id="other-attributes"),
        pytest.param("session=a; Path=/secure", "session=a; Path=/secure", id="within-a-path"),
        pytest.param("session=secure", "session=secure", id="as-the-value"),
        pytest.param("secure=secure; Secure", "secure=secure", id="as-the-name"),
        pytest.param("secure", "secure", id="as-a-cookie-without-name"),
        pytest.param("a=b; SameSite=None; Secure", "a=b", id="same-site-none"),
        pytest.param("a=b; samesite = NONE", "a=b", id="same-site-none-spelt-otherwise"),
        pytest.param("a=b; SameSite=Lax", "a=b; SameSite=Lax", id="same-site-lax"),
        pytest.param("", "", id="empty"),
        pytest.param(";secure", "", id="only-secure"),
    ],
)
def test_secure_is_taken_from_cookies_for_plain_http(value: str, expected: str) -> None:
    assert mended("Set-Cookie", value) == expected


@pytest.mark.parametrize("value", ["a=b;secure", "a=b; SameSite=None; Secure"])
def test_secure_stays_on_cookies_for_https(value: str) -> None:
    assert mended("Set-Cookie", value, client=Site("https", "pi")) == value


@pytest.mark.parametrize("client", [PI, Site("https", "pi")], ids=["http", "https"])
@pytest.mark.parametrize(
    ("target", "domain"),
    [
        ("10.11.120.2", "10.11.120.2"),
        ("10.11.120.2", ".10.11.120.2"),
        ("10.11.120.2", " 10.11.120.2\t"),
        ("10.11.120.2", "10.11.120.2:443"),
        ("10.11.120.2:8443", "10.11.120.2"),
        ("smgw.local", "SMGW.local"),
        ("smgw.local", ".smgw.local."),
        ("smgw.local.", "smgw.local"),
        ("[fe80::1%eth0]", "[FE80::1]"),
        ("[fe80::1%eth0]:8443", "fe80::1"),
        ("[fe80::1]", "[fe80::1]:443"),
    ],
)
def test_a_domain_that_names_the_gateway_is_taken_from_cookies(target: str, domain: str, client: Site) -> None:
    assert mended("Set-Cookie", f"a=b; Path=/; dOmain={domain}; HttpOnly", target=target, client=client) == (
        "a=b; Path=/; HttpOnly"
    )


@pytest.mark.parametrize(
    "value",
    [
        "a=b; Domain=other.example",
        "a=b; Domain=10.11.120.20",
        "a=b; Domain=110.11.120.2",
        "a=b; Domain=",
        "a=b; Domain",
        "domain=10.11.120.2",
        "a=b; DomainX=10.11.120.2",
    ],
)
def test_other_domains_stay(value: str) -> None:
    assert mended("Set-Cookie", value) == value


def test_every_cookie_is_mended_in_order() -> None:
    assert answered(
        ("Set-Cookie", "a=1; Secure"), ("X", "y"), ("set-cookie", "b=2"), ("SET-COOKIE", "c;secure")
    ) == [
        ("Set-Cookie", "a=1"),
        ("X", "y"),
        ("set-cookie", "b=2"),
        ("SET-COOKIE", "c"),
    ]


# --- references to the gateway ----------------------------------------------------------------------------

TO_THE_GATEWAY = [
    ("10.11.120.2", "https://10.11.120.2/a?b#c", "/a?b#c"),
    ("10.11.120.2", "https://10.11.120.2", ""),
    ("10.11.120.2", "https://10.11.120.2:443/", "/"),
    ("10.11.120.2", "https://10.11.120.2:/", "/"),
    ("10.11.120.2", "http://10.11.120.2/", "/"),
    ("10.11.120.2", "http://10.11.120.2:80/", "/"),
    ("10.11.120.2", "http://10.11.120.2:443/", "/"),
    ("10.11.120.2", "//10.11.120.2/a", "/a"),
    ("10.11.120.2", "//10.11.120.2:443/a", "/a"),
    ("10.11.120.2", "HTTPS://10.11.120.2/A%2f", "/A%2f"),
    ("10.11.120.2", "https://10.11.120.2?a", "?a"),
    ("10.11.120.2", "https://10.11.120.2#a", "#a"),
    ("10.11.120.2", "https://10.11.120.2//a/../b", "//a/../b"),
    ("10.11.120.2", "https://10.11.120.2/@evil/", "/@evil/"),
    ("10.11.120.2:8443", "https://10.11.120.2:8443/", "/"),
    ("10.11.120.2:8443", "https://10.11.120.2/", "/"),
    ("10.11.120.2:8443", "https://10.11.120.2:443/", "/"),
    ("smgw.local", "https://SMGW.Local/", "/"),
    ("smgw.local", "https://smgw.local./", "/"),
    ("smgw.local.", "https://smgw.local/", "/"),
    ("[fe80::1%eth0]:8443", "https://[fe80::1]:8443/", "/"),
    ("[fe80::1]", "https://[FE80::1]/", "/"),
    ("[fe80::1]", "//[fe80::1]", ""),
]

ELSEWHERE = [
    "",
    "/",
    "/smgw/m2m/user/json",
    "json?a=https://10.11.120.2/",
    "?url=https://10.11.120.2/",
    "../x",
    "/\\10.11.120.2/",
    "///10.11.120.2/",
    "https:/10.11.120.2/",
    "https:10.11.120.2",
    "ftp://10.11.120.2/",
    "javascript://10.11.120.2/",
    "xhttps://10.11.120.2/",
    "https://",
    "https:///",
    "https://10.11.120.2@evil/",
    "https://10.11.120.2:443@evil/",
    "https://10.11.120.2:@evil/",
    "https://10.11.120.2'@evil/",
    'https://10.11.120.2"@evil/',
    "https://10.11.120.2' @evil/",
    "https://10.11.120.2 @evil/",
    "https://10.11.120.2\\@evil/",
    "https://10.11.120.2:443x@evil/",
    "https://10.11.120.2:443:@evil/",
    "https://user:password@10.11.120.2/",
    "https://@10.11.120.2/",
    "https://10.11.120.2.evil/",
    "https://10.11.120.2.evil",
    "https://10.11.120.2-evil/",
    "https://10.11.120.2[.evil/",
    "https://[10.11.120.2].evil/",
    "https://evil.10.11.120.2/",
    "https://110.11.120.2/",
    "https://10.11.120.20/",
    "https://10.11.120.2:8443/",
    "https://10.11.120.2:80/",
    "https://10.11.120.2:0443x/",
    "http://10.11.120.2:8080/",
    pytest.param("https://10.11.120.2:" + "4" * 5000 + "/", id="more-digits-than-int-takes"),
    "https://[fe80::2]/",
    "https://example.org/",
]


@pytest.mark.parametrize("name", ["Location", "content-location"])
@pytest.mark.parametrize(("target", "value", "rest"), TO_THE_GATEWAY)
def test_absolute_references_to_the_gateway_come_back_to_the_proxy(
    name: str, target: str, value: str, rest: str
) -> None:
    assert mended(name, value, target=target) == "http://pi:8080" + rest
    assert mended(name, value, target=target, client=Site("https", "[::1]")) == "https://[::1]" + rest


@pytest.mark.parametrize("name", ["LOCATION", "Content-Location"])
@pytest.mark.parametrize("value", ELSEWHERE)
def test_other_references_stay_byte_for_byte(name: str, value: str) -> None:
    assert mended(name, value) == value
    assert mended(name, value, client=Site("http", "")) == value


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("https://10.11.120.2/a?b", "/a?b"),
        ("https://10.11.120.2", "/"),
        ("https://10.11.120.2?a", "/?a"),
        ("//10.11.120.2/a", "/a"),
        ("https://10.11.120.2//evil/", "/.//evil/"),
        ("https://10.11.120.2///evil/", "/.///evil/"),
    ],
)
def test_a_client_that_told_no_host_gets_a_path_that_names_no_other(value: str, expected: str) -> None:
    assert mended("Location", value, client=Site("http", "")) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0;url=https://10.11.120.2/a", "0;url=http://pi:8080/a"),
        ("5; URL='https://10.11.120.2/a'", "5; URL='http://pi:8080/a'"),
        ("5; url='https://10.11.120.2'@evil/", "5; url='http://pi:8080'@evil/"),  # it ends with the quote
        ("5; url='https://10.11.120.2/a", "5; url='http://pi:8080/a"),
        ('5; URL="https://10.11.120.2"', '5; URL="http://pi:8080"'),
        ("5,url = https://10.11.120.2:443/", "5,url = http://pi:8080/"),
        ("1.5 ;\t//10.11.120.2/a", "1.5 ;\thttp://pi:8080/a"),
        (";https://10.11.120.2/", ";http://pi:8080/"),
    ],
)
def test_a_refresh_that_names_the_gateway_comes_back_to_the_proxy(value: str, expected: str) -> None:
    assert mended("refresh", value) == expected


@pytest.mark.parametrize(
    "value",
    [
        "5",
        "",
        "5; url=/a",
        "5; url=a?https://10.11.120.2/",
        "5; https://10.11.120.2@evil/",
        "5; url='https://10.11.120.2@evil/'",
        "5; url=https://10.11.120.2'@evil/",
        "5; url='",
        "5; url=https://10.11.120.2.evil/",
        "5; uri=https://10.11.120.2/",
        "https://10.11.120.2/",
    ],
)
def test_any_other_refresh_stays(value: str) -> None:
    assert mended("Refresh", value) == value


def test_promises_about_the_gateways_own_origin_go() -> None:
    lines = [("Strict-Transport-Security", "max-age=1"), ("A", "b"), ("ALT-SVC", 'h3=":443"')]
    assert answered(*lines) == [("A", "b")]


# --- what nobody has reason to touch ------------------------------------------------------------------------

OURS = frozenset(
    {name.lower() for name in HOP_BY_HOP}
    | {"transfer-encoding", "content-length", "host", "origin", "referer", "expect"}
    | {"set-cookie", "location", "content-location", "refresh", "strict-transport-security", "alt-svc"}
)
NAMES = st.sampled_from(["WWW-Authenticate", "Cookie", "authorization", "X-Location", "Link", "Server"]) | (
    st.text("!#$%&'*+-.^_`|~09AZaz", min_size=1, max_size=12).filter(lambda name: name.lower() not in OURS)
)
VALUES = st.sampled_from(["https://10.11.120.2/", "http://pi:8080", "a=b; Secure", "close", "chunked"]) | (
    st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF), max_size=30)
)


@PATIENTLY
@given(st.lists(st.tuples(NAMES, VALUES), max_size=10))
def test_everything_else_passes_untouched_both_ways(lines: Lines) -> None:
    assert sent(*lines, ("Host", "pi:8080")) == [*lines, ("Host", "10.11.120.2")]
    assert answered(*lines) == lines


@PATIENTLY
@given(st.lists(st.sampled_from(["Secure", " secure ", "Path=/", "", "HttpOnly", "Max-Age=1", "X=Secure", " a "])))
def test_of_a_cookie_nothing_goes_but_secure(attributes: list[str]) -> None:
    kept = [attribute for attribute in attributes if attribute.strip().lower() != "secure"]
    assert mended("Set-Cookie", ";".join(["a=b", *attributes])) == ";".join(["a=b", *kept])


@PATIENTLY
@given(st.text("htps:/@.\\'\"#? 10evil[]2", max_size=30))
def test_nothing_is_mended_but_what_another_parser_takes_for_the_gateway_too(rest: str) -> None:
    value = f"https://10.11.120.2{rest}"
    result = mended("Location", value)
    if result != value:
        parts = urlsplit(value)
        assert (parts.hostname or "").rstrip(".") == "10.11.120.2"
        assert parts.username is None
        assert result == "http://pi:8080" + value.removeprefix(f"https://{parts.netloc}")


# --- regular expressions take no more than linear time: quadratic would not end within the limit of a test ----


@pytest.mark.parametrize(
    "piece", [" ", "\xa0", "0", "0.", "\t;", ";url", "; url = ", "https://", "/", "[", "::", "'"]
)
@pytest.mark.parametrize(
    "start", ["", "0", "0;", "0;url=", "https://", "https://[", "//", "https://10.11.120.2:4x"]
)
@pytest.mark.parametrize("name", ["Location", "Refresh", "Set-Cookie"])
def test_the_longest_values_are_read_in_no_time(name: str, start: str, piece: str) -> None:
    value = (start + piece * MAX_HEAD)[:MAX_HEAD] + "@"
    assert mended(name, value) == value
