"""Requests a second that a proxy passes, what each costs the processor, and how long it takes under that load."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from tests.benchmarks import wrk
from tests.benchmarks.effort import Effort
from tests.benchmarks.others import GO, Proxy, faults, installed, started
from tests.benchmarks.programs import Running, upstream
from tests.benchmarks.table import Table

_CONNECTIONS = (1, 16, 64)
_OCTETS = 1500
_REMARK = (
    f"Answers of {_OCTETS} bytes, asked for by wrk over 1, 16 and 64 connections as fast as they came; processor "
    "time and latencies in the same order. Each round measures all programs one after the other. Shown is the "
    "median of the rounds, and of their ratios. The rate of a fast program is bounded by wrk and the gateway, "
    "too, which share the machine with it; what a request costs its processor is not."
)


@dataclass(frozen=True, slots=True)
class _Figure:
    load: wrk.Load
    processor_seconds: float

    @property
    def cost(self) -> float:
        """Processor time a request, in seconds."""
        return self.processor_seconds / max(1, self.load.requests)


_Figures = dict[tuple[str, int], list[_Figure]]
"""Those of all rounds, by program and connections."""


def measure(effort: Effort) -> Table:
    """Load each proxy in each round, over each number of connections."""
    found = installed(effort.programs)
    figures: _Figures = defaultdict(list)
    with (
        upstream(effort.directory, {"answer": _OCTETS}) as gateway,
        started(found.proxies, effort.directory, gateway.port, {"/answer": bytes(_OCTETS)}) as programs,
    ):
        for program in programs.values():
            wrk.load(_url(program), max(_CONNECTIONS), 1)
        for _ in range(effort.rounds):
            for connections in _CONNECTIONS:
                for proxy, program in programs.items():
                    figures[proxy.name, connections].append(_figure(program, connections, effort.seconds))
    return _table(found.proxies, figures, found.remarks)


def _url(program: Running) -> str:
    return f"http://127.0.0.1:{program.port}/answer"


def _figure(program: Running, connections: int, seconds: float) -> _Figure:
    before = program.processor_seconds
    load = wrk.load(_url(program), connections, seconds)
    return _Figure(load, program.processor_seconds - before)


def _table(proxies: Sequence[Proxy], figures: _Figures, remarks: Sequence[str]) -> Table:
    def of(name: str) -> list[list[_Figure]]:
        return [figures[name, connections] for connections in _CONNECTIONS]

    columns = (
        "program",
        *(f"requests/s at {connections}" for connections in _CONNECTIONS),
        *(f"to {GO} at {connections}" for connections in _CONNECTIONS),
        "processor µs a request",
        "median ms",
        "99th percentile ms",
    )
    rows = tuple((proxy.name, *_cells(of(proxy.name), of(GO))) for proxy in proxies)
    said = [
        fault
        for proxy in proxies
        for rounds in of(proxy.name)
        for fault in faults(proxy.name, (each.load for each in rounds))
    ]
    return Table("Requests a second", columns, rows, (_REMARK, *remarks, *said))


def _cells(mine: Sequence[Sequence[_Figure]], go: Sequence[Sequence[_Figure]]) -> Iterator[str]:
    for rounds in mine:
        yield f"{median(each.load.rate for each in rounds):,.0f}"
    for rounds, those in zip(mine, go, strict=True):
        yield ratio([each.load.rate for each in rounds], [each.load.rate for each in those])
    yield " / ".join(f"{median(each.cost for each in rounds) * 1e6:.0f}" for rounds in mine)
    yield " / ".join(f"{median(each.load.median for each in rounds) * 1e3:.2f}" for rounds in mine)
    yield " / ".join(f"{median(each.load.percentile_99 for each in rounds) * 1e3:.2f}" for rounds in mine)


def ratio(rates: Sequence[float], others: Sequence[float]) -> str:
    """Return the median of each round's ratio to the other's rate; a dash when the other was not measured."""
    if not others:
        return "-"
    return f"{median(rate / other for rate, other in zip(rates, others, strict=True)):.2f}"
