"""The HTTP libraries of users: each sends requests one after the other, with Digest login and cookies."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

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


Library = Callable[[str, Login, Sequence[ReadingRequest]], list[Answer]]
"""Sends the requests to the site whose URL comes first, and takes any certificate there."""


def with_httpx(base: str, login: Login, wanted: Sequence[ReadingRequest]) -> list[Answer]:
    with httpx.Client(
        auth=httpx.DigestAuth(*login), verify=any_certificate(), follow_redirects=True, timeout=PATIENCE
    ) as client:
        answers = [
            client.request(each.method, base + each.path, headers=each.headers, content=each.body or None)
            for each in wanted
        ]
    return [Answer(answer.status_code, answer.text) for answer in answers]


def with_requests(base: str, login: Login, wanted: Sequence[ReadingRequest]) -> list[Answer]:
    with requests.Session() as session:
        session.auth = HTTPDigestAuth(*login)
        session.verify = False
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


def with_aiohttp(base: str, login: Login, wanted: Sequence[ReadingRequest]) -> list[Answer]:
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
                    ssl=False,
                ) as answer:
                    answers.append(Answer(answer.status, await answer.text()))
        return answers

    return asyncio.run(send())


def with_curl(base: str, login: Login, wanted: Sequence[ReadingRequest]) -> list[Answer]:
    with tempfile.TemporaryDirectory() as directory:
        files = [Path(directory, str(number)) for number in range(len(wanted))]
        command = ["curl"]
        for number, (each, file) in enumerate(zip(wanted, files, strict=True)):
            command += ["--next"] if number else []
            command += ["--silent", "--show-error", "--max-time", f"{PATIENCE}", "--insecure", "--location"]
            command += ["--digest", "--user", ":".join(login), "--cookie", ""]  # keeps cookies, has none yet
            command += [part for name, value in each.headers for part in ("--header", f"{name}: {value}")]
            command += ["--data", each.body] if each.method == "POST" else []
            command += ["--output", str(file), "--write-out", "%{http_code}\n", base + each.path]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        statuses = [int(line) for line in done.stdout.split()]
        return [Answer(status, file.read_text()) for status, file in zip(statuses, files, strict=True)]


LIBRARIES: Mapping[str, Library] = {
    "httpx": with_httpx,
    "requests": with_requests,
    "aiohttp": with_aiohttp,
    "curl": with_curl,
}


def any_certificate() -> ssl.SSLContext:
    """Make a context for clients that go to the gateway itself."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
