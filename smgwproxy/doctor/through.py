"""Asks the gateway through a proxy that runs on this machine: it may have the only connection there is."""

from __future__ import annotations

import http.client
import json
import ssl
import time
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import Self

from smgwproxy.doctor.exchange import LARGEST, NothingHeard, Reply
from smgwproxy.http1 import Lines
from smgwproxy.phrases import phrase, sequence
from smgwproxy.system import reason as system_reason

_PROGRAM = "smgwproxy-doctor"
_HUNG_UP = "connection_terminated"  # RFC 9209 section 2.3.8
_CERTIFICATE = "tls_certificate_error"  # section 2.3.14


class Refused(NothingHeard):
    """The proxy answered in the gateway's place; ``kind`` is the error type of RFC 9209 section 2.3.

    ``status`` is the answer's; ``facts`` are what the proxy told besides, in its own words.
    """

    def __init__(self, message: str, advice: str, kind: str, status: int, facts: Mapping[str, str]) -> None:
        super().__init__(
            _quoted(sequence([message, *(f"{label}: {value}." for label, value in facts.items())])),
            _quoted(advice),
            closed=kind == _HUNG_UP,
        )
        self.status = status
        self.facts = facts
        self.by_certificate = kind == _CERTIFICATE


class Through:
    """Asks through the proxy at ``host`` and ``port``; use it as a context manager.

    With ``secure`` it speaks TLS and takes any certificate: this is the machine itself. Times are in seconds.
    """

    def __init__(self, host: str, port: int, seconds: float, *, secure: bool) -> None:
        self._connection = (
            http.client.HTTPSConnection(host, port, timeout=seconds, context=_takes_any())
            if secure
            else http.client.HTTPConnection(host, port, timeout=seconds)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def ask(self, method: str, path: str, lines: Lines, body: bytes = b"") -> Reply:
        """Send one request; see `Asker.ask`. Raises `Refused` where the proxy answers itself."""
        begun = time.monotonic()
        try:
            self._connection.putrequest(method, path, skip_accept_encoding=True)
            for name, value in (("User-Agent", _PROGRAM), ("Accept", "application/json, */*;q=0.5"), *lines):
                self._connection.putheader(name, value)
            if method == "POST":
                self._connection.putheader("Content-Length", str(len(body)))
            self._connection.endheaders(body or None)
            with self._connection.getresponse() as answer:
                seconds = time.monotonic() - begun
                reply = Reply(answer.status, list(answer.getheaders()), answer.read(LARGEST), seconds)
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise NothingHeard(
                phrase("the running proxy does not answer ({reason})", reason=_reason(error)),
                phrase("See its log: journalctl -u smgwproxy"),
                closed=False,
            ) from error
        if reply.value("proxy-status") is not None:  # whatever has none comes from the gateway
            raise _refusal(reply)
        return reply


def _reason(error: OSError | http.client.HTTPException) -> str:
    return (system_reason(error) if isinstance(error, OSError) else str(error)) or type(error).__name__


def _takes_any() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _refusal(reply: Reply) -> Refused:
    told: dict[str, object] = {}
    with suppress(ValueError):
        read = json.loads(reply.body)
        told = read if isinstance(read, dict) else {}
    message = str(told.get("detail") or f"the proxy answered {reply.status} itself")
    facts = told.get("facts")
    listed = {str(label): str(value) for label, value in facts.items()} if isinstance(facts, dict) else {}
    return Refused(message, str(told.get("advice") or ""), str(told.get("error") or ""), reply.status, listed)


def _quoted(told: str) -> str:
    """Say in other languages that these are the proxy's own words, which are English for programs."""
    return phrase("{words_of_the_proxy}", words_of_the_proxy=told) if told else ""
