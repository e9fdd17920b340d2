"""Digest login, the server's side."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from smgwproxy.demo.digest import (
    Authorization,
    DigestLogin,
    MalformedAuthorization,
    Verdict,
    expected_response,
)
from tests.demo.conftest import SetClock

# RFC 7616 section 3.9.1
_EXAMPLE = (
    'Digest username="Mufasa", realm="http-auth@example.org", uri="/dir/index.html", algorithm={algorithm}, '
    'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", nc=00000001, '
    'cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", qop=auth, response="{response}", '
    'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
)


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_response_is_that_of_the_rfc(algorithm: str, response: str) -> None:
    answer = Authorization.parse(_EXAMPLE.format(algorithm=algorithm, response=response))

    assert expected_response(answer, "GET", "Circle of Life") == response


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("Digest ", "Basic "), "scheme"),
        (("nc=00000001", "nc=1"), "nc"),
        (("qop=auth", "qop=auth-int"), "qop"),
        (("qop=auth, ", ""), "qop"),
        (('opaque="FQ', 'opaque="'), None),
        (('realm="http-auth@example.org", ', ""), "realm"),
        (("nc=00000001", "nc=00000001, nc=00000002"), "twice"),
        (('uri="/dir', 'uri="/d"ir'), "broken"),
    ],
)
def test_only_a_complete_answer_is_read(change: tuple[str, str], reason: str | None) -> None:
    value = _EXAMPLE.format(algorithm="MD5", response="0" * 32).replace(*change)

    if reason is None:
        assert Authorization.parse(value)
    else:
        with pytest.raises(MalformedAuthorization, match=reason):
            Authorization.parse(value)


def test_quoted_pairs_are_unquoted() -> None:
    value = _EXAMPLE.format(algorithm="MD5", response="0" * 32).replace("Mufasa", r"Mu\"fa\\sa")

    assert Authorization.parse(value).username == 'Mu"fa\\sa'


_PASSWORD = "secret"  # noqa: S105


class _Client:
    """Answers the challenges of one login."""

    def __init__(self, clock: SetClock, algorithms: tuple[str, ...] = ("MD5",)) -> None:
        self.login = DigestLogin("gateway", "user", _PASSWORD, algorithms, clock)

    def answer(
        self,
        challenge: str,
        *,
        user: str = "user",
        password: str = _PASSWORD,
        uri: str = "/",
        count: int = 1,
    ) -> str:
        offered = dict(re.findall(r'(\w+)="?([^",]+)"?', challenge.removeprefix("Digest ")))
        answer = Authorization(
            username=user,
            realm=offered["realm"],
            nonce=offered["nonce"],
            uri=uri,
            response="",
            algorithm=offered["algorithm"],
            cnonce="abc",
            count=f"{count:08x}",
            opaque=offered["opaque"],
        )
        response = expected_response(answer, "GET", password)
        return (
            f'Digest username="{user}", realm="{answer.realm}", nonce="{answer.nonce}", uri="{uri}", '
            f'algorithm={answer.algorithm}, cnonce="abc", nc={answer.count}, qop=auth, '
            f'response="{response}", opaque="{answer.opaque}"'
        )


@pytest.fixture
def client(clock: SetClock) -> _Client:
    return _Client(clock)


def _challenge(client: _Client) -> str:
    ((_, challenge),) = client.login.challenges()
    return challenge


def test_a_right_answer_is_good(client: _Client) -> None:
    answer = client.answer(_challenge(client))

    assert client.login.check("GET", "/", [answer]) is Verdict.GOOD


def test_no_answer_is_missing_and_two_are_malformed(client: _Client) -> None:
    answer = client.answer(_challenge(client))

    assert client.login.check("GET", "/", []) is Verdict.MISSING
    assert client.login.check("GET", "/", [answer, answer]) is Verdict.MALFORMED


def test_both_algorithms_are_offered_with_one_nonce_and_either_is_taken(clock: SetClock) -> None:
    client = _Client(clock, ("SHA-256", "MD5"))
    (_, first), (_, second) = client.login.challenges()

    assert "algorithm=SHA-256" in first
    assert "algorithm=MD5" in second
    assert first.replace("SHA-256", "MD5") == second
    assert client.login.check("GET", "/", [client.answer(first, count=1)]) is Verdict.GOOD
    assert client.login.check("GET", "/", [client.answer(second, count=2)]) is Verdict.GOOD


def test_a_wrong_user_or_password_is_wrong(client: _Client) -> None:
    wrong_user = client.answer(_challenge(client), user="somebody")
    wrong_password = client.answer(_challenge(client), password="guess")

    assert client.login.check("GET", "/", [wrong_user]) is Verdict.WRONG
    assert client.login.check("GET", "/", [wrong_password]) is Verdict.WRONG


def test_an_answer_counts_for_its_own_method_only(client: _Client) -> None:
    answer = client.answer(_challenge(client))

    assert client.login.check("POST", "/", [answer]) is Verdict.WRONG


def test_an_answer_for_another_target_is_malformed(client: _Client) -> None:
    answer = client.answer(_challenge(client), uri="/a%2Fb")

    assert client.login.check("GET", "/a/b", [answer]) is Verdict.MALFORMED


def test_an_answer_for_the_target_that_redirected_here_is_taken_again(client: _Client) -> None:
    answer = client.answer(_challenge(client), uri="/old")

    assert client.login.check("GET", "/old", [answer]) is Verdict.GOOD
    assert client.login.check("GET", "/new", [answer], moved_from=("/old",)) is Verdict.GOOD


def test_a_repeated_nonce_count_is_stale(client: _Client) -> None:
    challenge = _challenge(client)

    assert client.login.check("GET", "/", [client.answer(challenge, count=1)]) is Verdict.GOOD
    assert client.login.check("GET", "/", [client.answer(challenge, count=1)]) is Verdict.STALE
    assert client.login.check("GET", "/", [client.answer(challenge, count=2)]) is Verdict.GOOD


def test_an_old_nonce_is_stale_and_with_a_wrong_password_wrong(client: _Client, clock: SetClock) -> None:
    challenge = _challenge(client)
    clock.now += timedelta(minutes=6)

    assert client.login.check("GET", "/", [client.answer(challenge)]) is Verdict.STALE
    assert client.login.check("GET", "/", [client.answer(challenge, password="guess")]) is Verdict.WRONG
    assert "stale=true" in client.login.challenges(stale=True)[0][1]


def test_a_nonce_that_was_never_issued_is_stale(client: _Client) -> None:
    challenge = re.sub('nonce="[^"]*"', 'nonce="invented"', _challenge(client))

    assert client.login.check("GET", "/", [client.answer(challenge)]) is Verdict.STALE


def test_another_opaque_is_malformed(client: _Client) -> None:
    challenge = re.sub('opaque="[^"]*"', 'opaque="invented"', _challenge(client))

    assert client.login.check("GET", "/", [client.answer(challenge)]) is Verdict.MALFORMED
