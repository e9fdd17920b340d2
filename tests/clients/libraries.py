"""The HTTP libraries of users: each sends requests one after the other, with Digest login and cookies."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
import tempfile
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import aiohttp
import httpx
import requests
from requests.auth import HTTPDigestAuth

from smgwproxy.demo import ReadingRequest
from tests.support import PATIENCE


class Login(NamedTuple):
    """Of the gateway's user."""

    user: str
    password: str


class Answer(NamedTuple):
    """The last one, after login and redirects."""

    status: int
    text: str


class Library(Protocol):
    """Sends requests to one site."""

    def __call__(
        self, base: str, login: Login, wanted: Sequence[ReadingRequest], trusted: Path | None = None, /
    ) -> list[Answer]:
        """Send what is ``wanted`` below ``base``, and return the answers.

        The site must show the certificate in ``trusted``; without it any certificate will do.
        """


def with_httpx(
    base: str, login: Login, wanted: Sequence[ReadingRequest], trusted: Path | None = None
) -> list[Answer]:
    with httpx.Client(
        auth=httpx.DigestAuth(*login), verify=_trusting(trusted), follow_redirects=True, timeout=PATIENCE
    ) as client:
        answers = [
            client.request(each.method, base + each.path, headers=each.headers, content=each.body or None)
            for each in wanted
        ]
    return [Answer(answer.status_code, answer.text) for answer in answers]


def with_requests(
    base: str, login: Login, wanted: Sequence[ReadingRequest], trusted: Path | None = None
) -> list[Answer]:
    with requests.Session() as session:
        session.auth = HTTPDigestAuth(*login)
        session.verify = str(trusted) if trusted else False
        session.trust_env = False  # a bundle of certificates named there counts more than ``verify``
        answers = [
            session.request(
                each.method,
                base + each.path,
                headers=dict(each.headers),
                data=each.body or None,
                timeout=PATIENCE,
            )
            for each in wanted
        ]
    return [Answer(answer.status_code, answer.text) for answer in answers]


def with_aiohttp(
    base: str, login: Login, wanted: Sequence[ReadingRequest], trusted: Path | None = None
) -> list[Answer]:
    async def send() -> list[Answer]:
        answers = []
        async with aiohttp.ClientSession(
            middlewares=(aiohttp.DigestAuthMiddleware(*login),),
            cookie_jar=aiohttp.CookieJar(unsafe=True),  # takes cookies of a host that is an address
            timeout=aiohttp.ClientTimeout(PATIENCE),
        ) as session:
            for each in wanted:
                async with session.request(
                    each.method,
                    base + each.path,
                    headers=dict(each.headers),
                    data=each.body or None,
                    ssl=_trusting(trusted),
                ) as answer:
                    answers.append(Answer(answer.status, await answer.text()))
        return answers

    return asyncio.run(send())


def with_curl(
    base: str, login: Login, wanted: Sequence[ReadingRequest], trusted: Path | None = None
) -> list[Answer]:
    with tempfile.TemporaryDirectory() as directory:
        files = [Path(directory, str(number)) for number in range(len(wanted))]
        command = ["curl"]
        for number, (each, file) in enumerate(zip(wanted, files, strict=True)):
            command += ["--next"] if number else []
            command += ["--silent", "--show-error", "--max-time", f"{PATIENCE}", "--location"]
            command += ["--cacert", str(trusted)] if trusted else ["--insecure"]
            command += ["--digest", "--user", ":".join(login), "--cookie", ""]  # keeps cookies, has none yet
            command += [part for name, value in each.headers for part in ("--header", f"{name}: {value}")]
            command += ["--data", each.body] if each.method == "POST" else []
            command += ["--output", str(file), "--write-out", "%{http_code}\n", base + each.path]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        statuses = [int(line) for line in done.stdout.split()]
        return [Answer(status, file.read_text()) for status, file in zip(statuses, files, strict=True)]


def with_urllib(
    base: str, login: Login, wanted: Sequence[ReadingRequest], trusted: Path | None = None
) -> list[Answer]:
    """Use what Python brings along.

    None of `LIBRARIES`, for it cannot do what they can: before Python 3.14 it knows no SHA-256, which Theben's
    gateway offers first, and it sends a wrong password again and again.
    """
    passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    passwords.add_password(None, base, *login)
    opener = urllib.request.build_opener(
        urllib.request.HTTPSHandler(context=_trusting(trusted)),
        urllib.request.HTTPDigestAuthHandler(passwords),
        urllib.request.HTTPCookieProcessor(),
    )
    answers = []
    for each in wanted:
        request = urllib.request.Request(  # noqa: S310  # the tests name no file
            base + each.path, each.body.encode() or None, dict(each.headers), method=each.method
        )
        with opener.open(request, timeout=PATIENCE) as answer:
            answers.append(Answer(answer.status, answer.read().decode()))
    return answers


LIBRARIES: Mapping[str, Library] = {
    "httpx": with_httpx,
    "requests": with_requests,
    "aiohttp": with_aiohttp,
    "curl": with_curl,
}


def _trusting(certificate: Path | None) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=certificate) if certificate else any_certificate()


def any_certificate() -> ssl.SSLContext:
    """Make a context for clients that go to the gateway itself."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
