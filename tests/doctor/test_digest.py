"""The client's side of Digest, against the RFC's examples and two other programs."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests.auth import HTTPDigestAuth

from smgwproxy.demo.digest import DigestLogin, Verdict
from smgwproxy.doctor.digest import Challenge, Login, best, parse_challenges

NONCE = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
OPAQUE = "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"
CNONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
REALM = "http-auth@example.org"
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=20)


def challenge(algorithm: str) -> str:
    """One of RFC 7616 section 3.9.1, whose nonces are the same."""
    return (
        f'Digest realm="{REALM}", qop="auth, auth-int", algorithm={algorithm}, nonce="{NONCE}", opaque="{OPAQUE}"'
    )


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_answer_is_that_of_the_rfc(algorithm: str, response: str) -> None:
    (read,) = parse_challenges([challenge(algorithm)])
    login = Login(read, "Mufasa", "Circle of Life", CNONCE)
    assert f'response="{response}"' in login.answer("GET", "/dir/index.html")


def test_several_challenges_are_told_apart_in_one_field_or_several() -> None:
    one = parse_challenges([f'{challenge("SHA-256")}, {challenge("MD5")}, Basic realm="x", Negotiate'])
    other = parse_challenges([challenge("SHA-256"), challenge("MD5"), 'Basic realm="x"', "Negotiate"])
    assert one == other
    assert [(read.scheme, read.algorithm) for read in one] == [
        ("digest", "SHA-256"),
        ("digest", "MD5"),
        ("basic", "MD5"),
        ("negotiate", "MD5"),
    ]
    assert one[0].realm == REALM
    chosen = best(one[::-1])
    assert chosen is not None
    assert chosen.algorithm == "SHA-256"


def test_what_cannot_be_answered_is_not_chosen() -> None:
    for text in (
        'Digest realm="x", nonce="n"',
        'Digest realm="x", nonce="n", qop="auth-int"',
        'Digest realm="x", qop="auth"',
        'Digest realm="x", nonce="n", qop="auth", algorithm=SHA-512-256',
        'Basic realm="x", nonce="n", qop="auth"',
    ):
        assert best(parse_challenges([text])) is None


@pytest.mark.parametrize(
    "text", ['realm="x"', 'Digest realm="x', "Digest realm=x, realm=y", "Digest a=b c=d", "@"]
)
def test_broken_challenge_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match="challenge"):
        parse_challenges([text])


@given(st.lists(st.text(st.characters(max_codepoint=255), max_size=60), max_size=3))
def test_no_text_is_read_in_another_way_than_as_challenges_or_an_error(texts: list[str]) -> None:
    with suppress(ValueError):
        assert all(isinstance(read, Challenge) for read in parse_challenges(texts))


@given(user=TEXT, password=TEXT, algorithm=st.sampled_from(["MD5", "SHA-256"]), count=st.integers(1, 3))
def test_a_gateway_takes_each_answer_once(user: str, password: str, algorithm: str, count: int) -> None:
    gateway = DigestLogin("R.sm", user, password, (algorithm,), lambda: datetime(2026, 5, 1, tzinfo=UTC))
    (read,) = parse_challenges([value for _, value in gateway.challenges()])
    login = Login(read, user, password, "c0ffee")
    answers = [login.answer("POST", "/smgw/m2m/x/json") for _ in range(count)]
    verdicts = [gateway.check("POST", "/smgw/m2m/x/json", [answer]) for answer in answers]
    assert verdicts == [Verdict.GOOD] * count
    assert gateway.check("POST", "/smgw/m2m/x/json", [answers[0]]) is Verdict.STALE
    assert gateway.check("GET", "/smgw/m2m/x/json", [login.answer("POST", "/smgw/m2m/x/json")]) is Verdict.WRONG


@given(
    user=st.text(st.characters(codec="ascii", exclude_characters='"\\', exclude_categories=["Cc"]), max_size=20),
    password=TEXT,
    algorithm=st.sampled_from(["MD5", "SHA-256"]),
)
def test_requests_reckons_the_same(user: str, password: str, algorithm: str) -> None:
    (read,) = parse_challenges([challenge(algorithm)])
    other: Any = HTTPDigestAuth(user, password)
    other.init_per_thread_state()
    other._thread_local.chal = dict(read.parameters, qop="auth")
    theirs = other.build_digest_header("GET", "https://gateway/dir/index.html?a=b")
    cnonce = theirs.rpartition('cnonce="')[2].rstrip('"')
    ours = Login(read, user, password, cnonce).answer("GET", "/dir/index.html?a=b")

    def response(text: str) -> str:
        return text.partition('response="')[2].partition('"')[0]

    assert response(ours) == response(theirs)
