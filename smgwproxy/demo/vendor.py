"""What every simulated gateway is: a value in, an answer out, behind TLS of a certain kind."""

from __future__ import annotations

import ssl
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from smgwproxy.demo.certificate import ServerCertificate
from smgwproxy.demo.digest import DigestLogin, Verdict
from smgwproxy.demo.guard import Guard, Limits
from smgwproxy.demo.http import Pace, Received, Reply
from smgwproxy.demo.times import Clock

LOGIN = "demo"
"""User name and password of a simulated gateway, unless told otherwise."""


@dataclass(frozen=True, slots=True)
class TlsProfile:
    """What a gateway accepts in a handshake: one ECDHE ``group`` (OpenSSL's name), versions up to ``maximum``."""

    group: str
    maximum: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED


@dataclass(frozen=True, slots=True)
class ReadingRequest:
    """A request that a user of the gateway makes to read the meter; ``path`` begins with a slash."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""


@dataclass(frozen=True)
class Setup:
    """What a simulated gateway is made from."""

    user: str
    password: str
    clock: Clock
    limits: Limits


class Vendor(ABC):
    """A gateway's behaviour, without sockets. State is the user's session and the lock, as on the device."""

    name: ClassVar[str]
    """How the vendor is called on the command line."""
    identity: ClassVar[str]
    """The gateway's own number, as it is printed on the device."""
    tls: ClassVar[TlsProfile]
    one_connection: ClassVar[bool] = False
    """Whether a second TLS connection at the same time is refused."""
    algorithms: ClassVar[tuple[str, ...]] = ("MD5",)
    """Digest algorithms offered, in this order."""

    def __init__(self, setup: Setup) -> None:
        self.user = setup.user
        self.password = setup.password
        self.clock = setup.clock
        self.guard = Guard(setup.limits, setup.clock)
        self.digest = DigestLogin(self.realm, setup.user, setup.password, self.algorithms, setup.clock)

    @property
    def realm(self) -> str:
        """The realm of the Digest login."""
        return self.identity

    @property
    @abstractmethod
    def page(self) -> str:
        """The path that a person opens in a browser."""

    @property
    @abstractmethod
    def reading_requests(self) -> tuple[ReadingRequest, ...]:
        """The requests that read the meter, in order; the second of three, or the only one, has the reading."""

    @abstractmethod
    def make_certificate(self) -> ServerCertificate:
        """Make a new certificate such as this vendor's gateways have."""

    @abstractmethod
    def answer(self, request: Received) -> Reply | None:
        """Answer a request; None means that the connection is closed without an answer."""

    def refusal(self, verdict: Verdict) -> Reply:
        """Answer a request without a good login: 400 for what is no answer to a challenge, else a challenge."""
        if verdict is Verdict.MALFORMED:
            return text(400, "Bad Request: Authorization")
        challenges = self.digest.challenges(stale=verdict is Verdict.STALE)
        headers = (*challenges, ("Content-Type", "text/plain; charset=utf-8"))
        return Reply(401, headers, b"401 Unauthorized\n", Pace.LOGIN)

    def check_login(self, request: Received, *, moved_from: tuple[str, ...] = ()) -> Verdict:
        """Judge the request's Authorization and count wrong logins."""
        values = request.values("Authorization")
        verdict = self.digest.check(request.method, request.target, values, moved_from=moved_from)
        if verdict is Verdict.WRONG:
            self.guard.wrong_login()
        elif verdict is Verdict.GOOD:
            self.guard.good_login()
        return verdict


def text(status: int, message: str, *headers: tuple[str, str]) -> Reply:
    """Answer with one line of text."""
    return Reply(status, (("Content-Type", "text/plain; charset=utf-8"), *headers), f"{message}\n".encode())


def html(document: str, *headers: tuple[str, str], status: int = 200) -> Reply:
    """Answer with a page."""
    return Reply(
        status,
        (("Content-Type", "text/html; charset=utf-8"), ("Cache-Control", "no-store"), *headers),
        document.encode(),
    )
