"""The server's side of HTTP Digest login (RFC 7616), as gateways use it: qop=auth, MD5 or SHA-256; no I/O."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

from smgwproxy.demo.times import Clock

_PARAMETER = re.compile(
    r"""[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s",]+))[ \t]*(?:,|$)"""
)
_NONCE_COUNT = re.compile(r"[0-9a-f]{8}", re.IGNORECASE)
_NONCES_KEPT = 256


class Verdict(Enum):
    """What became of an Authorization header."""

    MISSING = "none was sent"
    MALFORMED = "it is not an answer to this challenge"
    WRONG = "user name or password is wrong"
    STALE = "user name and password are right, the nonce is not"
    GOOD = "the user is logged in"


class MalformedAuthorization(ValueError):
    """An Authorization header that is not a complete Digest answer (RFC 7616 section 3.4)."""


@dataclass(frozen=True, slots=True)
class Authorization:
    """The parameters of a client's Digest answer, unquoted (RFC 7616 section 3.4).

    They are the header's bytes decoded as Latin-1, so a user name in UTF-8 looks odd here.
    """

    username: str
    realm: str
    nonce: str
    uri: str
    response: str
    algorithm: str
    cnonce: str
    count: str
    opaque: str

    @classmethod
    def parse(cls, value: str) -> Authorization:
        """Read the header's value; raises `MalformedAuthorization`."""
        scheme, _, rest = value.partition(" ")
        if scheme.lower() != "digest":
            raise MalformedAuthorization("not the Digest scheme")
        parameters = _parameters(rest)
        try:
            answer = cls(
                username=parameters["username"],
                realm=parameters["realm"],
                nonce=parameters["nonce"],
                uri=parameters["uri"],
                response=parameters["response"].lower(),
                algorithm=parameters.get("algorithm", "MD5").upper(),
                cnonce=parameters["cnonce"],
                count=parameters["nc"],
                opaque=parameters["opaque"],
            )
        except KeyError as missing:
            raise MalformedAuthorization(f"the parameter {missing} is missing") from None
        if parameters.get("qop", "").lower() != "auth":
            raise MalformedAuthorization("qop is not auth")
        if not _NONCE_COUNT.fullmatch(answer.count):
            raise MalformedAuthorization("nc is not 8 hex digits")
        return answer


def _parameters(text: str) -> dict[str, str]:
    parameters: dict[str, str] = {}
    position = 0
    while position < len(text):
        match = _PARAMETER.match(text, position)
        if match is None:
            raise MalformedAuthorization("the list of parameters is broken")
        name, quoted, plain = match.groups()
        if name.lower() in parameters:
            raise MalformedAuthorization(f"the parameter {name} comes twice")
        parameters[name.lower()] = plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
        position = match.end()
    return parameters


def expected_response(answer: Authorization, method: str, password: str) -> str:
    """Reckon the response that belongs to ``answer`` (RFC 7616 section 3.4.1)."""
    name = f"{answer.username}:{answer.realm}:".encode("latin-1")
    user = _hash(answer.algorithm, name + password.encode())
    request = _hash(answer.algorithm, f"{method}:{answer.uri}".encode("latin-1"))
    proof = f"{user}:{answer.nonce}:{answer.count}:{answer.cnonce}:auth:{request}"
    return _hash(answer.algorithm, proof.encode("latin-1"))


def _hash(algorithm: str, data: bytes) -> str:
    if algorithm == "SHA-256":
        return hashlib.sha256(data).hexdigest()
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


@dataclass(slots=True)
class _Nonce:
    issued: datetime
    counts: set[int] = field(default_factory=set)


class DigestLogin:
    """One protected area with one user.

    ``algorithms`` are offered in this order, each in a WWW-Authenticate line of its own with the same nonce,
    and any of them is taken. A nonce lives for ``lifetime`` of the time that ``clock`` tells; each nonce count
    is taken once.
    """

    def __init__(
        self,
        realm: str,
        user: str,
        password: str,
        algorithms: Sequence[str],
        clock: Clock,
        lifetime: timedelta = timedelta(minutes=5),
    ) -> None:
        self._realm = realm
        self._user = user
        self._password = password
        self._algorithms = tuple(algorithms)
        self._clock = clock
        self._lifetime = lifetime
        self._opaque = secrets.token_hex(8)
        self._nonces: dict[str, _Nonce] = {}

    def challenges(self, *, stale: bool = False) -> tuple[tuple[str, str], ...]:
        """Make the WWW-Authenticate lines with a fresh nonce (RFC 7616 section 3.3)."""
        nonce = secrets.token_hex(16)
        self._nonces[nonce] = _Nonce(self._clock())
        while len(self._nonces) > _NONCES_KEPT:
            self._nonces.pop(next(iter(self._nonces)))
        end = ", stale=true" if stale else ""
        start = f'Digest realm="{self._realm}", qop="auth"'
        rest = f'nonce="{nonce}", opaque="{self._opaque}"{end}'
        return tuple(
            ("WWW-Authenticate", f"{start}, algorithm={algorithm}, {rest}") for algorithm in self._algorithms
        )

    def check(
        self, method: str, target: str, values: Sequence[str], *, moved_from: Collection[str] = ()
    ) -> Verdict:
        """Judge the values of a request's Authorization lines.

        ``moved_from`` names targets that redirect to ``target``: an answer made for one of them is taken here
        once more, since clients repeat their header after a 307.
        """
        if not values:
            return Verdict.MISSING
        try:
            (value,) = values
            answer = Authorization.parse(value)
        except ValueError:
            return Verdict.MALFORMED
        moved = answer.uri in moved_from
        if not self._belongs_here(answer) or not (answer.uri == target or moved):
            return Verdict.MALFORMED
        expected = expected_response(answer, method, self._password)
        right_response = hmac.compare_digest(expected.encode(), answer.response.encode("latin-1"))
        right_user = hmac.compare_digest(self._user.encode(), answer.username.encode("latin-1"))
        if not (right_response and right_user):
            return Verdict.WRONG
        return Verdict.GOOD if self._use(answer, again=moved) else Verdict.STALE

    def _belongs_here(self, answer: Authorization) -> bool:
        return (
            answer.realm == self._realm and answer.opaque == self._opaque and answer.algorithm in self._algorithms
        )

    def _use(self, answer: Authorization, *, again: bool) -> bool:
        """Note the nonce count as used; False when the nonce is unknown, too old, or the count used before."""
        nonce = self._nonces.get(answer.nonce)
        if nonce is None or self._clock() - nonce.issued > self._lifetime:
            return False
        count = int(answer.count, 16)
        if count in nonce.counts and not again:
            return False
        nonce.counts.add(count)
        return True
