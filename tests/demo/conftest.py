"""Simulated gateways for the tests, in a thread of their own, with a clock that the test sets."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from socket import create_connection

import httpx
import pytest

from smgwproxy.demo import Gateway, run_in_thread, start_gateway

StartGateway = Callable[..., Gateway]


class SetClock:
    """A clock that stands still until it is advanced."""

    def __init__(self) -> None:
        self.now = datetime(2026, 5, 14, 10, 7, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **step: int) -> None:
        self.now += timedelta(**step)


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def gateway_of(clock: SetClock) -> Iterator[StartGateway]:
    """Start gateways of a vendor; each lives in a thread and is stopped after the test."""
    with ExitStack() as running:

        def start(vendor: str, **options: object) -> Gateway:
            make = partial(start_gateway, vendor, clock=clock, **options)  # type: ignore[arg-type]  # by tests
            return running.enter_context(run_in_thread(make))

        yield start


def client_context(maximum: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    """Make a context that takes any certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if maximum is not None:
        context.maximum_version = maximum
    return context


@contextmanager
def tls_connection(
    gateway: Gateway, context: ssl.SSLContext | None = None, session: ssl.SSLSession | None = None
) -> Iterator[ssl.SSLSocket]:
    """Open a TLS connection to the gateway."""
    with (
        create_connection(gateway.address, timeout=10) as raw,
        (context or client_context()).wrap_socket(raw, session=session) as secure,
    ):
        yield secure


@contextmanager
def logged_in(gateway: Gateway, password: str | None = None) -> Iterator[httpx.Client]:
    """Make an httpx client with Digest login."""
    auth = httpx.DigestAuth(gateway.user, gateway.password if password is None else password)
    with httpx.Client(base_url=gateway.url, auth=auth, verify=client_context()) as client:
        yield client


def exchange(connection: ssl.SSLSocket, request: bytes) -> bytes:
    """Send raw bytes, and read all until the gateway closes the connection."""
    connection.sendall(request)
    answer = b""
    while data := connection.recv(65536):
        answer += data
    return answer
