"""The value `Origin`: what is an address, and how it is written."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from pathlib import PurePosixPath

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from smgwproxy.origin import DEFAULT_PORT, Origin


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("10.11.120.2", "10.11.120.2", 443),
        (" 10.11.120.2\n", "10.11.120.2", 443),
        ("10.11.120.2:8443", "10.11.120.2", 8443),
        ("10.11.120.2:443", "10.11.120.2", 443),
        ("10.11.120.2:1", "10.11.120.2", 1),
        ("10.11.120.2:65535", "10.11.120.2", 65535),
        ("10.11.120.2:00080", "10.11.120.2", 80),
        ("smgw.local", "smgw.local", 443),
        ("SMGW.Local:8443", "smgw.local", 8443),
        ("conexa", "conexa", 443),
        ("my_smgw-1", "my_smgw-1", 443),
        ("1e3", "1e3", 443),
        ("smgw.local.", "smgw.local.", 443),
        ("a" * 63 + ".b", "a" * 63 + ".b", 443),
        ("::1", "::1", 443),
        ("[::1]", "::1", 443),
        ("[::1]:8443", "::1", 8443),
        ("FE80:0:0:0:0:0:0:1", "fe80::1", 443),
        ("[FE80::0001%eth0]:8443", "fe80::1%eth0", 8443),
        ("fe80::1%wlan0.5", "fe80::1%wlan0.5", 443),
        ("::ffff:a0b:7802", "::ffff:10.11.120.2", 443),
    ],
)
def test_addresses_are_read_into_one_form(text: str, host: str, port: int) -> None:
    assert Origin.parse(text) == Origin(host, port)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        ".",
        "..",
        ":",
        ":443",
        "10.11.120.2:",
        "10.11.120.2:0",
        "10.11.120.2:65536",
        "10.11.120.2:-1",
        "10.11.120.2:+443",
        "10.11.120.2:4_4",
        "10.11.120.2:0x1",
        "10.11.120.2:http",
        "10.11.120.2:\uff14\uff14\uff13",
        "10.11.120.2:\xb2",
        pytest.param("10.11.120.2:" + "9" * 5000, id="more-digits-than-int-takes"),
        "10.11.120",
        "10.11.120.256",
        "10.11.120.2.3",
        "10.11.120.2.",
        "010.11.120.2",
        "smgw.1",
        "127",
        "-smgw.local",
        "smgw-.local",
        "smgw..local",
        "smgw local",
        "sm\u00fcgw.local",
        "smgw/local",
        "../smgw",
        "a\\b",
        "smgw\0",
        "smgw\n.local",
        "a" * 64,
        ".".join(["a" * 60] * 5),
        "https://10.11.120.2",
        "https://10.11.120.2/",
        "10.11.120.2/smgw",
        "user@10.11.120.2",
        "[::1",
        "[::1]443",
        "[::1]:",
        "[::1]:x",
        "[10.11.120.2]",
        "[smgw.local]",
        "::1]",
        "1:2:3",
        "[fe80::1%]",
        "[fe80::1%a/b]",
        "[fe80::1%a%b]",
        "[fe80::1%" + "a" * 65 + "]",
    ],
)
def test_what_is_no_address_is_told_so_with_the_remedy_in_one_line(text: str) -> None:
    with pytest.raises(ValueError, match="HOST:PORT") as caught:
        Origin.parse(text)
    assert repr(text.strip()) in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "written", "authority"),
    [
        ("10.11.120.2", "10.11.120.2", "10.11.120.2"),
        ("10.11.120.2:443", "10.11.120.2", "10.11.120.2"),
        ("10.11.120.2:8443", "10.11.120.2:8443", "10.11.120.2:8443"),
        ("SMGW.local", "smgw.local", "smgw.local"),
        ("::1", "[::1]", "[::1]"),
        ("[fe80::1%eth0]:8443", "[fe80::1%eth0]:8443", "[fe80::1]:8443"),
    ],
)
def test_it_is_written_without_the_default_port_and_sent_without_zone(
    text: str, written: str, authority: str
) -> None:
    origin = Origin.parse(text)
    assert str(origin) == written
    assert origin.authority == authority


def test_the_default_port_is_that_of_https() -> None:
    assert Origin("smgw.local").port == DEFAULT_PORT == 443


ADDRESSES = (
    st.integers(0, 2**32 - 1).map(lambda number: str(IPv4Address(number)))
    | st.integers(0, 2**128 - 1).map(lambda number: f"[{IPv6Address(number)}]")
    | st.integers(0, 2**128 - 1).map(lambda number: f"[{IPv6Address(number).exploded}%eth0]")
    | st.lists(st.text("aZ09_", min_size=1, max_size=9), max_size=3).map(lambda labels: ".".join([*labels, "x."]))
)


@settings(deadline=None)
@given(ADDRESSES, st.integers(1, 65535))
def test_what_is_written_is_read_back(address: str, port: int) -> None:
    origin = Origin.parse(f"{address}:{port}")
    assert origin.port == port
    assert Origin.parse(str(origin)) == origin


@settings(deadline=None)
@given(st.text(st.sampled_from("./\\%[]:~-_\0 \n0a1"), max_size=12) | st.text(max_size=12))
@example("[fe80::1%..]")
@example("[fe80::1%~]")
@example("\u212a")  # the Kelvin sign, a k in lower case
def test_whatever_is_taken_for_an_address_is_a_safe_file_name(text: str) -> None:
    try:
        origin = Origin.parse(text)
    except ValueError:
        return
    name = str(origin)
    assert PurePosixPath(name).name == name not in {"", ".", ".."}
    assert name.isascii()
    assert name.isprintable()
    assert not set(name) & set("/\\ ")
