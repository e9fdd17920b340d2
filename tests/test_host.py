"""What a host is called: names of DNS, and IPv6 addresses in one form on every Python."""

from __future__ import annotations

from ipaddress import IPv6Address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smgwproxy.host import is_dns_name, short_form


@pytest.mark.parametrize(
    ("address", "written"),
    [
        pytest.param("FE80:0:0:0::0001", "fe80::1", id="5952-4"),
        pytest.param("::", "::", id="unspecified"),
        pytest.param("::ffff:c0a8:7", "::ffff:192.168.0.7", id="5952-5-mapped"),
        pytest.param("::102:304", "::102:304", id="compatible"),
        pytest.param("::ffff:0:c0a8:7", "::ffff:0:c0a8:7", id="translated"),
    ],
)
def test_an_address_has_one_form(address: str, written: str) -> None:
    assert short_form(IPv6Address(address)) == written


@settings(deadline=None)
@given(st.ip_addresses(v=6) | st.integers(0, 2**32 - 1).map(lambda v4: IPv6Address((0xFFFF << 32) | v4)))
def test_an_address_is_read_back_from_its_form(address: IPv6Address) -> None:
    assert IPv6Address(short_form(address)) == address
    assert short_form(IPv6Address(short_form(address))) == short_form(address)


@pytest.mark.parametrize(
    "name", ["a", "meter.example.org", "a-b", "_x.y", "3com", "1.2.example", "x" * 63, "a." * 126 + "a"]
)
def test_a_name_of_dns_has_labels(name: str) -> None:
    assert is_dns_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "a.",
        ".a",
        "a..b",
        "-a",
        "a-",
        "a.-b",
        "a-.b",
        "A",
        "a b",
        "a%2eb",
        "\xe4",
        "1.2.3.4",
        "127.1",
        "7",
        "x" * 64,
        "a." * 126 + "ab",
        "a\n",
        "a~b",
        "*.a",
        "::1",
    ],
)
def test_what_has_none_is_no_name_of_dns(name: str) -> None:
    assert not is_dns_name(name)
