"""The value `Finding`: what one check found, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from smgwproxy.commands.text import printable
from smgwproxy.phrases import cleaned

_MOST = 1000  # characters


class Verdict(StrEnum):
    """How a check ended."""

    OK = "ok"
    WRONG = "wrong"
    WARNING = "warning"
    """It works, and may not for long, or might be better."""
    SKIPPED = "skipped"
    """Its ground is missing, so nothing can be said."""


class Check(StrEnum):
    """The checks, in the order in which they are told."""

    CABLE = "cable"
    ADDRESS = "address"
    DEFAULT_ROUTE = "default-route"
    FORWARDING = "forwarding"
    OTHER_PROXY = "other-proxy"
    TCP = "tcp"
    TLS = "tls"
    CERTIFICATE = "certificate"
    HTTP = "http"
    VENDOR = "vendor"
    LATENCY = "latency"
    CLOCK = "clock"
    READING = "reading"
    LOGS = "logs"
    TRUST_STORE = "trust-store"
    CLIENT_CERTIFICATE = "client-certificate"
    LAN_PORT = "lan-port"
    URLS = "urls"


@dataclass(frozen=True, slots=True)
class Finding:
    """What the check ``name`` found.

    ``seen`` is a line; ``advice`` says what to do, and ``commands`` are to be copied, a line each; ``facts`` are
    for programs, as what `json.dumps` takes.
    """

    name: Check
    verdict: Verdict
    seen: str
    advice: str = ""
    commands: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def document(self) -> dict[str, Any]:
        """The finding as what `json.dumps` takes."""
        return {
            "name": str(self.name),
            "verdict": str(self.verdict),
            "seen": self.seen,
            "advice": self.advice,
            "commands": list(self.commands),
            **self.facts,
        }


def ok(name: Check, seen: str, **facts: Any) -> Finding:
    """Make the finding that all is well."""
    return Finding(name, Verdict.OK, seen, facts=facts)


def wrong(name: Check, seen: str, advice: str, *commands: str, **facts: Any) -> Finding:
    """Make the finding that something is wrong, with what to do."""
    return Finding(name, Verdict.WRONG, seen, advice, commands, facts)


def warning(name: Check, seen: str, advice: str, *commands: str, **facts: Any) -> Finding:
    """Make the finding that something might be better, with what to do."""
    return Finding(name, Verdict.WARNING, seen, advice, commands, facts)


def skipped(name: Check, reason: str, advice: str = "", *commands: str) -> Finding:
    """Make the finding that nothing can be said, and why."""
    return Finding(name, Verdict.SKIPPED, reason, advice, commands)


def fit(told: str) -> str:
    """Return what others ``told``, with nothing in it that could move the cursor, and no longer than is of use."""
    fitting: str = cleaned(told, lambda text: printable(text, _MOST))
    return fitting
