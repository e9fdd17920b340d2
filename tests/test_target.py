"""The request target and its Host: brought to origin-form, or refused."""

from __future__ import annotations

import pytest

from smgwproxy.http1 import MessageError, RequestHead
from smgwproxy.target import origin_form


def told(target: str, method: str = "GET", scheme: str = "http", host: str = "pi") -> tuple[str, str]:
    """Return the target and the Host that come out."""
    head = origin_form(RequestHead(method, target, 1, [("A", "b"), ("hOST", host)]), scheme)
    assert [name for name, _ in head.lines] == ["A", "hOST"]
    return head.target, head.lines[1][1]


@pytest.mark.parametrize(
    "target",
    [
        "/",
        "/a%2Fb/../c//d?x=1;y=%41",
        "/?",
        "//x",
        "/;p",
        "/a|b[c]",
        "/?`{}|\\^[]'",
        "/-._~!$&'()*+,;=:@",
        "/?a?/b",
    ],
)
def test_origin_form_stays_byte_for_byte(target: str) -> None:
    assert told(target) == (target, "pi")


@pytest.mark.parametrize(
    "target",
    [
        *(
            "",
            "a",
            "?",
            "*",
            "/#a",
            "/a#",
            "/?#",
            '/"',
            "/<",
            "/>",
            '/?"',
            "/?<",
            "/?>",
            "/\\",
            "/^",
            "/`",
            "/{",
            "/}",
        ),
        *("pi:8080", "ftp://pi/", "http:///", "http://", "http:/pi", "http://u@pi/", "http://u:p@pi/", "//pi\x7f"),
        *(
            "http://pi/\\",
            "http://pi/#",
            "http://pi\\x/",
            "http://a b/",
            "http://pi:x/",
            "http://[::1/",
            "xhttp://pi/",
        ),
    ],
)
def test_what_is_no_target_is_refused(target: str) -> None:
    with pytest.raises(MessageError) as caught:
        told(target)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("target", "method", "expected"),
    [
        ("http://pi:8080/a?b", "GET", ("/a?b", "pi:8080")),
        ("HTTP://PI", "GET", ("/", "PI")),
        ("http://pi?q", "GET", ("/?q", "pi")),
        ("http://[::1]:80/", "GET", ("/", "[::1]:80")),
        ("http://pi", "OPTIONS", ("*", "pi")),
        ("http://pi/", "OPTIONS", ("/", "pi")),
        ("http://pi?q", "OPTIONS", ("/?q", "pi")),
    ],
)
def test_absolute_form_gives_its_authority_to_host(target: str, method: str, expected: tuple[str, str]) -> None:
    assert told(target, method, host="other") == expected  # RFC 9112 section 3.2.2


def test_asterisk_is_for_options() -> None:
    assert told("*", "OPTIONS") == ("*", "pi")


@pytest.mark.parametrize(("scheme", "target"), [("http", "https://pi/"), ("https", "http://pi/")])
def test_target_of_the_other_scheme_is_misdirected(scheme: str, target: str) -> None:
    with pytest.raises(MessageError) as caught:
        told(target, scheme=scheme)
    assert caught.value.status == 421
    assert told(target, scheme=target.partition(":")[0]) == ("/", "pi")


@pytest.mark.parametrize("hosts", [[], ["pi", "pi"], ["pi", "x"]])
def test_there_is_one_host(hosts: list[str]) -> None:
    with pytest.raises(MessageError):
        origin_form(RequestHead("GET", "/", 1, [("Host", host) for host in hosts]), "http")


def test_http_1_0_needs_no_host_but_has_none_twice() -> None:
    assert origin_form(RequestHead("GET", "/", 0, []), "http").lines == []
    with pytest.raises(MessageError):
        origin_form(RequestHead("GET", "/", 0, [("Host", "pi"), ("Host", "pi")]), "http")


@pytest.mark.parametrize("target", ["/", "http://pi/", "*"])
@pytest.mark.parametrize("host", ["", "a b", "u@pi", "pi/x", "[::1", "pi:x"])
def test_bad_host_is_refused_even_beside_an_absolute_form(target: str, host: str) -> None:
    with pytest.raises(MessageError):
        told(target, "OPTIONS", host=host)
