"""Loads a server with wrk, and reads what it tells."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True, slots=True)
class Load:
    """What became of requests that were sent as fast as they were answered."""

    requests: int
    rate: float
    """Requests a second."""
    median: float
    """Seconds within which half of them were answered."""
    percentile_99: float
    complaints: tuple[str, ...] = ()
    """What went wrong, in wrk's words."""


def load(url: str, connections: int, seconds: float, script: Path | None = None) -> Load:
    """Ask for ``url`` over so many connections for so long: whole seconds, since wrk knows no others."""
    duration = f"-d{max(1, round(seconds))}s"
    command = ["wrk", "-t1", f"-c{connections}", duration, "--latency", "--timeout", "30s"]
    scripted = [] if script is None else ["-s", str(script)]
    return parse(subprocess.run([*command, *scripted, url], check=True, capture_output=True, text=True).stdout)


def parse(told: str) -> Load:
    """Read what wrk writes at its end; raises ValueError when that is not all there."""
    return Load(
        requests=int(_found(r"^ *(\d+) requests in ", told)),
        rate=float(_found(r"^Requests/sec: *([\d.]+)$", told)),
        median=_seconds(_found(r"^ +50% +(\S+)$", told)),
        percentile_99=_seconds(_found(r"^ +99% +(\S+)$", told)),
        complaints=tuple(
            line.strip()
            for line in told.splitlines()
            if line.lstrip().startswith(("Socket errors:", "Non-2xx or 3xx responses:"))
        ),
    )


def _found(pattern: str, told: str) -> str:
    if match := re.search(pattern, told, re.MULTILINE):
        return match[1]
    raise ValueError(f"wrk did not tell {pattern!r}: {told!r}")


def _seconds(span: str) -> float:
    unit = span.lstrip("0123456789.")
    return float(span.removesuffix(unit)) * _SECONDS[unit]
