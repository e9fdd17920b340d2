"""Who may come in: home networks, under the proxy's own names, and no page of another site."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smgwproxy import problem
from smgwproxy.access import HOME_DOMAINS, HOME_NETWORKS, Access
from smgwproxy.config import load
from smgwproxy.errors import ClientNotAllowed, CrossSite, ExchangeError, UnknownHost
from smgwproxy.http1 import RequestHead

PATIENTLY = settings(deadline=None)  # a busy machine is no fault
CLIENT = "192.168.0.11"
OWN = Access(server_names=("meter.example.org", "example.net"))


def head(*lines: tuple[str, str], method: str = "GET", minor: int = 1) -> RequestHead:
    return RequestHead(method, "/", minor, list(lines))


def asked(host: str) -> RequestHead:
    return head(("Host", host))


def post(*lines: tuple[str, str], host: str = "pi:8080", method: str = "POST") -> RequestHead:
    return head(("hOST", host), *lines, method=method)


def refusal(client: str, request: RequestHead, access: Access = OWN) -> ExchangeError:
    with pytest.raises(ExchangeError) as caught:
        access.check(client, request)
    return caught.value


def test_the_default_is_that_of_the_command_line() -> None:
    config = load([], {}).only
    assert Access() == Access(config.allow, config.server_name)


# --- the client's network ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "client",
    [
        "10.0.0.1",
        "172.31.255.255",
        "192.168.0.11",
        "127.0.0.1",
        "169.254.1.1",
        "::1",
        "fe80::1",
        "fd00::1",
        "fe80::1%eth0",
        "::ffff:192.168.0.11",
        "::FFFF:C0A8:B",
    ],
)
def test_clients_of_home_networks_are_served(client: str) -> None:
    Access().check(client, asked("pi"))


@pytest.mark.parametrize(
    ("client", "network"),
    [
        ("203.0.113.7", "203.0.113.0/24"),
        ("172.32.0.1", "172.32.0.0/24"),
        ("9.255.255.255", "9.255.255.0/24"),
        ("::ffff:203.0.113.7", "203.0.113.0/24"),
        ("2001:db8:1:2:3::7", "2001:db8:1:2::/64"),
        ("2001:db8::7%eth0", "2001:db8::/64"),
        ("fec0::1", "fec0::/64"),
        ("::2", "::/64"),
    ],
)
def test_other_clients_are_refused_with_the_network_to_allow(client: str, network: str) -> None:
    error = refusal(client, asked("pi"))
    assert type(error) is ClientNotAllowed
    assert str(error) == (
        f"The address {client.removeprefix('::ffff:').partition('%')[0]} is in none of the networks that this "
        f"proxy serves. If it is yours, start the proxy with --allow {network}; that stands in the place of the "
        "default networks, so give those that you need as well."
    )
    Access(load(["--allow", network], {}).only.allow).check(client, asked("pi"))


@pytest.mark.parametrize(
    "client",
    ["", "unix:", "pi", "192.168.0", "192.168.0.11:80", "[::1]", "192.168.0.11%eth0", "0xa.1", "x\n" * 999],
)
def test_what_is_no_address_is_refused(client: str) -> None:
    error = refusal(client, asked("pi"), Access((IPv4Network("0.0.0.0/0"), IPv6Network("::/0"))))
    assert type(error) is ClientNotAllowed
    assert str(error).endswith(" is no IP address. Let it connect by IPv4 or IPv6.")
    assert len(str(error)) < 1000
    assert str(error).isprintable()


def test_only_the_networks_given_are_served() -> None:
    access = Access((IPv4Network("192.168.7.0/24"),))
    access.check("192.168.7.255", asked("pi"))
    for client in ("192.168.8.0", "192.168.6.255", "::1", "127.0.0.1"):
        assert type(refusal(client, asked("pi"), access)) is ClientNotAllowed


def test_mapped_addresses_are_no_way_around_ipv6_networks() -> None:
    assert type(refusal("::ffff:192.168.0.11", asked("pi"), Access((IPv6Network("::/0"),)))) is ClientNotAllowed


@PATIENTLY
@given(st.ip_addresses())
def test_a_client_is_served_if_one_network_has_it(address: object) -> None:
    known = ip_address(str(address))
    plain = getattr(known, "ipv4_mapped", None) or known
    try:
        Access().check(str(address), asked("pi"))
        served = True
    except ClientNotAllowed:
        served = False
    assert served == any(plain in network for network in HOME_NETWORKS)


# --- the name it calls the proxy by -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    [
        pytest.param("192.168.0.7", id="ipv4"),
        pytest.param("203.0.113.7:80", id="ipv4-with-port"),
        pytest.param("192.168.0.7.", id="ipv4-with-a-last-dot"),
        pytest.param("[fd00::7]", id="ipv6"),
        pytest.param("[2001:db8::7]:8080", id="ipv6-with-port"),
        pytest.param("pi", id="bare"),
        pytest.param("PI.:8080", id="bare-with-a-last-dot-and-port"),
        pytest.param("localhost:8080", id="localhost"),
        pytest.param("local", id="a-home-domain-alone-is-bare"),
        *[pytest.param(f"pi.{domain}", id=domain) for domain in HOME_DOMAINS],
        pytest.param("a.b.local", id="deep-in-a-home-domain"),
        pytest.param("Raspberry-Pi.LOCAL.:8080", id="case-dot-and-port"),
        pytest.param("1.2.3.4.local", id="digits-in-a-home-domain"),
        pytest.param("meter.example.org", id="server-name"),
        pytest.param("Meter.Example.Org.:443", id="server-name-in-capitals"),
        pytest.param("a.b.meter.example.org", id="under-a-server-name"),
        pytest.param("example.net:1", id="second-server-name"),
    ],
)
def test_names_of_the_proxy_are_answered(host: str) -> None:
    OWN.check(CLIENT, asked(host))


@pytest.mark.parametrize(
    "host",
    [
        pytest.param("evil.com", id="stranger"),
        pytest.param("EVIL.com.:8080", id="stranger-with-case-dot-and-port"),
        pytest.param("1.2.3.4.evil.com", id="an-address-at-its-beginning"),
        pytest.param("192.168.0.7.nip.io", id="a-name-that-leads-to-its-address"),
        pytest.param("evil.box.com", id="a-home-domain-in-its-middle"),
        pytest.param("local.evil.com", id="a-home-domain-at-its-beginning"),
        pytest.param("pi.notlocal", id="a-home-domain-at-its-end-without-a-dot"),
        pytest.param("home.arpa", id="a-home-domain-alone"),
        pytest.param("evil.arpa", id="the-end-of-a-home-domain"),
        pytest.param("example.org", id="above-a-server-name"),
        pytest.param("notmeter.example.org", id="a-server-name-at-its-end-without-a-dot"),
        pytest.param("meter.example.org.evil.com", id="a-server-name-at-its-beginning"),
    ],
)
def test_names_of_strangers_are_refused_with_the_option_that_allows_them(host: str) -> None:
    name = host.lower().partition(":")[0].removesuffix(".")
    error = refusal(CLIENT, asked(host))
    assert type(error) is UnknownHost
    assert str(error) == (
        f"The proxy was called '{name}', which is none of its names: a stranger could have made it lead here. "
        f"Open it by its IP address or, if the name is yours, start the proxy with --server-name {name}."
    )
    Access(server_names=load(["--server-name", name], {}).only.server_name).check(CLIENT, asked(host))


@pytest.mark.parametrize(
    "host",
    [
        "127.1",
        "0x7f.1.",
        "0177.0.0.01",
        "1.2.3.4.5",
        "2130706433",
        "evil%2Ecom",
        "pi%2elocal",
        "%70i",
        ".local",
        ".",
        "pi..local",
        "-.local",
        "pi.local..",
        "x" * 64 + ".local",
        "~.local",
        "",
        "u@pi",
        "pi:x",
        "[pi]",
        "::1",
        "pi/",
        "z\xe4hler.local",
        "x" * 30000,
        "u@" + "x" * 30000,
        "\x85",
    ],
)
def test_what_is_neither_address_nor_name_is_refused(host: str) -> None:
    error = refusal(CLIENT, asked(host))
    assert type(error) is UnknownHost
    assert str(error).endswith("Open it by its IP address, or by its name in the home network.")
    assert len(str(error)) < 500
    assert str(error).isprintable()


def test_every_host_must_be_known() -> None:
    assert type(refusal(CLIENT, head(("Host", "pi"), ("host", "evil.com")))) is UnknownHost


def test_a_request_without_host_comes_from_no_browser() -> None:
    OWN.check(CLIENT, head(minor=0))


# --- the page it comes from -------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_what_changes_nothing_may_come_from_anywhere(method: str) -> None:
    OWN.check(CLIENT, post(("Sec-Fetch-Site", "cross-site"), ("Origin", "https://evil.com"), method=method))


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "get", "PROPFIND"])
def test_what_may_change_something_must_not_come_from_elsewhere(method: str) -> None:
    error = refusal(CLIENT, post(("Origin", "https://evil.com"), method=method))
    assert type(error) is CrossSite
    assert str(error) == (
        "A page of another site, 'https://evil.com', made the browser send this request. It could act with the "
        "login that the browser remembers, so it went no further. Open the page itself at this address instead, "
        "and do it there."
    )


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param([], id="no-browser"),
        pytest.param([("sec-fetch-site", "same-origin")], id="same-origin"),
        pytest.param([("Sec-Fetch-Site", "none")], id="typed-by-the-user"),
        pytest.param([("Sec-Fetch-Site", "same-origin"), ("Origin", "https://evil.com")], id="site-before-origin"),
        pytest.param([("ORIGIN", "http://pi:8080")], id="origin"),
        pytest.param([("Origin", "http://PI:8080")], id="origin-in-capitals"),
        pytest.param([("Origin", "https://pi:8080")], id="origin-behind-another-proxy-with-tls"),
    ],
)
def test_pages_of_the_proxy_may_change_something(lines: list[tuple[str, str]]) -> None:
    OWN.check(CLIENT, post(*lines))


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param([("Sec-Fetch-Site", "cross-site")], id="cross-site"),
        pytest.param([("Sec-Fetch-Site", "same-site")], id="same-site"),
        pytest.param([("Sec-Fetch-Site", "Same-Origin")], id="in-capitals"),
        pytest.param([("Sec-Fetch-Site", "")], id="empty-site"),
        pytest.param([("Sec-Fetch-Site", "same-origin, none")], id="list-of-sites"),
        pytest.param([("Sec-Fetch-Site", "none"), ("Sec-Fetch-Site", "none")], id="two-sites"),
        pytest.param([("Sec-Fetch-Site", "cross-site"), ("Origin", "http://pi:8080")], id="site-before-origin"),
        pytest.param([("Origin", "null")], id="null"),
        pytest.param([("Origin", "")], id="empty"),
        pytest.param([("Origin", "http://pi")], id="default-port"),
        pytest.param([("Origin", "http://pi:80")], id="another-port"),
        pytest.param([("Origin", "http://pi:8080/")], id="path"),
        pytest.param([("Origin", "http://pi:8080.evil.com")], id="longer-port"),
        pytest.param([("Origin", "http://pi.evil.com:8080")], id="longer-name"),
        pytest.param([("Origin", "http://evil.com@pi:8080")], id="user"),
        pytest.param([("Origin", "pi:8080")], id="no-scheme"),
        pytest.param([("Origin", "moz-extension://pi:8080")], id="another-scheme"),
        pytest.param([("Origin", "http://pi:8080 http://evil.com")], id="list"),
        pytest.param([("Origin", "http://pi:8080"), ("Origin", "http://pi:8080")], id="two-lines"),
    ],
)
def test_other_pages_may_not(lines: list[tuple[str, str]]) -> None:
    assert type(refusal(CLIENT, post(*lines))) is CrossSite


@pytest.mark.parametrize(
    ("origin", "host", "same"),
    [
        ("http://pi", "pi", True),
        ("http://pi", "pi:80", True),
        ("http://pi:80", "pi:", True),
        ("http://pi", "pi:443", False),
        ("https://pi", "pi", True),
        ("https://pi", "pi:443", True),
        ("https://pi", "pi:80", False),
        ("http://pi", "pi:0", False),
        ("http://[::1]:8080", "[0:0::1]:8080", True),
        ("http://[::1]:8080", "[::2]:8080", False),
        ("http://192.168.0.7", "192.168.0.7", True),
        ("http://192.168.0.7", "192.168.0.8", False),
    ],
)
def test_a_port_may_be_left_out_where_the_scheme_tells_it(origin: str, host: str, same: bool) -> None:
    request = post(("Origin", origin), host=host)
    if same:
        OWN.check(CLIENT, request)
    else:
        assert type(refusal(CLIENT, request)) is CrossSite


def test_a_page_that_hides_its_site_is_not_said_to_be_of_another_one() -> None:
    error = refusal(CLIENT, post(("Origin", "null")))
    assert error.message.startswith("A page that hides which site it is of made the browser send this request.")
    assert "over HTTPS" in error.advice


@pytest.mark.parametrize("lines", [[], [("Origin", "null")]])
def test_a_page_that_is_not_named_is_told_as_well(lines: list[tuple[str, str]]) -> None:
    error = refusal(CLIENT, post(("Sec-Fetch-Site", "cross-site"), *lines))
    assert error.message.startswith("A page of another site made the browser send this request.")


def test_a_long_origin_is_told_in_short() -> None:
    assert len(str(refusal(CLIENT, post(("Origin", "http://" + "x" * 30000))))) < 500


@pytest.mark.parametrize("hosts", [[], ["pi", "pi"]])
def test_an_origin_without_one_host_is_refused(hosts: list[str]) -> None:
    lines = [("Host", host) for host in hosts]
    assert type(refusal(CLIENT, head(("Origin", "http://pi"), *lines, method="POST"))) is CrossSite


# --- together ---------------------------------------------------------------------------------------------


def test_the_network_is_told_before_the_name_and_the_name_before_the_page() -> None:
    request = post(("Origin", "https://bad.com"), host="evil.com")
    assert type(refusal("203.0.113.7", request)) is ClientNotAllowed
    assert type(refusal(CLIENT, request)) is UnknownHost
    assert type(refusal(CLIENT, post(("Origin", "https://evil.com")))) is CrossSite


def tags(page: bytes) -> int:
    """Count them, but for those of options in the advice, which the errors have in different numbers."""
    return page.count(b"<") - page.count(b"<code>--") - page.count(b"</code>")


LATIN_1 = st.text(st.characters(max_codepoint=255), max_size=300)


@PATIENTLY
@given(client=LATIN_1 | st.just(CLIENT), host=LATIN_1 | st.just("pi"), origin=LATIN_1)
def test_whatever_is_told_is_harmless_in_pages_fields_and_logs(client: str, host: str, origin: str) -> None:
    with pytest.raises(ExchangeError) as caught:
        Access().check(client, post(("Origin", f"x{origin}"), host=host))
    _, lines, page = problem.render(caught.value, "text/html")
    _, _, tame = problem.render(ClientNotAllowed("a", "b"), "text/html")
    assert caught.value.message.isprintable()
    assert all(" " <= char <= "~" for _, value in lines for char in value)
    assert tags(page) == tags(tame)
