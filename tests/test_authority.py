"""Hosts as requests name them: what RFC 3986 allows is read, and all else refused."""

from __future__ import annotations

import ipaddress
import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smgwproxy.authority import Authority
from smgwproxy.http1 import MessageError

PATIENTLY = settings(deadline=None)  # a busy machine is no fault
HOSTS = st.one_of(
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).map(lambda address: f"[{address.exploded}]"),
    st.from_regex(r"([A-Za-z0-9._~!$&'()*+;=-]|%[0-9A-Fa-f]{2}){1,20}", fullmatch=True),
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("pi", Authority("pi"), id="name"),
        pytest.param("pi:8080", Authority("pi", 8080), id="port"),
        pytest.param("Smgw.Local:80", Authority("smgw.local", 80), id="3986-6.2.2.1-capitals"),
        pytest.param("pi.local.", Authority("pi.local."), id="last-dot"),
        pytest.param("192.168.0.7:8080", Authority("192.168.0.7", 8080), id="ipv4"),
        pytest.param("[::1]", Authority("::1"), id="ipv6"),
        pytest.param("[FE80:0:0:0::1]:8443", Authority("fe80::1", 8443), id="ipv6-in-its-short-form"),
        pytest.param("[::ffff:192.168.0.7]", Authority("::ffff:192.168.0.7"), id="ipv6-with-ipv4-at-its-end"),
        pytest.param("pi:", Authority("pi"), id="3986-3.2.3-empty-port"),
        pytest.param("[::1]:", Authority("::1"), id="3986-3.2.3-empty-port-of-ipv6"),
        pytest.param("pi:0", Authority("pi", 0), id="port-0"),
        pytest.param("pi:65535", Authority("pi", 65535), id="highest-port"),
        pytest.param("pi:" + "0" * 5000 + "80", Authority("pi", 80), id="3986-3.2.3-noughts-before-the-port"),
        pytest.param("a%2Db", Authority("a%2db"), id="3986-3.2.2-percent-encoded"),
        pytest.param("-._~!$&'()*+;=", Authority("-._~!$&'()*+;="), id="3986-3.2.2-all-signs"),
        pytest.param("127.1", Authority("127.1"), id="3986-3.2.2-a-name-of-digits"),
    ],
)
def test_what_the_grammar_allows_is_read(text: str, expected: Authority) -> None:
    assert Authority.parse(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="9110-4.2.1-empty"),
        pytest.param(" ", id="9110-4.2.1-blank"),
        pytest.param(":80", id="9110-4.2.1-port-alone"),
        pytest.param(":", id="9110-4.2.1-colon-alone"),
        pytest.param("[]", id="3986-3.2.2-empty-brackets"),
        pytest.param("u@pi", id="9110-4.2.4-user"),
        pytest.param("u:p@pi", id="9110-4.2.4-user-and-password"),
        pytest.param("@pi", id="9110-4.2.4-empty-user"),
        pytest.param("pi:-1", id="3986-3.2.3-sign"),
        pytest.param("pi:+1", id="3986-3.2.3-plus"),
        pytest.param("pi: 80", id="3986-3.2.3-blank-before-the-port"),
        pytest.param("pi:80x", id="3986-3.2.3-letter-in-the-port"),
        pytest.param("pi:\u00b2", id="3986-3.2.3-a-digit-that-is-not-ascii"),
        pytest.param("pi:80:80", id="3986-3.2.3-two-ports"),
        pytest.param("pi:65536", id="3986-3.2.3-port-too-high"),
        pytest.param("pi:" + "9" * 5000, id="3986-3.2.3-port-far-too-high"),
        pytest.param("pi\n", id="3986-3.2.2-line-end"),
        pytest.param("p i", id="3986-3.2.2-blank"),
        pytest.param("pi/", id="3986-3.2-path"),
        pytest.param("pi?", id="3986-3.2-query"),
        pytest.param("pi#", id="3986-3.2-fragment"),
        pytest.param("pi\\", id="3986-3.2.2-backslash"),
        pytest.param("http://pi", id="3986-3.2.2-url"),
        pytest.param("pi,pi", id="9110-5.3-two-lines-joined"),
        pytest.param("z\xe4hler", id="3986-3.2.2-octet-above-ascii"),
        pytest.param("pi%", id="3986-2.1-lone-percent"),
        pytest.param("pi%4", id="3986-2.1-one-hex-digit"),
        pytest.param("pi%zz", id="3986-2.1-no-hex-digits"),
        pytest.param("::1", id="3986-3.2.2-ipv6-without-brackets"),
        pytest.param("[::1", id="3986-3.2.2-open-bracket"),
        pytest.param("::1]", id="3986-3.2.2-bracket-never-opened"),
        pytest.param("[::1]x", id="3986-3.2.2-letter-behind-the-bracket"),
        pytest.param("[::1]8080", id="3986-3.2.2-port-without-colon"),
        pytest.param("[fe80::1%25eth0]", id="6874-zone"),
        pytest.param("[fe80::1%eth0]", id="6874-bare-zone"),
        pytest.param("[v1.x]", id="3986-3.2.2-ipvfuture"),
        pytest.param("[1::2::3]", id="3986-3.2.2-abbreviated-twice"),
        pytest.param("[1:2:3:4:5:6:7:8:9]", id="3986-3.2.2-too-many-groups"),
        pytest.param("[12345::]", id="3986-3.2.2-group-too-long"),
        pytest.param("[::1.2.3.256]", id="3986-3.2.2-no-ipv4-at-the-end"),
        pytest.param("[127.0.0.1]", id="3986-3.2.2-ipv4-in-brackets"),
        pytest.param("[pi]", id="3986-3.2.2-name-in-brackets"),
    ],
)
def test_what_the_grammar_does_not_allow_is_refused(text: str) -> None:
    with pytest.raises(MessageError, match=r"^the Host (is|has) ") as caught:
        Authority.parse(text)
    assert caught.value.status == 400


@PATIENTLY
@given(HOSTS, st.none() | st.integers(0, 65535))
def test_host_and_port_are_told_apart(host: str, port: int | None) -> None:
    read = Authority.parse(host if port is None else f"{host}:{port}")
    assert read.port == port
    if host.startswith("["):
        assert read.address == ipaddress.IPv6Address(host[1:-1])
    else:
        assert read.host == host.lower()


@PATIENTLY
@given(st.text(st.characters(max_codepoint=255), max_size=20) | st.text("0123456789abc.:[]%@", max_size=20))
def test_what_is_read_holds_no_sign_that_ends_an_authority(text: str) -> None:
    try:
        read = Authority.parse(text)
    except MessageError:
        return
    assert read.host
    assert not re.search(r"[@/?#\\\s\[\],]|[^\x21-\x7e]", read.host)
    assert read.port is None or 0 <= read.port <= 65535


@pytest.mark.parametrize(
    "text", ["a" * 500_000 + "@", "%41" * 200_000 + "%", "[" + ":" * 500_000, "a:" + "1" * 500_000]
)
def test_what_is_long_is_refused_in_linear_time(text: str) -> None:
    started = time.process_time()
    with pytest.raises(MessageError):
        Authority.parse(text)
    assert time.process_time() - started < 2


@pytest.mark.parametrize(
    ("host", "is_address"),
    [
        ("192.168.0.7", True),
        ("::1", True),
        ("pi", False),
        ("127.1", False),
        ("0x7f.0.0.1", False),
        ("0177.0.0.1", False),
        ("2130706433", False),
        ("1.2.3.4.", False),
        ("1.2.3.4.evil.com", False),
    ],
)
def test_only_a_whole_address_is_one(host: str, is_address: bool) -> None:
    assert (Authority(host).address is not None) is is_address
