"""The client's side of HTTP Digest login (RFC 7616): qop=auth with MD5 or SHA-256. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
# One parameter, or the scheme that begins a challenge, which is a token with a parameter or nothing behind it.
_PART = re.compile(
    rf"[ \t,]*(?:(?P<name>{_NAME})[ \t]*=[ \t]*"
    rf'(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>{_NAME}))(?=[ \t]*(?:,|$))'
    rf"|(?P<scheme>{_NAME})(?:[ \t]+|[ \t]*(?=,|$))(?P<token68>[A-Za-z0-9._~+/-]+=*(?=[ \t]*(?:,|$)))?)"
)
_END = re.compile(r"[ \t,]*\Z")

_HASHES: Mapping[str, Callable[[bytes], str]] = MappingProxyType(
    {
        "SHA-256": lambda octets: hashlib.sha256(octets).hexdigest(),
        "MD5": lambda octets: hashlib.md5(octets, usedforsecurity=False).hexdigest(),
    }
)
"""The algorithms that can be answered, the best first."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a WWW-Authenticate field asks for: a scheme in lower case, and its parameters, unquoted.

    Parameter names are in lower case. Raises no error: what a challenge lacks is empty.
    """

    scheme: str
    parameters: Mapping[str, str]

    @property
    def realm(self) -> str:
        """The realm, as users may see it."""
        return self.parameters.get("realm", "")

    @property
    def algorithm(self) -> str:
        """The algorithm in capitals; MD5 where none is named (RFC 7616 section 3.3)."""
        return self.parameters.get("algorithm", "MD5").upper()

    @property
    def answerable(self) -> bool:
        """Tell whether `Login` can answer it: Digest with a nonce, qop=auth, and an algorithm that is known."""
        offered = [one.strip().lower() for one in self.parameters.get("qop", "").split(",")]
        return (
            self.scheme == "digest"
            and "nonce" in self.parameters
            and self.algorithm in _HASHES
            and "auth" in offered
        )


def parse_challenges(values: Sequence[str]) -> Sequence[Challenge]:
    """Read the values of WWW-Authenticate fields (RFC 9110 section 11.6.1); raises `ValueError`."""
    found: list[tuple[str, dict[str, str]]] = []
    for value in values:
        place, within = 0, False  # no field begins in the middle of a challenge
        while not _END.match(value, place):
            part = _PART.match(value, place)
            if part is None:
                raise ValueError("the challenge is broken")
            if part["scheme"] is not None:
                found.append((part["scheme"].lower(), {}))
                within = True
            elif not within:
                raise ValueError("the challenge names no scheme")
            elif (name := part["name"].lower()) in found[-1][1]:
                raise ValueError(f"the challenge has {name} twice")
            else:
                plain = part["plain"]
                found[-1][1][name] = re.sub(r"\\(.)", r"\1", part["quoted"]) if plain is None else plain
            place = part.end()
    return [Challenge(scheme, MappingProxyType(parameters)) for scheme, parameters in found]


def best(challenges: Sequence[Challenge]) -> Challenge | None:
    """Return the one of the best algorithm among those that can be answered, None where there is none."""
    rank = list(_HASHES)
    answerable = [one for one in challenges if one.answerable]
    return min(answerable, key=lambda one: rank.index(one.algorithm), default=None)


class Login:
    """Answers ``challenge``, which must be answerable, for one user; each answer counts its nonce up.

    ``cnonce`` is the client's own nonce, of letters and digits. ``algorithm`` stands in the place of the
    challenge's where it is given.
    """

    def __init__(
        self, challenge: Challenge, user: str, password: str, cnonce: str, algorithm: str | None = None
    ) -> None:
        self._challenge = challenge
        self._user, self._password = _on_the_wire(user), _on_the_wire(password)
        self._cnonce = cnonce
        self._algorithm = algorithm or challenge.algorithm
        self._count = 0

    def answer(self, method: str, target: str) -> str:
        """Return the value of Authorization for one request (RFC 7616 section 3.4), its bytes as Latin-1."""
        self._count += 1
        count, told = f"{self._count:08x}", self._challenge.parameters
        nonce = told["nonce"]
        user = f"{self._user}:{self._challenge.realm}:{self._password}"
        proof = f"{nonce}:{count}:{self._cnonce}:auth:{self._hash(f'{method}:{target}')}"
        response = self._hash(f"{self._hash(user)}:{proof}")
        return "Digest " + ", ".join(
            [
                f"username={_quoted(self._user)}",
                f"realm={_quoted(self._challenge.realm)}",
                f"nonce={_quoted(nonce)}",
                f"uri={_quoted(target)}",
                f"algorithm={self._algorithm}",
                f'response="{response}"',
                *([f"opaque={_quoted(told['opaque'])}"] if "opaque" in told else []),
                "qop=auth",
                f"nc={count}",
                f'cnonce="{self._cnonce}"',
            ]
        )

    def _hash(self, text: str) -> str:
        return _HASHES[self._algorithm](text.encode("latin-1"))


def _quoted(text: str) -> str:
    escaped = re.sub(r'(["\\])', r"\\\1", text)
    return f'"{escaped}"'


def _on_the_wire(text: str) -> str:
    """Return the bytes of a person's ``text`` in UTF-8 as Latin-1, in which all that came from the wire is."""
    return text.encode().decode("latin-1")
